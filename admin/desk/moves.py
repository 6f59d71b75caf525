"""What can be done with a lead from its screen: each move is an address, the facts that its form
gives, and the event that it becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_text
from leads.models import Appointment, Lead
from leads.pipeline.clocks import schedule_for
from leads.pipeline.stages import Stage
from leads.words import (
    CHANNELS,
    INVALID_REASONS,
    LOSS_REASONS,
    NEXT_ACTIONS,
    OUTCOMES,
    REFUSAL_REASONS,
    RETURN_REASONS,
)

Form = Mapping[str, str]
Facts = dict[str, Any]
# What somebody does to whom a lead is only offered.
ANSWERS: Final = frozenset({"aceitar", "recusar"})
MOST_CENTS: Final = 10**11  # a milliard: nobody sells a car for more
FARTHEST: Final = timedelta(days=730)
FURTHEST_DELIVERY_DAYS: Final = 365  # before or after the sale


class MoveRefused(DomainError):
    """The form of a move lacks something; the sentence says what."""


@dataclass(frozen=True)
class Move:
    """One move. `facts` reads the form, for that lead, and raises MoveRefused; `said` is the
    answer."""

    kind: str
    facts: Callable[[Form, Lead], Facts]
    said: Any
    leaves: bool = False  # the lead is not the attendant's any more: on to the next one


def _choice(form: Form, name: str, among: Mapping[str, Any], words: str) -> str:
    value = form.get(name, "")
    if value not in among:
        raise MoveRefused(words)
    return value


def _text(form: Form, name: str, words: str = "", *, longest: int = 2000) -> str:
    value = clean_text(form.get(name, ""), longest)
    if words and not value:
        raise MoveRefused(words)
    return value


def _without_empty(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _moment(form: Form, name: str, words: str, lead: Lead) -> str:
    """A date and time of the store's clock that lies ahead, as the log keeps it."""
    try:
        local = datetime.fromisoformat(form.get(name, ""))
    except ValueError:
        raise MoveRefused(words) from None
    zone = schedule_for(lead.store_id).zone
    moment = local.replace(tzinfo=zone) if local.tzinfo is None else local
    if not now() < moment < now() + FARTHEST:
        raise MoveRefused(_("Choose a date and time that lies ahead."))
    return moment.isoformat()


def _sent(form: Form, _lead: Lead) -> Facts:
    channel = _choice(form, "canal", CHANNELS, _("Say how you reached them."))
    return {"channel": channel, "evidence": channel, "words": _text(form, "nota")}


def _talked(form: Form, _lead: Lead) -> Facts:
    return _without_empty(_sent(form, _lead))


def _attempted(form: Form, _lead: Lead) -> Facts:
    return {
        "channel": _choice(form, "canal", CHANNELS, _("Say how you tried.")),
        "outcome": _choice(form, "resultado", OUTCOMES, _("Say what happened.")),
    }


def _qualified(form: Form, _lead: Lead) -> Facts:
    return _without_empty(
        {
            "need": _text(form, "necessidade", _("Say in one sentence what they need.")),
            "trade_in": _text(form, "troca", longest=300),
            "payment": _text(form, "pagamento", longest=300),
            "term": _text(form, "prazo", longest=120),
            "deciders": _text(form, "quem_decide", longest=120),
        }
    )


def _lost(form: Form, _lead: Lead) -> Facts:
    return _without_empty(
        {
            "reason": _choice(form, "motivo", LOSS_REASONS, _("Say why it was lost.")),
            "words": _text(form, "nota"),
        }
    )


def _won(form: Form, _lead: Lead) -> Facts:
    typed = form.get("valor", "").strip()
    price = _price(typed) if typed else None
    return _without_empty(
        {
            "price_cents": price,
            "delivered_on": _delivery_day(form.get("entrega", "")),
            "words": _text(form, "nota"),
            "car_sold": form.get("vendido") == "1" or None,
        }
    )


def _delivery_day(typed: str) -> str:
    """The day on which the car is handed over; empty means that of the sale."""
    if not typed.strip():
        return ""
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        day = date.min
    if not abs((day - today()).days) <= FURTHEST_DELIVERY_DAYS:
        raise MoveRefused(_("This day of the delivery cannot be right."))
    return day.isoformat()


def _proposal(form: Form, _lead: Lead) -> Facts:
    price = _price(form.get("valor", ""))
    return _without_empty({"price_cents": price, "words": _text(form, "nota")})


def _price(typed: str) -> int:
    """The price typed, in cents."""
    try:
        price = parse_brl(typed)
    except ValueError:
        price = 0
    if not 0 < price < MOST_CENTS:
        raise MoveRefused(_("Write the price like 89.900,00."))
    return price


def _slept(form: Form, lead: Lead) -> Facts:
    due = _moment(form, "quando", _("Say until when."), lead)
    return _without_empty({"due_at": due, "words": _text(form, "nota")})


def _next(form: Form, lead: Lead) -> Facts:
    return _without_empty(
        {
            "action": _choice(form, "acao", NEXT_ACTIONS, _("Say what is to be done next.")),
            "due_at": _moment(form, "quando", _("Say when."), lead),
            "words": _text(form, "nota"),
        }
    )


def _returned(form: Form, _lead: Lead) -> Facts:
    return {"reason": _choice(form, "motivo", RETURN_REASONS, _("Say why you give it back."))}


def _invalid(form: Form, _lead: Lead) -> Facts:
    return {"reason": _choice(form, "motivo", INVALID_REASONS, _("Say why it is no lead."))}


def _refused(form: Form, _lead: Lead) -> Facts:
    return {"reason": _choice(form, "motivo", REFUSAL_REASONS, _("Say why you refuse it."))}


def _given_back(form: Form, _lead: Lead) -> Facts:
    return {"reason": "given_back", "words": _text(form, "nota", _("Say why in a sentence."))}


def _reopened(_form: Form, lead: Lead) -> Facts:
    if lead.state == Stage.BLOCKED:  # only their own new message opens it again
        raise MoveRefused(
            _("They asked for no contact: only they can open this again, by writing.")
        )
    return {"reason": "by_hand"}


def _nothing(_form: Form, _lead: Lead) -> Facts:
    return {}


def _accepted(_form: Form, lead: Lead) -> Facts:
    return {"seller_id": lead.seller_id}


def _no_show(_form: Form, lead: Lead) -> Facts:
    return {"appointment_id": _newest_visit(lead)}


def _newest_visit(lead: Lead) -> int:
    """The visit that was agreed last. Raises MoveRefused."""
    visit = db.session.scalar(
        sa.select(Appointment.id)
        .where(Appointment.lead_id == lead.id, Appointment.state == "booked")
        .order_by(Appointment.starts_at.desc(), Appointment.id.desc())
        .limit(1)
    )
    if visit is None:
        raise MoveRefused(_("No visit is booked: there was nothing to miss."))
    return int(visit)


def _reserved(form: Form, lead: Lead) -> Facts:
    due = _moment(form, "quando", _("Say until when."), lead)
    return _without_empty({"due_at": due, "words": _text(form, "nota")})


def _lifted(form: Form, _lead: Lead) -> Facts:
    return _without_empty({"reason": "lifted", "words": _text(form, "nota")})


def _note(form: Form, _lead: Lead) -> Facts:
    return {"words": _text(form, "nota", _("The note is empty."), longest=4000)}


MOVES: Final[Mapping[str, Move]] = {
    "mandei": Move("human_contact", _sent, _l("Noted: you wrote to them.")),
    "falei": Move("talked", _talked, _l("Noted: you talked.")),
    "tentei": Move("attempted", _attempted, _l("Noted. It comes back when it is time.")),
    "qualificar": Move("qualified", _qualified, _l("Saved what they need.")),
    "veio": Move("visited", _nothing, _l("Noted: they came.")),
    "faltou": Move("no_show", _no_show, _l("Noted: they did not come. Call them now.")),
    "reservar": Move("reserved", _reserved, _l("Reservation noted.")),
    "liberar": Move(
        "reservation_ended", _lifted, _l("The car is free: the next in its line, or for sale.")
    ),
    "proposta": Move("proposal_sent", _proposal, _l("Proposal noted.")),
    "ganhou": Move("won", _won, _l("Sale made. Congratulations!"), leaves=True),
    "perdeu": Move("lost", _lost, _l("Marked as lost."), leaves=True),
    "dormir": Move("slept", _slept, _l("It sleeps until then."), leaves=True),
    "proxima": Move("next_action", _next, _l("Next step saved.")),
    "devolver": Move("returned", _returned, _l("Back in the queue."), leaves=True),
    "invalido": Move("marked_invalid", _invalid, _l("Marked as no lead."), leaves=True),
    "aceitar": Move("handoff_accepted", _accepted, _l("The lead is yours.")),
    "recusar": Move("handoff_refused", _refused, _l("Back to the attendant."), leaves=True),
    "devolver-vendedor": Move("given_back", _given_back, _l("Back to the attendant."), leaves=True),
    "reabrir": Move("reopened", _reopened, _l("Open again, in the queue.")),
    "nota": Move("note", _note, _l("Note saved.")),
}
