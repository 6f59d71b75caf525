"""Contacts from a file: looked into, tried, brought in row by row, taken back.

new → trying → tried → running → done (→ undone), or failed with a sentence. Each batch of rows is
committed together with how far it came, so a process that is killed goes on where it stopped, and
no row comes in twice. The file is deleted as soon as its rows are in.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.storage import storage
from core.text import clean_line
from dealership import audit
from inventory.importing import reading
from inventory.importing.bad_rows import keep_bad_rows
from inventory.importing.history import ImportLayout, NotNow, opened
from inventory.importing.preview import Preview, look_into
from inventory.importing.records import Reading
from inventory.importing.report import ImportRefused, Problem, RejectedRow, Report
from jobs.following import Halt, halted, once_more
from jobs.queue import enqueue
from leads.outreach import bases
from leads.outreach.bases import Basis
from leads.outreach.contact_rows import COMMON_NAMES, ContactRow, checked_columns, read_row
from leads.outreach.contact_writing import Writer, count_batch
from leads.outreach.models import ContactImport, ContactImportRow, OutreachList
from leads.people import PersonTaken

BATCH_ROWS: Final = 25  # a third of a second: on SQLite other writers wait meanwhile
MOST_ROWS: Final = 50_000
ATTEMPTS: Final = 5
TRIES_OF_BATCH: Final = 3
QUICK_BYTES: Final = 64 * 1024  # tried at once; larger ones in the background
MOST_LISTED: Final = 300
KEPT: Final = timedelta(days=30)  # a file that nobody brought in, and rejected rows
JOB_OF: Final = {"trying": "try_contacts", "running": "apply_contacts"}
BUSY: Final = frozenset(JOB_OF)
COUNTS: Final = ("new_people", "known_people", "new_companies", "new_entries", "already_listed",
                 "stopped", "left_out")  # fmt: skip
Record = Callable[[], object]


# ---- steps ----


def record_import(file_name: str, key: str, size_bytes: int, *, by: str) -> ContactImport:
    """A new import of a stored file. Inside `writing()`."""
    one = ContactImport(
        file_name=clean_line(file_name, 160), file_key=key, size_bytes=size_bytes, created_by=by
    )
    db.session.add(one)
    db.session.flush()
    return one


def preview_of(one: ContactImport) -> Preview:
    """The columns of the file. Raises ImportRefused."""
    with opened(one) as path, path.open("rb") as file:
        return look_into(file, COMMON_NAMES)


def layout_of(preview: Preview) -> ImportLayout | None:
    """What was said the last time a file of contacts with this heading came."""
    found = sa.select(ImportLayout).where(ImportLayout.digest == preview.digest)
    return db.session.scalars(found).first()


def choose(
    one: ContactImport,
    preview: Preview,
    columns: Mapping[str, str],
    basis: Basis,
    *,
    onto: OutreachList | None,
    next_facts: Mapping[str, str],
    by: str,
) -> None:
    """Say what the file holds, on which basis, onto which list, and have it tried; the layout
    remembers the columns. Inside `writing()`. Raises ImportRefused, bases.NoBasis and NotNow."""
    chosen, ground = checked_columns(columns), bases.checked(basis)
    step(one, {"new", "tried", "failed"}, "trying")
    one.columns, one.kind, one.list_id = chosen, preview.kind, onto.id if onto else None
    one.basis, one.source, one.proof = ground.basis, ground.source, ground.proof
    one.obtained_on = ground.obtained_on
    one.next_step = next_facts.get("next_step", "")
    one.next_on = date.fromisoformat(next_facts["next_on"]) if "next_on" in next_facts else None
    one.report, one.problem, one.rows_done, one.rows_total = {}, "", 0, 0
    layout = layout_of(preview) or ImportLayout(digest=preview.digest)
    layout.columns, layout.source, layout.used_by, layout.used_at = chosen, "contacts", by, now()
    db.session.add(layout)
    if one.size_bytes > QUICK_BYTES:
        _enqueue(one)
    db.session.flush()


def start(one: ContactImport) -> None:
    """Bring the tried file in, in the background. Inside `writing()`. Raises NotNow."""
    step(one, {"tried"}, "running")
    one.rows_done, one.report = 0, {"rejected": []}
    _enqueue(one)
    db.session.flush()


def halt_of(one: ContactImport) -> Halt | None:
    """Why it will not go on by itself, though its work is not done."""
    return halted(JOB_OF[one.state], str(one.id)) if one.state in BUSY else None


def try_again(one: ContactImport) -> None:
    """Go on with one whose work stopped half way. Inside `writing()`. Raises NotNow."""
    payload = {"import_id": one.id}
    if one.state not in BUSY or not once_more(
        JOB_OF[one.state], payload, dedup_key=str(one.id), max_attempts=ATTEMPTS
    ):
        raise NotNow(_("This import has gone on already."))


def step(one: ContactImport, before: set[str], after: str) -> None:
    """Take an import from one of the states `before` to `after`, once. Raises NotNow."""
    moved = db.session.scalar(
        sa.update(ContactImport)
        .where(ContactImport.id == one.id, ContactImport.state.in_(before))
        .values(state=after)
        .returning(ContactImport.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise NotNow(_("This import has gone on already."))
    db.session.refresh(one)


def _enqueue(one: ContactImport) -> None:
    payload = {"import_id": one.id}
    enqueue(JOB_OF[one.state], payload, dedup_key=str(one.id), max_attempts=ATTEMPTS)


# ---- the work ----


def try_contacts(payload: dict[str, Any]) -> Record | None:
    """Handler: read all, count what would happen, store nothing but that."""
    one = _at_work(payload, "trying")
    if one is None:
        return None
    report, counts = Report(is_dry_run=True), dict.fromkeys(COUNTS, 0)
    seen: set[Any] = set()
    try:
        with ExitStack() as stack:
            for batch in _batches(one, report, stack):
                count_batch([row for row in batch if not row.problems], counts, seen)
                _note_rejected(batch, report)
                db.session.rollback()
    except ImportRefused as refusal:
        words = str(refusal)
        return lambda: _failed(one.id, words)
    shown = _shown(report, counts)
    return lambda: _tried(one.id, shown)


def apply_contacts(payload: dict[str, Any]) -> Record | None:
    """Handler: bring the rows in, a batch at a time, from where it stopped. Opens its own
    transactions."""
    one = _at_work(payload, "running")
    if one is None:
        return None
    report = Report()
    try:
        with ExitStack() as stack:
            for batch in _batches(one, report, stack, after=one.rows_done):
                if not _bring_in(one.id, batch):
                    return None  # somebody called it off
    except ImportRefused as refusal:
        words = str(refusal)
        return lambda: _failed(one.id, words)
    _keep_rejected(one)
    return lambda: _finished(one.id)


def _at_work(payload: dict[str, Any], state: str) -> ContactImport | None:
    one = db.session.get(ContactImport, int(payload["import_id"]))
    if one is None or one.state != state:
        return None
    db.session.expunge(one)
    db.session.rollback()
    return one


def _batches(
    one: ContactImport, report: Report, stack: ExitStack, after: int = 0
) -> Iterator[list[ContactRow]]:
    """The rows of the file whose number is higher than `after`. Raises ImportRefused."""
    path = stack.enter_context(opened(one))
    file = stack.enter_context(path.open("rb"))
    report.format = reading.kind_of(file)
    notes = Reading()
    records = reading.records_of(
        file, report.format, notes, charset=None, known_columns=set(COMMON_NAMES),
        record_names=set(),
    )  # fmt: skip
    rows = (
        read_row(record, one.columns, notes.names) for record in records if record.number > after
    )
    while batch := list(islice(rows, BATCH_ROWS)):
        report.rows += len(batch)
        if report.rows > MOST_ROWS:
            raise ImportRefused(
                _("The file has more than %(n)s rows. Send it in parts.", n=MOST_ROWS)
            )
        yield batch


def _bring_in(import_id: int, batch: list[ContactRow]) -> bool:
    """One batch and how far that is, together; whether the import still runs. Two workers that
    meet the same new person: the second tries again and finds them."""
    for turn in range(TRIES_OF_BATCH):
        try:
            with writing():
                one = db.session.get_one(
                    ContactImport, import_id, with_for_update=True, populate_existing=True
                )
                if one.state != "running":
                    return False
                done = [row for row in batch if row.number > one.rows_done]
                writer = Writer(one, dict(one.report), done)
                for row in done:
                    writer.bring_in(row)
                one.report = writer.report
                one.rows_done = max([one.rows_done, *(row.number for row in done)])
            db.session.expunge_all()
            return True
        except PersonTaken:
            if turn == TRIES_OF_BATCH - 1:
                raise
    return False


def _note_rejected(batch: list[ContactRow], report: Report) -> None:
    report.rejected += [
        RejectedRow(row.number, row.name, tuple(row.problems)) for row in batch if row.problems
    ]


def _keep_rejected(one: ContactImport) -> None:
    """The rejected rows as a file, to mend and send again."""
    fresh = db.session.get_one(ContactImport, one.id, populate_existing=True)
    rejected = [
        RejectedRow(row["row"], "", (Problem(row["row"], row["column"], row["reason"]),))
        for row in fresh.report.get("rejected", [])
    ]
    report = Report(format=one.kind, rejected=rejected)
    db.session.rollback()
    with opened(one) as path:
        keep_bad_rows(one.bad_rows_key, path, report, set(COMMON_NAMES))


def _shown(report: Report, counts: dict[str, int]) -> dict[str, Any]:
    whole = report.as_json()
    return {
        **counts,
        "rows": report.rows,
        "rejected": whole["rejected"][:MOST_LISTED],
        "rejected_count": len(report.rejected),
    }


def _tried(import_id: int, report: dict[str, Any]) -> None:
    one = db.session.get_one(ContactImport, import_id, populate_existing=True)
    if one.state == "trying":
        one.state, one.report, one.rows_total = "tried", report, report["rows"]
        db.session.flush()


def _finished(import_id: int) -> None:
    one = db.session.get_one(ContactImport, import_id, populate_existing=True)
    if one.state != "running":
        return
    report = {**dict.fromkeys(COUNTS, 0), "rejected_count": 0, **one.report}
    report["rejected"] = report["rejected"][:MOST_LISTED]
    one.state, one.report, one.finished_at = "done", report, now()
    audit.record(
        one.created_by, "contacts.import_done", f"contacts:{one.id}", label=one.file_name,
        after={name: report[name] for name in (*COUNTS, "rejected_count")},
    )  # fmt: skip
    forget_file(one)
    db.session.flush()


def _failed(import_id: int, reason: str) -> None:
    one = db.session.get_one(ContactImport, import_id, populate_existing=True)
    one.state, one.problem, one.finished_at = "failed", reason, now()
    db.session.flush()


# ---- forgetting ----


def forget_file(one: ContactImport) -> None:
    """The file goes after the commit. Inside `writing()`."""
    if one.file_key:
        enqueue("drop_contact_file", {"key": one.file_key}, dedup_key=one.file_key)
        one.file_key = ""


def drop_contact_file(payload: dict[str, Any]) -> None:
    """Handler: delete a file of contacts."""
    storage().delete(payload["key"], public=False)


def sweep_contact_imports(_payload: dict[str, Any]) -> None:
    """Handler: files that nobody brought in go after a month, and so do rejected rows and what
    each row brought, which only taking it back needs."""
    with writing():
        ended = sa.select(ContactImport.id).where(
            ContactImport.finished_at < now() - KEPT, ContactImport.state.not_in(BUSY)
        )
        db.session.execute(
            sa.delete(ContactImportRow).where(ContactImportRow.import_id.in_(ended)),
            execution_options={"synchronize_session": False},
        )
        old = db.session.scalars(
            sa.select(ContactImport).where(ContactImport.created_at < now() - KEPT)
        ).all()
        for one in old:
            forget_file(one)
            drop_rejected(one)
            if one.state in {"new", "tried"}:
                one.state, one.problem = "failed", _("Nobody brought it in within a month.")


def drop_rejected(one: ContactImport) -> None:
    """What the file's rejected rows said goes. Inside `writing()`."""
    if one.report.get("rejected"):
        one.report = {**one.report, "rejected": []}
        key = one.bad_rows_key
        enqueue("drop_contact_file", {"key": key}, dedup_key=key)


JOBS: Final[dict[str, Callable[[dict[str, Any]], Record | None]]] = {
    "try_contacts": try_contacts,
    "apply_contacts": apply_contacts,
    "drop_contact_file": drop_contact_file,
    "sweep_contact_imports": sweep_contact_imports,
}
