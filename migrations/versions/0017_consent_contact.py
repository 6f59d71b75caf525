"""a permission is found by its giver's contact, kept as a digest

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('image_consent') as batch:
        batch.add_column(
            sa.Column('contact', sa.String(length=64), nullable=False, server_default='')
        )
        batch.create_index(op.f('ix_image_consent_contact'), ['contact'])


def downgrade():
    with op.batch_alter_table('image_consent') as batch:
        batch.drop_index(op.f('ix_image_consent_contact'))
        batch.drop_column('contact')
