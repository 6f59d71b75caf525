"""Permission to show a person's words and image, and taking it back.

A person's image and words for advertising need their permission (Código Civil art. 20); it is free,
informed, provable and withdrawn as easily as given (LGPD arts. 7 I, 8 §§ 1, 2, 5). Everything that
shows a person asks the consent when it is drawn, so a withdrawal holds everywhere at once.
"""

import hashlib
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from content.models import Document, ImageConsent, Testimonial
from content.refusals import ContentRefused, fitting, needed
from core.clock import now
from core.db import db
from dealership.identity import identity
from jobs.queue import enqueue
from leads import privacy
from leads.holdings import contact_digest

LINK: Final = "link"  # given by the person on our page
PAPER: Final = "paper"  # signed; staff say where it is kept


def wording(*, covers_image: bool) -> str:
    """The sentence that people agree to, whole."""
    name = identity().legal_name or identity().name
    words = _(
        "I allow %(dealer)s to show on its site and in its advertising what I wrote, with my first "
        "name, my city, my car and the month. Typing mistakes may be mended, the meaning may not "
        "be changed. It is free of charge, and I can take this back at any time, by the link I "
        "got or by writing to the store: then it leaves the site.",
        dealer=name,
    )
    image = _("I allow my photo and my video to be shown along with it, too.")
    return f"{words} {image}" if covers_image else words


def version_of(text: str) -> str:
    """A short mark of a wording."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def give(
    person: str,
    *,
    covers_image: bool,
    channel: str,
    by: str = "",
    evidence: str = "",
    network: str = "",
    contact: str = "",
) -> ImageConsent:
    """Record a permission with today's wording; `network` is an address shortened, of `contact`
    (e-mail or phone) a digest is kept. On paper, the place where it is kept must be said. Raises
    ContentRefused."""
    kind, key = privacy.contact_key(contact)
    if contact.strip() and not key:
        raise ContentRefused(_("This is neither an e-mail nor a phone with area code."), "contato")
    name = needed(person, 80, "pessoa")
    place = fitting(evidence, 200, "prova")
    if channel == PAPER:
        place = needed(evidence, 200, "prova")
    text = wording(covers_image=covers_image)
    consent = ImageConsent(
        person=name,
        covers_image=covers_image,
        wording=text,
        version=version_of(text),
        given_at=now(),
        channel=channel,
        evidence=place,
        recorded_by=by,
        network=network,
        contact=contact_digest(kind, key) if key else "",
    )
    db.session.add(consent)
    db.session.flush()
    return consent


def revoke(consent: ImageConsent, *, by: str) -> None:
    """Take a permission back: what stands on it leaves the site, and photos that the person sent
    are deleted. Doing it again changes nothing."""
    if consent.revoked_at is not None:
        return
    consent.revoked_at, consent.revoked_by = now(), by
    testimonials = db.session.scalars(
        sa.select(Testimonial).where(Testimonial.consent_id == consent.id)
    ).all()
    for testimonial in testimonials:
        if testimonial.state in {"published", "waiting"}:
            testimonial.state = "hidden"
        testimonial.updated_at = now()
        if testimonial.photo and not testimonial.photo.get("media_id"):
            enqueue(
                "drop_picture", {"photo": testimonial.photo}, dedup_key=testimonial.photo["stem"]
            )
            testimonial.photo = {}
    db.session.execute(
        sa.update(Document)
        .where(Document.consent_id == consent.id, Document.state == "published")
        .values(state="draft", updated_at=now()),
        execution_options={"synchronize_session": "fetch"},
    )
    db.session.flush()
