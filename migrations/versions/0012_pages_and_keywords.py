"""what building pages keeps

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'landing_visit',
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('views', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['page_id'],
            ['landing_page.id'],
            name=op.f('fk_landing_visit_page_id_landing_page'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('page_id', 'day', name=op.f('pk_landing_visit')),
    )
    op.create_table(
        'landing_draft',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('page_id', sa.Integer(), nullable=False),
        sa.Column('author', sa.String(length=254), nullable=False),
        sa.Column('content', sa.JSON(), nullable=False),
        sa.Column('earlier', sa.JSON(), nullable=True),
        sa.Column('base_number', sa.Integer(), nullable=False),
        sa.Column('at', UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['page_id'],
            ['landing_page.id'],
            name=op.f('fk_landing_draft_page_id_landing_page'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_landing_draft')),
        sa.UniqueConstraint('page_id', 'author', name=op.f('uq_landing_draft_page_id_author')),
    )
    op.create_table(
        'keyword',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('text', sa.String(length=120), nullable=False),
        sa.Column('folded', sa.String(length=120), nullable=False),
        sa.Column('volume', sa.Integer(), nullable=True),
        sa.Column('difficulty', sa.Integer(), nullable=True),
        sa.Column('path', sa.String(length=200), nullable=False),
        sa.Column('source', sa.String(length=60), nullable=False),
        sa.Column('updated_at', UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_keyword')),
        sa.UniqueConstraint('folded', name=op.f('uq_keyword_folded')),
    )
    op.create_index(op.f('ix_keyword_path'), 'keyword', ['path'])


def downgrade():
    op.drop_index(op.f('ix_keyword_path'), table_name='keyword')
    op.drop_table('keyword')
    op.drop_table('landing_draft')
    op.drop_table('landing_visit')
