"""The visits of the agenda in words, with the reminder of each: a fixed number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.desk.rows import Ring, car_names, ring_of
from admin.door import staff
from core.clock import DEFAULT_ZONE, now
from dealership.models import Store
from dealership.staff import StaffMember
from leads.agenda import Standing, Visit
from leads.message_templates import fill, templates
from leads.models import Appointment, Lead
from leads.notifications import kind_label
from leads.pipeline.rules import rules_at
from leads.reach import Way, saying, ways_to_each
from leads.template_slots import visit_facts

STANDINGS: Final[Mapping[Standing, Any]] = {
    Standing.TO_CONFIRM: _l("To confirm"),
    Standing.CONFIRMED: _l("Visit confirmed"),
    Standing.LATE: _l("Late for the visit"),
    Standing.ARRIVED: _l("Arrived"),
    Standing.MISSED: _l("Did not come"),
}


@dataclass(frozen=True)
class Row:
    """One visit in words."""

    visit: Appointment
    lead: Lead | None
    standing: Standing
    clock: str
    kind: str
    who: str
    car: str
    store: str
    owner: str
    whatsapp: Way | None
    outcome: Ring | None  # by when somebody says what came of it

    @property
    def words(self) -> str:
        return str(STANDINGS[self.standing])

    @property
    def is_open(self) -> bool:
        return self.standing in {Standing.TO_CONFIRM, Standing.CONFIRMED, Standing.LATE}


def agenda_rows(
    visits: Sequence[Visit], stores: Sequence[Store], people: Sequence[StaffMember]
) -> list[Row]:
    """The rows for `visits`, in their order; `people` give the owners' names."""
    by_id = {one.id: one for one in stores}
    names = {one.id: one.shown_name for one in people}
    cars = car_names({one.appointment.vehicle_id for one in visits if one.appointment.vehicle_id})
    messages = _messages(visits, cars)
    ways = ways_to_each({one.person.id: one.person for one in visits if one.person}.values())
    moment, rules = now(), rules_at()
    found_rows = []
    for one in visits:
        visit, lead = one.appointment, one.lead
        store = by_id.get(visit.store_id)
        zone = ZoneInfo(store.zone) if store else DEFAULT_ZONE
        is_owed = one.standing is Standing.LATE or (
            one.standing is Standing.ARRIVED and lead is not None and lead.next_action == "outcome"
        )
        due = visit.starts_at + timedelta(minutes=rules.outcome.minutes)
        found_rows.append(
            Row(
                visit=visit,
                lead=lead,
                standing=one.standing,
                clock=format_datetime(visit.starts_at.astimezone(zone), "HH:mm", rebase=False),
                kind=kind_label(visit.kind),
                who=(one.person.name if one.person else "")
                or (_("Lead %(n)s", n=lead.id) if lead else _("A request that is just coming in")),
                car=cars.get(visit.vehicle_id or 0, ""),
                store=store.name if store and len(stores) > 1 else "",
                owner=names.get((lead.owner_id if lead else None) or 0, ""),
                whatsapp=saying(
                    ways[one.person.id].whatsapp, one.person, messages.get(visit.id, "")
                )
                if one.person
                else None,
                outcome=ring_of(due, visit.starts_at, moment) if is_owed else None,
            )
        )
    return found_rows


def _messages(visits: Sequence[Visit], cars: Mapping[int, str]) -> dict[int, str]:
    """The reminder of each visit, by its id, from the house's own text for it. Two statements."""
    text = next(
        (
            one
            for one in templates()
            if one.situation == "visit" and one.channel == "whatsapp" and not one.kind
        ),
        None,
    )
    if text is None:
        return {}
    return {
        one.appointment.id: filled.text
        for one in visits
        if one.person is not None
        and (
            filled := fill(
                text,
                visit_facts(
                    one.person,
                    one.appointment,
                    staff(),
                    cars.get(one.appointment.vehicle_id or 0, ""),
                ),
            )
        ).can_be_sent
    }
