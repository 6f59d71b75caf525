"""Two people were not one after all: both get back what was theirs, and what came since.

What came since goes to the side of the key it came by: an enquiry to whom its phone or e-mail
belongs, with its consents and visits; a mail or a privacy case to whom its address belongs; a lead
to whom its first enquiry belongs. What colleagues did on a lead stays with the lead.

A lead that had become a duplicate stands where it stood, by its own log. If its person has another
open lead in that department by then, it stays a duplicate, of that one: whatever is asked now is
asked there. An enquiry that was answered on the other side's lead opens a lead of its own: nobody
knows to whom the answer was.

DomainError
└── NotUnmergeable      this merge cannot be undone, or not yet
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from leads.duplicate_pairs import decide, drop_suggested
from leads.merging import MERGED, check_sight, columns_to, lock_people, move_rows
from leads.models import (
    Appointment,
    Consent,
    Enquiry,
    Lead,
    LeadEvent,
    Mail,
    Person,
    PersonKey,
    SubjectRequest,
    Subscription,
)
from leads.people import contact_key
from leads.pipeline.clocks import urgency_of
from leads.pipeline.log import rebuild, record
from leads.pipeline.stages import UNDOING
from leads.sides import PersonMerge, in_force, retake, side_ids
from leads.waiting_line import part_again

UNMERGED: Final = "unmerged"  # one of stages.UNDOING
UNSYNCED: Final = {"synchronize_session": False}
Recipe = dict[str, Any]


class NotUnmergeable(DomainError):
    """This merge cannot be undone, or not yet."""


def unmerge(merge: PersonMerge, by: str, *, store_ids: Collection[int] | None = None) -> None:
    """Give back both persons. Inside `writing()`; `by` is a staff e-mail, `store_ids` the stores
    that they serve (None: all). Raises NotUnmergeable, also for who comes second, and OutOfSight.
    """
    kept, gone = merge.kept, merge.gone
    lock_people(kept, gone)
    db.session.refresh(merge)
    _check(merge, kept, gone)
    check_sight([kept.id], store_ids)
    sides = side_ids(gone.id)
    recipe = merge.recipe
    held = _Held(kept.id, gone.id, sides)
    held.give_back_rows(recipe)
    held.give_back_later(merge)
    merge.undone_at, merge.undone_by = now(), by
    gone.merged_into_id = None
    db.session.flush()
    db.session.expire_all()
    _restore_leads(recipe["leads"], by)
    _revive(recipe["ended"])
    part_again(recipe.get("places", ()))
    for enquiry in _strays((kept.id, gone.id)):
        _rehome(enquiry, by)
    retake(kept, gone, recipe["fields"])
    kept.updated_at = gone.updated_at = now()
    drop_suggested(recipe["pairs"])
    decide(kept.id, gone.id, "different", by)
    db.session.flush()
    db.session.expire_all()


def _check(merge: PersonMerge, kept: Person, gone: Person) -> None:
    if merge.undone_at is not None:
        raise NotUnmergeable(_("These two were separated already."))
    if kept.erased_at or gone.erased_at or not merge.recipe:
        raise NotUnmergeable(_("The data of these people was erased: there is nothing to undo."))
    if kept.merged_into_id is not None:
        raise NotUnmergeable(
            _("This person was joined with another one later. Undo that one first.")
        )
    mine = set(merge.recipe["moved"].get("lead.person_id", ()))
    mine |= {one[name] for one in merge.recipe["leads"] for name in ("lead", "into")}
    for later in in_force(PersonMerge.kept_id == kept.id, PersonMerge.id > merge.id):
        theirs = {one[name] for one in later.recipe["leads"] for name in ("lead", "into")}
        if mine & theirs:
            raise NotUnmergeable(
                _("A later join of this person used one of these leads. Undo that one first.")
            )


class _Held:
    """What `kept_id` holds of the sides that go back to `gone_id`."""

    def __init__(self, kept_id: int, gone_id: int, sides: set[int]) -> None:
        self.kept_id, self.gone_id, self.sides = kept_id, gone_id, sides

    def give_back_rows(self, recipe: Recipe) -> None:
        """What the recipe names, unless it left meanwhile; and the keys."""
        columns = columns_to("person")
        for name, ids in recipe["moved"].items():
            if name in columns:
                move_rows(columns[name], self.kept_id, self.gone_id, ids)
        for model in (PersonKey, Enquiry):
            # A key, or an enquiry that came by one; of a deeper side, it stays marked.
            db.session.execute(
                sa.update(model)
                .where(model.person_id == self.kept_id, model.side_id.in_(self.sides))
                .values(
                    person_id=self.gone_id,
                    side_id=sa.case((model.side_id == self.gone_id, None), else_=model.side_id),
                ),
                execution_options=UNSYNCED,
            )

    def give_back_later(self, merge: PersonMerge) -> None:
        """What came after the merge, by the key it came by."""
        theirs = sa.select(Enquiry.submission_id).where(Enquiry.person_id == self.gone_id)
        others = sa.select(Enquiry.submission_id).where(Enquiry.person_id == self.kept_id)
        self._give(
            Consent,
            Consent.at >= merge.at,
            Consent.submission_id.in_(theirs),
            Consent.submission_id.not_in(others),
        )
        self._give(Lead, Lead.created_at >= merge.at, _first_person() == self.gone_id)
        self._give(Mail, Mail.id.in_(self._addressed(Mail, "to_address", "created_at", merge)))
        cases = self._addressed(SubjectRequest, "contact", "created_at", merge)
        self._give(SubjectRequest, SubjectRequest.id.in_(cases))

    def _give(self, model: Any, *where: sa.ColumnElement[bool]) -> None:
        db.session.execute(
            sa.update(model)
            .where(model.person_id == self.kept_id, *where)
            .values(person_id=self.gone_id),
            execution_options=UNSYNCED,
        )

    def _addressed(self, model: Any, contact: str, at: str, merge: PersonMerge) -> list[int]:
        """The rows since the merge whose contact is a key of the sides that leave."""
        keys = {
            (kind, value)
            for kind, value in db.session.execute(
                sa.select(PersonKey.kind, PersonKey.value).where(
                    PersonKey.person_id == self.gone_id
                )
            )
        }
        rows = db.session.execute(
            sa.select(model.id, getattr(model, contact)).where(
                model.person_id == self.kept_id, getattr(model, at) >= merge.at
            )
        )
        return [number for number, typed in rows if contact_key(typed) in keys]


def _first_person() -> sa.ScalarSelect[int]:
    """Who the first enquiry of a lead came from."""
    return (
        sa.select(Enquiry.person_id)
        .where(Enquiry.lead_id == Lead.id)
        .order_by(Enquiry.id)
        .limit(1)
        .correlate(Lead)
        .scalar_subquery()
    )


# ---- leads ----


def _restore_leads(entries: Iterable[Recipe], by: str) -> None:
    for entry in entries:
        lead, into = db.session.get(Lead, entry["lead"]), db.session.get(Lead, entry["into"])
        if lead is None or into is None:
            continue  # a test lead that was deleted
        for name, ids in entry["moved"].items():
            move_rows(columns_to("lead")[name], into.id, lead.id, ids)
        db.session.expire_all()
        for name in entry["fields"]:
            if getattr(into, name) == getattr(lead, name):
                setattr(into, name, None)
        record(into, UNMERGED, by, undoes=entry["echo"])
        rebuild(into)
        newer = _open_lead(lead.person_id, lead.department)
        record(lead, UNMERGED, by, undoes=entry["event"])
        if newer is not None:
            record(lead, "merged", by, into=newer.id)
            for column in columns_to("lead").values():
                move_rows(column, lead.id, newer.id)
            db.session.expire_all()
        rebuild(lead)


def _open_lead(person_id: int, department: str) -> Lead | None:
    mine = sa.select(Lead).where(
        Lead.person_id == person_id, Lead.department == department, Lead.closed_at.is_(None)
    )
    return db.session.scalars(mine).one_or_none()


def _strays(person_ids: Collection[int]) -> list[Enquiry]:
    """What one side asked on a lead of the other."""
    rows = (
        sa.select(Enquiry)
        .join(Lead, Lead.id == Enquiry.lead_id)
        .where(Enquiry.person_id.in_(person_ids), Lead.person_id.in_(person_ids))
        .where(Enquiry.person_id != Lead.person_id)
        .order_by(Enquiry.id)
    )
    return list(db.session.scalars(rows))


def _rehome(enquiry: Enquiry, by: str) -> None:
    """Take `enquiry` and the visit booked with it to a lead of its own person."""
    old = db.session.get_one(Lead, enquiry.lead_id)
    home = _open_lead(enquiry.person_id, old.department) or _new_lead(enquiry, old)
    visits = db.session.scalars(
        sa.select(Appointment)
        .where(Appointment.submission_id == enquiry.submission_id, Appointment.lead_id == old.id)
        .order_by(Appointment.id)
    ).all()
    visit_ids = {visit.id for visit in visits}
    events = db.session.scalars(
        sa.select(LeadEvent).where(LeadEvent.lead_id == old.id).order_by(LeadEvent.id)
    ).all()
    enquiry.lead_id = home.id
    for visit in visits:
        visit.lead_id = home.id
    undone = {event.data.get("undoes") for event in events if event.kind in UNDOING}
    for event in events:
        wrote = event.kind in {"enquiry", "reply"}
        is_ours = wrote and event.data.get("enquiry_id") == enquiry.id
        is_visit = event.kind == "booked" and event.data.get("appointment_id") in visit_ids
        if event.id in undone or not (is_ours or is_visit):
            continue
        record(old, UNMERGED, by, undoes=event.id)
        facts = (
            {"enquiry_id": enquiry.id, "urgency": int(urgency_of(enquiry.kind, enquiry.source)),
             "is_first": not home.events}
            if is_ours
            else {"appointment_id": event.data["appointment_id"],
                  "starts_at": event.data.get("starts_at")}
        )  # fmt: skip
        # What answered us there is a first word here, to us who wrote nothing to them.
        kind = "enquiry" if is_ours else event.kind
        record(home, kind, event.actor, at=event.at, **facts)
        db.session.expire(home, ["events"])
    rebuild(old)


def _new_lead(enquiry: Enquiry, old: Lead) -> Lead:
    lead = Lead(
        person_id=enquiry.person_id,
        department=old.department,
        source=enquiry.source,
        vehicle_id=enquiry.vehicle_id,
        store_id=enquiry.store_id or old.store_id,
        message=enquiry.message,
        is_suspect=enquiry.is_suspect,
        is_test=old.is_test,
        first_touch=dict(enquiry.touch),
        last_touch=dict(enquiry.touch),
        created_at=enquiry.at,
    )
    db.session.add(lead)
    db.session.flush()
    return lead


def _revive(ended: dict[str, int]) -> None:
    """The subscription that ended in favour of its twin, unless the person ended that one since:
    who said no is not written to because of a merge."""
    for number, twin_id in ended.items():
        row, twin = db.session.get(Subscription, int(number)), db.session.get(Subscription, twin_id)
        if row is None or row.end_reason != MERGED:
            continue
        if twin is not None and twin.ended_at is None:
            row.ended_at, row.end_reason = None, ""
