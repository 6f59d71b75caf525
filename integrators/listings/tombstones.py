"""Sold stays sold, also when an old backup comes back.

Beside the database, in the instance folder, lie two files that no backup of the database replaces:
`sold.jsonl`, a line for every car that was sold or came back, written once its transaction is
committed; and `portals.json`, how far each account had got. A database that is behind them was
restored: the cars of the first are sold again at once (on our own site, too), and the accounts of
the second put nothing up until a person has looked at the difference.
"""

import fcntl
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask import has_app_context
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.clock import now
from core.config import current
from core.db import db, writing
from integrators.models import Advertiser, PortalAccount
from inventory.lifecycle import follow_steps, move
from inventory.models import Vehicle

SOLD_FILE: Final = "sold.jsonl"
MARKS_FILE: Final = "portals.json"
BY: Final = "restored backup"
_WAITING: Final = "vitrine_sold_lines"

log = structlog.get_logger("vitrine.portals")


def _follow(vehicle: Vehicle, before: str, _by: str, _from_source: bool) -> None:
    if "sold" in {before, vehicle.state}:
        line = {"public_id": vehicle.public_id, "state": vehicle.state, "at": now().isoformat()}
        db.session.info.setdefault(_WAITING, []).append(line)


def _after_commit(session: Session) -> None:
    if session.in_nested_transaction() or not has_app_context():
        return
    lines = session.info.pop(_WAITING, [])
    if lines:
        try:
            _append(_path(SOLD_FILE), lines)
        except OSError as error:  # the sale stands; only a restored backup would not know of it
            log.error("sold_file_not_written", error=type(error).__name__)


def _after_rollback(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_WAITING, None)


follow_steps(_follow)
event.listen(Session, "after_commit", _after_commit)
event.listen(Session, "after_rollback", _after_rollback)


def reapply() -> int:
    """Sell again what a restored backup brought back; how many cars. Opens `writing()`."""
    newest: dict[str, tuple[str, datetime]] = {}
    for line in _lines(_path(SOLD_FILE)):
        try:
            newest[line["public_id"]] = (line["state"], datetime.fromisoformat(line["at"]))
        except (KeyError, TypeError, ValueError):
            continue  # the last line of a machine that lost power
    sold = {public_id: at for public_id, (state, at) in newest.items() if state == "sold"}
    again: list[str] = []
    ids = list(sold)
    for start in range(0, len(ids), 500):
        cars = db.session.execute(
            sa.select(Vehicle.public_id, Vehicle.state, Vehicle.state_changed_at).where(
                Vehicle.public_id.in_(ids[start : start + 500]),
                Vehicle.state.in_(("published", "reserved")),
            )
        )
        again += [car.public_id for car in cars if car.state_changed_at < sold[car.public_id]]
    db.session.rollback()
    for public_id in again:
        with writing() as session:
            car = session.scalars(sa.select(Vehicle).where(Vehicle.public_id == public_id)).one()
            move(car, "sold", BY, from_source=True)
    if again:
        log.warning("sold_again_after_restore", cars=len(again))
    return len(again)


def judge(account_id: int) -> bool:
    """Whether the database is behind what this account had done already; it is then wary, and what
    was sold is sold again. Opens `writing()`."""
    marks = _marks()
    row = db.session.get(Advertiser, account_id)
    account = db.session.get(PortalAccount, account_id)
    known = marks.get(mark_of(account), 0) if account is not None else 0
    is_behind = row is not None and row.writes < known
    db.session.rollback()
    if not is_behind:
        return False
    reapply()
    with writing() as session:
        row = session.get(Advertiser, account_id)
        if row is not None:
            row.is_wary, row.writes, row.observe_at = True, known, None
    log.warning("portal_account_wary", account=account_id)
    return True


def mark_of(account: PortalAccount) -> str:
    """What the account is known by beside the database: its prefix is drawn once, its number may be
    given anew when somebody begins with an empty database."""
    return f"{account.id}:{account.options.get('key_prefix', '')}"


def mark(name: str, writes: int) -> None:
    """Remember beside the database how far an account has got."""
    path = _path(MARKS_FILE)
    try:
        with (path.parent / f".{MARKS_FILE}.lock").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)  # freed with the file, also when we are killed
            marks = _marks()
            if marks.get(name, 0) >= writes:
                return
            handle, made = tempfile.mkstemp(dir=path.parent, prefix=".portals-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({**marks, name: writes}, file)
            Path(made).replace(path)
    except OSError as error:
        log.error("portal_marks_not_written", error=type(error).__name__)


def _path(name: str) -> Path:
    return Path(current().instance_dir) / name


def _marks() -> dict[str, int]:
    try:
        found = json.loads(_path(MARKS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _append(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
