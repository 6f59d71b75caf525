"""How long people really wait for a first answer: the only source of "we answer in about N min"."""

import time
from datetime import timedelta
from statistics import median
from typing import Final

import sqlalchemy as sa
from flask import current_app

from core.clock import now
from core.db import db
from leads.models import Lead

ANSWERED: Final = "human_contact"  # the event that ends the wait: a person, not an automatic mail
WINDOW_DAYS: Final = 30
FEWEST: Final = 20  # below this a median says nothing
MOST: Final = 2_000  # the newest answers are enough
KEPT_SECONDS: Final = 60.0
_KEY: Final = "vitrine_answer_time"


def typical_answer_minutes(store_id: int | None = None) -> int | None:
    """The median wait, in whole minutes (at least 1), of the leads of the last 30 days that a
    person answered, in one store or all of them; None while fewer than 20 were.

    A promise must be true (CDC art. 37), so nights and Sundays count as the person waited them.
    Kept for a minute per process; one statement otherwise.
    """
    kept = current_app.extensions.setdefault(_KEY, {})
    found = kept.get(store_id)
    if found and time.monotonic() - found[0] < KEPT_SECONDS:
        minutes: int | None = found[1]
        return minutes
    minutes = _median_minutes(store_id)
    kept[store_id] = (time.monotonic(), minutes)
    return minutes


def forget() -> None:
    """Look afresh at the next question."""
    current_app.extensions.pop(_KEY, None)


def _median_minutes(store_id: int | None) -> int | None:
    query = (
        sa.select(Lead.created_at, Lead.first_contact_at)
        .where(Lead.first_contact_at.is_not(None))
        .where(Lead.created_at >= now() - timedelta(days=WINDOW_DAYS))
        .where(Lead.is_suspect.is_(False), Lead.is_test.is_(False))
        .order_by(Lead.id.desc())
        .limit(MOST)
    )
    if store_id is not None:
        query = query.where(Lead.store_id == store_id)
    waits = [(end - start).total_seconds() for start, end in db.session.execute(query) if end]
    if len(waits) < FEWEST:
        return None
    return max(1, round(median(max(0.0, wait) for wait in waits) / 60))
