"""api and webhooks

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade():
    when = sa.DateTime(timezone=True)
    op.create_table(
        'api_token',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('ending', sa.String(length=4), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('scopes', sa.JSON(), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.Column('created_at', when, nullable=False),
        sa.Column('used_at', when, nullable=True),
        sa.Column('expires_at', when, nullable=True),
        sa.Column('revoked_at', when, nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_api_token_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
        sa.UniqueConstraint('digest', name=op.f('uq_api_token_digest')),
    )
    op.create_index(op.f('ix_api_token_staff_id'), 'api_token', ['staff_id'])
    op.create_table(
        'webhook_endpoint',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('url', sa.String(length=500), nullable=False),
        sa.Column('credentials', sa.LargeBinary(), nullable=False),
        sa.Column('old_secret_until', when, nullable=True),
        sa.Column('kinds', sa.JSON(), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=True),
        sa.Column('with_personal_data', sa.Boolean(), nullable=False),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('failing_since', when, nullable=True),
        sa.Column('rest_until', when, nullable=True),
        sa.Column('lead_event_seen', sa.BigInteger(), nullable=False),
        sa.Column('first_lead_event', sa.BigInteger(), nullable=False),
        sa.Column('stock_seq_seen', sa.BigInteger(), nullable=False),
        sa.Column('created_at', when, nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ['store_id'],
            ['store.id'],
            name=op.f('fk_webhook_endpoint_store_id_store'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_endpoint')),
    )
    op.create_table(
        'webhook_delivery',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('endpoint_id', sa.Integer(), nullable=False),
        sa.Column('event', sa.String(length=60), nullable=False),
        sa.Column('message_id', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('at', when, nullable=False),
        sa.Column('payload', sa.JSON(), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=True),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('status', sa.Integer(), nullable=True),
        sa.Column('problem', sa.String(length=200), nullable=False),
        sa.Column('next_try_at', when, nullable=False),
        sa.Column('sent_at', when, nullable=True),
        sa.Column('created_at', when, nullable=False),
        sa.ForeignKeyConstraint(
            ['endpoint_id'],
            ['webhook_endpoint.id'],
            name=op.f('fk_webhook_delivery_endpoint_id_webhook_endpoint'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_delivery')),
        sa.UniqueConstraint(
            'endpoint_id', 'event', name=op.f('uq_webhook_delivery_endpoint_id_event')
        ),
        sa.UniqueConstraint('message_id', name=op.f('uq_webhook_delivery_message_id')),
    )
    op.create_index(
        'ix_webhook_delivery_due', 'webhook_delivery', ['endpoint_id', 'state', 'next_try_at']
    )
    op.create_index(op.f('ix_webhook_delivery_lead_id'), 'webhook_delivery', ['lead_id'])
    op.create_index(op.f('ix_webhook_delivery_created_at'), 'webhook_delivery', ['created_at'])


def downgrade():
    op.drop_table('webhook_delivery')
    op.drop_table('webhook_endpoint')
    op.drop_table('api_token')
