"""leads that staff sent themselves for a test

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column(
        'lead', sa.Column('is_test', sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade():
    op.drop_column('lead', 'is_test')
