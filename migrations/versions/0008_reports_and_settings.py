"""what settings keep: looks before a change, the logo's renditions, tone, closed stores

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'identity_version',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(length=254), nullable=False),
        sa.Column('facts', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_identity_version')),
    )
    with op.batch_alter_table('dealership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('logo', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('tone', sa.Text(), server_default='', nullable=False))
    with op.batch_alter_table('store', schema=None) as batch_op:
        batch_op.add_column(
            sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True)
        )


def downgrade():
    with op.batch_alter_table('store', schema=None) as batch_op:
        batch_op.drop_column('closed_at')
    with op.batch_alter_table('dealership', schema=None) as batch_op:
        batch_op.drop_column('tone')
        batch_op.drop_column('logo')
    op.drop_table('identity_version')
