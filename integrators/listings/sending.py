"""What is done: the most urgent steps first, each written down before it is sent."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from integrators.listings import recording
from integrators.listings.cars import car_of, load_cars, secrets_of
from integrators.listings.recording import Change
from integrators.listings.rules import Rules
from integrators.listings.steps import next_step, urgency
from integrators.listings.turn import DOWN_AFTER, Turn
from integrators.listings.unsettled import may_move
from integrators.models import Listing
from integrators.portals.portal import (
    NOBODY_KNOWS,
    CallFailed,
    Draft,
    HoldOn,
    Locked,
    NotSent,
    Problem,
    Result,
    Step,
    Verb,
)
from inventory.models import Vehicle

log = structlog.get_logger("vitrine.portals")

_CHUNKS: Final = 12  # times what is under way at once: how much is recorded together
_DRAFTING: Final = {Verb.CREATE, Verb.UPDATE, Verb.RELIST}


def take_down(turn: Turn) -> None:
    """First of all, whatever buyers must not see any longer."""
    while time.monotonic() < turn.deadline and step(turn, {Verb.CLOSE, Verb.PAUSE}):
        pass


def step(turn: Turn, verbs: Collection[Verb] = tuple(Verb)) -> int:
    """The next chunk of steps of `verbs`, the most urgent first; how many listings moved on."""
    waiting = [one for one in _pending(turn) if one[0] in verbs]
    if not waiting:
        return 0
    verb = waiting[0][0]
    limits = turn.portal.limits
    many = limits.at_once * _CHUNKS
    if verb in {Verb.CREATE, Verb.RELIST}:  # what is sold meanwhile does not wait for hundreds
        many = max(limits.at_once, many // limits.calls_a_step)
    most = limits.batch if limits.batch > 1 else many
    if turn.failures >= DOWN_AFTER:
        most = 1  # it did not answer: one probe, of what matters most
    is_end = verb is Verb.CLOSE
    ids = [number for v, number in waiting if (v is Verb.CLOSE) == is_end][:most]
    return _act(turn, turn.rows(ids))


def _pending(turn: Turn) -> list[tuple[Verb, int]]:
    columns = (
        Listing.id, Listing.desired, Listing.reason, Listing.basis, Listing.pushed_basis,
        Listing.refused_basis, Listing.remote, Listing.external_id, Listing.is_unclear,
        Listing.due_at,
    )  # fmt: skip
    rows = db.session.execute(
        sa.select(*columns).where(Listing.account_id == turn.account_id, may_move())
    ).all()
    is_wary = turn.advertiser().is_wary
    instant = now()
    found = []
    for row in rows:
        verb = next_step(row)
        is_due = row.due_at is None or row.due_at <= instant
        if verb is None or not is_due:
            continue
        if is_wary and not (verb is Verb.CLOSE and row.reason == "sold"):
            continue
        found.append((urgency(verb, row.reason), row.id, verb))
    db.session.rollback()
    return [(verb, number) for _rank, number, verb in sorted(found)]


def _act(turn: Turn, rows: Sequence[Listing]) -> int:
    steps: list[tuple[Listing, Step, Draft | None]] = []
    changes: list[Change] = []
    cars = load_cars(
        [row.vehicle_id for row in rows if row.vehicle_id and _is_drafted(turn, next_step(row))]
    )
    extra_text = Rules.of(turn.advertiser().rules).extra_text
    for row in rows:
        verb = next_step(row)
        if verb is None:
            continue
        draft = None
        if _is_drafted(turn, verb):
            vehicle = cars.get(row.vehicle_id or 0)
            if vehicle is None:
                continue  # deleted this instant: the next plan says so
            draft = _drafted(turn, vehicle, extra_text)
            if draft.problems:
                turn.lacks_terms |= draft.problems[0].code == NOBODY_KNOWS
                changes.append(recording.held_back(row, draft.problems[0]))
                continue
        changed = _changed(row, draft)
        if verb is Verb.UPDATE and not changed:
            changes.append(recording.unchanged(row))
            continue
        parts = draft.parts if draft is not None else {}
        steps.append((row, Step(verb, row.key, row.external_id, parts, changed), draft))
        changes.append(recording.intended(row, verb, draft, now()))
    db.session.rollback()
    turn.record(changes)
    if steps:
        _send(turn, steps)
    return len(changes)


def _drafted(turn: Turn, vehicle: Vehicle, extra_text: str) -> Draft:
    """The draft; a car that breaks the adapter is held like one that the portal refuses."""
    limits = turn.portal.limits
    try:
        car = car_of(
            vehicle,
            turn.account,
            photos=limits.photos,
            photo_px=limits.photo_px,
            extra_text=extra_text,
        )
        return turn.portal.draft(car, turn.account, turn.book, secrets_of(vehicle))
    except Exception as error:
        log.exception("portal_draft_failed", account=turn.account_id, car=vehicle.id)
        words = _("This car could not be prepared for the portal. Tell whoever runs the system.")
        problem = Problem(f"broken:{type(error).__name__}"[:80], str(words))
        return Draft({}, 0, (problem,))


def _is_drafted(turn: Turn, verb: Verb | None) -> bool:
    """Whether the step tells the whole ad. Who cannot pause can only tell it once more."""
    return verb in _DRAFTING or (verb is Verb.RESUME and not turn.portal.limits.can_pause)


def _send(turn: Turn, steps: Sequence[tuple[Listing, Step, Draft | None]]) -> None:
    turn.steps += len(steps)
    turn.has_ended |= any(step.verb is Verb.CLOSE for _r, step, _d in steps)
    turn.has_made |= any(step.verb in {Verb.CREATE, Verb.RELIST} for _r, step, _d in steps)
    by_key = {step.key: (row, step, draft) for row, step, draft in steps}
    changes: list[Change] = []
    error: CallFailed | None = None
    for key, answer in _answers(turn, [step for _row, step, _draft in steps]):
        if key not in by_key:
            continue
        row, step, draft = by_key.pop(key)
        if isinstance(answer, CallFailed):
            if error is None or turn.portal.limits.batch == 1:  # a lost batch is one call
                turn.meet_one(answer)
            error = answer if error is None or isinstance(answer, Locked | HoldOn) else error
            changes.append(_failed(turn, row, step, answer))
        else:
            turn.failures = 0
            changes.append(recording.after(row, step.verb, draft, answer, turn.portal, now()))
    for row, step, _draft in by_key.values():  # the adapter said nothing of them
        changes.append(recording.lost(row, step.verb, turn.portal, now()))
    turn.record(changes)
    if isinstance(error, Locked | HoldOn):
        turn.meet(error)
    turn.stop_if_down()


def _failed(turn: Turn, row: Listing, step: Step, error: CallFailed) -> Change:
    if isinstance(error, HoldOn | Locked):  # it was turned away: the same again later
        return Change(row).set(intent="", due_at=None)
    return recording.failed(row, step.verb, error, turn.portal, now())


def _answers(turn: Turn, steps: Sequence[Step]) -> Iterator[tuple[str, Result | CallFailed]]:
    if turn.portal.limits.batch > 1:
        yield from _batch(turn, steps)
        return

    def one(step: Step) -> Result:
        for result in turn.portal.send(turn.calls, [step]):
            return result
        raise NotSent("the adapter gave no result")

    for step, answer in turn.at_once(steps, one):
        yield step.key, answer


def _batch(turn: Turn, steps: Sequence[Step]) -> Iterator[tuple[str, Result | CallFailed]]:
    left = {step.key for step in steps}
    try:
        for result in turn.portal.send(turn.calls, steps):
            left.discard(result.key)
            yield result.key, result
    except CallFailed as error:
        for key in left:
            yield key, error


def _changed(row: Listing, draft: Draft | None) -> frozenset[str]:
    if draft is None:
        return frozenset()
    told = recording.digests(draft)
    return frozenset(name for name in told.keys() | row.parts.keys()
                     if told.get(name) != row.parts.get(name))  # fmt: skip
