"""What people said of us, when they ask what we hold or to be erased.

A permission keeps a digest of its giver's e-mail or phone, never the contact itself.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from content import consents
from content.media import MediaItem, used_by
from content.models import Document, ImageConsent, Testimonial, TestimonialInvitation
from core.db import db
from jobs.queue import enqueue
from leads.holdings import Entry, Holder, contact_digest, register_holder
from leads.people import email_key

ERASED = "erasure"


def find(digests: Collection[str]) -> list[Entry]:
    """Testimonials and stories that rest on a permission from one of these contacts, and open
    invitations to them."""
    given = ImageConsent.contact.in_(digests)
    said = db.session.scalars(
        sa.select(Testimonial).join(Testimonial.consent).where(given).order_by(Testimonial.id)
    )
    told = db.session.execute(
        sa.select(Document, ImageConsent)
        .join(ImageConsent, ImageConsent.id == Document.consent_id)
        .where(given)
        .order_by(Document.id)
    )
    return [
        *(_testimonial(row) for row in said),
        *(
            {"what": "story", "at": _iso(consent.given_at), "text": row.title, "state": row.state}
            for row, consent in told
        ),
        *(
            {"what": "invitation", "at": _iso(row.created_at), "name": row.name, "car": row.car}
            for row in _invitations(digests)
        ),
    ]


def forget(digests: Mapping[str, datetime]) -> None:
    """Take the permissions back, delete words, names and photos. Of a permission stays that one
    was given and ended; a story leaves the site and waits for staff as a draft."""
    marked = sa.select(ImageConsent).where(ImageConsent.contact != "")
    for consent in db.session.scalars(marked).all():
        until = digests.get(consent.contact)
        if until is None or consent.given_at > until:
            continue
        consents.revoke(consent, by=ERASED)
        for row in db.session.scalars(
            sa.select(Testimonial).where(Testimonial.consent_id == consent.id)
        ).all():
            _delete(row)
        consent.person = consent.contact = consent.evidence = consent.network = ""
    for invitation in _invitations(digests):
        if invitation.created_at <= digests[_mark(invitation.email)]:
            invitation.expires_at = invitation.created_at
            invitation.email = invitation.name = ""
    db.session.flush()


def _testimonial(row: Testimonial) -> Entry:
    given = row.consent.given_at if row.consent else None
    facts: dict[str, Any] = {"what": "testimonial", "at": _iso(given), "state": row.state}
    names = ("text", "name", "city", "car", "month")
    facts |= {name: getattr(row, name) for name in names}
    return facts | {"has_photo": bool(row.photo), "has_video": bool(row.youtube)}


def _delete(row: Testimonial) -> None:
    """With the photo, unless the library shows it elsewhere too."""
    media_id = (row.photo or {}).get("media_id")
    invited = sa.select(TestimonialInvitation).where(TestimonialInvitation.testimonial_id == row.id)
    for invitation in db.session.scalars(invited):
        invitation.name = invitation.car = ""
        invitation.testimonial_id = None
    db.session.delete(row)
    db.session.flush()
    item = db.session.get(MediaItem, media_id) if media_id else None
    if item is not None and not used_by(item):
        photo = item.photo
        db.session.delete(item)
        enqueue("drop_picture", {"photo": photo}, dedup_key=photo["stem"])


def _invitations(digests: Collection[str]) -> list[TestimonialInvitation]:
    """Those that nobody used yet: they are few, and the only ones that hold an address."""
    waiting = sa.select(TestimonialInvitation).where(TestimonialInvitation.email != "")
    return [row for row in db.session.scalars(waiting) if _mark(row.email) in digests]


def _mark(email: str) -> str:
    return contact_digest("email", email_key(email))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def init_forgetting() -> None:
    """Let whoever asks for their data reach what is here."""
    register_holder("testimonials", Holder(find, forget))
