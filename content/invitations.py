"""Links by which a buyer tells how it was: sent by mail, used once, looked at before it is shown.

The token is made from the row and the site's key; the table keeps its digest. After use the same
link shows what was sent and takes the permission back. Verbs flush.

DomainError
└── ContentRefused    an invitation that cannot be sent or used so
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from itsdangerous import URLSafeSerializer

from content import consents
from content.models import Testimonial, TestimonialInvitation
from content.refusals import ContentRefused, fitting
from content.testimonials import TestimonialFacts, create_testimonial
from core.clock import now
from core.config import current
from core.db import db, writing
from core.mail import is_address
from core.text import clean_line
from dealership.identity import identity
from jobs.queue import enqueue
from jobs.worker import Record
from leads import letters
from leads.stop_list import Channel, Purpose, may_send

LASTS: Final = timedelta(days=30)
KIND: Final = "testimonial_invitation"
PATH: Final = "/depoimentos/convite"


def invite(
    email: str, *, name: str = "", car: str = "", store_id: int | None = None, by: str
) -> TestimonialInvitation:
    """Ask a buyer for their words, by mail. One open invitation per address: asking again is the
    same one. Raises ContentRefused."""
    address = clean_line(email, 254).lower()
    if not is_address(address):
        raise ContentRefused(_("This is no e-mail address. Check it."), "email")
    verdict = may_send(address, Channel.MAIL, Purpose.MARKETING)
    if not verdict.allowed:
        raise ContentRefused(verdict.words, "email")
    values = {"name": fitting(name, 60, "nome"), "car": fitting(car, 60, "carro")}
    known = db.session.scalars(
        sa.select(TestimonialInvitation).where(
            TestimonialInvitation.email == address,
            TestimonialInvitation.used_at.is_(None),
            TestimonialInvitation.expires_at > now(),
        )
    ).first()
    if known is not None:
        return known
    invitation = TestimonialInvitation(
        **values,
        email=address,
        store_id=store_id,
        invited_by=by,
        created_at=now(),
        expires_at=now() + LASTS,
        digest=hashlib.sha256(f"{address}{now().isoformat()}".encode()).hexdigest(),
    )
    db.session.add(invitation)
    db.session.flush()
    invitation.digest = _digest(token_of(invitation))
    enqueue("compose_testimonial_invitation", {"id": invitation.id}, dedup_key=str(invitation.id))
    db.session.flush()
    return invitation


def withdraw_invitation(invitation: TestimonialInvitation) -> None:
    """Close a link that nobody used."""
    if invitation.used_at is None:
        invitation.expires_at = now()
        invitation.email = ""
    db.session.flush()


def token_of(invitation: TestimonialInvitation) -> str:
    """What the link carries."""
    moment = int(invitation.created_at.timestamp() * 1000)
    return str(_signer().dumps([invitation.id, moment]))


def path_of(invitation: TestimonialInvitation) -> str:
    return f"{PATH}/{token_of(invitation)}"


def find_invitation(token: str) -> TestimonialInvitation | None:
    """The invitation of a link that still opens something: open, or used."""
    row = db.session.scalars(
        sa.select(TestimonialInvitation).where(TestimonialInvitation.digest == _digest(token))
    ).first()
    if row is None or (row.used_at is None and row.expires_at <= now()):
        return None
    return row


def accept(
    invitation: TestimonialInvitation,
    facts: TestimonialFacts,
    *,
    allows_words: bool,
    allows_image: bool,
    network: str = "",
) -> Testimonial:
    """Keep what the buyer sent, for somebody to look at; the link is used up. Sent again it is
    what was sent first. Raises ContentRefused without the permission for the words."""
    row = db.session.get(
        TestimonialInvitation, invitation.id, with_for_update=True, populate_existing=True
    )
    if row is None:
        raise ContentRefused(_("This link does not open any more."))
    if row.used_at is not None:
        known = db.session.get(Testimonial, row.testimonial_id) if row.testimonial_id else None
        if known is None:
            raise ContentRefused(_("This link does not open any more."))
        return known
    if not allows_words:
        raise ContentRefused(_("Without your permission we cannot show it."), "autoriza")
    if facts.photo and not allows_image:
        raise ContentRefused(
            _("To send a photo, allow it to be shown; or send the words alone."), "imagem"
        )
    testimonial = create_testimonial(facts, by="convite", state="waiting")
    testimonial.consent = consents.give(
        facts.name,
        covers_image=allows_image,
        channel=consents.LINK,
        network=network,
        contact=row.email,
    )
    row.used_at, row.testimonial_id, row.email = now(), testimonial.id, ""
    db.session.flush()
    return testimonial


def sent_by(invitation: TestimonialInvitation) -> Testimonial | None:
    """What came by this link."""
    if invitation.testimonial_id is None:
        return None
    return db.session.get(Testimonial, invitation.testimonial_id)


# ---- mail and forgetting ----


def compose_invitation(payload: Mapping[str, Any]) -> Record | None:
    """Handler: write the mail, unless the invitation was used or withdrawn."""
    row = db.session.get(TestimonialInvitation, payload["id"])
    if row is None or row.used_at or not row.email:
        return None
    to, key = row.email, f"{KIND}:{row.digest[:24]}"
    values = {
        "name": letters.greeting_name(row.name),
        "car": row.car,
        "path": path_of(row),
        "days": LASTS.days,
    }
    title = _("How was it at %(dealer)s?", dealer=identity().name)
    db.session.rollback()  # all is read; rendering holds no transaction
    subject = letters.subject(title)
    text, html = letters.render(KIND, subject=subject, **values)
    letter = letters.Letter(key=key, kind=KIND, to=to, subject=subject, text=text, html=html)
    return lambda: letters.post(letter)


def forget_invitations(_payload: Mapping[str, Any]) -> None:
    """Handler: addresses of links that expired unused are nobody's business any more (LGPD
    art. 15)."""
    with writing() as session:
        session.execute(
            sa.update(TestimonialInvitation)
            .where(TestimonialInvitation.expires_at <= now(), TestimonialInvitation.email != "")
            .values(email=""),
            execution_options={"synchronize_session": False},
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current().secret_key, salt="testimonial-invitation")


JOBS = {
    "compose_testimonial_invitation": compose_invitation,
    "forget_invitations": forget_invitations,
}
