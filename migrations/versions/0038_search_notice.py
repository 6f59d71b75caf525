"""what search engines were told last

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime


revision = '0038'
down_revision = '0037'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('search_notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('stock_seq', sa.BigInteger(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('told_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('addresses', sa.Integer(), nullable=False),
    sa.Column('problem', sa.String(length=20), nullable=False),
    sa.Column('rests_until', UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_search_notice'))
    )


def downgrade():
    op.drop_table('search_notice')
