"""blog, testimonials, stories, pages, menu, redirects, banners of stores

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('image_consent',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person', sa.String(length=80), nullable=False),
    sa.Column('covers_image', sa.Boolean(), nullable=False),
    sa.Column('wording', sa.Text(), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('channel', sa.String(length=8), nullable=False),
    sa.Column('evidence', sa.String(length=200), nullable=False),
    sa.Column('recorded_by', sa.String(length=254), nullable=False),
    sa.Column('network', sa.String(length=45), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_by', sa.String(length=254), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_image_consent'))
    )
    op.create_table('menu_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('place', sa.String(length=8), nullable=False),
    sa.Column('path', sa.String(length=300), nullable=False),
    sa.Column('label', sa.String(length=40), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('is_shown', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_menu_entry'))
    )
    op.create_table('redirect',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('from_path', sa.String(length=300), nullable=False),
    sa.Column('to_path', sa.String(length=300), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=False),
    sa.Column('last_hit_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_redirect')),
    sa.UniqueConstraint('from_path', name=op.f('uq_redirect_from_path'))
    )
    op.create_table('document',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('author', sa.String(length=80), nullable=False),
    sa.Column('first_published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('consent_id', sa.Integer(), nullable=True),
    sa.Column('newest', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['image_consent.id'], name=op.f('fk_document_consent_id_image_consent')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document')),
    sa.UniqueConstraint('kind', 'slug', name=op.f('uq_document_kind_slug'))
    )
    with op.batch_alter_table('document', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_document_consent_id'), ['consent_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_document_state'), ['state'], unique=False)

    op.create_table('document_revision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('document_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('by', sa.String(length=254), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('publish_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['document_id'], ['document.id'], name=op.f('fk_document_revision_document_id_document'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document_revision')),
    sa.UniqueConstraint('document_id', 'number', name=op.f('uq_document_revision_document_id_number'))
    )
    with op.batch_alter_table('document_revision', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_document_revision_document_id'), ['document_id'], unique=False)

    op.create_table('document_tag',
    sa.Column('document_id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['document_id'], ['document.id'], name=op.f('fk_document_tag_document_id_document'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('document_id', 'slug', name=op.f('pk_document_tag'))
    )
    with op.batch_alter_table('document_tag', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_document_tag_slug'), ['slug'], unique=False)

    op.create_table('testimonial',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('city', sa.String(length=60), nullable=False),
    sa.Column('car', sa.String(length=60), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('photo', sa.JSON(), nullable=False),
    sa.Column('youtube', sa.String(length=11), nullable=False),
    sa.Column('store_id', sa.Integer(), nullable=True),
    sa.Column('consent_id', sa.Integer(), nullable=True),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['consent_id'], ['image_consent.id'], name=op.f('fk_testimonial_consent_id_image_consent')),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_testimonial_store_id_store'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_testimonial'))
    )
    with op.batch_alter_table('testimonial', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_testimonial_consent_id'), ['consent_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_testimonial_state'), ['state'], unique=False)
        batch_op.create_index(batch_op.f('ix_testimonial_store_id'), ['store_id'], unique=False)

    op.create_table('testimonial_invitation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('car', sa.String(length=60), nullable=False),
    sa.Column('store_id', sa.Integer(), nullable=True),
    sa.Column('invited_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('testimonial_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['store_id'], ['store.id'], name=op.f('fk_testimonial_invitation_store_id_store'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['testimonial_id'], ['testimonial.id'], name=op.f('fk_testimonial_invitation_testimonial_id_testimonial'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_testimonial_invitation')),
    sa.UniqueConstraint('digest', name=op.f('uq_testimonial_invitation_digest'))
    )
    with op.batch_alter_table('banner', schema=None) as batch_op:
        batch_op.add_column(sa.Column('store_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_banner_store_id'), ['store_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_banner_store_id_store'), 'store', ['store_id'], ['id'], ondelete='SET NULL')


def downgrade():
    with op.batch_alter_table('banner', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_banner_store_id_store'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_banner_store_id'))
        batch_op.drop_column('archived_at')
        batch_op.drop_column('store_id')

    for name in ('testimonial_invitation', 'testimonial', 'document_tag', 'document_revision', 'document', 'redirect', 'menu_entry', 'image_consent'):
        op.drop_table(name)
