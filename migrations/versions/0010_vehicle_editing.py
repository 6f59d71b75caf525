"""what editing one car keeps

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('store', schema=None) as batch_op:
        batch_op.add_column(sa.Column('requires_provenance', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('provenance_valid_days', sa.Integer(), server_default='30', nullable=False))

    with op.batch_alter_table('vehicle', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_vehicle_fipe_code'), ['fipe_code'], unique=False)

    op.create_table('vehicle_provenance',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('item', sa.String(length=12), nullable=False),
    sa.Column('answer', sa.String(length=8), nullable=False),
    sa.Column('source', sa.String(length=120), nullable=False),
    sa.Column('checked_on', sa.Date(), nullable=False),
    sa.Column('note', sa.String(length=300), nullable=False),
    sa.Column('recorded_by', sa.String(length=160), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_vehicle_provenance_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vehicle_provenance')),
    sa.UniqueConstraint('vehicle_id', 'item', name=op.f('uq_vehicle_provenance_vehicle_id_item'))
    )


def downgrade():
    op.drop_table('vehicle_provenance')
    with op.batch_alter_table('vehicle', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_vehicle_fipe_code'))

    with op.batch_alter_table('store', schema=None) as batch_op:
        batch_op.drop_column('provenance_valid_days')
        batch_op.drop_column('requires_provenance')
