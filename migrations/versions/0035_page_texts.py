"""the store's own words for pages that the program makes

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime


revision = '0035'
down_revision = '0034'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('page_text',
    sa.Column('path', sa.String(length=300), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('description', sa.String(length=300), nullable=False),
    sa.Column('heading', sa.String(length=120), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('updated_by', sa.String(length=254), nullable=False),
    sa.Column('updated_at', UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('path', name=op.f('pk_page_text'))
    )


def downgrade():
    op.drop_table('page_text')
