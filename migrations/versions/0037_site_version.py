"""a number that grows with everything that public pages show

Revision ID: 0037
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op


revision = '0037'
down_revision = '0035'
branch_labels = None
depends_on = None


def upgrade():
    table = op.create_table('site_version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_site_version'))
    )
    op.bulk_insert(table, [{'id': 1, 'number': 1}])


def downgrade():
    op.drop_table('site_version')
