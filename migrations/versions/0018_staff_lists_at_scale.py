"""what the staff's lists are found by when there are many cars and leads

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

INDEXES = (
    ('ix_vehicle_source_id', 'vehicle', ['source_id']),
    ('ix_vehicle_trim_id', 'vehicle', ['trim_id']),
    ('ix_vehicle_promo_until', 'vehicle', ['promo_until']),
    ('ix_audit_entry_subject_action', 'audit_entry', ['subject', 'action']),
    ('ix_enquiry_kind_at', 'enquiry', ['kind', 'at']),
    ('ix_lead_is_suspect_created_at', 'lead', ['is_suspect', 'created_at', 'id']),
    ('ix_lead_source_store', 'lead', ['source', 'store_id']),
    ('ix_mail_state_created_at', 'mail', ['state', 'created_at']),
    ('ix_mail_lead_id', 'mail', ['lead_id']),
    ('ix_consent_purpose_person', 'consent', ['purpose', 'person_id']),
)


def upgrade():
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    op.drop_index('ix_audit_entry_subject', 'audit_entry')


def downgrade():
    op.create_index('ix_audit_entry_subject', 'audit_entry', ['subject'])
    for name, table, _columns in reversed(INDEXES):
        op.drop_index(name, table)
