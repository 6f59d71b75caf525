"""Rows of contacts into people, companies and entries, and back out again."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import fold
from leads import erasure
from leads.holdings import contact_digest
from leads.models import Person, PersonKey
from leads.objections import digests_of_each, keyed_entries
from leads.outreach.bases import Basis, note_basis
from leads.outreach.companies import find_or_create_company
from leads.outreach.contact_rows import ContactRow
from leads.outreach.entries import record
from leads.outreach.lists import AlreadyListed, ListRefused, add_entry
from leads.outreach.models import (
    Company,
    ContactBasis,
    ContactImport,
    ContactImportRow,
    OutreachEntry,
    OutreachEvent,
)
from leads.people import recognise

UNDO_DAYS: Final = 7
MOST_REJECTED: Final = 2_000  # kept with their reasons; a file with more was mapped wrongly


class CannotUndo(DomainError):
    """It is too late to take an import back, or it was done already."""


class Writer:
    """Brings rows in, inside `writing()`; `report` counts along."""

    def __init__(
        self, one: ContactImport, report: dict[str, Any], rows: Sequence[ContactRow]
    ) -> None:
        self._one, self.report = one, report
        keys = [key for row in rows for key in row.keys]
        # Asked once for all: mostly nobody of a batch was erased or objected.
        self._may_be_erased = erasure.is_erased(keys, one.created_at)
        self._objected = _objected_among([contact_digest(*key) for key in keys])
        self._rejected = list(report.get("rejected", ()))
        self._basis = Basis(one.basis, one.source, one.proof, one.obtained_on)
        self._next = {
            "next_step": one.next_step,
            "next_on": one.next_on.isoformat() if one.next_on else "",
        }

    def bring_in(self, row: ContactRow) -> None:
        """One row: who it is, on which basis, onto the list. Raises leads.people.PersonTaken."""
        if row.problems:
            self._reject(row.number, row.problems[0].column, row.problems[0].reason)
            return
        # Who asked to be erased after the file was sent does not come back with it.
        if self._may_be_erased and erasure.is_erased(row.keys, self._one.created_at):
            self._count("left_out")
            return
        kept = ContactImportRow(import_id=self._one.id, number=row.number)
        company = self._company(row, kept)
        person = self._person(row, kept)
        db.session.add(kept)
        if self._one.list is not None:
            self._enter(row, kept, company, person)
        db.session.flush()

    def _company(self, row: ContactRow, kept: ContactImportRow) -> Company | None:
        if row.company is None:
            return None
        company, kept.is_new_company = find_or_create_company(row.company)
        kept.company_id = company.id
        if kept.is_new_company:
            self._count("new_companies")
        return company

    def _person(self, row: ContactRow, kept: ContactImportRow) -> Person | None:
        if not row.keys:
            return None
        known = recognise(name=row.name, phone=row.phone, email=row.email)
        kept.person_id, kept.is_new_person = known.person.id, known.is_new
        self._count("new_people" if known.is_new else "known_people")
        note_basis(
            known.person,
            self._basis,
            by=self._one.created_by,
            import_id=self._one.id,
            is_new=known.is_new,
        )
        digests = {contact_digest(*key) for key in row.keys}
        if digests & self._objected or (not known.is_new and _stopped([known.person])):
            self._count("stopped")
        return known.person

    def _enter(
        self,
        row: ContactRow,
        kept: ContactImportRow,
        company: Company | None,
        person: Person | None,
    ) -> None:
        by = self._one.created_by
        assert self._one.list is not None
        try:
            entry = add_entry(
                self._one.list, dict(self._next), by=by, company=company, person=person
            )
        except AlreadyListed as there:
            kept.entry_id = there.entry_id
            self._count("already_listed")
            return
        except ListRefused as refusal:
            self._reject(row.number, "", str(refusal))
            return
        kept.entry_id, kept.is_new_entry = entry.id, True
        self._count("new_entries")
        if row.value_cents:
            record(entry, "valued", by, value_cents=row.value_cents)
        if row.note:
            record(entry, "note", by, words=row.note)

    def _count(self, name: str) -> None:
        self.report[name] = self.report.get(name, 0) + 1

    def _reject(self, number: int, column: str, reason: str) -> None:
        self._count("rejected_count")
        if len(self._rejected) < MOST_REJECTED:
            self._rejected.append({"row": number, "column": column, "reason": reason})
            self.report["rejected"] = self._rejected


def count_batch(rows: Sequence[ContactRow], counts: dict[str, int], seen: set[Any]) -> None:
    """What the rows would bring, counted without storing: who is known by their strongest key,
    who wants no contact. A few statements however many rows there are."""
    keys = {key for row in rows for key in row.keys}
    owners = _owners(keys)
    people = {one.id: one for one in owners.values()}
    stopped = _stopped(list(people.values()))
    companies = _known_companies(rows)
    for row in rows:
        who = next((owners[key].id for key in row.keys if key in owners), None)
        if row.keys:
            is_again = not seen.isdisjoint(row.keys)
            counts["known_people" if who or is_again else "new_people"] += 1
            counts["stopped"] += who in stopped
        if row.company is not None:
            name = row.company.cnpj or fold(row.company.name)
            counts["new_companies"] += name not in companies and name not in seen
            seen.add(name)
        seen.update(row.keys)
    db.session.expunge_all()


def _owners(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Person]:
    if not keys:
        return {}
    rows = db.session.execute(
        sa.select(PersonKey.kind, PersonKey.value, Person)
        .join(Person, Person.id == PersonKey.person_id)
        .where(sa.tuple_(PersonKey.kind, PersonKey.value).in_(list(keys)))
    )
    return {(kind, value): person for kind, value, person in rows}


def _stopped(people: Sequence[Person]) -> set[int]:
    """Who of them objected to something: they come in, marked, and the gate stays shut."""
    digests = digests_of_each(people)
    objected = _objected_among({digest for found in digests.values() for digest in found})
    return {person_id for person_id, found in digests.items() if objected.intersection(found)}


def _objected_among(digests: Collection[str]) -> set[str]:
    return {key for key, _entry in keyed_entries(set(digests))} if digests else set()


def _known_companies(rows: Sequence[ContactRow]) -> set[str]:
    typed = [row.company for row in rows if row.company is not None]
    if not typed:
        return set()
    numbers = [one.cnpj for one in typed if one.cnpj]
    names = [fold(one.name) for one in typed if not one.cnpj]
    found = db.session.execute(
        sa.select(Company.cnpj, Company.folded).where(
            sa.or_(Company.cnpj.in_(numbers), Company.folded.in_(names))
        )
    )
    return {one for row in found for one in row if one}


# ---- taking it back ----


def can_be_undone(one: ContactImport) -> bool:
    """Seven days long."""
    return (
        one.state == "done"
        and one.finished_at is not None
        and now() - one.finished_at < timedelta(days=UNDO_DAYS)
    )


def undo(one: ContactImport) -> dict[str, int]:
    """Take away what the import brought and nobody touched since; how many of each. Inside
    `writing()`. Raises CannotUndo."""
    db.session.refresh(one, with_for_update={"of": ContactImport})
    if not can_be_undone(one):
        raise CannotUndo(_("An import can be undone once, for %(n)s days.", n=UNDO_DAYS))
    mine = ContactImportRow.import_id == one.id
    untouched = sa.select(OutreachEntry.id).where(
        OutreachEntry.id.in_(
            sa.select(ContactImportRow.entry_id).where(mine, ContactImportRow.is_new_entry)
        ),
        ~sa.exists().where(
            OutreachEvent.entry_id == OutreachEntry.id,
            OutreachEvent.kind.not_in(("added", "valued", "note")),
        ),
        ~sa.exists().where(
            OutreachEvent.entry_id == OutreachEntry.id, OutreachEvent.actor != one.created_by
        ),
    )
    entries = _delete(OutreachEntry, untouched)
    again = _brought_again(one, "person_id", ContactBasis.person_id)
    _run(sa.delete(ContactBasis).where(ContactBasis.import_id == one.id, ~again))
    people = _take_out(one, "person", ContactImportRow.is_new_person)
    companies = _take_out(one, "company", ContactImportRow.is_new_company)
    one.state = "undone"
    db.session.flush()
    db.session.expire_all()
    return {"entries": entries, "people": people, "companies": companies}


def _take_out(one: ContactImport, table: str, is_new: Any) -> int:
    """Delete who came new with the import and to whom nothing else points."""
    column = getattr(ContactImportRow, f"{table}_id")
    model: Any = {"person": Person, "company": Company}[table]
    brought = sa.select(column).where(ContactImportRow.import_id == one.id, is_new)
    others = [
        ~sa.exists().where(pointing == model.id)
        for pointing in _pointing_to(table)
        if pointing.table.name not in {"person_key", "contact_import_row"}
    ]
    others.append(~_brought_again(one, column.key, model.id))
    free = db.session.scalars(sa.select(model.id).where(model.id.in_(brought), *others)).all()
    for start in range(0, len(free), 500):
        ids = free[start : start + 500]
        _run(sa.update(ContactImportRow).where(column.in_(ids)).values({column.key: None}))
        if table == "person":
            _run(sa.delete(PersonKey).where(PersonKey.person_id.in_(ids)))
        _run(sa.delete(model).where(model.id.in_(ids)))
    return len(free)


def _brought_again(one: ContactImport, name: str, who: Any) -> sa.ColumnElement[bool]:
    """Whether another import that stands brought `who` (an id) too: theirs to take back."""
    row, other = sa.orm.aliased(ContactImportRow), sa.orm.aliased(ContactImport)
    stands = sa.and_(other.id == row.import_id, other.state != "undone", other.id != one.id)
    return sa.exists().where(getattr(row, name) == who, stands)


def _pointing_to(table: str) -> list[sa.Column[Any]]:
    return [
        column
        for one in db.metadata.sorted_tables
        for column in one.columns
        if any(key.target_fullname == f"{table}.id" for key in column.foreign_keys)
    ]


def _delete(model: Any, ids: sa.Select[Any]) -> int:
    found = db.session.scalars(ids).all()
    for start in range(0, len(found), 500):
        _run(sa.delete(model).where(model.id.in_(found[start : start + 500])))
    return len(found)


def _run(statement: Any) -> None:
    db.session.execute(statement, execution_options={"synchronize_session": False})
