"""what editing the stock keeps

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# What the staff's list sorts and filters by.
LIST_INDEXES = {
    'ix_vehicle_created_at': ['created_at', 'id'],
    'ix_vehicle_price_cents': ['price_cents', 'id'],
    'ix_vehicle_state_created_at': ['state', 'created_at', 'id'],
    'ix_vehicle_state_store': ['state', 'store_id'],
    'ix_vehicle_highlight_rank': ['highlight_rank'],
}


def upgrade():
    op.create_table('fact_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=160), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_fact_change_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fact_change'))
    )
    with op.batch_alter_table('fact_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_fact_change_vehicle_id'), ['vehicle_id'], unique=False)

    op.create_table('saved_filter',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('query', sa.String(length=1000), nullable=False),
    sa.Column('is_shared', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_saved_filter_staff_id_staff'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_filter')),
    sa.UniqueConstraint('staff_id', 'name', name=op.f('uq_saved_filter_staff_id_name'))
    )
    op.create_table('bulk_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('actor', sa.String(length=160), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('rule', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_by', sa.String(length=160), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_change'))
    )
    with op.batch_alter_table('bulk_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bulk_change_at'), ['at'], unique=False)

    op.create_table('bulk_item',
    sa.Column('bulk_id', sa.Integer(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('after', sa.JSON(), nullable=False),
    sa.Column('problem', sa.String(length=300), nullable=False),
    sa.ForeignKeyConstraint(['bulk_id'], ['bulk_change.id'], name=op.f('fk_bulk_item_bulk_id_bulk_change'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_bulk_item_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('bulk_id', 'vehicle_id', name=op.f('pk_bulk_item'))
    )
    with op.batch_alter_table('bulk_item', schema=None) as batch_op:
        batch_op.create_index('ix_bulk_item_state', ['bulk_id', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_bulk_item_vehicle_id'), ['vehicle_id'], unique=False)

    for name, columns in LIST_INDEXES.items():
        op.create_index(name, 'vehicle', columns, unique=False)


def downgrade():
    for name in LIST_INDEXES:
        op.drop_index(name, table_name='vehicle')
    op.drop_table('bulk_item')
    op.drop_table('bulk_change')
    op.drop_table('saved_filter')
    op.drop_table('fact_change')
