"""Every lead as text, a piece at a time: what other programs and spreadsheets read.

Rows come in batches by id, each batch in a handful of statements and a read transaction of its
own: memory stays flat, and a long export keeps no old snapshot of the database open.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core.db import db
from dealership.staff import StaffMember
from inventory.importing.rows import FORMULA
from inventory.models import Vehicle
from leads.models import Consent, Enquiry, Lead, LeadEvent, Person, Submission

BATCH_ROWS: Final = 500
FORMATS: Final = ("csv", "jsonl")
COLUMNS: Final = (
    "id", "person_id", "nome", "telefone", "email", "mensagem", "source", "state", "owner",
    "created_at", "vehicle",
)  # fmt: skip
Rows = dict[int, list[dict[str, Any]]]


def export_csv(*, since: datetime | None = None) -> Iterator[str]:
    """The leads as CSV in UTF-8, a piece per lead: COLUMNS, empty where unknown.

    Instants are UTC in ISO 8601, `vehicle` is the public id. Cells that a spreadsheet would run
    as a formula get a `'` in front; a telephone in E.164 is only digits and stays as it is.
    `since`: only leads asked for, first or again, at that instant or later.
    """
    yield _line(COLUMNS)
    for batch in _batches(since):
        for row in batch:
            yield _line([_cell(column, row[column]) for column in COLUMNS])


def export_rows(
    *, since: datetime | None = None, store_ids: Collection[int] | None = None
) -> Iterator[list[Any]]:
    """The leads as typed rows, COLUMNS first: `created_at` is an instant, ids are numbers, None
    where unknown. `store_ids`: those stores' leads only."""
    yield list(COLUMNS)
    for batch in _batches(since, store_ids):
        for row in batch:
            facts = {**row, "created_at": datetime.fromisoformat(row["created_at"])}
            yield [facts[column] for column in COLUMNS]


def count_rows(*, since: datetime | None = None, store_ids: Collection[int] | None = None) -> int:
    """How many leads `export_rows` would give."""
    return db.session.scalar(_wanted(sa.select(sa.func.count(Lead.id)), since, store_ids)) or 0


def export_jsonl(*, since: datetime | None = None) -> Iterator[str]:
    """The leads as JSON lines: COLUMNS with null for what is unknown, and `suspect` (a machine may
    have sent it), `submissions`, `timeline` and `consent`.

    A submission is named by the `submission_id` that its form carried. Later posts of the same
    page with other content, and what came from elsewhere, are named by our own id.
    """
    for batch in _batches(since):
        lead_ids = [row["id"] for row in batch]
        submissions, timeline = _submissions(lead_ids), _timeline(lead_ids)
        consent = _consent(lead_ids)
        for row in batch:
            extras = {
                "submissions": submissions[row["id"]],
                "timeline": timeline[row["id"]],
                "consent": consent[row["person_id"]],
            }
            yield json.dumps({**row, **extras}, ensure_ascii=False) + "\n"


def _batches(
    since: datetime | None, store_ids: Collection[int] | None = None
) -> Iterator[list[dict[str, Any]]]:
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            Lead.id, Lead.person_id, Lead.message, Lead.source, Lead.state, Lead.created_at,
            Lead.is_suspect, Person.name, Person.phone, Person.email, Vehicle.public_id,
            StaffMember.email.label("owner"),
        )
        .join(Person, Person.id == Lead.person_id)
        .outerjoin(StaffMember, StaffMember.id == Lead.owner_id)
        .outerjoin(Vehicle, Vehicle.id == Lead.vehicle_id)
        .order_by(Lead.id)
        .limit(BATCH_ROWS)
    )  # fmt: skip
    query = _wanted(query, since, store_ids)
    last_id = 0
    while rows := db.session.execute(query.where(Lead.id > last_id)).all():
        yield [_facts(row) for row in rows]
        last_id = rows[-1].id
        db.session.rollback()


def _wanted(
    query: sa.Select[*tuple[Any, ...]],
    since: datetime | None,
    store_ids: Collection[int] | None,
) -> sa.Select[*tuple[Any, ...]]:
    query = query.where(Lead.is_test.is_(False))
    if since is not None:
        again = sa.exists().where(Enquiry.lead_id == Lead.id, Enquiry.at >= since)
        query = query.where(sa.or_(Lead.created_at >= since, again))
    return query if store_ids is None else query.where(Lead.store_id.in_(store_ids))


def _facts(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "person_id": row.person_id,
        "nome": row.name or None,
        "telefone": row.phone or None,
        "email": row.email or None,
        "mensagem": row.message or None,
        "source": row.source,
        "state": row.state,
        "owner": row.owner,
        "created_at": _iso(row.created_at),
        "vehicle": row.public_id,
        "suspect": row.is_suspect,
    }


def _submissions(lead_ids: Sequence[int]) -> dict[int, list[str]]:
    earlier = aliased(Submission)
    is_first = ~sa.exists().where(
        earlier.page_key == Submission.page_key,
        sa.or_(
            earlier.received_at < Submission.received_at,
            sa.and_(earlier.received_at == Submission.received_at, earlier.id < Submission.id),
        ),
    )
    rows = db.session.execute(
        sa.select(Enquiry.lead_id, Submission.id, Submission.page_key, is_first.label("is_first"))
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Enquiry.lead_id.in_(lead_ids))
        .order_by(Submission.received_at, Submission.id)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        name = row.page_key if row.page_key and row.is_first else row.id
        if name not in found[row.lead_id]:  # one submission may hold several enquiries
            found[row.lead_id].append(name)
    return found


def _timeline(lead_ids: Sequence[int]) -> Rows:
    rows = db.session.execute(
        sa.select(LeadEvent.lead_id, LeadEvent.at, LeadEvent.kind, LeadEvent.actor, LeadEvent.data)
        .where(LeadEvent.lead_id.in_(lead_ids))
        .order_by(LeadEvent.at, LeadEvent.id)
    )
    found: Rows = defaultdict(list)
    for row in rows:
        event = {"at": _iso(row.at), "kind": row.kind, "actor": row.actor, "data": row.data}
        found[row.lead_id].append(event)
    return found


def _consent(lead_ids: Sequence[int]) -> Rows:
    people = sa.select(Lead.person_id).where(Lead.id.in_(lead_ids))
    rows = db.session.scalars(
        sa.select(Consent).where(Consent.person_id.in_(people)).order_by(Consent.id)
    )
    found: Rows = defaultdict(list)
    for row in rows:
        found[row.person_id].append(
            {
                "at": _iso(row.at),
                "purpose": row.purpose,
                "given": row.is_given,
                "text_version": row.text_version,
                "text_digest": row.text_digest,
                "channel": row.channel,
                "page": row.page,
            }
        )
    return found


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cell(column: str, value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if column != "telefone" and FORMULA.match(text) else text


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
