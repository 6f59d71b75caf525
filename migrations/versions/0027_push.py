"""who is told what, and through which browser

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'push_key',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('public', sa.String(length=100), nullable=False),
        sa.Column('sealed', sa.LargeBinary(), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_push_key')),
    )
    op.create_table(
        'push_device',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('session_id', sa.Integer(), nullable=False),
        sa.Column('key_id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('cookie_digest', sa.String(length=64), nullable=False),
        sa.Column('endpoint', sa.String(length=1000), nullable=False),
        sa.Column('p256dh', sa.String(length=120), nullable=False),
        sa.Column('auth', sa.String(length=40), nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('sent_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('problem', sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ['staff_id'],
            ['staff.id'],
            name=op.f('fk_push_device_staff_id_staff'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['session_id'],
            ['staff_session.id'],
            name=op.f('fk_push_device_session_id_staff_session'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['key_id'],
            ['push_key.id'],
            name=op.f('fk_push_device_key_id_push_key'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_push_device')),
        sa.UniqueConstraint('digest', name=op.f('uq_push_device_digest')),
    )
    op.create_index(op.f('ix_push_device_staff_id'), 'push_device', ['staff_id'])
    op.create_index(op.f('ix_push_device_session_id'), 'push_device', ['session_id'])
    op.create_index(op.f('ix_push_device_cookie_digest'), 'push_device', ['cookie_digest'])
    op.create_table(
        'notice',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=12), nullable=False),
        sa.Column('key', sa.String(length=80), nullable=False),
        sa.Column('subject', sa.String(length=40), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=True),
        sa.Column('path', sa.String(length=200), nullable=False),
        sa.Column('words', sa.String(length=200), nullable=False),
        sa.Column('since', UtcDateTime(timezone=True), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('push', sa.String(length=10), nullable=False),
        sa.Column('mail', sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_notice_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['store_id'], ['store.id'], name=op.f('fk_notice_store_id_store'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
        sa.UniqueConstraint('staff_id', 'key', name=op.f('uq_notice_staff_id_key')),
    )
    op.create_index(op.f('ix_notice_at'), 'notice', ['at'])
    op.create_table(
        'notice_wishes',
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('choices', sa.JSON(), nullable=False),
        sa.Column('only_on_shift', sa.Boolean(), nullable=False),
        sa.Column('paused_until', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'],
            ['staff.id'],
            name=op.f('fk_notice_wishes_staff_id_staff'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_notice_wishes')),
    )
    op.create_table(
        'notice_cursor',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('lead_event_seen', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_cursor')),
    )


def downgrade():
    op.drop_table('notice_cursor')
    op.drop_table('notice_wishes')
    op.drop_table('notice')
    op.drop_table('push_device')
    op.drop_table('push_key')
