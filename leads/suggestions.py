"""Which texts suit a lead now, the best first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from core.db import db
from dealership.staff import StaffMember
from leads.message_templates import Filled, MessageTemplate, fill, slots_of, templates
from leads.models import Enquiry, Lead
from leads.pipeline.cadence_steps import Progress, progress_of
from leads.pipeline.stages import Stage
from leads.stop_list import Purpose
from leads.template_slots import AskedCar, car_of, facts_of

SUGGESTED: Final = 3
_AT_STAGE: Final[Mapping[str, str]] = {
    Stage.WAITING: "first_answer",
    Stage.ASSIGNED: "first_answer",
    Stage.TRYING: "no_answer",
    Stage.TALKING: "follow_up",
    Stage.QUALIFIED: "follow_up",
    Stage.SCHEDULED: "visit",
    Stage.NO_SHOW: "no_show",
    Stage.VISITED: "after_visit",
    Stage.OFFERED: "after_visit",
    Stage.WITH_SELLER: "after_visit",
    Stage.PROPOSAL: "proposal",
    Stage.RESERVED: "proposal",
}
# Where the news that the car is gone comes before anything else.
_STILL_LOOKING: Final = frozenset({"first_answer", "no_answer", "follow_up", "visit"})
_NOT_OF_A_LEAD: Final = frozenset({"outreach", "catch_up", "referral"})  # leads.outreach.texts
_OF_THE_DEAL: Final = frozenset({"proposal", "after_visit"})


@dataclass(frozen=True)
class Suggestion:
    """A text that suits a lead, filled for it."""

    template: MessageTemplate
    filled: Filled


def choices(
    lead: Lead, writer: StaffMember, *, progress: Progress | None = None
) -> list[Suggestion]:
    """Every text that may be sent to `lead`, the best first: those of its situation, of its kind
    of enquiry before those of any, what can be sent before what lacks a fact. A fixed number of
    statements. `progress` when the caller has it."""
    texts = templates()
    car = car_of(lead)
    facts = facts_of(lead, writer, car)
    is_sold = car is not None and car.is_sold
    situation = situation_of(lead, progress or progress_of(lead), is_sold=is_sold)
    kind = _first_kind(lead.id)
    able = [one for one in texts if _suits(one, lead, kind, car)]
    found = [Suggestion(one, fill(one, facts)) for one in able]
    return sorted(found, key=lambda one: _rank(one, situation))


def suggested(lead: Lead, writer: StaffMember) -> list[Suggestion]:
    """The best few texts for WhatsApp."""
    ways = [one for one in choices(lead, writer) if one.template.channel == "whatsapp"]
    return ways[:SUGGESTED]


def situation_of(lead: Lead, progress: Progress | None, *, is_sold: bool) -> str:
    """The situation (leads.message_templates.SITUATIONS) that `lead` is in."""
    step = progress.next if progress else None
    found = step.situation if step else _AT_STAGE.get(lead.state, "follow_up")
    return "car_sold" if is_sold and found in _STILL_LOOKING else found


def _suits(template: MessageTemplate, lead: Lead, kind: str, car: AskedCar | None) -> bool:
    if template.department not in {"", lead.department} or template.kind not in {"", kind}:
        return False
    if template.situation in _NOT_OF_A_LEAD:
        return False
    if template.situation == "car_sold":
        return car is not None and car.is_sold
    if car is None or car.is_for_sale:
        return True
    # No text speaks of a car as one that can be had when it cannot; the buyer who reserved it may
    # be written to about it.
    used = slots_of(template)
    is_about_deal = template.situation in _OF_THE_DEAL and not car.is_sold
    return not used & {"preco", "link"} and (is_about_deal or "carro" not in used)


def _rank(one: Suggestion, situation: str) -> tuple[object, ...]:
    template = one.template
    return (
        template.situation != situation,
        template.purpose != Purpose.ANSWER,
        not one.filled.can_be_sent,
        not template.kind,
        not template.department,
        -len(slots_of(template)),  # who knows more says more
        template.id,
    )


def _first_kind(lead_id: int) -> str:
    kinds: Sequence[str] = db.session.scalars(
        sa.select(Enquiry.kind)
        .where(Enquiry.lead_id == lead_id)
        .order_by(Enquiry.at, Enquiry.id)
        .limit(1)
    ).all()
    return kinds[0] if kinds else ""
