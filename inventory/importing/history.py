"""Imports that somebody sends from the browser: kept, tried, applied, remembered.

new → trying → tried → running → done (→ undone), or failed with a sentence. Nothing of the stock
changes before `start`; every step is one conditional UPDATE, so two clicks are one. What it changed
is noted as a bulk change, which also undoes it. The file itself is private and kept for a month.
"""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from core.storage import NoSuchFile, storage
from core.text import clean_line
from dealership import audit
from inventory.bulk import halt_of
from inventory.bulk import try_again as try_bulk_again
from inventory.bulk_history import IMPORT, KEEP_DAYS, BulkChange, note_import
from inventory.importing.bad_rows import keep_bad_rows
from inventory.importing.preview import Preview, checked_columns, look_into
from inventory.importing.report import ImportRefused, Report, TooManyMissing
from inventory.importing.running import LONGEST_SOURCE, ImportOptions, import_stock
from jobs.following import Halt, halted, once_more
from jobs.queue import enqueue

KEPT: Final = timedelta(days=30)  # the file
HISTORY_KEPT: Final = timedelta(days=KEEP_DAYS)
ATTEMPTS: Final = 3
QUICK_BYTES: Final = 256 * 1024  # tried at once; larger ones in the background
MOST_LISTED: Final = 300  # problems shown on the page; the file of bad rows has all
JOB_OF: Final = {"trying": "try_import", "running": "apply_import"}
Record = Callable[[], object]


class NotNow(DomainError):
    """The import is at another step already."""


class ImportLayout(Model):
    """What somebody said that the columns of one heading hold, for the next file with it."""

    __tablename__ = "import_layout"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    columns: Mapped[dict[str, str]] = mapped_column(sa.JSON)  # folded path -> fact
    source: Mapped[str] = mapped_column(sa.String(200))
    is_partial: Mapped[bool] = mapped_column(default=False)
    used_by: Mapped[str] = mapped_column(sa.String(254))
    used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class StockImport(Model):
    """One file that was sent, and what became of it."""

    __tablename__ = "stock_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(sa.String(160))
    file_key: Mapped[str] = mapped_column(sa.String(200))  # private; empty once it was swept
    size_bytes: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(8), default="")
    source: Mapped[str] = mapped_column(sa.String(200), default="")
    columns: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)  # folded path -> fact
    store_ids: Mapped[list[int] | None] = mapped_column(sa.JSON(none_as_null=True))  # None: all
    is_partial: Mapped[bool] = mapped_column(default=False)
    accepts_withdrawals: Mapped[bool] = mapped_column(default=False)
    # What it changed of the stock, once it was started.
    bulk_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("bulk_change.id", ondelete="SET NULL")
    )
    # new, trying, tried, running, done, failed, undone
    state: Mapped[str] = mapped_column(sa.String(10), default="new")
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    bulk: Mapped[BulkChange | None] = relationship()

    @property
    def is_busy(self) -> bool:
        return self.state in {"trying", "running"}

    @property
    def halt(self) -> Halt | None:
        """Why it will not go on by itself, though its work is not done; None when nothing is
        wrong."""
        if self.state == "undone" and self.bulk is not None:
            return halt_of(self.bulk)
        return halted(JOB_OF[self.state], str(self.id)) if self.is_busy else None

    @property
    def bad_rows_key(self) -> str:
        return f"{self.file_key}.bad.csv"


# --- the file --------------------------------------------------------------------------------


def keep_file(data: bytes) -> str:
    """Store what was sent, privately, and return its key. Outside `writing()`."""
    if not data:
        raise ImportRefused(_("The file is empty."))
    key = f"import/{secrets.token_hex(16)}"
    storage().put(key, data, content_type="application/octet-stream", public=False)
    return key


class _WithFile(Protocol):
    """An import of anything."""

    file_key: str


@contextmanager
def opened(one: _WithFile) -> Iterator[Path]:
    """The file of an import, as a path on this machine. Raises ImportRefused when it is gone."""
    with tempfile.NamedTemporaryFile(prefix="import-") as copy:
        try:
            if not one.file_key:
                raise NoSuchFile
            with storage().open(one.file_key, public=False) as file:
                shutil.copyfileobj(file, copy)
        except NoSuchFile:
            raise ImportRefused(
                _("The file is no longer here: files are kept for 30 days. Send it again.")
            ) from None
        copy.flush()
        yield Path(copy.name)


def preview_of(one: StockImport) -> Preview:
    """The columns of an import's file. Raises ImportRefused."""
    with opened(one) as path, path.open("rb") as file:
        return look_into(file)


def layout_of(preview: Preview) -> ImportLayout | None:
    """What was said the last time a file with this heading came."""
    return db.session.scalars(
        sa.select(ImportLayout).where(ImportLayout.digest == preview.digest)
    ).first()


# --- steps -----------------------------------------------------------------------------------


def record_import(
    file_name: str, key: str, size_bytes: int, *, by: str, store_ids: list[int] | None
) -> StockImport:
    """A new import of a stored file. Inside `writing()`."""
    one = StockImport(
        file_name=clean_line(file_name, 160),
        file_key=key,
        size_bytes=size_bytes,
        created_by=by,
        store_ids=store_ids,
    )
    db.session.add(one)
    db.session.flush()
    return one


def choose_columns(
    one: StockImport,
    preview: Preview,
    columns: Mapping[str, str],
    *,
    source: str,
    is_partial: bool,
    by: str,
) -> None:
    """Say what the file holds, and have it tried; the layout remembers it. Inside `writing()`.
    Raises ImportRefused and NotNow."""
    chosen = checked_columns(columns)
    name = clean_line(source, LONGEST_SOURCE) or one.file_name
    step(one, {"new", "tried", "failed"}, "trying")
    one.columns, one.source, one.is_partial, one.kind = chosen, name, is_partial, preview.kind
    one.report, one.problem, one.rows_done, one.rows_total = {}, "", 0, 0
    layout = layout_of(preview) or ImportLayout(digest=preview.digest)
    layout.columns, layout.source, layout.is_partial = chosen, name, is_partial
    layout.used_by, layout.used_at = by, now()
    db.session.add(layout)
    if one.size_bytes > QUICK_BYTES:
        _enqueue(one)
    db.session.flush()


def start(one: StockImport, *, accepts_withdrawals: bool) -> None:
    """Bring the tried file in, in the background. Inside `writing()`. Raises NotNow, and
    TooManyMissing when the brake asks and nobody answered."""
    brake = one.report.get("brake")
    if brake and not accepts_withdrawals:
        raise TooManyMissing(
            _("Confirm that the missing cars really leave the site."),
            brake["missing"],
            brake["live"],
        )
    step(one, {"tried"}, "running")
    one.accepts_withdrawals = accepts_withdrawals
    one.rows_done = 0
    if one.bulk is None:
        one.bulk = BulkChange(actor=one.created_by, kind=IMPORT, state="running", total=0)
    _enqueue(one)
    db.session.flush()


def try_again(one: StockImport) -> None:
    """Go on with an import, or with undoing it, that halted: what is through changes nothing.
    Inside `writing()`. Raises NotNow when it is on its way."""
    if one.state == "undone" and one.bulk is not None and try_bulk_again(one.bulk):
        return
    if (
        not one.is_busy
        or one.halt is None
        or not once_more(
            JOB_OF[one.state],
            {"import_id": one.id},
            dedup_key=str(one.id),
            max_attempts=ATTEMPTS,
        )
    ):
        raise NotNow(_("This import has gone on already."))


def _enqueue(one: StockImport) -> None:
    enqueue(
        JOB_OF[one.state],
        {"import_id": one.id},
        dedup_key=str(one.id),
        max_attempts=ATTEMPTS,
    )


def step(one: StockImport, before: set[str], after: str) -> None:
    """Take an import from one of the states `before` to `after`, once. Raises NotNow."""
    moved = db.session.scalar(
        sa.update(StockImport)
        .where(StockImport.id == one.id, StockImport.state.in_(before))
        .values(state=after)
        .returning(StockImport.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise NotNow(_("This import has gone on already."))
    db.session.refresh(one)


def try_import(payload: dict[str, Any]) -> Record | None:
    """Handler: the dry run; it changes nothing but the import's own row."""
    return _run(int(payload["import_id"]), "trying")


def apply_import(payload: dict[str, Any]) -> Record | None:
    """Handler: the import itself. Run twice it is harmless: rows that are in change nothing."""
    return _run(int(payload["import_id"]), "running")


def _run(import_id: int, step: str) -> Record | None:
    one = db.session.get(StockImport, import_id)
    if one is None or one.state != step:
        return None
    db.session.expunge(one)
    db.session.rollback()
    is_trial = step == "trying"
    brake = None
    try:
        with opened(one) as path:
            try:
                report = import_stock(str(path), _options(one, is_trial))
            except TooManyMissing as missing:
                if not is_trial:
                    return partial(_failed, import_id, _stock_moved(missing))
                brake = {"missing": missing.missing, "live": missing.live}
                report = import_stock(str(path), _options(one, is_trial, accepts=True))
            sent = keep_bad_rows(one.bad_rows_key, path, report)
    except ImportRefused as refusal:
        return partial(_failed, import_id, str(refusal))
    shown = _shown(report) | {"brake": brake, "sent": sent}
    return partial(_finished, import_id, shown, is_trial)


def _stock_moved(missing: TooManyMissing) -> str:
    return str(
        _(
            "The stock changed since the trial: %(missing)s of %(live)s cars would leave the site "
            "now. Nothing was changed. Try the file again.",
            missing=missing.missing,
            live=missing.live,
        )
    )


def _options(one: StockImport, is_trial: bool, accepts: bool = False) -> ImportOptions:
    return ImportOptions(
        source=one.source,
        is_dry_run=is_trial,
        is_partial=one.is_partial,
        accepts_withdrawals=accepts or one.accepts_withdrawals,
        by=one.created_by,
        columns=one.columns,
        store_ids=None if one.store_ids is None else frozenset(one.store_ids),
        progress=partial(_tell, one.id),
        note=None if is_trial or one.bulk_id is None else partial(note_import, one.bulk_id),
    )


def _tell(import_id: int, done: int, total: int) -> None:
    with writing() as session:
        session.execute(
            sa.update(StockImport)
            .where(StockImport.id == import_id)
            .values(rows_done=done, rows_total=total),
            execution_options={"synchronize_session": False},
        )


def _shown(report: Report) -> dict[str, Any]:
    """The report as the page shows it: every count, the first problems."""
    whole = report.as_json()
    return {
        **whole,
        "rejected": whole["rejected"][:MOST_LISTED],
        "warnings": whole["warnings"][:MOST_LISTED],
        "rejected_count": len(report.rejected),
        "warning_count": len(report.warnings),
    }


def _finished(import_id: int, report: dict[str, Any], is_trial: bool) -> None:
    one = db.session.get_one(StockImport, import_id, populate_existing=True)
    if not one.is_busy:
        return  # somebody undid it meanwhile
    if not is_trial and one.bulk is not None:
        _close(one.bulk, report)
    one.report = report
    one.problem = ""
    one.state = "tried" if is_trial else "done"
    one.rows_done = one.rows_total = report["rows"]
    one.finished_at = now()
    if not is_trial:
        counts = ("created", "updated", "unchanged", "withdrawn", "rejected_count")
        audit.record(
            one.created_by,
            "stock.import_done",
            f"import:{one.id}",
            label=one.file_name,
            after={name: report[name] for name in counts},
        )
    db.session.flush()


def _close(bulk: BulkChange, report: dict[str, Any]) -> None:
    """All is in. An import that was interrupted found its first rows in already: what all its runs
    changed together stands in the bulk change."""
    bulk.state, bulk.finished_at = "done", now()
    before = report["created"] + report["updated"]
    report.update({name: bulk.rule.get(name, 0) for name in ("created", "updated", "withdrawn")})
    report["unchanged"] += before - report["created"] - report["updated"]


def _failed(import_id: int, reason: str) -> None:
    one = db.session.get_one(StockImport, import_id, populate_existing=True)
    one.state, one.problem, one.finished_at = "failed", reason, now()
    db.session.flush()


# --- forgetting ------------------------------------------------------------------------------


def sweep_imports(_payload: dict[str, Any]) -> None:
    """Handler: remove the files of imports older than a month, and the imports themselves when the
    changes they made are forgotten too; what was said of columns stays."""
    old = db.session.scalars(
        sa.select(StockImport).where(
            StockImport.created_at < now() - KEPT, StockImport.file_key != ""
        )
    ).all()
    keys = [(one.id, one.file_key, one.bad_rows_key) for one in old]
    db.session.rollback()
    for import_id, *files in keys:
        for key in files:
            storage().delete(key, public=False)
        with writing() as session:
            session.execute(
                sa.update(StockImport).where(StockImport.id == import_id).values(file_key=""),
                execution_options={"synchronize_session": False},
            )
    with writing() as session:
        session.execute(
            sa.delete(StockImport).where(
                StockImport.created_at < now() - HISTORY_KEPT, StockImport.file_key == ""
            ),
            execution_options={"synchronize_session": False},
        )


JOBS = {"try_import": try_import, "apply_import": apply_import, "sweep_imports": sweep_imports}
