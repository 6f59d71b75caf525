"""Sends what is due, one endpoint at a time, and remembers how it went.

At least once: a worker killed between the answer and its note sends again under the same
`webhook-id`, by which the other side knows a repeat. Order is not promised.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _

from core.clock import now
from core.config import current
from core.db import db, writing
from core.fetch import FetchRefused
from core.posting import Answered, post
from core.secrets import SealBroken
from integrators.outgoing.endpoints import PERSON_ERASED, keys_of
from integrators.outgoing.forwarding import SEND_JOB, forward_events, send_soon
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint
from integrators.outgoing.signing import signed_headers
from leads.models import Lead

# After each failed try, in seconds: three days in all (the specification's own example).
WAITS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MOST_WAIT: Final = timedelta(days=1)
REST_SECONDS: Final = 60  # of an endpoint that does not answer, before anything else is tried
AT_ONCE: Final = 50  # deliveries of one run
KEPT_DAYS: Final = 30
GONE: Final = 410
PURGE_BATCH: Final = 500

log = structlog.get_logger("vitrine.webhooks")


def send_webhooks(payload: dict[str, Any]) -> None:
    """The job: what is due for one endpoint, oldest first, until one fails."""
    endpoint_id = payload["endpoint_id"]
    due = (
        sa.select(WebhookDelivery.id)
        .join(WebhookEndpoint)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == "waiting",
            WebhookDelivery.next_try_at <= now(),
            WebhookEndpoint.state == "active",
        )
        .order_by(WebhookDelivery.next_try_at, WebhookDelivery.id)
        .limit(AT_ONCE)
    )
    ids = list(db.session.scalars(due))
    for delivery_id in ids:
        if not _send(delivery_id):
            return
    if len(ids) == AT_ONCE:
        with writing():
            send_soon(endpoint_id)


def _send(delivery_id: int) -> bool:
    """Send one; whether the endpoint took it."""
    row = db.session.get(WebhookDelivery, delivery_id)
    if row is None or row.state != "waiting" or row.endpoint.state != "active":
        return True
    moment, url, attempts = now(), row.endpoint.url, row.attempts
    answer, problem = None, ""
    try:
        body = _body(row)
        headers = signed_headers(row.message_id, moment, body, keys_of(row.endpoint, moment))
        db.session.rollback()  # no transaction stays open while we wait
        answer = post(
            url, body, {"Content-Type": "application/json", **headers},
            allow_private=current().allow_private_urls,
        )  # fmt: skip
    except (FetchRefused, SealBroken) as error:
        problem = str(error)
    with writing():
        return _note(delivery_id, attempts, answer, problem)


def _body(row: WebhookDelivery) -> bytes:
    """What is told, made anew at each try: of a person only what is known of them today."""
    data = dict(row.payload)
    lead = db.session.get(Lead, row.lead_id) if row.lead_id else None
    if lead is not None and row.kind != PERSON_ERASED:
        data["state"] = lead.state
        if row.endpoint.with_personal_data and lead.person.erased_at is None:
            person = lead.person
            data["person"] = {"name": person.name, "phone": person.phone, "email": person.email}
            data["message"] = lead.message
    told = {"type": row.kind, "timestamp": row.at.isoformat(), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _note(delivery_id: int, attempts: int, answer: Answered | None, problem: str) -> bool:
    row = db.session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if row is None or row.attempts != attempts:
        return True  # another worker sent it meanwhile, or the endpoint was removed
    endpoint = row.endpoint
    row.attempts += 1
    row.status = answer.status if answer else None
    if answer and 200 <= answer.status < 300:
        row.state, row.sent_at, row.problem = "sent", now(), ""
        endpoint.failing_since = endpoint.rest_until = None
        return True
    words = problem or _("It answered with %(status)s.", status=row.status)
    row.problem = words[:200]
    endpoint.failing_since = endpoint.failing_since or now()
    endpoint.rest_until = now() + timedelta(seconds=REST_SECONDS)
    if row.status == GONE:
        endpoint.state = "gone"
    elif row.attempts > len(WAITS):
        row.state = "failed"
    else:
        row.next_try_at = _next_try(row.attempts, answer)
    log.warning("webhook_not_taken", endpoint=endpoint.id, status=row.status, attempt=row.attempts)
    return False


def _next_try(attempts: int, answer: Answered | None) -> datetime:
    wait = timedelta(seconds=WAITS[attempts - 1])
    asked = timedelta(seconds=(answer and answer.retry_after_seconds) or 0)
    return now() + max(wait, min(asked, MOST_WAIT))


# --- again ------------------------------------------------------------------------------------


def send_again(row: WebhookDelivery) -> None:
    """Send it once more, whatever became of it: same id, new signature. Inside `writing()`."""
    row.state, row.attempts, row.next_try_at = "waiting", 0, now()
    db.session.flush()
    send_soon(row.endpoint_id)


def send_failed_again(endpoint: WebhookEndpoint, since: datetime) -> int:
    """Send all once more that failed, or wait after a failure, and happened since then; how many.
    Inside `writing()`."""
    again = db.session.execute(
        sa.update(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.at >= since,
            sa.or_(
                WebhookDelivery.state == "failed",
                sa.and_(WebhookDelivery.state == "waiting", WebhookDelivery.attempts > 0),
            ),
        )
        .values(state="waiting", attempts=0, next_try_at=now())
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    endpoint.rest_until = None
    db.session.flush()
    send_soon(endpoint.id)
    return len(again)


def purge_webhooks(_payload: dict[str, Any]) -> None:
    """Handler: forget what happened a month ago, told or not."""
    old = sa.select(WebhookDelivery.id).where(
        WebhookDelivery.created_at < now() - timedelta(days=KEPT_DAYS)
    )
    while ids := db.session.scalars(old.order_by(WebhookDelivery.id).limit(PURGE_BATCH)).all():
        with writing() as session:
            session.execute(
                sa.delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)),
                execution_options={"synchronize_session": False},
            )


JOBS = {
    "forward_events": forward_events,
    SEND_JOB: send_webhooks,
    "purge_webhooks": purge_webhooks,
}
