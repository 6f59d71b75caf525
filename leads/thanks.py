"""What somebody who has just sent a form is told: what was kept, who answers, when.

Read from the submission itself, which is there before any job has looked at it. Nothing here is
guessed: an answer time only when it was computed from answers, a price range only when the table
says so, a booked time only when it is booked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.db import db
from dealership.identity import Identity, StoreProfile
from inventory import search
from inventory.fipe import FipeRange, fipe_range
from inventory.offers import Offer
from leads.answer_time import typical_answer_minutes
from leads.appointments import appointment_of, appointment_path
from leads.models import Appointment, Submission

SIMILAR: Final = 3
BOOKINGS: Final = frozenset({"test_drive", "service"})
# Kinds that nobody answers in person: what was asked for comes by mail.
BY_MAIL: Final = frozenset({"newsletter", "price_alert"})
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Thanks:
    """One kept submission as its sender may see it again. Names no person."""

    id: str
    kind: str  # contact, interest, test_drive …; a key of leads.forms.FORMS
    details: Mapping[str, Any]
    received_at: datetime
    offer: Offer | None = None
    store: StoreProfile | None = None  # who answers
    appointment: Appointment | None = None
    starts_at: datetime | None = None  # of the appointment, in the store's zone
    fipe: FipeRange | None = None  # of the car to be valued
    similar: tuple[Offer, ...] = ()
    answer_minutes: int | None = None  # computed from answers, or None

    @property
    def is_by_mail(self) -> bool:
        return self.kind in BY_MAIL

    @property
    def wished_time(self) -> bool:
        """A time was asked for and is not booked yet: somebody confirms it."""
        return self.kind in BOOKINGS and self.appointment is None

    @property
    def appointment_path(self) -> str:
        """Where the visit is seen, moved and cancelled; empty without one."""
        return appointment_path(self.appointment) if self.appointment else ""

    @property
    def value_cents(self) -> int:
        """What the lead is about, for the site's own counting of conversions; 0 if unknown."""
        return self.offer.price_cents if self.offer else 0

    @property
    def contact_place(self) -> str:
        """Whom the counted WhatsApp link reaches, as `/w/<place>` spells it."""
        if self.offer:
            return f"oferta-{self.offer.public_id}"
        if self.store:
            return (
                f"oficina-{self.store.slug}"
                if self.kind == "service"
                else (f"loja-{self.store.slug}")
            )
        return "geral"


def is_submission_id(text: str) -> bool:
    """Whether `text` can be the id of a submission."""
    return bool(_ID.fullmatch(text))


def thanks_for(submission_id: str, dealer: Identity) -> Thanks | None:
    """What to tell the sender of `submission_id`; None when it is not in the database (it may
    wait in the spool). At most nine statements."""
    submission = db.session.get(Submission, submission_id) if _ID.fullmatch(submission_id) else None
    if submission is None or not submission.source.startswith(("form:", "landing")):
        return None
    asked = submission.payload
    kind = str(asked.get("kind") or "contact")
    details: Mapping[str, Any] = asked.get("details") or {}
    offer = _offer(str(asked.get("vehicle") or ""))
    appointment = appointment_of(submission.id) if kind in BOOKINGS else None
    store = _store(dealer, asked, details, offer, appointment)
    return Thanks(
        id=submission.id,
        kind=kind,
        details=details,
        received_at=submission.received_at,
        offer=offer,
        store=store,
        appointment=appointment,
        starts_at=appointment.starts_at.astimezone(store.zone) if appointment and store else None,
        fipe=_fipe(details) if kind == "trade_in" else None,
        similar=tuple(search.find_offers(search.similar(offer.id, SIMILAR))) if offer else (),
        answer_minutes=None
        if kind in BY_MAIL
        else typical_answer_minutes(store.id if store else None),
    )


def _offer(public_id: str) -> Offer | None:
    offer = search.find_offer(public_id) if public_id else None
    return offer if offer and offer.availability.has_page else None


def _store(
    dealer: Identity,
    asked: Mapping[str, Any],
    details: Mapping[str, Any],
    offer: Offer | None,
    appointment: Appointment | None,
) -> StoreProfile | None:
    """The store that was booked or chosen, else the car's, else the only one there is."""
    if appointment:
        booked = (store for store in dealer.stores if store.id == appointment.store_id)
        return next(booked, None)
    named = str(asked.get("store") or details.get("store") or "")
    found = dealer.store(named) if named else None
    if found is None and offer:
        found = dealer.store(offer.store.slug)
    return found or (dealer.stores[0] if len(dealer.stores) == 1 else None)


def _fipe(details: Mapping[str, Any]) -> FipeRange | None:
    make, model, year = (details.get(key) for key in ("make", "model", "model_year"))
    if not isinstance(make, str) or not isinstance(model, str) or not isinstance(year, int):
        return None  # erased meanwhile, or sent by a program
    return fipe_range(make, model, year)
