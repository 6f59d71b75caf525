"""Endpoints: who wants to hear of what, with which secret, and in what state they are.

DomainError
├── EndpointRefused    one that cannot be made so, with the reason
├── core.secrets.SealBroken       its secret was sealed under another key
└── core.fetch.AddressRefused     an address of a form that nothing is sent to
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from core.posting import check_address
from core.secrets import reseal, seal, unseal
from core.text import clean_line
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint
from integrators.outgoing.signing import new_secret
from inventory import stock_version
from leads.models import LeadEvent

LEAD_CREATED: Final = "lead.created"
LEAD_ACTIVITY: Final = "lead.activity"
VEHICLE_CHANGED: Final = "vehicle.changed"
PERSON_ERASED: Final = "person.erased"  # nobody chooses it: whoever hears of leads must forget too
TEST: Final = "test"
KINDS: Final = {
    LEAD_CREATED: _l("A lead came in"),
    LEAD_ACTIVITY: _l("Something happened to a lead: wrote again, claimed, scheduled, sold …"),
    VEHICLE_CHANGED: _l("A car changed: price, state, facts, photos"),
}
OVERLAP_DAYS: Final = 7  # how long the secret before a rotation signs too
LONGEST_NAME, LONGEST_URL = 80, 500
MOST: Final = 100  # endpoints; each is a walk of its own through the log


class EndpointRefused(DomainError):
    """An endpoint that cannot be made so; the sentence says why, `field` where."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


# --- verbs, inside writing() -----------------------------------------------------------------


def create_endpoint(
    name: str,
    url: str,
    kinds: Collection[str],
    *,
    by: str,
    store_id: int | None = None,
    with_personal_data: bool = False,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, told once. It hears of what happens from now on. Raises
    EndpointRefused and AddressRefused."""
    count = db.session.scalar(sa.select(sa.func.count()).select_from(WebhookEndpoint)) or 0
    if count >= MOST:
        raise EndpointRefused("", _("There are %(most)s endpoints already.", most=MOST))
    newest = db.session.scalar(sa.select(sa.func.max(LeadEvent.id))) or 0
    row = WebhookEndpoint(
        created_by=by,
        store_id=store_id,
        lead_event_seen=newest,
        first_lead_event=newest + 1,
        stock_seq_seen=stock_version.current(),
    )
    describe(row, name, url, kinds, with_personal_data=with_personal_data)
    db.session.add(row)
    db.session.flush()
    return row, _give_secret(row, old="")


def describe(
    row: WebhookEndpoint, name: str, url: str, kinds: Collection[str], *, with_personal_data: bool
) -> None:
    """What staff say of the endpoint. Raises EndpointRefused and AddressRefused."""
    row.name = clean_line(name, LONGEST_NAME)
    if not row.name:
        raise EndpointRefused("nome", _("Give it a name."))
    same = sa.select(WebhookEndpoint.id).where(
        WebhookEndpoint.name == row.name, WebhookEndpoint.id != (row.id or 0)
    )
    with db.session.no_autoflush:
        if db.session.scalar(same):
            raise EndpointRefused("nome", _("There is a system of this name already."))
    url = url.strip()
    if len(url) > LONGEST_URL:
        raise EndpointRefused("endereco", _("This address is too long."))
    check_address(url)
    if url.lower().startswith("http:") and not current().allow_private_urls:
        raise EndpointRefused("endereco", _("Use an address that begins with https://."))
    row.url = url
    chosen = [kind for kind in KINDS if kind in kinds]
    if not chosen:
        raise EndpointRefused("eventos", _("Choose at least one kind of event."))
    if set(chosen) - set(row.kinds or ()):  # of what is new only what happens from now on
        row.first_lead_event = max(row.first_lead_event, row.lead_event_seen + 1)
    row.kinds = chosen
    row.with_personal_data = with_personal_data
    db.session.flush()


def rotate(row: WebhookEndpoint) -> str:
    """A new secret, told once. The one of today signs too for a week; the one before it no more."""
    secret = _give_secret(row, old=unseal(row.credentials, _purpose(row))["secret"])
    row.old_secret_until = now() + timedelta(days=OVERLAP_DAYS)
    db.session.flush()
    return secret


def pause(row: WebhookEndpoint) -> None:
    """Send nothing; what happens meanwhile waits."""
    row.state = "paused"
    db.session.flush()


def go_on(row: WebhookEndpoint) -> None:
    """Send again, what waited first; also after a 410."""
    row.state, row.failing_since, row.rest_until = "active", None, None
    db.session.flush()


def remove(row: WebhookEndpoint) -> None:
    """Take it away with its deliveries."""
    db.session.delete(row)
    db.session.flush()


def reseal_all(old_key: str) -> int:
    """As integrators.accounts.reseal_all, for the secrets of endpoints."""
    rows = db.session.scalars(sa.select(WebhookEndpoint)).all()
    for row in rows:
        row.credentials = reseal(row.credentials, _purpose(row), old_key)
    db.session.flush()
    return len(rows)


def _give_secret(row: WebhookEndpoint, *, old: str) -> str:
    secret = new_secret()
    row.credentials = seal({"secret": secret, "old_secret": old}, _purpose(row))
    db.session.flush()
    return secret


def _purpose(row: WebhookEndpoint) -> str:
    return f"webhook_endpoint:{row.id}"


# --- questions -------------------------------------------------------------------------------


def keys_of(row: WebhookEndpoint, at: datetime) -> list[str]:
    """The secrets that sign at `at`, today's first. Raises SealBroken."""
    facts = unseal(row.credentials, _purpose(row))
    is_overlap = row.old_secret_until is not None and at < row.old_secret_until
    return [facts["secret"], *([facts["old_secret"]] if facts["old_secret"] and is_overlap else [])]


def everyone(store_ids: Collection[int] | None = None) -> list[WebhookEndpoint]:
    """The endpoints of these stores (None: all, those of the whole group too), by name."""
    statement = sa.select(WebhookEndpoint).order_by(WebhookEndpoint.name, WebhookEndpoint.id)
    if store_ids is not None:
        statement = statement.where(WebhookEndpoint.store_id.in_(store_ids))
    return list(db.session.scalars(statement))


def counts_of(ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """For each endpoint how many deliveries are in which state. One statement."""
    found: dict[int, dict[str, int]] = {one: {} for one in ids}
    rows = db.session.execute(
        sa.select(WebhookDelivery.endpoint_id, WebhookDelivery.state, sa.func.count())
        .where(WebhookDelivery.endpoint_id.in_(ids))
        .group_by(WebhookDelivery.endpoint_id, WebhookDelivery.state)
    )
    for endpoint_id, state, count in rows:
        found[endpoint_id][state] = count
    return found
