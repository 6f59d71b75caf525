"""sampled conversations, the score card, newcomers' ramp, shifts with dates

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'quality_rules',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(length=254), nullable=False),
        sa.Column('rules', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_quality_rules')),
    )
    op.create_index(op.f('ix_quality_rules_since'), 'quality_rules', ['since'])
    op.create_table(
        'quality_sample',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('week', sa.Date(), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=False),
        sa.Column('staff_id', sa.Integer(), nullable=False),
        sa.Column('place', sa.Integer(), nullable=False),
        sa.Column('of', sa.Integer(), nullable=False),
        sa.Column('drawn_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('scores', sa.JSON(), nullable=False),
        sa.Column('total', sa.SmallInteger(), nullable=True),
        sa.Column('comment', sa.Text(), nullable=False),
        sa.Column('is_example', sa.Boolean(), nullable=False),
        sa.Column('scored_by', sa.String(length=254), nullable=False),
        sa.Column('scored_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('reply', sa.Text(), nullable=False),
        sa.Column('replied_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['lead_id'],
            ['lead.id'],
            name=op.f('fk_quality_sample_lead_id_lead'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['staff_id'],
            ['staff.id'],
            name=op.f('fk_quality_sample_staff_id_staff'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_quality_sample')),
        sa.UniqueConstraint('lead_id', 'week', name=op.f('uq_quality_sample_lead_id_week')),
    )
    op.create_index(op.f('ix_quality_sample_week'), 'quality_sample', ['week'])
    op.create_index(op.f('ix_quality_sample_staff_id'), 'quality_sample', ['staff_id'])
    # What there is holds since ever.
    op.add_column('shift', sa.Column('valid_from', sa.Date(), nullable=True))
    op.add_column('shift', sa.Column('valid_until', sa.Date(), nullable=True))
    op.add_column('work_profile', sa.Column('started_on', sa.Date(), nullable=True))
    op.add_column('goal', sa.Column('ramp', sa.JSON(), nullable=False, server_default='[]'))


def downgrade():
    op.drop_column('goal', 'ramp')
    op.drop_column('work_profile', 'started_on')
    op.drop_column('shift', 'valid_until')
    op.drop_column('shift', 'valid_from')
    op.drop_table('quality_sample')
    op.drop_table('quality_rules')
