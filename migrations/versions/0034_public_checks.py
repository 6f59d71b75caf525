"""what was read that is not true in public places, and when they were read

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime


revision = '0034'
down_revision = '0033'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('public_check',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('place', sa.String(length=8), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=True),
    sa.Column('vehicle_id', sa.Integer(), nullable=True),
    sa.Column('what', sa.String(length=8), nullable=False),
    sa.Column('said_cents', sa.BigInteger(), nullable=True),
    sa.Column('true_cents', sa.BigInteger(), nullable=True),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('since', UtcDateTime(timezone=True), nullable=False),
    sa.Column('seen_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['portal_account.id'], name=op.f('fk_public_check_account_id_portal_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_public_check_vehicle_id_vehicle'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_public_check'))
    )
    with op.batch_alter_table('public_check', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_public_check_place'), ['place'], unique=False)
        batch_op.create_index(batch_op.f('ix_public_check_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_public_check_vehicle_id'), ['vehicle_id'], unique=False)
    op.create_table('public_round',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('pages', sa.Integer(), nullable=False),
    sa.Column('untrue', sa.Integer(), nullable=False),
    sa.Column('problem', sa.String(length=300), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_public_round'))
    )
    with op.batch_alter_table('public_round', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_public_round_at'), ['at'], unique=False)


def downgrade():
    op.drop_table('public_round')
    op.drop_table('public_check')
