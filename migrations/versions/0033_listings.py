"""the stock on portals: rules, listings, their lists of words, pulled feeds

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime


revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('portal_term',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('portal', sa.String(length=20), nullable=False),
    sa.Column('list', sa.String(length=20), nullable=False),
    sa.Column('parent', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('seen_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('gone_at', UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_portal_term')),
    sa.UniqueConstraint('portal', 'list', 'parent', 'code', name=op.f('uq_portal_term_portal_list_parent_code'))
    )
    op.create_table('portal_term_list',
    sa.Column('portal', sa.String(length=20), nullable=False),
    sa.Column('list', sa.String(length=20), nullable=False),
    sa.Column('parent', sa.String(length=64), nullable=False),
    sa.Column('read_at', UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('portal', 'list', 'parent', name=op.f('pk_portal_term_list'))
    )
    op.create_table('term_match',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('portal', sa.String(length=20), nullable=False),
    sa.Column('list', sa.String(length=20), nullable=False),
    sa.Column('ours', sa.String(length=300), nullable=False),
    sa.Column('parent', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('confidence', sa.Integer(), nullable=False),
    sa.Column('confirmed_by', sa.String(length=254), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_term_match')),
    sa.UniqueConstraint('portal', 'list', 'ours', name=op.f('uq_term_match_portal_list_ours'))
    )
    op.create_table('advertiser',
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('is_on', sa.Boolean(), nullable=False),
    sa.Column('rules', sa.JSON(), nullable=False),
    sa.Column('rules_version', sa.Integer(), nullable=False),
    sa.Column('monthly_cost_cents', sa.BigInteger(), nullable=False),
    sa.Column('observed_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('observe_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('looks_failed', sa.Integer(), nullable=False),
    sa.Column('hold_until', UtcDateTime(timezone=True), nullable=True),
    sa.Column('hold_reason', sa.String(length=20), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('calls_per_second', sa.Double(), nullable=True),
    sa.Column('problem', sa.String(length=300), nullable=False),
    sa.Column('slots_total', sa.Integer(), nullable=True),
    sa.Column('slots_used', sa.Integer(), nullable=True),
    sa.Column('slots_foreign', sa.Integer(), nullable=False),
    sa.Column('plan_name', sa.String(length=80), nullable=False),
    sa.Column('slots_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('stock_version', sa.BigInteger(), nullable=False),
    sa.Column('good_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_wary', sa.Boolean(), nullable=False),
    sa.Column('holder', sa.String(length=32), nullable=False),
    sa.Column('held_until', UtcDateTime(timezone=True), nullable=True),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.Column('writes', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['portal_account.id'], name=op.f('fk_advertiser_account_id_portal_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_advertiser'))
    )
    op.create_table('feed_pull',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('bytes_sent', sa.BigInteger(), nullable=False),
    sa.Column('vehicles', sa.Integer(), nullable=False),
    sa.Column('stock_version', sa.BigInteger(), nullable=False),
    sa.Column('agent', sa.String(length=160), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['portal_account.id'], name=op.f('fk_feed_pull_account_id_portal_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed_pull'))
    )
    op.create_index('ix_feed_pull_account_id_at', 'feed_pull', ['account_id', 'at'])

    op.create_table('listing',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('vehicle_id', sa.Integer(), nullable=True),
    sa.Column('source_id', sa.String(length=120), nullable=False),
    sa.Column('key', sa.String(length=19), nullable=False),
    sa.Column('switch', sa.String(length=6), nullable=False),
    sa.Column('desired', sa.String(length=6), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('basis', sa.String(length=32), nullable=False),
    sa.Column('desired_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('pushed_basis', sa.String(length=32), nullable=False),
    sa.Column('parts', sa.JSON(), nullable=False),
    sa.Column('price_cents', sa.BigInteger(), nullable=True),
    sa.Column('external_id', sa.String(length=64), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('remote', sa.String(length=12), nullable=False),
    sa.Column('substate', sa.String(length=60), nullable=False),
    sa.Column('seen_price_cents', sa.BigInteger(), nullable=True),
        sa.Column('drifts', sa.Integer(), nullable=False),
    sa.Column('checked_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('pushed_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('visible_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('intent', sa.String(length=8), nullable=False),
    sa.Column('intent_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_unclear', sa.Boolean(), nullable=False),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('job_token', sa.String(length=80), nullable=False),
    sa.Column('due_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error_code', sa.String(length=80), nullable=False),
    sa.Column('error', sa.String(length=500), nullable=False),
    sa.Column('error_field', sa.String(length=40), nullable=False),
    sa.Column('refused_basis', sa.String(length=32), nullable=False),
    sa.Column('gone_at', UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['portal_account.id'], name=op.f('fk_listing_account_id_portal_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_listing_vehicle_id_vehicle'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listing')),
    sa.UniqueConstraint('account_id', 'key', name=op.f('uq_listing_account_id_key')),
    sa.UniqueConstraint('account_id', 'vehicle_id', name=op.f('uq_listing_account_id_vehicle_id'))
    )
    op.create_index('ix_listing_account_id_due_at', 'listing', ['account_id', 'due_at'])
    op.create_index('ix_listing_account_id_external_id', 'listing', ['account_id', 'external_id'])
    op.create_index(op.f('ix_listing_vehicle_id'), 'listing', ['vehicle_id'])

    op.create_table('listing_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('listing_id', sa.Integer(), nullable=True),
    sa.Column('at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(length=12), nullable=False),
    sa.Column('words', sa.String(length=300), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['portal_account.id'], name=op.f('fk_listing_event_account_id_portal_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['listing_id'], ['listing.id'], name=op.f('fk_listing_event_listing_id_listing'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listing_event'))
    )
    op.create_index('ix_listing_event_account_id_at', 'listing_event', ['account_id', 'at'])
    op.create_index(op.f('ix_listing_event_listing_id'), 'listing_event', ['listing_id'])


def downgrade():
    for name in (
        'listing_event',
        'listing',
        'feed_pull',
        'advertiser',
        'term_match',
        'portal_term_list',
        'portal_term',
    ):
        op.drop_table(name)
