"""Tables of what the dealership says of itself. Pictures are kept as `content.media` gives them.

A document (article, story, page) is a row with revisions; what the public sees is the newest
revision whose hour has come. A consent is one person's yes to words and image, with the wording.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime


class ImageConsent(Model):
    """One person's permission to show their words and image (CC art. 20; LGPD arts. 7 I, 8). The
    wording agreed to is kept whole; a withdrawal is dated, the row stays as proof."""

    __tablename__ = "image_consent"

    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(sa.String(80))
    covers_image: Mapped[bool] = mapped_column(default=False)
    wording: Mapped[str] = mapped_column(sa.Text)
    version: Mapped[str] = mapped_column(sa.String(16))  # digest of the wording, shortened
    given_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    channel: Mapped[str] = mapped_column(sa.String(8))  # "link": by themselves; "paper": signed
    evidence: Mapped[str] = mapped_column(sa.String(200), default="")  # where the paper is kept
    recorded_by: Mapped[str] = mapped_column(sa.String(254), default="")
    network: Mapped[str] = mapped_column(sa.String(45), default="")  # shortened address
    # A digest of the giver's e-mail or phone (leads.holdings), to be found when they ask for it.
    contact: Mapped[str] = mapped_column(sa.String(64), default="", server_default="", index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str] = mapped_column(sa.String(254), default="")

    @property
    def stands(self) -> bool:
        return self.revoked_at is None


class Testimonial(Model):
    """What a buyer said. States: waiting (sent by the buyer, nobody looked), hidden, published,
    archived. Shown only while published and its consent stands."""

    __tablename__ = "testimonial"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(10), default="hidden", index=True)
    text: Mapped[str] = mapped_column(sa.Text)
    name: Mapped[str] = mapped_column(sa.String(60))  # first name, or "Renata M."
    city: Mapped[str] = mapped_column(sa.String(60), default="")
    car: Mapped[str] = mapped_column(sa.String(60), default="")  # "Comprou um hatch 2021"
    month: Mapped[str] = mapped_column(sa.String(7))  # 2026-09
    photo: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    youtube: Mapped[str] = mapped_column(sa.String(11), default="")  # id of the video
    store_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("store.id", ondelete="SET NULL"), index=True
    )
    consent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("image_consent.id"), index=True)
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    consent: Mapped[ImageConsent | None] = relationship(lazy="joined")

    @property
    def may_show_words(self) -> bool:
        return self.consent is not None and self.consent.stands

    @property
    def may_show_image(self) -> bool:
        return self.consent is not None and self.consent.stands and self.consent.covers_image

    @property
    def is_shown(self) -> bool:
        return self.state == "published" and self.may_show_words

    @property
    def day(self) -> date:
        """The first of its month."""
        return date.fromisoformat(f"{self.month}-01")


class TestimonialInvitation(Model):
    """A link by which one buyer tells how it was, once."""

    __tablename__ = "testimonial_invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)  # of the link's token
    email: Mapped[str] = mapped_column(sa.String(254))  # empty once used or expired
    name: Mapped[str] = mapped_column(sa.String(60), default="")
    car: Mapped[str] = mapped_column(sa.String(60), default="")
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    invited_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    testimonial_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("testimonial.id", ondelete="SET NULL")
    )


class Document(Model):
    """An article, a story or a page of the site, by address. States: draft, published (from the
    hour of its revision to `ends_at`), archived."""

    __tablename__ = "document"
    __table_args__ = (sa.UniqueConstraint("kind", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(8))  # article, story, page
    slug: Mapped[str] = mapped_column(sa.String(80))
    state: Mapped[str] = mapped_column(sa.String(10), default="draft", index=True)
    title: Mapped[str] = mapped_column(sa.String(120), default="")  # of the newest revision
    author: Mapped[str] = mapped_column(sa.String(80), default="")  # as readers see it
    first_published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    consent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("image_consent.id"), index=True)
    newest: Mapped[int] = mapped_column(default=0)  # number of the newest revision
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    consent: Mapped[ImageConsent | None] = relationship(lazy="joined")
    tags: Mapped[list["DocumentTag"]] = relationship(
        cascade="all, delete-orphan", order_by="DocumentTag.name"
    )


class DocumentTag(Model):
    """One subject that a document is filed under."""

    __tablename__ = "document_tag"

    document_id: Mapped[int] = mapped_column(
        sa.ForeignKey("document.id", ondelete="CASCADE"), primary_key=True
    )
    slug: Mapped[str] = mapped_column(sa.String(40), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(sa.String(40))


class Revision(Model):
    """What a document said at one moment. With `publish_at` it is the public's from then on."""

    __tablename__ = "document_revision"
    __table_args__ = (sa.UniqueConstraint("document_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(
        sa.ForeignKey("document.id", ondelete="CASCADE"), index=True
    )
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    by: Mapped[str] = mapped_column(sa.String(254))
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    publish_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MenuEntry(Model):
    """One link of the site's head or foot. No rows: the product's own menu."""

    __tablename__ = "menu_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(sa.String(8))  # head, browse, talk, legal
    path: Mapped[str] = mapped_column(sa.String(300))
    label: Mapped[str] = mapped_column(sa.String(40))
    position: Mapped[int] = mapped_column(default=0)
    is_shown: Mapped[bool] = mapped_column(default=True)


class Redirect(Model):
    """An address that moved (`to_path`) or is gone for good (none)."""

    __tablename__ = "redirect"

    id: Mapped[int] = mapped_column(primary_key=True)
    from_path: Mapped[str] = mapped_column(sa.String(300), unique=True)
    to_path: Mapped[str] = mapped_column(sa.String(300), default="")
    hits: Mapped[int] = mapped_column(default=0)
    last_hit_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PageText(Model):
    """Words of the store for a page that the program makes (`content.page_texts`), by its address.
    Empty fields: the program's own words."""

    __tablename__ = "page_text"

    path: Mapped[str] = mapped_column(sa.String(300), primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(120), default="")
    description: Mapped[str] = mapped_column(sa.String(300), default="")
    heading: Mapped[str] = mapped_column(sa.String(120), default="")
    text: Mapped[str] = mapped_column(sa.Text, default="")
    updated_by: Mapped[str] = mapped_column(sa.String(254))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
