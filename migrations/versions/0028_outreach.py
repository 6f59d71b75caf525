"""lists of companies and customers to turn to

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'company',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('folded', sa.String(length=120), nullable=False),
        sa.Column('cnpj', sa.String(length=14), nullable=True),
        sa.Column('category', sa.String(length=20), nullable=False),
        sa.Column('city', sa.String(length=80), nullable=False),
        sa.Column('fleet_size', sa.Integer(), nullable=True),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_company')),
        sa.UniqueConstraint('cnpj', name=op.f('uq_company_cnpj')),
    )
    op.create_index(
        'uq_company_name_only',
        'company',
        ['folded'],
        unique=True,
        sqlite_where=sa.text('cnpj IS NULL'),
        postgresql_where=sa.text('cnpj IS NULL'),
    )
    op.create_table(
        'outreach_list',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('kind', sa.String(length=12), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=False),
        sa.Column('owner_id', sa.Integer(), nullable=True),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.Column('archived_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['owner_id'],
            ['staff.id'],
            name=op.f('fk_outreach_list_owner_id_staff'),
            ondelete='SET NULL',
        ),
        sa.ForeignKeyConstraint(
            ['store_id'], ['store.id'], name=op.f('fk_outreach_list_store_id_store')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_outreach_list')),
    )
    op.create_index(op.f('ix_outreach_list_owner_id'), 'outreach_list', ['owner_id'], unique=False)
    op.create_index(op.f('ix_outreach_list_store_id'), 'outreach_list', ['store_id'], unique=False)
    op.create_table(
        'contact_import',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('file_name', sa.String(length=160), nullable=False),
        sa.Column('file_key', sa.String(length=200), nullable=False),
        sa.Column('size_bytes', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('columns', sa.JSON(), nullable=False),
        sa.Column('list_id', sa.Integer(), nullable=True),
        sa.Column('basis', sa.String(length=20), nullable=False),
        sa.Column('source', sa.String(length=120), nullable=False),
        sa.Column('proof', sa.Text(), nullable=False),
        sa.Column('obtained_on', sa.Date(), nullable=True),
        sa.Column('next_step', sa.String(length=160), nullable=False),
        sa.Column('next_on', sa.Date(), nullable=True),
        sa.Column('state', sa.String(length=10), nullable=False),
        sa.Column('rows_done', sa.Integer(), nullable=False),
        sa.Column('rows_total', sa.Integer(), nullable=False),
        sa.Column('report', sa.JSON(), nullable=False),
        sa.Column('problem', sa.Text(), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('finished_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['list_id'],
            ['outreach_list.id'],
            name=op.f('fk_contact_import_list_id_outreach_list'),
            ondelete='SET NULL',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_import')),
    )
    op.create_index(op.f('ix_contact_import_list_id'), 'contact_import', ['list_id'], unique=False)
    op.create_table(
        'outreach_entry',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_id', sa.Integer(), nullable=False),
        sa.Column('company_id', sa.Integer(), nullable=True),
        sa.Column('person_id', sa.Integer(), nullable=True),
        sa.Column('stage', sa.String(length=12), nullable=False),
        sa.Column('next_step', sa.String(length=160), nullable=False),
        sa.Column('next_on', sa.Date(), nullable=False),
        sa.Column('value_cents', sa.BigInteger(), nullable=True),
        sa.Column('expected_on', sa.Date(), nullable=True),
        sa.Column('meddic', sa.JSON(), nullable=False),
        sa.Column('touched_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('end_reason', sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ['company_id'], ['company.id'], name=op.f('fk_outreach_entry_company_id_company')
        ),
        sa.ForeignKeyConstraint(
            ['list_id'],
            ['outreach_list.id'],
            name=op.f('fk_outreach_entry_list_id_outreach_list'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['person_id'], ['person.id'], name=op.f('fk_outreach_entry_person_id_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_outreach_entry')),
    )
    op.create_index(
        'ix_outreach_entry_board',
        'outreach_entry',
        ['list_id', 'stage', 'next_on', 'id'],
        unique=False,
    )
    op.create_index(
        op.f('ix_outreach_entry_company_id'), 'outreach_entry', ['company_id'], unique=False
    )
    op.create_index('ix_outreach_entry_next_on', 'outreach_entry', ['next_on'], unique=False)
    op.create_index(
        op.f('ix_outreach_entry_person_id'), 'outreach_entry', ['person_id'], unique=False
    )
    op.create_table(
        'outreach_round',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('list_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.SmallInteger(), nullable=False),
        sa.Column('started_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('due_on', sa.Date(), nullable=False),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['list_id'],
            ['outreach_list.id'],
            name=op.f('fk_outreach_round_list_id_outreach_list'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_outreach_round')),
        sa.UniqueConstraint('list_id', 'number', name=op.f('uq_outreach_round_list_id_number')),
    )
    op.create_index(
        'uq_outreach_round_live',
        'outreach_round',
        ['list_id'],
        unique=True,
        sqlite_where=sa.text('ended_at IS NULL'),
        postgresql_where=sa.text('ended_at IS NULL'),
    )
    op.create_table(
        'contact_basis',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=False),
        sa.Column('basis', sa.String(length=20), nullable=False),
        sa.Column('source', sa.String(length=120), nullable=False),
        sa.Column('proof', sa.Text(), nullable=False),
        sa.Column('obtained_on', sa.Date(), nullable=True),
        sa.Column('import_id', sa.Integer(), nullable=True),
        sa.Column('by', sa.String(length=254), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['import_id'],
            ['contact_import.id'],
            name=op.f('fk_contact_basis_import_id_contact_import'),
            ondelete='SET NULL',
        ),
        sa.ForeignKeyConstraint(
            ['person_id'], ['person.id'], name=op.f('fk_contact_basis_person_id_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_basis')),
    )
    op.create_index(
        op.f('ix_contact_basis_import_id'), 'contact_basis', ['import_id'], unique=False
    )
    op.create_index(
        op.f('ix_contact_basis_person_id'), 'contact_basis', ['person_id'], unique=False
    )
    op.create_table(
        'contact_import_row',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('import_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=True),
        sa.Column('company_id', sa.Integer(), nullable=True),
        sa.Column('entry_id', sa.Integer(), nullable=True),
        sa.Column('is_new_person', sa.Boolean(), nullable=False),
        sa.Column('is_new_company', sa.Boolean(), nullable=False),
        sa.Column('is_new_entry', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ['company_id'], ['company.id'], name=op.f('fk_contact_import_row_company_id_company')
        ),
        sa.ForeignKeyConstraint(
            ['entry_id'],
            ['outreach_entry.id'],
            name=op.f('fk_contact_import_row_entry_id_outreach_entry'),
            ondelete='SET NULL',
        ),
        sa.ForeignKeyConstraint(
            ['import_id'],
            ['contact_import.id'],
            name=op.f('fk_contact_import_row_import_id_contact_import'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['person_id'], ['person.id'], name=op.f('fk_contact_import_row_person_id_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_contact_import_row')),
        sa.UniqueConstraint(
            'import_id', 'number', name=op.f('uq_contact_import_row_import_id_number')
        ),
    )
    op.create_index(
        op.f('ix_contact_import_row_company_id'), 'contact_import_row', ['company_id'], unique=False
    )
    op.create_index(
        op.f('ix_contact_import_row_entry_id'), 'contact_import_row', ['entry_id'], unique=False
    )
    op.create_index(
        op.f('ix_contact_import_row_person_id'), 'contact_import_row', ['person_id'], unique=False
    )
    op.create_table(
        'outreach_event',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('entry_id', sa.Integer(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('actor', sa.String(length=160), nullable=False),
        sa.Column('data', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ['entry_id'],
            ['outreach_entry.id'],
            name=op.f('fk_outreach_event_entry_id_outreach_entry'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_outreach_event')),
    )
    op.create_index(
        op.f('ix_outreach_event_entry_id'), 'outreach_event', ['entry_id'], unique=False
    )
    op.create_table(
        'outreach_touch',
        sa.Column('round_id', sa.Integer(), nullable=False),
        sa.Column('entry_id', sa.Integer(), nullable=False),
        sa.Column('event_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['entry_id'],
            ['outreach_entry.id'],
            name=op.f('fk_outreach_touch_entry_id_outreach_entry'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['event_id'],
            ['outreach_event.id'],
            name=op.f('fk_outreach_touch_event_id_outreach_event'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['round_id'],
            ['outreach_round.id'],
            name=op.f('fk_outreach_touch_round_id_outreach_round'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('round_id', 'entry_id', name=op.f('pk_outreach_touch')),
    )
    op.create_index(
        op.f('ix_outreach_touch_event_id'), 'outreach_touch', ['event_id'], unique=False
    )
    op.create_table(
        'delivery',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=False),
        sa.Column('won_event_id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=True),
        sa.Column('delivered_on', sa.Date(), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('asked_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('cancelled_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['lead_id'], ['lead.id'], name=op.f('fk_delivery_lead_id_lead'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_delivery_staff_id_staff'), ondelete='SET NULL'
        ),
        sa.ForeignKeyConstraint(
            ['won_event_id'],
            ['lead_event.id'],
            name=op.f('fk_delivery_won_event_id_lead_event'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
        sa.UniqueConstraint('won_event_id', name=op.f('uq_delivery_won_event_id')),
    )
    op.create_index(op.f('ix_delivery_lead_id'), 'delivery', ['lead_id'], unique=False)
    op.create_index(op.f('ix_delivery_staff_id'), 'delivery', ['staff_id'], unique=False)
    op.create_table(
        'catch_up',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('delivery_id', sa.Integer(), nullable=False),
        sa.Column('number', sa.SmallInteger(), nullable=False),
        sa.Column('due_on', sa.Date(), nullable=False),
        sa.Column('tries', sa.SmallInteger(), nullable=False),
        sa.Column('done_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('done_by', sa.String(length=254), nullable=False),
        sa.Column('grade', sa.SmallInteger(), nullable=True),
        sa.Column('words', sa.Text(), nullable=False),
        sa.Column('care_state', sa.String(length=8), nullable=False),
        sa.Column('care_words', sa.Text(), nullable=False),
        sa.Column('care_by', sa.String(length=254), nullable=False),
        sa.Column('care_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['delivery_id'],
            ['delivery.id'],
            name=op.f('fk_catch_up_delivery_id_delivery'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_catch_up')),
        sa.UniqueConstraint('delivery_id', 'number', name=op.f('uq_catch_up_delivery_id_number')),
    )
    op.create_index(
        'ix_catch_up_due',
        'catch_up',
        ['due_on'],
        unique=False,
        sqlite_where=sa.text('done_at IS NULL'),
        postgresql_where=sa.text('done_at IS NULL'),
    )
    op.create_table(
        'referral',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('referrer_id', sa.Integer(), nullable=False),
        sa.Column('referred_id', sa.Integer(), nullable=False),
        sa.Column('delivery_id', sa.Integer(), nullable=True),
        sa.Column('lead_id', sa.Integer(), nullable=True),
        sa.Column('consent', sa.String(length=200), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(length=254), nullable=False),
        sa.Column('reward', sa.String(length=160), nullable=False),
        sa.Column('rewarded_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('rewarded_by', sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ['delivery_id'],
            ['delivery.id'],
            name=op.f('fk_referral_delivery_id_delivery'),
            ondelete='SET NULL',
        ),
        sa.ForeignKeyConstraint(
            ['lead_id'], ['lead.id'], name=op.f('fk_referral_lead_id_lead'), ondelete='SET NULL'
        ),
        sa.ForeignKeyConstraint(
            ['referred_id'], ['person.id'], name=op.f('fk_referral_referred_id_person')
        ),
        sa.ForeignKeyConstraint(
            ['referrer_id'], ['person.id'], name=op.f('fk_referral_referrer_id_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_referral')),
    )
    op.create_index(op.f('ix_referral_delivery_id'), 'referral', ['delivery_id'], unique=False)
    op.create_index(op.f('ix_referral_lead_id'), 'referral', ['lead_id'], unique=False)
    op.create_index(op.f('ix_referral_referred_id'), 'referral', ['referred_id'], unique=False)
    op.create_index(op.f('ix_referral_referrer_id'), 'referral', ['referrer_id'], unique=False)


def downgrade():
    op.drop_table('referral')
    op.drop_table('catch_up')
    op.drop_table('delivery')
    op.drop_table('outreach_touch')
    op.drop_table('outreach_event')
    op.drop_table('contact_import_row')
    op.drop_table('contact_basis')
    op.drop_table('outreach_round')
    op.drop_table('outreach_entry')
    op.drop_table('contact_import')
    op.drop_table('outreach_list')
    op.drop_table('company')
