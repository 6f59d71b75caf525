"""the stop list; a mail knows its subscription and when the gate let it out

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'stop_entry',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('purpose', sa.String(length=10), nullable=False),
        sa.Column('source', sa.String(length=10), nullable=False),
        sa.Column('reason', sa.String(length=20), nullable=False),
        sa.Column('actor', sa.String(length=160), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('ended_by', sa.String(length=160), nullable=False),
        sa.Column('why_ended', sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_stop_entry')),
    )
    op.create_index(op.f('ix_stop_entry_at'), 'stop_entry', ['at'])
    op.create_table(
        'stop_key',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('entry_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['entry_id'],
            ['stop_entry.id'],
            name=op.f('fk_stop_key_entry_id_stop_entry'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('digest', 'entry_id', name=op.f('pk_stop_key')),
    )
    op.create_index(op.f('ix_stop_key_entry_id'), 'stop_key', ['entry_id'])
    op.create_table(
        'stopped_send',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('purpose', sa.String(length=10), nullable=False),
        sa.Column('entry_id', sa.Integer(), nullable=True),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['entry_id'],
            ['stop_entry.id'],
            name=op.f('fk_stopped_send_entry_id_stop_entry'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_stopped_send')),
    )
    op.create_index(op.f('ix_stopped_send_at'), 'stopped_send', ['at'])
    with op.batch_alter_table('mail') as batch:
        batch.add_column(sa.Column('passed_at', UtcDateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column('subscription_id', sa.Integer(), nullable=True))
        batch.create_index(op.f('ix_mail_subscription_id'), ['subscription_id'])
        batch.create_foreign_key(
            op.f('fk_mail_subscription_id_subscription'),
            'subscription',
            ['subscription_id'],
            ['id'],
            ondelete='SET NULL',
        )


def downgrade():
    with op.batch_alter_table('mail') as batch:
        batch.drop_constraint(op.f('fk_mail_subscription_id_subscription'), type_='foreignkey')
        batch.drop_index(op.f('ix_mail_subscription_id'))
        batch.drop_column('subscription_id')
        batch.drop_column('passed_at')
    op.drop_table('stopped_send')
    op.drop_table('stop_key')
    op.drop_table('stop_entry')
