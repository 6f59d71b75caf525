"""rounds of the mystery shopper

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'shopper_plan',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('is_on', sa.Boolean(), nullable=False),
        sa.Column('starts', sa.SmallInteger(), nullable=False),
        sa.Column('ends', sa.SmallInteger(), nullable=False),
        sa.Column('every_minutes', sa.SmallInteger(), nullable=False),
        sa.Column('is_human', sa.Boolean(), nullable=False),
        sa.Column('human_a_week', sa.SmallInteger(), nullable=False),
        sa.Column('phone', sa.String(length=20), nullable=False),
        sa.Column('email', sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_shopper_plan')),
    )
    op.create_table(
        'shopper_door',
        sa.Column('door', sa.String(length=100), nullable=False),
        sa.Column('misses', sa.SmallInteger(), nullable=False),
        sa.Column('failing_since', UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('door', name=op.f('pk_shopper_door')),
    )
    op.create_table(
        'shopper_round',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('door', sa.String(length=100), nullable=False),
        sa.Column('slot', sa.String(length=40), nullable=False),
        sa.Column('is_human', sa.Boolean(), nullable=False),
        sa.Column('token', sa.String(length=10), nullable=False),
        sa.Column('source', sa.String(length=60), nullable=False),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('problem', sa.String(length=300), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=True),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('sent_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('accepted_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('queued_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('seen_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('answered_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('due_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('answers', sa.JSON(), nullable=False),
        sa.Column('checked_by', sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ['lead_id'],
            ['lead.id'],
            name=op.f('fk_shopper_round_lead_id_lead'),
            ondelete='SET NULL',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_shopper_round')),
        sa.UniqueConstraint('door', 'slot', name=op.f('uq_shopper_round_door')),
        sa.UniqueConstraint('token', name=op.f('uq_shopper_round_token')),
    )
    op.create_index(op.f('ix_shopper_round_created_at'), 'shopper_round', ['created_at'])
    op.create_index(op.f('ix_shopper_round_lead_id'), 'shopper_round', ['lead_id'])
    op.create_index(op.f('ix_shopper_round_state'), 'shopper_round', ['state'])


def downgrade():
    op.drop_table('shopper_round')
    op.drop_table('shopper_door')
    op.drop_table('shopper_plan')
