"""who works when, who is away, who is at the desk

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'shift',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=True),
        sa.Column('weekday', sa.Integer(), nullable=False),
        sa.Column('starts', sa.Time(), nullable=False),
        sa.Column('ends', sa.Time(), nullable=False),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_shift_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['store_id'], ['store.id'], name=op.f('fk_shift_store_id_store'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_shift')),
    )
    op.create_index('ix_shift_staff_id', 'shift', ['staff_id'])
    op.create_index('ix_shift_store_id', 'shift', ['store_id'])
    op.create_table(
        'absence',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('reason', sa.String(length=10), nullable=False),
        sa.Column('created_by', sa.String(length=254), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_absence_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_absence')),
    )
    op.create_index('ix_absence_staff_id', 'absence', ['staff_id'])
    op.create_index('ix_absence_ends_at', 'absence', ['ends_at'])
    op.create_table(
        'work_profile',
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('departments', sa.JSON(), nullable=False),
        sa.Column('capacity', sa.Integer(), nullable=False),
        sa.Column('takes_leads', sa.Boolean(), nullable=True),
        sa.Column('stand_in_id', sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'],
            ['staff.id'],
            name=op.f('fk_work_profile_staff_id_staff'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['stand_in_id'],
            ['staff.id'],
            name=op.f('fk_work_profile_stand_in_id_staff'),
            ondelete='SET NULL',
        ),
        sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_work_profile')),
    )
    op.create_index('ix_work_profile_stand_in_id', 'work_profile', ['stand_in_id'])
    op.create_table(
        'presence',
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('pause_reason', sa.String(length=10), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('held_until', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['staff_id'], ['staff.id'], name=op.f('fk_presence_staff_id_staff'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('staff_id', name=op.f('pk_presence')),
    )


def downgrade():
    op.drop_table('presence')
    op.drop_table('work_profile')
    op.drop_table('absence')
    op.drop_table('shift')
