"""one person, one timeline: merges that can be undone, pairs that may be one person

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

SIDES = (('person', 'merged_into_id'), ('person_key', 'side_id'), ('enquiry', 'side_id'))
IN_FORCE = {
    'sqlite_where': sa.text('undone_at IS NULL'),
    'postgresql_where': sa.text('undone_at IS NULL'),
}


def upgrade():
    # SQLite adds columns without rewriting the table, which would lose its partial indexes.
    for table, name in SIDES:
        op.execute(
            f'ALTER TABLE {table} ADD COLUMN {name} INTEGER'
            f' CONSTRAINT fk_{table}_{name}_person REFERENCES person (id)'
        )
        op.create_index(f'ix_{table}_{name}', table, [name])
    op.add_column(
        'person_key', sa.Column('strangers', sa.SmallInteger(), nullable=False, server_default='0')
    )
    op.create_index('ix_person_phone', 'person', ['phone'])
    op.create_index('ix_person_email', 'person', ['email'])
    op.create_table(
        'person_merge',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kept_id', sa.Integer(), nullable=False),
        sa.Column('gone_id', sa.Integer(), nullable=False),
        sa.Column('reason', sa.String(length=20), nullable=False),
        sa.Column('by', sa.String(length=160), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('recipe', sa.JSON(), nullable=False),
        sa.Column('undone_at', UtcDateTime(timezone=True), nullable=True),
        sa.Column('undone_by', sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(
            ['kept_id'], ['person.id'], name=op.f('fk_person_merge_kept_id_person')
        ),
        sa.ForeignKeyConstraint(
            ['gone_id'], ['person.id'], name=op.f('fk_person_merge_gone_id_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_person_merge')),
    )
    op.create_index(op.f('ix_person_merge_kept_id'), 'person_merge', ['kept_id'])
    op.create_index('uq_person_merge_in_force', 'person_merge', ['gone_id'], unique=True, **IN_FORCE)
    op.create_table(
        'possible_duplicate',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('older_id', sa.Integer(), nullable=False),
        sa.Column('newer_id', sa.Integer(), nullable=False),
        sa.Column('strength', sa.SmallInteger(), nullable=False),
        sa.Column('reasons', sa.JSON(), nullable=False),
        sa.Column('state', sa.String(length=9), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.Column('decided_by', sa.String(length=160), nullable=False),
        sa.Column('decided_at', UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ['older_id'],
            ['person.id'],
            name=op.f('fk_possible_duplicate_older_id_person'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['newer_id'],
            ['person.id'],
            name=op.f('fk_possible_duplicate_newer_id_person'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_possible_duplicate')),
        sa.UniqueConstraint(
            'older_id', 'newer_id', name=op.f('uq_possible_duplicate_older_id_newer_id')
        ),
    )
    op.create_index(op.f('ix_possible_duplicate_newer_id'), 'possible_duplicate', ['newer_id'])
    op.create_index(
        'ix_possible_duplicate_open', 'possible_duplicate', ['state', 'strength', 'at']
    )


def downgrade():
    op.drop_table('possible_duplicate')
    op.drop_table('person_merge')
    op.drop_index('ix_person_email', 'person')
    op.drop_index('ix_person_phone', 'person')
    op.drop_column('person_key', 'strangers')
    for table, name in reversed(SIDES):
        op.drop_index(f'ix_{table}_{name}', table)
        if op.get_bind().dialect.name == 'sqlite':
            with op.batch_alter_table(table) as batch:
                batch.drop_constraint(f'fk_{table}_{name}_person', type_='foreignkey')
                batch.drop_column(name)
        else:
            op.drop_column(table, name)
