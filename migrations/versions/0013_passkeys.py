"""passkeys as the staff door uses them

The table of 0005 had the library's shape and was never written to.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade():
    op.drop_table('passkey')
    op.create_table(
        'passkey',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('credential_id', sa.LargeBinary(length=1024), nullable=False),
        sa.Column('public_key', sa.LargeBinary(), nullable=False),
        sa.Column('sign_count', sa.BigInteger(), nullable=False),
        sa.Column('challenge_ms', sa.BigInteger(), nullable=False),
        sa.Column('is_synced', sa.Boolean(), nullable=False),
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('used_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_passkey_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey')),
        sa.UniqueConstraint('credential_id', name=op.f('uq_passkey_credential_id')),
    )
    op.create_index(op.f('ix_passkey_staff_id'), 'passkey', ['staff_id'])


def downgrade():
    op.drop_table('passkey')
    op.create_table(
        'passkey',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('credential_id', sa.LargeBinary(length=1024), nullable=False),
        sa.Column('public_key', sa.LargeBinary(), nullable=False),
        sa.Column('sign_count', sa.Integer(), nullable=False),
        sa.Column('transports', sa.UnicodeText(), nullable=True),
        sa.Column('backup_state', sa.Boolean(), nullable=False),
        sa.Column('device_type', sa.String(length=64), nullable=False),
        sa.Column('extensions', sa.String(length=255), nullable=True),
        sa.Column('create_datetime', sa.DateTime(), nullable=False),
        sa.Column('lastuse_datetime', sa.DateTime(), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('usage', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['staff.id'], name=op.f('fk_passkey_user_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey')),
        sa.UniqueConstraint('credential_id', name=op.f('uq_passkey_credential_id')),
    )
    op.create_index(op.f('ix_passkey_user_id'), 'passkey', ['user_id'])
