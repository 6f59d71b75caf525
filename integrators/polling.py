"""The safety net: every fifteen minutes, ask each service what it holds for us.

What was posted before is recognised by its own id and adds nothing. One account that fails keeps
no other waiting: each has a job of its own.
"""

from typing import Any

import structlog

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.accounts import NoSuchAccount
from integrators.incoming.keeping import arrival_of
from integrators.incoming.sources import SOURCES
from jobs.queue import enqueue
from leads.capture import accept

TRIES = 3  # the next round comes anyway

log = structlog.get_logger("vitrine.integrators")


def poll_account(account_id: int) -> int:
    """Keep whatever the account's service holds and we do not; how many were new. Raises
    integrators.calling errors, jobs.queue.PermanentFailure and leads.spool.SpoolFailed."""
    account = accounts.loaded(account_id)
    source = SOURCES[account.kind]
    new = 0
    for post in source.poll(account):
        receipt = accept(arrival_of(source, post, account))
        new += not receipt.is_repeat
    with writing():
        accounts.locked(account_id).polled_at = now()
    if new:
        log.info("lead_source_polled", account=account_id, source=account.kind, new=new)
    return new


def _poll_lead_sources(_payload: dict[str, Any]) -> None:
    waiting = [account.id for account in accounts.everyone() if account.is_active]
    db.session.rollback()
    with writing():
        for account_id in waiting:
            enqueue(
                "poll_lead_source",
                {"account_id": account_id},
                dedup_key=str(account_id),
                max_attempts=TRIES,
            )


def _poll_lead_source(payload: dict[str, Any]) -> None:
    try:
        poll_account(payload["account_id"])
    except NoSuchAccount:
        return  # deleted meanwhile


JOBS = {"poll_lead_sources": _poll_lead_sources, "poll_lead_source": _poll_lead_source}
