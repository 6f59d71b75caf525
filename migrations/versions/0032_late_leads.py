"""whose turn it is, in order of the date: the supervisors' list

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None

_OPEN = sa.text('closed_at IS NULL')


def upgrade():
    op.create_index(
        'ix_lead_turn', 'lead', ['turn', 'due_at', 'id'], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade():
    op.drop_index('ix_lead_turn', 'lead')
