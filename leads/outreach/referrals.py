"""Who named whom: asked for once, after four good talks; each new person counts for one who named
them, nobody for themselves, and the thanks are given once.

DomainError
└── ReferralRefused     it cannot be; the sentence says why
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line, parse_phone
from leads.intake import Asked, enter
from leads.merging import lock_people
from leads.models import Lead, Person, Submission
from leads.outreach.bases import Basis, note_basis
from leads.outreach.catch_ups import is_earned
from leads.outreach.models import Delivery, Referral
from leads.people import PersonTaken
from leads.pipeline.stages import Stage

SOURCE: Final = "referral"


class ReferralRefused(DomainError):
    """It cannot be; the sentence says why."""


@dataclass(frozen=True)
class Named:
    """Somebody a customer named, and how we know that they agree to hear from us."""

    name: str
    phone: str
    consent: str


def ask(delivery: Delivery) -> None:
    """The buyer was asked for names: once. Inside `writing()`. Raises ReferralRefused."""
    db.session.refresh(delivery, with_for_update={"of": Delivery})
    if not is_earned(delivery):
        raise ReferralRefused(_("We ask for names after four good talks, not before."))
    delivery.asked_at = delivery.asked_at or now()
    db.session.flush()


def refer(delivery: Delivery, named: Named, *, by: str) -> Referral:
    """A new lead for whom the buyer named. The same person again is the one that stands. Inside
    `writing()`. Raises ReferralRefused, core.text.NotPhone."""
    if delivery.asked_at is None:
        raise ReferralRefused(_("Note first that you asked for names."))
    name, consent = clean_line(named.name, 120), clean_line(named.consent, 200)
    if not name:
        raise ReferralRefused(_("Write the name of whom they named."))
    if not consent:
        raise ReferralRefused(_("Write how we know that they agree to hear from us."))
    phone = parse_phone(named.phone)
    lead = delivery.lead
    asked = Asked(
        source=SOURCE, kind=SOURCE, name=name, phone=phone, store_id=lead.store_id, actor=by,
        department=lead.department,
    )  # fmt: skip
    try:
        enquiry = enter(asked, _submission())
    except PersonTaken:
        raise ReferralRefused(_("A colleague typed the same person just now. Try again.")) from None
    referrer, referred = lead.person, enquiry.person
    lock_people(referrer, referred)
    there = _referral_of(referred.id)
    if there is not None and there.referrer_id == referrer.id:
        return there
    if there is not None:
        raise ReferralRefused(_("Somebody else named this person before."))
    if referred.id in _named_by(referrer.id):
        raise ReferralRefused(
            _("This person is the customer, or named the customer before: it would go in a circle.")
        )
    row = Referral(
        referrer_id=referrer.id, referred_id=referred.id, delivery_id=delivery.id,
        lead_id=enquiry.lead_id, consent=consent, by=by,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    note_basis(referred, Basis("consent", _("Named by a customer"), consent), by=by)
    return row


def reward(referral: Referral, what: str, *, by: str) -> None:
    """The customer was thanked with `what`: once. Inside `writing()`. Raises ReferralRefused."""
    line = clean_line(what, 160)
    if not line:
        raise ReferralRefused(_("Write what they got."))
    db.session.refresh(referral, with_for_update={"of": Referral})
    if referral.rewarded_at is not None:
        raise ReferralRefused(_("They were thanked for this one already."))
    if not is_due(referral):
        raise ReferralRefused(_("Thanks are due once the person they named has bought."))
    referral.reward, referral.rewarded_at, referral.rewarded_by = line, now(), by
    db.session.flush()


def is_due(referral: Referral) -> bool:
    """Whether the person who was named bought since, and nobody was thanked yet."""
    return referral.id in due_among([referral])


def due_among(found: Sequence[Referral]) -> set[int]:
    """The ids of those for which thanks are due, in one statement."""
    bought = (
        sa.select(Referral.id)
        .join(Lead, Lead.person_id == Referral.referred_id)
        .where(
            Referral.id.in_([one.id for one in found]),
            Referral.rewarded_at.is_(None),
            Lead.state == Stage.WON,
            Lead.closed_at >= Referral.at,
        )
    )
    return set(db.session.scalars(bought))


def referrals_of(person_id: int) -> list[Referral]:
    """Whom that person named, oldest first."""
    found = sa.select(Referral).where(Referral.referrer_id == person_id)
    loads = sa.orm.joinedload(Referral.referred), sa.orm.joinedload(Referral.lead)
    return list(db.session.scalars(found.options(*loads).order_by(Referral.id)).unique())


def named_by(person_id: int) -> Person | None:
    """Who named that person first."""
    found = _referral_of(person_id)
    return found.referrer if found else None


def _referral_of(person_id: int) -> Referral | None:
    found = sa.select(Referral).where(Referral.referred_id == person_id).order_by(Referral.id)
    return db.session.scalars(found.limit(1)).first()


def _named_by(person_id: int) -> set[int]:
    """That person, who named them, who named those, and so on: the branch up to its root."""
    branch = sa.select(sa.literal(person_id).label("id")).cte(recursive=True)
    above = sa.select(Referral.referrer_id).join(branch, Referral.referred_id == branch.c.id)
    return set(db.session.scalars(sa.select(branch.union(above).c.id)))


def _submission() -> str:
    """A name that a customer gave came with no post: this row stands for one."""
    row = Submission(
        id=secrets.token_hex(16), source=SOURCE, idem_key=secrets.token_hex(16), payload={},
        state="done",
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row.id
