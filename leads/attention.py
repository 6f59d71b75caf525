"""What of the people who wrote, and of our letters to them, waits for somebody today."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from leads.inbox import within
from leads.models import Lead, Mail, SubjectRequest, Submission

MAIL_DAYS: Final = 7  # an older failure was seen or does not matter
DUE_SOON_DAYS: Final = 5


def failed_mails(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """Mails of the last week that nobody got, about leads of these stores; newest first."""
    statement = sa.select(Mail).where(
        Mail.state == "failed", Mail.created_at >= now() - timedelta(days=MAIL_DAYS)
    )
    if store_ids is not None:
        mine = sa.select(Lead.id).where(within(Lead.store_id, store_ids))
        statement = statement.where(Mail.lead_id.in_(mine))
    return statement.order_by(Mail.id.desc())


def open_cases() -> sa.Select[Any]:
    """Requests under LGPD art. 18 that are not answered, the most urgent first."""
    return (
        sa.select(SubjectRequest)
        .where(SubjectRequest.state == "open")
        .order_by(SubjectRequest.due_at)
    )


def cases_due_soon() -> sa.Select[Any]:
    """Those whose term of 15 days (art. 19 II) ends within five days, or has ended."""
    return open_cases().where(SubjectRequest.due_at <= now() + timedelta(days=DUE_SOON_DAYS))


def unread_posts() -> sa.Select[Any]:
    """Posts of portals and forms that could not be read: a lead may be in them."""
    return (
        sa.select(Submission)
        .where(Submission.state == "parked")
        .order_by(Submission.received_at.desc())
    )
