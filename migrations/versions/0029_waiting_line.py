"""who waits for a car that is held; visits that were confirmed, came, or did not

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None

LIVE = {
    'sqlite_where': sa.text('ended_at IS NULL'),
    'postgresql_where': sa.text('ended_at IS NULL'),
}
MARKS = ('confirmed_at', 'arrived_at', 'missed_at')


def upgrade():
    for name in MARKS:
        op.add_column('appointment', sa.Column(name, UtcDateTime(timezone=True), nullable=True))
    op.add_column(
        'appointment', sa.Column('moves', sa.SmallInteger(), nullable=False, server_default='0')
    )
    op.create_table(
        'waiting_place',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('vehicle_id', sa.Integer(), nullable=False),
        sa.Column('submission_id', sa.String(length=32), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=True),
        sa.Column('lead_id', sa.Integer(), nullable=True),
        sa.Column('who_digest', sa.String(length=64), nullable=False),
        sa.Column('token', sa.String(length=43), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('text_digest', sa.String(length=64), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('turn_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('answered_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('end_reason', sa.String(length=10), nullable=False),
        sa.Column('told_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['vehicle_id'],
            ['vehicle.id'],
            name=op.f('fk_waiting_place_vehicle_id_vehicle'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['submission_id'],
            ['submission.id'],
            name=op.f('fk_waiting_place_submission_id_submission'),
        ),
        sa.ForeignKeyConstraint(
            ['person_id'], ['person.id'], name=op.f('fk_waiting_place_person_id_person')
        ),
        sa.ForeignKeyConstraint(
            ['lead_id'], ['lead.id'], name=op.f('fk_waiting_place_lead_id_lead')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_waiting_place')),
        sa.UniqueConstraint('submission_id', name=op.f('uq_waiting_place_submission_id')),
        sa.UniqueConstraint('token', name=op.f('uq_waiting_place_token')),
        sa.UniqueConstraint(
            'vehicle_id', 'number', name=op.f('uq_waiting_place_vehicle_id_number')
        ),
    )
    op.create_index(op.f('ix_waiting_place_person_id'), 'waiting_place', ['person_id'])
    op.create_index(op.f('ix_waiting_place_lead_id'), 'waiting_place', ['lead_id'])
    op.create_index(
        'uq_waiting_place_live', 'waiting_place', ['vehicle_id', 'who_digest'], unique=True, **LIVE
    )
    op.create_table(
        'car_hold',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('vehicle_id', sa.Integer(), nullable=False),
        sa.Column('lead_id', sa.Integer(), nullable=True),
        sa.Column('place_id', sa.Integer(), nullable=True),
        sa.Column('until', UtcDateTime(timezone=True), nullable=False),
        sa.Column('by', sa.String(length=160), nullable=False),
        sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('ended_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('end_reason', sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ['vehicle_id'],
            ['vehicle.id'],
            name=op.f('fk_car_hold_vehicle_id_vehicle'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(['lead_id'], ['lead.id'], name=op.f('fk_car_hold_lead_id_lead')),
        sa.ForeignKeyConstraint(
            ['place_id'],
            ['waiting_place.id'],
            name=op.f('fk_car_hold_place_id_waiting_place'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_car_hold')),
    )
    op.create_index(op.f('ix_car_hold_lead_id'), 'car_hold', ['lead_id'])
    op.create_index(op.f('ix_car_hold_place_id'), 'car_hold', ['place_id'])
    op.create_index('uq_car_hold_live', 'car_hold', ['vehicle_id'], unique=True, **LIVE)
    op.create_index('ix_car_hold_until', 'car_hold', ['until'], **LIVE)


def downgrade():
    op.drop_table('car_hold')
    op.drop_table('waiting_place')
    op.drop_column('appointment', 'moves')
    for name in reversed(MARKS):
        op.drop_column('appointment', name)
