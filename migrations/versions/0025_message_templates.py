"""texts with named slots; leads on cadences and the steps they took

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None

LIVE = {
    'sqlite_where': sa.text('ended_at IS NULL'),
    'postgresql_where': sa.text('ended_at IS NULL'),
}


def upgrade():
    op.create_table(
        'message_template',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('code', sa.String(length=30), nullable=True),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('purpose', sa.String(length=10), nullable=False),
        sa.Column('department', sa.String(length=10), nullable=False),
        sa.Column('situation', sa.String(length=20), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('subject', sa.String(length=150), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('updated_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('updated_by', sa.String(length=254), nullable=False),
        sa.Column('archived_at', UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_message_template')),
        sa.UniqueConstraint('code', name=op.f('uq_message_template_code')),
    )
    op.create_table(
        'cadence_run',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=False),
        sa.Column('cadence', sa.String(length=20), nullable=False),
        sa.Column('number', sa.SmallInteger(), nullable=False),
        sa.Column('stage', sa.String(length=12), nullable=False),
        sa.Column('started_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('sleeps_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('end_reason', sa.String(length=30), nullable=False),
        sa.Column('ended_by_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ['lead_id'], ['lead.id'], name=op.f('fk_cadence_run_lead_id_lead'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['ended_by_id'],
            ['lead_event.id'],
            name=op.f('fk_cadence_run_ended_by_id_lead_event'),
            ondelete='SET NULL',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_cadence_run')),
        sa.UniqueConstraint(
            'lead_id', 'cadence', 'number', name=op.f('uq_cadence_run_lead_id_cadence_number')
        ),
    )
    op.create_index('uq_cadence_run_live', 'cadence_run', ['lead_id'], unique=True, **LIVE)
    op.create_index('ix_cadence_run_sleeps_at', 'cadence_run', ['sleeps_at'], **LIVE)
    op.create_index(op.f('ix_cadence_run_ended_by_id'), 'cadence_run', ['ended_by_id'])
    op.create_table(
        'cadence_step',
        sa.Column('run_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.SmallInteger(), nullable=False),
        sa.Column('event_id', sa.Integer(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['run_id'],
            ['cadence_run.id'],
            name=op.f('fk_cadence_step_run_id_cadence_run'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['event_id'],
            ['lead_event.id'],
            name=op.f('fk_cadence_step_event_id_lead_event'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('run_id', 'number', name=op.f('pk_cadence_step')),
    )
    op.create_index(op.f('ix_cadence_step_event_id'), 'cadence_step', ['event_id'])


def downgrade():
    op.drop_table('cadence_step')
    op.drop_table('cadence_run')
    op.drop_table('message_template')
