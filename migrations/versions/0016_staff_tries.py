"""tries to get in are counted in the database

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'staff_tries',
        sa.Column('whose', sa.String(length=64), nullable=False),
        sa.Column('moments', sa.JSON(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('whose', name=op.f('pk_staff_tries')),
    )
    op.create_index(op.f('ix_staff_tries_at'), 'staff_tries', ['at'])


def downgrade():
    op.drop_table('staff_tries')
