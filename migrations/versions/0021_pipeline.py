"""where a lead stands in the queue, and the queue's rules

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

OPEN = {
    'sqlite_where': sa.text('closed_at IS NULL'),
    'postgresql_where': sa.text('closed_at IS NULL'),
}
STAFF = ('owner_id', 'attendant_id', 'seller_id')


def upgrade():
    # SQLite adds columns without rewriting the table, which would lose its partial indexes.
    for name in STAFF:
        op.execute(
            f'ALTER TABLE lead ADD COLUMN {name} INTEGER CONSTRAINT fk_lead_{name}_staff'
            ' REFERENCES staff (id) ON DELETE SET NULL'
        )
    for column in (
        sa.Column('turn', sa.String(10), nullable=False, server_default='ours'),
        sa.Column('urgency', sa.SmallInteger(), nullable=False, server_default='1'),
        sa.Column('next_action', sa.String(20), nullable=False, server_default='answer'),
        sa.Column(
            'due_at',
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("'1970-01-01 00:00:00'"),
        ),
        sa.Column('return_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('returns', sa.SmallInteger(), nullable=False, server_default='0'),
        sa.Column('first_contact_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('stage_before', sa.String(12), nullable=False, server_default=''),
    ):
        op.add_column('lead', column)
    op.execute('UPDATE lead SET due_at = created_at')
    op.execute("UPDATE lead SET due_at = closed_at, next_action = '' WHERE closed_at IS NOT NULL")
    op.execute("UPDATE lead SET turn = 'customer' WHERE closed_at IS NOT NULL")
    op.execute("UPDATE lead SET state = 'waiting' WHERE state = 'new'")
    op.create_index('ix_lead_queue', 'lead', ['state', 'urgency', 'due_at', 'id'], **OPEN)
    op.create_index('ix_lead_mine', 'lead', ['owner_id', 'due_at', 'id'], **OPEN)
    op.create_index('ix_lead_due', 'lead', ['due_at', 'id'], **OPEN)
    op.create_index(
        'ix_lead_return',
        'lead',
        ['return_at'],
        sqlite_where=sa.text('return_at IS NOT NULL'),
        postgresql_where=sa.text('return_at IS NOT NULL'),
    )
    op.create_index('ix_lead_event_kind_at', 'lead_event', ['kind', 'at'])
    op.create_table(
        'queue_rules',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(254), nullable=False),
        sa.Column('rules', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_queue_rules'),
    )
    op.create_index('ix_queue_rules_since', 'queue_rules', ['since'])


def downgrade():
    op.drop_table('queue_rules')
    op.drop_index('ix_lead_event_kind_at', 'lead_event')
    for name in ('ix_lead_return', 'ix_lead_due', 'ix_lead_mine', 'ix_lead_queue'):
        op.drop_index(name, 'lead')
    op.execute("UPDATE lead SET state = 'new' WHERE state = 'waiting'")
    for name in (
        'stage_before', 'first_contact_at', 'returns', 'return_at', 'due_at', 'next_action',
        'urgency', 'turn',
    ):  # fmt: skip
        op.drop_column('lead', name)
    with op.batch_alter_table('lead') as batch:
        for name in STAFF:
            batch.drop_column(name)
