"""People of the house and leads of the queue, made by the verbs that make them in life."""

from datetime import datetime
from itertools import count
from typing import Any

from core.clock import now
from core.db import db, writing
from dealership.models import Store
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff
from leads.models import Lead, Person
from leads.pipeline.clocks import urgency_of
from leads.pipeline.log import rebuilt, record, standing_of
from leads.pipeline.rules import set_rules
from leads.pipeline.stages import ATTENDED, CLOSED, SOLD_BY, Stage
from leads.pipeline.standing import Standing

_numbers = count(1)


def make_staff(role: Role = Role.ATTENDANT, *stores: Store, name: str = "") -> StaffMember:
    number = next(_numbers)
    name = name or f"Pessoa {number:03}"
    with writing() as session:
        chosen = [session.merge(one) for one in stores]
        return create_staff(f"p{number}@example.com", role, name=name, stores=chosen)


def make_lead(
    *,
    at: datetime | None = None,
    kind: str = "contact",
    source: str = "form:contato",
    **values: Any,
) -> Lead:
    """A lead that came in at `at`, as intake leaves it."""
    at = at or now()
    with writing() as session:
        person = values.pop("person", None) or Person(name="Rui Prado")
        session.add(person)
        session.flush()
        lead = Lead(
            person_id=person.id,
            **{"department": "sales", "source": source, "created_at": at, **values},
        )
        session.add(lead)
        session.flush()
        urgency = int(urgency_of(kind, source))
        record(lead, "enquiry", "site", at=at, is_first=True, urgency=urgency)
    return lead


def happen(lead: Lead, kind: str, actor: str = "p@example.com", **data: Any) -> int:
    """As `record`, in a transaction of its own; the event's id."""
    with writing() as session:
        return record(session.get_one(Lead, lead.id), kind, actor, **data).id


def use_rules(**changed: Any) -> None:
    with writing():
        set_rules(changed, by="test")


def fresh(lead: Lead) -> Lead:
    """The lead as the database has it."""
    db.session.rollback()
    db.session.refresh(lead)
    return lead


def check_standing(one: Standing) -> None:
    """What must be true of a lead at every moment, whatever happened to it."""
    assert one.due_at.tzinfo is not None
    if one.stage in CLOSED:
        assert one.closed_at is not None, one
        assert (one.return_at, one.next_action, one.stage_before) == (None, "", ""), one
        return
    assert one.closed_at is None, one
    assert one.next_action, one
    # Exactly one has it: a person, or the queue (which also keeps those that sleep).
    has_owner = one.stage not in {Stage.WAITING, Stage.NURTURE}
    assert (one.owner_id is not None) == has_owner, one
    if one.return_at is not None:
        assert one.stage in ATTENDED | {Stage.OFFERED}, one
    if one.stage is Stage.ASSIGNED:
        assert one.return_at is not None, one  # nobody sits on a lead
    if one.stage is Stage.OFFERED:
        assert one.seller_id is not None, one
        assert one.return_at is not None, one
        assert one.stage_before in ATTENDED, one
    else:
        assert one.stage_before == "", one
    if one.stage in SOLD_BY and one.seller_id is not None:
        assert one.owner_id == one.seller_id, one


def check(lead: Lead) -> None:
    """The columns say what the events say, and that is sound."""
    assert rebuilt(lead) == standing_of(lead)
    check_standing(standing_of(lead))
