"""Addresses that moved or are gone for good. Asked only when nothing else answers.

Never over a page of the program; no loops; a chain is shortened to its end, so that a visitor is
sent once. Verbs flush.

DomainError
└── ContentRefused    an address that cannot be sent on so
"""

import csv
import io
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from flask_babel import gettext as _

from content.models import Redirect
from content.refusals import ContentRefused
from content.targets import CLOSED, BadTarget, find_target, is_route, read_path
from core.clock import now
from core.db import db

LONGEST_FILE_ROWS: Final = 5000
GONE: Final = frozenset({"410", "gone", "removido", "fora"})
# Routes that answer for rows: an address below them may have moved when no row has it.
OF_ROWS: Final = ("/blog/", "/p/", "/lp/", "/lojas/", "/oferta/", "/estoque/")


def normal(text: str, field: str = "de") -> str:
    """An old address as we keep it: the path alone, decoded, without a slash at its end. Raises
    ContentRefused."""
    try:
        path = unquote(urlsplit(read_path(text)).path)
    except BadTarget as error:
        raise ContentRefused(str(error), field) from None
    return path.rstrip("/") or "/"


def add_redirect(old: str, new: str, *, by: str) -> Redirect:
    """Send `old` to `new` (301), or with an empty `new` say it is gone (410). An old address that
    is known gets the new target. Raises ContentRefused."""
    source = normal(old)
    if source.startswith(CLOSED):
        raise ContentRefused(_("This address is not a page for everybody."), "de")
    if is_route(source) and (not source.startswith(OF_ROWS) or _is_there(source)):
        raise ContentRefused(_("There is a page of the site at %(path)s.", path=source), "de")
    target = _target(source, new) if new.strip() else ""
    return _keep(source, target, by)


def _is_there(path: str) -> bool:
    try:
        return not find_target(path).problem
    except BadTarget:
        return False


def _target(source: str, new: str) -> str:
    try:
        path = read_path(new)
    except BadTarget as error:
        raise ContentRefused(str(error), "para") from None
    bare = normal(path, "para")
    seen = {source}
    for _step in range(20):
        if bare in seen:
            raise ContentRefused(_("This would send visitors in a circle."), "para")
        further = find_redirect(bare)
        if further is None:
            break
        if not further.to_path:
            raise ContentRefused(_("%(path)s is gone for good itself.", path=bare), "para")
        seen.add(bare)
        path, bare = further.to_path, normal(further.to_path, "para")
    try:
        return find_target(path).path
    except BadTarget as error:
        raise ContentRefused(str(error), "para") from None


def _keep(source: str, target: str, by: str) -> Redirect:
    row = db.session.scalars(sa.select(Redirect).where(Redirect.from_path == source)).first()
    if row is None:
        row = Redirect(from_path=source, to_path=target, created_by=by)
        db.session.add(row)
    row.to_path = target
    if target:
        # Those that led here lead on at once.
        db.session.execute(
            sa.update(Redirect).where(Redirect.to_path == source).values(to_path=target),
            execution_options={"synchronize_session": False},
        )
    db.session.flush()
    return row


def moved(old: str, new: str, *, by: str) -> None:
    """A page of ours has a new address: the old one leads there; nothing leads away from the
    new one."""
    db.session.execute(
        sa.delete(Redirect).where(Redirect.from_path == new),
        execution_options={"synchronize_session": False},
    )
    _keep(old, new, by)


def remove_redirect(row: Redirect) -> None:
    """Forget it: the address answers 404 again."""
    db.session.delete(row)
    db.session.flush()


def find_redirect(path: str) -> Redirect | None:
    """What is known of an address that nothing answers at."""
    source = path.rstrip("/") or "/"
    if len(source) > 300 or "\0" in source:  # PostgreSQL takes no NUL in a text
        return None
    return db.session.scalars(sa.select(Redirect).where(Redirect.from_path == source)).first()


def hit(row_id: int) -> sa.Executable:
    """The statement that counts one visitor."""
    return (
        sa.update(Redirect)
        .where(Redirect.id == row_id)
        .values(hits=Redirect.hits + 1, last_hit_at=now())
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class RowProblem:
    """A row of an imported file that was not taken, counted from 1 with its heading."""

    row: int
    words: str


def import_redirects(text: str, *, by: str) -> tuple[int, list[RowProblem]]:
    """Take in a CSV of old and new addresses (`de;para`, comma or semicolon, heading optional; an
    empty or "410" target: gone). Good rows go in, the others are said. Raises ContentRefused for
    a file that is too long."""
    sample = text[:2000]
    delimiter = ";" if sample.count(";") > sample.count(",") else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    if len(rows) > LONGEST_FILE_ROWS:
        raise ContentRefused(_("At most %(n)s rows at once.", n=LONGEST_FILE_ROWS), "arquivo")
    taken, problems = 0, []
    for number, cells in enumerate(rows, 1):
        if not any(cell.strip() for cell in cells):
            continue
        if number == 1 and not cells[0].strip().startswith(("/", "http")):
            continue
        old, new = cells[0].strip(), (cells[1].strip() if len(cells) > 1 else "")
        try:
            add_redirect(old, "" if new.lower() in GONE else new, by=by)
            taken += 1
        except ContentRefused as refusal:
            problems.append(RowProblem(number, str(refusal)))
    return taken, problems
