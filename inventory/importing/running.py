"""One import from beginning to end: read, check everything, only then write.

The file is read once into a scratch file, so that nothing is written before all of it was seen,
and memory stays bounded however large it is. Up to 2,000 rows go in as one transaction, more as
several: an import that was interrupted is finished by running it again, since rows that are in
already change nothing.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, Final

from flask_babel import gettext as _

from core import config
from core.db import db, writing
from core.fetch import FetchRefused, fetch, is_web_address
from core.text import clean_line
from inventory.importing import mapping, reading
from inventory.importing.applying import BATCH_ROWS, Applier, Note
from inventory.importing.checking import (
    LIVE_STATES,
    Key,
    KnownStock,
    Stores,
    brake,
    check_row,
)
from inventory.importing.mapping import BY_NAME, NUMBER_FACTS, Dialect
from inventory.importing.records import MOST_ROWS, Reading, Record
from inventory.importing.report import ImportRefused, Problem, RejectedRow, Report
from inventory.importing.rows import Notation, RowReader, StockRow

ONE_TRANSACTION_ROWS: Final = 2_000
LARGEST_DOWNLOAD_BYTES: Final = 50_000_000
LARGEST_FILE_BYTES: Final = 200_000_000
LONGEST_SOURCE: Final = 200
_SAMPLE_RECORDS: Final = 50
FORMATS: Final = (*reading.KINDS, *BY_NAME)


@dataclass(frozen=True)
class ImportOptions:
    """How to import. `format`: one of FORMATS, None to tell it from the content; `source`: the
    name under which the file's ids are keys, None for the file's name or the address; `by`: who
    imports, None for the source itself; `columns`: folded path -> fact where somebody mapped them
    by hand; `store_ids`: the stores it may touch, None for all; `progress`: told, outside any
    transaction, how many of how many rows are through; `note`: see applying.Note."""

    format: str | None = None
    source: str | None = None
    is_dry_run: bool = False
    is_partial: bool = False
    accepts_withdrawals: bool = False
    by: str | None = None
    columns: Mapping[str, str] | None = None
    store_ids: frozenset[int] | None = None
    progress: Callable[[int, int], object] | None = None
    note: Note | None = None


def import_stock(path_or_url: str, options: ImportOptions | None = None) -> Report:
    """Bring the stock of a file or address in, and say what happened to each row.

    Opens its own transactions. Raises ImportRefused, with nothing changed, for a file that cannot
    be read, has no usable row, or would withdraw more than the brake allows.
    """
    options = options or ImportOptions()
    source = _key_name(options.source or _name_of(path_or_url))
    if options.format and options.format not in FORMATS:
        raise ImportRefused(_("Unknown format. Use one of: %(names)s.", names=", ".join(FORMATS)))
    file, charset = _open(path_or_url)
    with closing(file):
        staged = _stage(file, charset, options)
    with closing(staged.records):
        plan = _check(staged, source, options)
    with closing(plan.rows):
        _refuse_hopeless(plan, options)
        _apply(plan, source, options)
    plan.report.rejected.sort(key=lambda rejected: rejected.row)
    plan.report.warnings.sort(key=lambda warning: warning.row)
    return plan.report


def _name_of(path_or_url: str) -> str:
    return path_or_url if is_web_address(path_or_url) else Path(path_or_url).name


def _key_name(name: str) -> str:
    """The source's name as the key holds it; two long ones must not become one by being cut."""
    line = clean_line(name, 10_000)
    if len(line) <= LONGEST_SOURCE:
        return line
    return f"{line[:180]}#{hashlib.sha256(line.encode()).hexdigest()[:16]}"


def _open(path_or_url: str) -> tuple[IO[bytes], str | None]:
    if is_web_address(path_or_url):
        allow = config.current().allow_private_urls
        try:
            fetched = fetch(path_or_url, max_bytes=LARGEST_DOWNLOAD_BYTES, allow_private=allow)
        except FetchRefused as refusal:
            raise ImportRefused(str(refusal)) from refusal
        return fetched.file, fetched.charset
    try:
        path = Path(path_or_url)
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ImportRefused(_("This file is too large."))
        return path.open("rb"), None
    except (OSError, ValueError):
        raise ImportRefused(_("There is no file here that can be read: %(path)s",
                              path=clean_line(path_or_url, 200))) from None  # fmt: skip


# --- reading it all --------------------------------------------------------------------------


@dataclass
class _Staged:
    """The raw records in a scratch file, and what was found out while reading them."""

    records: IO[str]
    dialect: Dialect
    reading: Reading
    notation: Notation
    report: Report


def _stage(file: IO[bytes], charset: str | None, options: ImportOptions) -> _Staged:
    forced = BY_NAME.get(options.format or "")
    is_kind = options.format in reading.KINDS
    kind = str(options.format) if is_kind else reading.kind_of(file)
    family = {"csv": "table", "xlsx": "table", "xml": "xml"}.get(kind, "json")
    layouts = [forced] if forced else mapping.dialects_of(family)
    notes = Reading()
    records = reading.records_of(
        file,
        kind,
        notes,
        charset=charset,
        known_columns=mapping.known_columns(),
        record_names={name for layout in layouts for name in layout.records},
    )
    number_paths = {path for layout in layouts for path in layout.paths_of(NUMBER_FACTS)}
    if options.columns is not None:
        number_paths = {path for path, fact in options.columns.items() if fact in NUMBER_FACTS}
    notation = Notation()
    scratch = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass")  # noqa: SIM115
    count = 0
    seen: set[str] = set()
    for record in records:
        count += 1
        if count > MOST_ROWS:
            raise ImportRefused(_("The file has too many rows."))
        if count <= _SAMPLE_RECORDS:
            seen.update(record.values)
        for path in number_paths.intersection(record.values):
            for text in record.values[path]:
                notation.see(path, text)
        scratch.write(json.dumps(_raw(record)) + "\n")
    if not count:
        raise ImportRefused(_("The file holds no vehicle."))
    scratch.seek(0)
    dialect = forced or mapping.choose(family, seen)
    if options.columns is not None:
        dialect = mapping.own_layout(options.columns, dialect)
    if dialect is None or not any(
        path in notes.names for path in dialect.facts.get("source_id", ())
    ):
        raise ImportRefused(
            _("No column holds the vehicles' own ids. In the CSV layout it is called id.")
        )
    report = Report(format=kind, dialect=dialect.name, rows=count, is_dry_run=options.is_dry_run)
    known = dialect.known_paths() | dialect.ignored
    inner = {path.partition("/")[0] for path in known}
    report.unknown_columns = [
        name for path, name in notes.names.items() if path not in known and path not in inner
    ]
    if notes.has_broken_accents:
        report.warnings.append(
            Problem(0, "", _("Accented letters look broken: check the file's encoding."))
        )
    return _Staged(scratch, dialect, notes, notation, report)


def _raw(record: Record) -> tuple[int, dict[str, list[str]], str, str]:
    return record.number, record.values, record.problem, record.problem_path


def _records(scratch: IO[str]) -> Iterator[Record]:
    for line in scratch:
        yield Record(*json.loads(line))


# --- checking it all -------------------------------------------------------------------------


@dataclass
class _Plan:
    """The good rows in a scratch file, and what the file means for the rest of the stock."""

    rows: IO[str]
    good: int
    twice: set[Key]
    missing_ids: list[int]
    live: int
    stores: Stores
    reader: RowReader
    report: Report
    seen: Counter[Key] = field(default_factory=Counter)


def _check(staged: _Staged, source: str, options: ImportOptions) -> _Plan:
    is_table = staged.report.format in {"csv", "xlsx"}
    reader = RowReader(staged.dialect, staged.reading.names, staged.notation, is_table=is_table)
    stores, known = Stores(options.store_ids), KnownStock()
    plan = _Plan(
        rows=tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass"),  # noqa: SIM115
        good=0,
        twice=set(),
        missing_ids=[],
        live=0,
        stores=stores,
        reader=reader,
        report=staged.report,
    )
    first_rows: dict[Key, int] = {}
    for record in _records(staged.records):
        row = reader.read(record)
        row.names_source = bool(row.source)
        row.source = row.source or source
        key = (row.source, row.source_id)
        if row.source_id:
            plan.seen[key] += 1
            if plan.seen[key] > 1:
                _reject_twice(row, first_rows[key], plan)
                continue
            first_rows[key] = row.number
        check_row(row, known.of(row.source).get(row.source_id), stores, reader)
        if row.problems:
            plan.report.rejected.append(RejectedRow(row.number, row.source_id, tuple(row.problems)))
        else:
            plan.good += 1
            plan.rows.write(_packed(row) + "\n")
    _reject_first_of_twice(plan, first_rows)
    plan.rows.seek(0)
    plan.report.sources = known.sources
    for name in known.sources:
        for source_id, vehicle in known.of(name).items():
            if vehicle.state in LIVE_STATES and stores.allows(vehicle.store_id):
                plan.live += 1
                if (name, source_id) not in plan.seen:
                    plan.missing_ids.append(vehicle.id)
    return plan


def _reject_twice(row: StockRow, other_number: int, plan: _Plan) -> None:
    key = (row.source, row.source_id)
    reason = _("Row %(row)s has the same id, so neither is used.", row=other_number)
    problem = Problem(row.number, plan.reader.column_of("source_id"), reason)
    plan.report.rejected.append(RejectedRow(row.number, row.source_id, (problem,)))
    plan.twice.add(key)


def _reject_first_of_twice(plan: _Plan, first_rows: dict[Key, int]) -> None:
    rejected = {row.row for row in plan.report.rejected}
    for key in plan.twice:
        number = first_rows[key]
        if number not in rejected:
            plan.good -= 1
            reason = _("Another row has the same id, so neither is used.")
            problem = Problem(number, plan.reader.column_of("source_id"), reason)
            plan.report.rejected.append(RejectedRow(number, key[1], (problem,)))


def _packed(row: StockRow) -> str:
    """A good row as one line of JSON; `_unpacked` is the way back."""
    warnings = [astuple(warning) for warning in row.warnings]
    parts = (row.number, row.source_id, row.source, row.names_source, row.store, row.history)
    return json.dumps((*parts, warnings, row.facts), default=_plain)


def _plain(value: object) -> str:
    assert isinstance(value, date)
    return value.isoformat()


def _unpacked(line: str) -> StockRow:
    number, source_id, source, names_source, store, history, warnings, facts = json.loads(line)
    if facts.get("promo_until"):
        facts["promo_until"] = date.fromisoformat(facts["promo_until"])
    return StockRow(
        number=number,
        source_id=source_id,
        source=source,
        names_source=names_source,
        store=store,
        history=history,
        facts=facts,
        warnings=[Problem(*warning) for warning in warnings],
    )


def _good_rows(plan: _Plan) -> Iterator[StockRow]:
    for line in plan.rows:
        row = _unpacked(line)
        if (row.source, row.source_id) not in plan.twice:
            yield row


def _refuse_hopeless(plan: _Plan, options: ImportOptions) -> None:
    if not plan.good:
        first = min(plan.report.rejected, key=lambda row: row.row).problems[0]
        raise ImportRefused(
            _(
                "No row of this file can be used. The first one, row %(row)s, column %(column)s: "
                "%(reason)s",
                row=first.row,
                column=first.column or "-",
                reason=first.reason,
            )
        )
    if not options.is_partial and not options.accepts_withdrawals:
        brake(len(plan.missing_ids), plan.live, config.current().import_withdraw_share)


# --- writing ---------------------------------------------------------------------------------


def _apply(plan: _Plan, source: str, options: ImportOptions) -> None:
    by = clean_line(options.by or f"import:{source}", 160)
    applier = Applier(
        plan.report,
        plan.stores,
        plan.reader,
        by=by,
        is_dry_run=options.is_dry_run,
        note=options.note,
    )
    missing = [] if options.is_partial else plan.missing_ids
    batches = _batches(_good_rows(plan), plan)
    told = options.progress or (lambda _done, _of: None)
    done = 0
    if options.is_dry_run:
        for batch in batches:
            applier.apply(batch)
            db.session.expunge_all()
            done += len(batch)
            told(done, plan.good)
        db.session.rollback()
    elif plan.good <= ONE_TRANSACTION_ROWS:
        with writing():
            for batch in batches:
                applier.apply(batch)
            applier.withdraw(missing)
    else:
        for batch in batches:
            with writing() as session:
                applier.apply(batch)
            session.expunge_all()
            done += len(batch)
            told(done, plan.good)
        with writing():
            applier.withdraw(missing)
    plan.report.withdrawn = len(missing)


def _batches(rows: Iterable[StockRow], plan: _Plan) -> Iterator[list[StockRow]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        for row in batch:
            plan.report.warnings.extend(row.warnings)
        yield batch
