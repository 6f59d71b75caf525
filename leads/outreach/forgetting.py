"""What of a person stands in lists, talks and imports: told to them, and forgotten with them."""

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from jobs.queue import enqueue
from leads.models import Lead
from leads.outreach.entries import events_of, record
from leads.outreach.models import (
    CatchUp,
    Company,
    ContactBasis,
    ContactImport,
    Delivery,
    OutreachEntry,
    OutreachEvent,
    Referral,
)
from leads.outreach.stages import FACTS

# Categories of companies that are one person: name and CNPJ tell who.
SELF_EMPLOYED: Final = frozenset({"mei", "producer", "taxi", "app_driver", "pcd"})
_UNSYNCED: Final = {"synchronize_session": False}


def told(person_id: int) -> dict[str, list[dict[str, Any]]]:
    """What is held on the person here, as plain values, by section of the dossier."""
    entries = db.session.scalars(
        sa.select(OutreachEntry)
        .where(OutreachEntry.person_id == person_id)
        .order_by(OutreachEntry.id)
    ).all()
    return {
        "contact_bases": [
            {
                "basis": row.basis,
                "source": row.source,
                "proof": row.proof,
                "obtained_on": _iso(row.obtained_on),
                "at": _iso(row.at),
                "ended_at": _iso(row.ended_at),
            }
            for row in _rows(ContactBasis, ContactBasis.person_id == person_id)
        ],
        "lists": [_entry(entry) for entry in entries],
        "catch_ups": [
            {
                "number": row.number,
                "due_on": _iso(row.due_on),
                "done_at": _iso(row.done_at),
                "grade": row.grade,
                "words": row.words,
                "answer": row.care_words,
            }
            for row in _rows(CatchUp, CatchUp.delivery_id.in_(_deliveries(person_id)))
        ],
        "referrals": [
            {
                "was_named": row.referred_id == person_id,
                "at": _iso(row.at),
                "consent": row.consent,
                "reward": row.reward,
            }
            for row in _rows(Referral, _named(person_id))
        ],
    }


def _entry(entry: OutreachEntry) -> dict[str, Any]:
    company = entry.company
    return {
        "since": _iso(entry.created_at),
        "stage": entry.stage,
        "next_step": entry.next_step,
        "next_on": _iso(entry.next_on),
        "company": company.name if company else None,
        "events": [
            {"at": _iso(one.at), "kind": one.kind, "data": one.data} for one in events_of(entry)
        ],
    }


def forget(person_id: int) -> None:
    """Take the words out, end what runs, keep what is about us. Of a company the entry stays,
    without the person. Inside `writing()`; twice is as once."""
    for entry in db.session.scalars(
        sa.select(OutreachEntry).where(OutreachEntry.person_id == person_id)
    ).all():
        if entry.company is not None and entry.company.category not in SELF_EMPLOYED:
            entry.person_id = None
            continue
        if entry.company is not None:
            _forget_company(entry.company)
        if entry.ended_at is None:
            record(entry, "erased", "system")
        entry.next_step, entry.meddic = "", {}
        for event in events_of(entry):
            event.data = {name: value for name, value in event.data.items() if name in FACTS}
    _update(ContactBasis, ContactBasis.person_id == person_id, proof="", source="")
    mine = CatchUp.delivery_id.in_(_deliveries(person_id))
    _update(CatchUp, sa.and_(mine, CatchUp.care_state == "open"), care_state="")
    _update(CatchUp, mine, words="", care_words="")
    _update(Referral, _named(person_id), consent="", reward="")


def _forget_company(company: Company) -> None:
    """A firm of one person is that person."""
    company.name, company.folded = "", f"erased:{company.id}"
    company.cnpj, company.city = None, ""


def forget_files() -> None:
    """Files of contacts may name anybody: those that wait are given up, and what rejected rows
    said goes. Inside `writing()`."""
    for one in db.session.scalars(sa.select(ContactImport)):
        if one.report.get("rejected"):
            one.report = {**one.report, "rejected": []}
            _drop(one.bad_rows_key)
        if one.file_key and one.state not in {"running"}:
            _drop(one.file_key)
            one.file_key = ""


def columns_with_words() -> list[tuple[type[Any], tuple[str, ...], sa.ColumnElement[bool]]]:
    """Where colleagues may have written of anybody: model, columns, and which rows to look at."""
    return [
        (OutreachEvent, ("data",), sa.true()),
        (OutreachEntry, ("next_step", "meddic"), sa.true()),
        (CatchUp, ("words", "care_words"), sa.true()),
        (ContactBasis, ("source", "proof"), sa.true()),
        (ContactImport, ("source", "proof", "file_name"), sa.true()),
        (Referral, ("consent", "reward"), sa.true()),
        (Company, ("name", "folded"), sa.true()),
    ]


def _deliveries(person_id: int) -> sa.Select[Any]:
    leads = sa.select(Lead.id).where(Lead.person_id == person_id)
    return sa.select(Delivery.id).where(Delivery.lead_id.in_(leads))


def _named(person_id: int) -> sa.ColumnElement[bool]:
    return sa.or_(Referral.referrer_id == person_id, Referral.referred_id == person_id)


def _rows(model: type[Any], where: sa.ColumnElement[bool]) -> list[Any]:
    return list(db.session.scalars(sa.select(model).where(where).order_by(model.id)))


def _update(model: type[Any], where: sa.ColumnElement[bool], **values: Any) -> None:
    db.session.flush()
    db.session.execute(sa.update(model).where(where).values(**values), execution_options=_UNSYNCED)


def _drop(key: str) -> None:
    enqueue("drop_contact_file", {"key": key}, dedup_key=key)


def _iso(moment: date | datetime | None) -> str | None:
    return moment.isoformat() if moment else None
