"""landing pages and their revisions

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('landing_page',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('goal', sa.String(length=12), nullable=False),
    sa.Column('state', sa.String(length=9), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('store_id', sa.Integer(), nullable=True),
    sa.Column('source_ref', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('draft', 'published')", name=op.f('ck_landing_page_state')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_landing_page_store_id_store'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_landing_page')),
    sa.UniqueConstraint('slug', name=op.f('uq_landing_page_slug'))
    )
    op.create_table('landing_revision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('page_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('author', sa.String(length=160), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('publish_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['page_id'], ['landing_page.id'], name=op.f('fk_landing_revision_page_id_landing_page'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_landing_revision')),
    sa.UniqueConstraint('page_id', 'number', name=op.f('uq_landing_revision_page_id_number'))
    )


def downgrade():
    op.drop_table('landing_revision')
    op.drop_table('landing_page')
