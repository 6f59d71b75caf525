"""From what happened to deliveries: the log of leads and the changes of the stock are walked from
where each endpoint's cursor stands. Nothing is asked of whoever makes things happen, so a process
killed right after its commit costs nobody an event.

What is stored names no person. Personal data, where an endpoint is to have it, is added at the
moment of sending, from the person as they are then: whoever was erased is in no copy.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from core.clock import now
from core.config import current
from core.db import db, writing
from integrators.outgoing.endpoints import (
    LEAD_ACTIVITY,
    LEAD_CREATED,
    PERSON_ERASED,
    TEST,
    VEHICLE_CHANGED,
)
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint
from inventory import stock_version
from inventory.models import CarModel, Vehicle
from inventory.offers import price_now_cents
from jobs.queue import HEAVY, enqueue
from leads.models import Lead, LeadEvent
from leads.pipeline.stages import FACTS

AT_ONCE: Final = 500  # events in one transaction
# SQLite gives the numbers of deleted rows (the events of a deleted test lead) to the next ones, so
# the last stretch is looked through again; what was told is told once all the same.
LOOK_BACK: Final = 500
LOCK_WAIT: Final = "2s"
SEND_JOB: Final = "send_webhooks"


def forward_events(_payload: dict[str, Any]) -> None:
    """The job that keeps time: make deliveries of what happened, then have sent what is due."""
    cursors = sa.select(
        WebhookEndpoint.id, WebhookEndpoint.lead_event_seen, WebhookEndpoint.stock_seq_seen
    ).order_by(WebhookEndpoint.id)
    rows = db.session.execute(cursors).all()
    if not rows:
        return
    newest, version = _newest(), stock_version.current()
    for endpoint_id, event_seen, seq_seen in rows:
        # Only reads where nothing happened: an idle site is not written to every few seconds.
        if event_seen != newest and (settled := _settled()) is not None:
            while _walk_leads(endpoint_id, settled):
                pass
        if seq_seen != version:
            while _walk_stock(endpoint_id):
                pass
    _have_sent()


def _newest() -> int:
    return db.session.scalar(sa.select(sa.func.max(LeadEvent.id))) or 0


def _settled() -> int | None:
    """The newest event below which no number is still on its way to a commit; None: ask later.

    PostgreSQL gives numbers out before the commit, so a later one may be seen first. Whoever
    writes events holds their table meanwhile; who waits for all of them has seen every number.
    """
    if db.engine.dialect.name != "postgresql":
        return _newest()
    try:
        with writing() as session:
            session.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
            session.execute(sa.text("LOCK TABLE lead_event IN SHARE MODE"))
            return _newest()
    except OperationalError:
        return None


def _walk_leads(endpoint_id: int, newest: int) -> bool:
    """One stretch of the log; whether there is more."""
    with writing() as session:
        row = _held(endpoint_id)
        if row is None:
            return False
        start = max(row.first_lead_event, min(row.lead_event_seen, newest) - LOOK_BACK + 1)
        found = session.execute(
            sa.select(LeadEvent, Lead)
            .join(Lead, Lead.id == LeadEvent.lead_id)
            .where(LeadEvent.id >= start, LeadEvent.id <= newest)
            .order_by(LeadEvent.id)
            .limit(AT_ONCE + LOOK_BACK)
        ).all()
        _add(row, [one for event, lead in found for one in _of_lead(row, event, lead)])
        has_more = len(found) == AT_ONCE + LOOK_BACK
        row.lead_event_seen = found[-1][0].id if has_more else newest
    return has_more


def _walk_stock(endpoint_id: int) -> bool:
    """One version of the stock; whether there may be more."""
    with writing() as session:
        row = _held(endpoint_id)
        if row is None:
            return False
        if VEHICLE_CHANGED not in row.kinds:
            row.stock_seq_seen = stock_version.current()
            return False
        following = session.scalar(
            sa.select(sa.func.min(Vehicle.stock_seq)).where(Vehicle.stock_seq > row.stock_seq_seen)
        )
        if following is None:
            row.stock_seq_seen = stock_version.current()
            return False
        changed = session.scalars(
            sa.select(Vehicle)
            .where(Vehicle.stock_seq == following)
            .order_by(Vehicle.id)
            .options(
                joinedload(Vehicle.store),
                joinedload(Vehicle.car_model).joinedload(CarModel.make),
            )
        ).all()
        own = [one for one in changed if row.store_id in {None, one.store_id}]
        _add(row, [_of_vehicle(vehicle) for vehicle in own])
        row.stock_seq_seen = following
    return True


def _held(endpoint_id: int) -> WebhookEndpoint | None:
    return db.session.get(WebhookEndpoint, endpoint_id, with_for_update=True)


def _of_lead(row: WebhookEndpoint, event: LeadEvent, lead: Lead) -> list[dict[str, Any]]:
    """The delivery for `event`, if the endpoint is to hear of it."""
    kind = _kind_of(event)
    is_forgetting = kind == PERSON_ERASED and {LEAD_CREATED, LEAD_ACTIVITY} & set(row.kinds)
    is_wanted = kind in row.kinds or is_forgetting
    is_own = row.store_id in {None, lead.store_id}
    if not is_wanted or not is_own or lead.is_test or (lead.is_suspect and not is_forgetting):
        return []
    payload = {
        "lead_id": lead.id,
        "person_id": lead.person_id,
        "event": event.kind,
        "actor": _actor(event.actor),
        "facts": {name: value for name, value in event.data.items() if name in FACTS},
    }
    # One that turned out to be a person's has two events of coming in, and came in once.
    key = f"lead:{lead.id}" if kind == LEAD_CREATED else f"lead_event:{event.id}"
    about = {"event": key, "kind": kind, "at": event.at}
    return [{**about, "payload": payload, "lead_id": lead.id}]


def _kind_of(event: LeadEvent) -> str:
    if event.kind == "erased":
        return PERSON_ERASED
    # Nobody was told of a suspicious one before it turned out to be a person's.
    is_first = event.kind == "cleared" or (event.kind == "enquiry" and event.data.get("is_first"))
    return LEAD_CREATED if is_first else LEAD_ACTIVITY


def _actor(actor: str) -> str:
    """Who did it, without the name of a colleague."""
    return "staff" if "@" in actor and ":" not in actor else actor.partition(":")[0]


def _of_vehicle(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "event": f"vehicle:{vehicle.public_id}:{vehicle.stock_seq}",
        "kind": VEHICLE_CHANGED,
        "at": vehicle.updated_at,
        "lead_id": None,
        "payload": {
            "vehicle_id": vehicle.public_id,
            "state": vehicle.state,
            "price_cents": price_now_cents(vehicle),
            "store": vehicle.store.slug,
            "version": vehicle.stock_seq,
            "url": f"{current().base_url}/api/v1/vehicles/{vehicle.public_id}",
        },
    }


def add_test(row: WebhookEndpoint, at: datetime) -> None:
    """One delivery that says only that it is one. Inside `writing()`; twice in a second is once."""
    event = {"event": f"test:{at:%Y%m%d%H%M%S}", "kind": TEST, "at": at, "lead_id": None}
    _add(row, [{**event, "payload": {"test": True}}])
    send_soon(row.id)


def _add(row: WebhookEndpoint, found: Sequence[dict[str, Any]]) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    moment = now()
    same = {"endpoint_id": row.id, "state": "waiting", "attempts": 0, "problem": ""}
    for start in range(0, len(found), AT_ONCE):
        values = [
            {**one, **same, "message_id": f"msg_{secrets.token_hex(16)}",
             "next_try_at": moment, "created_at": moment}
            for one in found[start : start + AT_ONCE]
        ]  # fmt: skip
        db.session.execute(insert(WebhookDelivery).on_conflict_do_nothing(), values)


def _have_sent() -> None:
    moment = now()
    due = db.session.scalars(
        sa.select(WebhookDelivery.endpoint_id)
        .join(WebhookEndpoint)
        .where(
            WebhookDelivery.state == "waiting",
            WebhookDelivery.next_try_at <= moment,
            WebhookEndpoint.state == "active",
            sa.or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= moment),
        )
        .distinct()
        .order_by(WebhookDelivery.endpoint_id)
    ).all()
    if due:
        with writing():
            for endpoint_id in due:
                send_soon(endpoint_id)


def send_soon(endpoint_id: int) -> None:
    """Have the endpoint's due deliveries sent; one worker at a time. Inside `writing()`."""
    enqueue(
        SEND_JOB, {"endpoint_id": endpoint_id}, dedup_key=str(endpoint_id), priority=HEAVY,
        max_attempts=3,
    )  # fmt: skip
