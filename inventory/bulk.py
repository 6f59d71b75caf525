"""One change to many vehicles: previewed, applied in pieces, undone where nobody changed more.

A preview is a row of its own (`draft`) with one item per vehicle, so what was looked at is what is
applied. Applying and undoing take STEP items at a time, each step in one transaction that also
notes what it did: a worker killed anywhere goes on where the last step ended, and whoever asks
twice finds the work under way. The bulk change's row is locked during a step, so two workers take
turns and no vehicle is changed twice.

    draft -> running -> done -> undoing -> undone        (running -> undoing: stopped half way)

DomainError
└── inventory.bulk_rules.BulkRefused    a change that cannot be made or undone, with the reason
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.text import clean_line
from inventory.bulk_history import IMPORT, UNDO_DAYS, BulkChange, BulkItem
from inventory.bulk_rules import BulkRefused, BulkRule, from_plain, standing
from inventory.conflicts import FIELD_NAMES, last_authors
from inventory.editing import revise_vehicles
from inventory.models import CarModel, Vehicle
from inventory.pricing import is_big_change
from inventory.stock_filter import Selection
from jobs.following import Halt, halted, once_more
from jobs.queue import SOON, enqueue

STEP: Final = 200  # vehicles per transaction; more than that is a job
KEEP_DRAFT_HOURS: Final = 24
MOST_VEHICLES: Final = 100_000
APPLY: Final = "apply_bulk_change"


def draft_bulk_change(rule: BulkRule, selection: Selection, *, by: str) -> BulkChange:
    """Keep what was chosen and how it is to change; nothing of the cars changes yet.

    For up to STEP cars the values seen now are kept too: a car that somebody changes between the
    preview and the applying is then left out and named. Raises BulkRefused for none or too many.
    """
    _forget_old_drafts()
    ids = selection.ids(MOST_VEHICLES + 1)
    if not ids:
        raise BulkRefused(_("No car is chosen."))
    if len(ids) > MOST_VEHICLES:
        raise BulkRefused(_("These are too many cars at once."))
    bulk = BulkChange(actor=by, kind=rule.kind, rule=rule.as_json(), state="draft", total=len(ids))
    db.session.add(bulk)
    db.session.flush()
    seen = _standing_of(ids, rule) if len(ids) <= STEP else {}
    rows = [
        {"bulk_id": bulk.id, "vehicle_id": number, "before": seen.get(number, {}), "after": {}}
        for number in ids
    ]
    db.session.execute(sa.insert(BulkItem), rows)
    return bulk


def planned(bulk: BulkChange, limit: int) -> list[tuple[Vehicle, dict[str, Any], str]]:
    """The first `limit` vehicles of a draft: each with what would change and what speaks against
    it ("" when nothing)."""
    rule = BulkRule.from_json(bulk.rule)
    return [(vehicle, *_plan(rule, vehicle)) for vehicle in _vehicles(_ids(bulk, "waiting", limit))]


def far_prices(bulk: BulkChange) -> int:
    """How many cars of a draft would get a price so far from their own that a person is asked
    twice."""
    rule = BulkRule.from_json(bulk.rule)
    if bulk.kind != "price" or rule.pricing is None:
        return 0
    prices = db.session.scalars(
        sa.select(Vehicle.price_cents)
        .join(BulkItem, BulkItem.vehicle_id == Vehicle.id)
        .where(BulkItem.bulk_id == bulk.id, Vehicle.price_cents > 0)
    )
    return sum(1 for cents in prices if cents and _is_far(rule, cents))


def _is_far(rule: BulkRule, cents: int) -> bool:
    assert rule.pricing is not None
    try:
        return is_big_change(cents, rule.pricing.new_price(cents))
    except DomainError:
        return False


# --- applying ----------------------------------------------------------------------------------


def start(bulk: BulkChange) -> None:
    """Begin to apply a draft: at once when it is small, as a job when not. Sent twice, it is
    begun once."""
    if not _turn(bulk, ("draft",), "running"):
        return
    bulk.at = now()
    _go_on(bulk)


def start_undoing(bulk: BulkChange, *, by: str) -> None:
    """Begin to put back what it changed; what waits for its turn stays as it is. Raises
    BulkRefused when it is too late for that."""
    if bulk.state in {"undoing", "undone"}:
        return
    if not bulk.can_be_undone:
        raise BulkRefused(_("A change can be undone for %(n)s days.", n=UNDO_DAYS))
    if not _turn(bulk, ("running", "done"), "undoing"):
        return
    bulk.undone_by, bulk.undone_at = by, now()
    db.session.execute(
        sa.update(BulkItem)
        .where(BulkItem.bulk_id == bulk.id, BulkItem.state == "waiting")
        .values(state="skipped")
    )
    _go_on(bulk)


def _turn(bulk: BulkChange, from_states: Sequence[str], to_state: str) -> bool:
    """Take the row and move it on; False when somebody was faster."""
    db.session.refresh(bulk, with_for_update=True)
    if bulk.state not in from_states:
        return False
    bulk.state = to_state
    db.session.flush()
    return True


def _go_on(bulk: BulkChange) -> None:
    if bulk.total <= STEP:
        while take_step(bulk.id):
            pass
    else:
        enqueue(APPLY, {"bulk_id": bulk.id}, dedup_key=_key(bulk), priority=SOON)


def halt_of(bulk: BulkChange) -> Halt | None:
    """Why a change under way will not end by itself; None while it may."""
    if not bulk.is_working or (bulk.kind == IMPORT and bulk.state != "undoing"):
        return None
    return halted(APPLY, _key(bulk))


def try_again(bulk: BulkChange) -> bool:
    """Go on with a change that halted, where its last step ended; False when it is on its way."""
    if halt_of(bulk) is None:
        return False
    return once_more(APPLY, {"bulk_id": bulk.id}, dedup_key=_key(bulk))


def _key(bulk: BulkChange) -> str:
    """One per direction: undoing does not wait for the applying that it stops."""
    return f"{bulk.id}:{bulk.state}"


def apply_bulk_change(payload: Mapping[str, Any]) -> None:
    """The job: step by step until nothing is left. Run twice, the second finds nothing to do."""
    while True:
        with writing():
            if not take_step(payload["bulk_id"]):
                return


def take_step(bulk_id: int) -> bool:
    """Do the next STEP vehicles of a bulk change; False when it has ended. Inside `writing()`."""
    bulk = db.session.scalars(
        sa.select(BulkChange)
        .where(BulkChange.id == bulk_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if bulk is None or not bulk.is_working:
        return False
    is_undoing = bulk.state == "undoing"
    items = _items(bulk, "done" if is_undoing else "waiting", STEP)
    if not items:
        bulk.state = "undone" if is_undoing else "done"
        bulk.finished_at = bulk.finished_at or now()
        db.session.flush()
        return False
    vehicles = _vehicles([item.vehicle_id for item in items], lock=True)
    by_id = {vehicle.id: vehicle for vehicle in vehicles}
    if is_undoing:
        _undo_items(bulk, items, by_id)
    else:
        _apply_items(bulk, items, by_id)
    db.session.flush()
    return True


def _apply_items(
    bulk: BulkChange, items: Sequence[BulkItem], vehicles: Mapping[int, Vehicle]
) -> None:
    rule = BulkRule.from_json(bulk.rule)
    work: list[tuple[BulkItem, Vehicle, dict[str, Any]]] = []
    for item in items:
        vehicle = vehicles[item.vehicle_id]
        values = standing(vehicle, rule.fields)
        if item.before and item.before != values:
            _settle(item, "refused", _changed_words(vehicle, rule.fields))
            continue
        item.before = values
        changes, problem = _plan(rule, vehicle)
        if problem:
            _settle(item, "refused", problem)
        elif not changes:
            _settle(item, "same")
        else:
            work.append((item, vehicle, changes))
    for item, vehicle, problem in _revise(work, bulk.actor):
        if problem:
            _settle(item, "refused", problem)
        else:
            item.after = standing(vehicle, rule.fields)
            _settle(item, "done")


def _undo_items(
    bulk: BulkChange, items: Sequence[BulkItem], vehicles: Mapping[int, Vehicle]
) -> None:
    work: list[tuple[BulkItem, Vehicle, dict[str, Any]]] = []
    for item in items:
        vehicle = vehicles[item.vehicle_id]
        now_there = standing(vehicle, tuple(item.after))
        if now_there != item.after:
            changed = tuple(name for name in item.after if now_there[name] != item.after[name])
            _settle(item, "kept", _changed_words(vehicle, changed))
        else:
            # A car that was not there before is put away, not deleted: it can come back.
            work.append((item, vehicle, from_plain(item.before) or {"state": "archived"}))
    # What an import brings back stood on the site by its source's words, and may so again.
    for item, _vehicle, problem in _revise(work, bulk.undone_by, from_source=bulk.kind == IMPORT):
        _settle(item, "kept" if problem else "undone", problem)


def _revise(
    work: Sequence[tuple[BulkItem, Vehicle, dict[str, Any]]], by: str, *, from_source: bool = False
) -> Iterable[tuple[BulkItem, Vehicle, str]]:
    """Change them all together; when one is refused, one by one, so that it alone stays out."""
    every = [(vehicle, changes) for _item, vehicle, changes in work]
    if not _problem_with(every, by, from_source):
        return [(item, vehicle, "") for item, vehicle, _changes in work]
    return [
        (item, vehicle, _problem_with([(vehicle, changes)], by, from_source))
        for item, vehicle, changes in work
    ]


def _problem_with(
    revisions: Sequence[tuple[Vehicle, dict[str, Any]]], by: str, from_source: bool
) -> str:
    """Revise them, or none of them and say why."""
    try:
        with db.session.begin_nested():
            revise_vehicles(revisions, by=by, from_source=from_source)
    except DomainError as error:
        return str(error)
    return ""


def _settle(item: BulkItem, state: str, problem: str = "") -> None:
    item.state, item.problem = state, clean_line(problem, 300)


def _plan(rule: BulkRule, vehicle: Vehicle) -> tuple[dict[str, Any], str]:
    try:
        return rule.changes(vehicle), ""
    except BulkRefused as error:
        return {}, str(error)


def _changed_words(vehicle: Vehicle, fields: Sequence[str]) -> str:
    """Who changed what since."""
    authors = last_authors(vehicle, fields)
    named = {who for who, _at in authors.values() if who}
    names = ", ".join(str(FIELD_NAMES[name]) for name in fields)
    if named:
        who = ", ".join(sorted(named))
        return str(_("Changed since by %(who)s: %(fields)s", who=who, fields=names))
    return str(_("Changed since: %(fields)s", fields=names))


# --- reading -----------------------------------------------------------------------------------


def _items(bulk: BulkChange, state: str, limit: int) -> Sequence[BulkItem]:
    return db.session.scalars(
        sa.select(BulkItem)
        .where(BulkItem.bulk_id == bulk.id, BulkItem.state == state)
        .order_by(BulkItem.vehicle_id)
        .limit(limit)
    ).all()


def _ids(bulk: BulkChange, state: str, limit: int) -> list[int]:
    return list(
        db.session.scalars(
            sa.select(BulkItem.vehicle_id)
            .where(BulkItem.bulk_id == bulk.id, BulkItem.state == state)
            .order_by(BulkItem.vehicle_id)
            .limit(limit)
        )
    )


def _vehicles(ids: Sequence[int], *, lock: bool = False) -> Sequence[Vehicle]:
    """In the order of their ids, so that two who lock them never wait for each other."""
    statement = sa.select(Vehicle).where(Vehicle.id.in_(ids)).order_by(Vehicle.id)
    if lock:
        statement = statement.with_for_update(of=Vehicle)
    loaded = (
        joinedload(Vehicle.store, innerjoin=True),
        joinedload(Vehicle.car_model, innerjoin=True).joinedload(CarModel.make),
        joinedload(Vehicle.trim),
    )
    statement = statement.options(*loaded).execution_options(populate_existing=True)
    return db.session.scalars(statement).unique().all()


def _standing_of(ids: Sequence[int], rule: BulkRule) -> dict[int, dict[str, Any]]:
    return {vehicle.id: standing(vehicle, rule.fields) for vehicle in _vehicles(ids)}


def _forget_old_drafts() -> None:
    """Previews that nobody applied: nothing of the stock hangs on them."""
    oldest = now() - timedelta(hours=KEEP_DRAFT_HOURS)
    old = sa.select(BulkChange.id).where(BulkChange.state == "draft", BulkChange.at < oldest)
    db.session.execute(sa.delete(BulkItem).where(BulkItem.bulk_id.in_(old)))
    db.session.execute(
        sa.delete(BulkChange).where(BulkChange.state == "draft", BulkChange.at < oldest)
    )


JOBS: Final = {APPLY: apply_bulk_change}
