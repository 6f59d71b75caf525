"""how often the page of each car was opened

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'vehicle_visit',
        sa.Column('vehicle_id', sa.Integer(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('views', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['vehicle_id'],
            ['vehicle.id'],
            name=op.f('fk_vehicle_visit_vehicle_id_vehicle'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('vehicle_id', 'day', name=op.f('pk_vehicle_visit')),
    )
    op.create_index(op.f('ix_vehicle_visit_day'), 'vehicle_visit', ['day'])


def downgrade():
    op.drop_index(op.f('ix_vehicle_visit_day'), table_name='vehicle_visit')
    op.drop_table('vehicle_visit')
