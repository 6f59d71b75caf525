"""experiments and stickers

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('exposure',
    sa.Column('experiment', sa.String(length=80), nullable=False),
    sa.Column('visitor', sa.String(length=32), nullable=False),
    sa.Column('variant', sa.String(length=40), nullable=False),
    sa.Column('split', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('experiment', 'visitor', name=op.f('pk_exposure'))
    )
    with op.batch_alter_table('exposure', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_exposure_at'), ['at'], unique=False)

    op.create_table('sticker',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=8), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=True),
    sa.Column('page_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('price_cents', sa.BigInteger(), nullable=True),
    sa.Column('size', sa.String(length=4), nullable=False),
    sa.Column('printed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['page_id'], ['landing_page.id'], name=op.f('fk_sticker_page_id_landing_page'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_sticker_vehicle_id_vehicle'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sticker')),
    sa.UniqueConstraint('code', name=op.f('uq_sticker_code'))
    )
    with op.batch_alter_table('sticker', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sticker_page_id'), ['page_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sticker_vehicle_id'), ['vehicle_id'], unique=False)

    op.create_table('sticker_scan',
    sa.Column('sticker_id', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('scans', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['sticker_id'], ['sticker.id'], name=op.f('fk_sticker_scan_sticker_id_sticker'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('sticker_id', 'day', name=op.f('pk_sticker_scan'))
    )


def downgrade():
    op.drop_table('sticker_scan')
    with op.batch_alter_table('sticker', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sticker_vehicle_id'))
        batch_op.drop_index(batch_op.f('ix_sticker_page_id'))

    op.drop_table('sticker')
    with op.batch_alter_table('exposure', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_exposure_at'))

    op.drop_table('exposure')
