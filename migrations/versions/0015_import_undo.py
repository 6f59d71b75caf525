"""which bulk change an import made, so that it can be undone

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('stock_import', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bulk_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_stock_import_bulk_id_bulk_change'),
            'bulk_change',
            ['bulk_id'],
            ['id'],
            ondelete='SET NULL',
        )


def downgrade():
    with op.batch_alter_table('stock_import', schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f('fk_stock_import_bulk_id_bulk_change'), type_='foreignkey'
        )
        batch_op.drop_column('bulk_id')
