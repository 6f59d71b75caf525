"""pictures of one's own, uploads, import layouts

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('media_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('alt', sa.String(length=160), nullable=False),
    sa.Column('photo', sa.JSON(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_media_item'))
    )
    with op.batch_alter_table('media_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_media_item_digest'), ['digest'], unique=True)

    op.create_table('import_layout',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('columns', sa.JSON(), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('is_partial', sa.Boolean(), nullable=False),
    sa.Column('used_by', sa.String(length=254), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_layout')),
    sa.UniqueConstraint('digest', name=op.f('uq_import_layout_digest'))
    )
    op.create_table('stock_import',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('file_name', sa.String(length=160), nullable=False),
    sa.Column('file_key', sa.String(length=200), nullable=False),
    sa.Column('size_bytes', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('columns', sa.JSON(), nullable=False),
    sa.Column('store_ids', sa.JSON(), nullable=True),
    sa.Column('is_partial', sa.Boolean(), nullable=False),
    sa.Column('accepts_withdrawals', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=False),
    sa.Column('report', sa.JSON(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_import'))
    )
    op.create_table('export_file',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=False),
    sa.Column('file_name', sa.String(length=120), nullable=False),
    sa.Column('file_key', sa.String(length=200), nullable=False),
    sa.Column('size_bytes', sa.Integer(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export_file'))
    )
    with op.batch_alter_table('export_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_export_file_created_by'), ['created_by'], unique=False)

    op.create_table('photo_upload',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('slot', sa.String(length=16), nullable=False),
    sa.Column('file_name', sa.String(length=160), nullable=False),
    sa.Column('size_bytes', sa.Integer(), nullable=False),
    sa.Column('received_bytes', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_photo_upload_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_photo_upload'))
    )
    with op.batch_alter_table('photo_upload', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_photo_upload_created_by'), ['created_by'], unique=False)
        batch_op.create_index(batch_op.f('ix_photo_upload_vehicle_id'), ['vehicle_id'], unique=False)

    op.create_table('removed_photo',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.Column('removed_by', sa.String(length=254), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_removed_photo_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_removed_photo'))
    )
    with op.batch_alter_table('removed_photo', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_removed_photo_digest'), ['digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_removed_photo_vehicle_id'), ['vehicle_id'], unique=False)

    with op.batch_alter_table('photo', schema=None) as batch_op:
        batch_op.add_column(sa.Column('slot', sa.String(length=16), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('quality', sa.JSON(), nullable=False, server_default='{}'))


def downgrade():
    with op.batch_alter_table('photo', schema=None) as batch_op:
        batch_op.drop_column('quality')
        batch_op.drop_column('slot')

    with op.batch_alter_table('removed_photo', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_removed_photo_vehicle_id'))
        batch_op.drop_index(batch_op.f('ix_removed_photo_digest'))

    op.drop_table('removed_photo')
    with op.batch_alter_table('photo_upload', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_photo_upload_vehicle_id'))
        batch_op.drop_index(batch_op.f('ix_photo_upload_created_by'))

    op.drop_table('photo_upload')
    with op.batch_alter_table('export_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_export_file_created_by'))

    op.drop_table('export_file')
    op.drop_table('stock_import')
    op.drop_table('import_layout')
    with op.batch_alter_table('media_item', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_media_item_digest'))

    op.drop_table('media_item')
