"""What happens to an entry of a list: recorded, folded into where it stands, taken back.

DomainError
└── EntryRefused    it cannot happen as things stand, or says nothing; the sentence says why
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from leads.outreach.models import OutreachEntry, OutreachEvent, OutreachRound, OutreachTouch
from leads.outreach.stages import MEDDIC, TRANSITIONS, Stage

UNDO_WITHIN: Final = timedelta(minutes=10)
REPEATED_WITHIN: Final = timedelta(seconds=10)
FURTHEST: Final = timedelta(days=3 * 366)  # a next step later than that is forgotten
_LAST: Final = frozenset({"removed", "erased"})
_UNDOABLE: Final = frozenset({*TRANSITIONS, "next_step", "valued", "qualified"})


class EntryRefused(DomainError):
    """It cannot happen as things stand, or says nothing."""


@dataclass(frozen=True)
class Standing:
    """Where an entry stands: the columns of OutreachEntry of the same names."""

    stage: str = Stage.COLD
    next_step: str = ""
    next_on: date = date.min
    value_cents: int | None = None
    expected_on: date | None = None
    meddic: dict[str, str] = field(default_factory=dict)
    touched_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str = ""


def fold(before: Standing, kind: str, at: datetime, data: dict[str, Any]) -> Standing:
    """Where an entry stands after `kind` happened to it. Pure."""
    facts: dict[str, Any] = {}
    step = TRANSITIONS.get(kind)
    if step is not None:
        facts["stage"] = step.to.get(Stage(before.stage), before.stage)
        facts["touched_at"] = at if kind != "cooled" else before.touched_at
    if kind == "added":
        facts["stage"] = data.get("stage", Stage.COLD)
    if "next_on" in data:
        facts["next_on"] = date.fromisoformat(data["next_on"])
        facts["next_step"] = data.get("next_step", "")
    if kind == "valued":
        expected = data.get("expected_on")
        facts["value_cents"] = data.get("value_cents")
        facts["expected_on"] = date.fromisoformat(expected) if expected else None
    if kind == "qualified":
        facts["meddic"] = data.get("meddic", {})
    if kind in _LAST:
        facts |= {"ended_at": at, "end_reason": kind}
    if kind == "returned":
        facts |= {"ended_at": None, "end_reason": ""}
    return replace(before, **facts)


def replay(events: Iterable[OutreachEvent]) -> Standing:
    """Where an entry stands by its events, in their order, without those that were undone."""
    listed = list(events)
    undone = {one.data.get("undoes") for one in listed if one.kind == "undone"}
    standing = Standing()
    for one in listed:
        if one.id not in undone:
            standing = fold(standing, one.kind, one.at, one.data)
    return standing


def record(
    entry: OutreachEntry, kind: str, actor: str, *, at: datetime | None = None, **data: Any
) -> OutreachEvent:
    """Let `kind` happen to `entry`, done by `actor` (a staff e-mail, "system") at `at` (now). Days
    among `data` are texts in ISO 8601. The same again within seconds is a double click: the first
    stands. Inside `writing()`: the row is locked until its end. Raises EntryRefused."""
    _lock(entry)
    moment = at or now()
    same = _repeated(entry, kind, actor, data, moment) if at is None else None
    if same is not None:
        return same
    if entry.ended_at is not None and kind not in {"returned", "erased", "undone"}:
        raise EntryRefused(_("This entry left the list. Put it back first."))
    step = TRANSITIONS.get(kind)
    if step is not None and Stage(entry.stage) not in step.to:
        raise EntryRefused(_("That does not fit where they stand now. Look at it again."))
    event = OutreachEvent(entry_id=entry.id, kind=kind, actor=actor, at=moment, data=data)
    db.session.add(event)
    db.session.flush()
    _stand(entry, fold(standing_of(entry), kind, moment, data))
    if step is not None and step.is_touch:
        _have_turn(entry, event)
    db.session.flush()
    return event


def undo(entry: OutreachEntry, event_id: int, actor: str) -> None:
    """Let the newest step, that `actor` took a moment ago, be as if it had not been. Inside
    `writing()`. Raises EntryRefused when something came after it."""
    _lock(entry)
    events = events_of(entry)
    undone = {one.data.get("undoes") for one in events if one.kind == "undone"}
    steps = [one for one in events if one.kind in _UNDOABLE and one.id not in undone]
    newest = steps[-1] if steps else None
    if (
        newest is None
        or newest.id != event_id
        or newest.actor != actor
        or now() - newest.at > UNDO_WITHIN
    ):
        raise EntryRefused(_("This cannot be undone any more: something happened since."))
    db.session.execute(sa.delete(OutreachTouch).where(OutreachTouch.event_id == event_id))
    record(entry, "undone", actor, undoes=event_id)
    _stand(entry, replay(events_of(entry)))
    db.session.flush()


def events_of(entry: OutreachEntry) -> list[OutreachEvent]:
    """The trail of `entry`, oldest first."""
    return list(
        db.session.scalars(
            sa.select(OutreachEvent)
            .where(OutreachEvent.entry_id == entry.id)
            .order_by(OutreachEvent.id)
        )
    )


def standing_of(entry: OutreachEntry) -> Standing:
    """Where `entry` stands, as its columns keep it."""
    return Standing(**{name: getattr(entry, name) for name in Standing.__dataclass_fields__})


def next_facts(step: str, on: date | None) -> dict[str, str]:
    """The facts of a next step: nothing is without one. Raises EntryRefused without words, or for
    a day that is over."""
    words = clean_line(step, 160)
    if not words:
        raise EntryRefused(_("Say what comes next."))
    if on is None or not today() <= on <= today() + FURTHEST:
        raise EntryRefused(_("Say on which day, from today on."))
    return {"next_step": words, "next_on": on.isoformat()}


def meddic_facts(evidence: dict[str, str]) -> dict[str, dict[str, str]]:
    """What is known, by letter; a letter without evidence is not known."""
    cleaned = {name: clean_line(evidence.get(name, ""), 300) for name in MEDDIC}
    return {"meddic": {name: words for name, words in cleaned.items() if words}}


def _lock(entry: OutreachEntry) -> None:
    db.session.flush()
    db.session.refresh(entry, with_for_update={"of": OutreachEntry})


def _repeated(
    entry: OutreachEntry, kind: str, actor: str, data: dict[str, Any], moment: datetime
) -> OutreachEvent | None:
    newest = db.session.scalars(
        sa.select(OutreachEvent)
        .where(OutreachEvent.entry_id == entry.id)
        .order_by(OutreachEvent.id.desc())
        .limit(1)
    ).one_or_none()
    is_same = newest is not None and (newest.kind, newest.actor, newest.data) == (kind, actor, data)
    return newest if newest and is_same and moment - newest.at < REPEATED_WITHIN else None


def _stand(entry: OutreachEntry, standing: Standing) -> None:
    for name, value in asdict(standing).items():
        setattr(entry, name, value)


def _have_turn(entry: OutreachEntry, event: OutreachEvent) -> None:
    """The entry had its turn in the round that runs, if it had none yet."""
    round_id = db.session.scalar(
        sa.select(OutreachRound.id).where(
            OutreachRound.list_id == entry.list_id,
            OutreachRound.ended_at.is_(None),
            OutreachRound.started_at <= event.at,
        )
    )
    if round_id is None:
        return
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    turn = {"round_id": round_id, "entry_id": entry.id, "event_id": event.id}
    db.session.execute(insert(OutreachTouch).values(turn).on_conflict_do_nothing())
