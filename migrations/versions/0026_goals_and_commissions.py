"""goals; commission rules, closed months and their statements, doubts

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'goal',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('measure', sa.String(length=12), nullable=False),
        sa.Column('target', sa.Integer(), nullable=False),
        sa.Column('first_day', sa.Date(), nullable=False),
        sa.Column('last_day', sa.Date(), nullable=False),
        sa.Column('scope', sa.String(length=12), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=True),
        sa.Column('staff_id', sa.Integer(), nullable=True),
        sa.Column('role', sa.String(length=12), nullable=False),
        sa.Column('campaign', sa.String(length=120), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['store_id'], ['store.id'], name=op.f('fk_goal_store_id_store'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_goal_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_goal')),
    )
    op.create_index(op.f('ix_goal_last_day'), 'goal', ['last_day'])
    op.create_table(
        'commission_rule',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('event_kind', sa.String(length=20), nullable=False),
        sa.Column('valid_from', sa.Date(), nullable=False),
        sa.Column('valid_until', sa.Date(), nullable=True),
        sa.Column('store_id', sa.Integer(), nullable=True),
        sa.Column('fixed_cents', sa.BigInteger(), nullable=True),
        sa.Column('basis_points', sa.Integer(), nullable=True),
        sa.Column('tiers', sa.JSON(), nullable=False),
        sa.Column('attendant_percent', sa.Integer(), nullable=False),
        sa.Column('cap_cents', sa.BigInteger(), nullable=True),
        sa.Column('clawback_days', sa.Integer(), nullable=False),
        sa.Column('needs_own_booking', sa.Boolean(), nullable=False),
        sa.Column('needs_contact', sa.Boolean(), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ['store_id'],
            ['store.id'],
            name=op.f('fk_commission_rule_store_id_store'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_commission_rule')),
    )
    op.create_table(
        'commission_month',
        sa.Column('month', sa.String(length=7), nullable=False),
        sa.Column('closed_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('closed_by', sa.String(length=254), nullable=False),
        sa.Column('last_event_id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('month', name=op.f('pk_commission_month')),
    )
    op.create_table(
        'commission_statement',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('month', sa.String(length=7), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('total_cents', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['month'],
            ['commission_month.month'],
            name=op.f('fk_commission_statement_month_commission_month'),
        ),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_commission_statement_staff_id_staff')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_commission_statement')),
        sa.UniqueConstraint(
            'month', 'staff_id', name=op.f('uq_commission_statement_month_staff_id')
        ),
    )
    op.create_index(
        op.f('ix_commission_statement_staff_id'), 'commission_statement', ['staff_id']
    )
    op.create_table(
        'commission_doubt',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('month', sa.String(length=7), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('line_key', sa.String(length=80), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=False),
        sa.Column('words', sa.Text(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('answer', sa.Text(), nullable=False),
        sa.Column('answered_by', sa.String(length=254), nullable=False),
        sa.Column('answered_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_commission_doubt_staff_id_staff')
        ),
        sa.ForeignKeyConstraint(
            ['lead_id'],
            ['lead.id'],
            name=op.f('fk_commission_doubt_lead_id_lead'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_commission_doubt')),
    )
    op.create_index(op.f('ix_commission_doubt_month'), 'commission_doubt', ['month'])
    op.create_index(op.f('ix_commission_doubt_lead_id'), 'commission_doubt', ['lead_id'])


def downgrade():
    op.drop_table('commission_doubt')
    op.drop_table('commission_statement')
    op.drop_table('commission_month')
    op.drop_table('commission_rule')
    op.drop_index(op.f('ix_goal_last_day'), 'goal')
    op.drop_table('goal')
