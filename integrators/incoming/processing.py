"""From a kept post to people and leads. Runs later, may run twice, loses nothing.

Parts of a batch stand alone: one that cannot be read is told in words on the submission, the
others are leads all the same.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from integrators.accounts import NoSuchAccount, loaded
from integrators.incoming import trial
from integrators.incoming.keeping import JOB
from integrators.incoming.source import Item, Post, Reading, Unreadable
from integrators.incoming.sources import SOURCES
from jobs.queue import SOON, PermanentFailure, enqueue
from leads import notifications, privacy
from leads.intake import enter
from leads.models import Submission
from leads.people import keys_of

LONGEST_ERROR = 2000

log = structlog.get_logger("vitrine.integrators")


def process_webhook(payload: dict[str, Any]) -> Callable[[], None] | None:
    """The job behind every webhook: reads the submission, calls its sender where need be, and
    enters what was asked. Raises what makes the job run again, and PermanentFailure."""
    submission = db.session.get(Submission, payload["submission_id"])
    if submission is None or submission.state == "done":
        return None
    submission_id, source = submission.id, SOURCES[submission.source]
    post = Post.from_submission(submission)
    try:
        account = loaded(submission.payload.get("account_id", 0))
        if account.is_paused:
            raise Unreadable(_("The account is paused: this is read when it goes on."))
        is_trial = trial.is_trial(submission)
        reading = trial.reading_of(submission, account) if is_trial else source.read(post, account)
    except (Unreadable, NoSuchAccount) as error:
        words = str(error)
        return lambda: _settle(submission_id, [words])
    except PermanentFailure as error:
        with writing():
            _settle(submission_id, [str(error)])
        raise
    if reading.again is not None:
        with writing():
            _enter_all(submission_id, reading)
        raise reading.again
    return lambda: _finish(submission_id, reading)


def _finish(submission_id: str, reading: Reading) -> None:
    """Enter everything and close the submission. Inside `writing()`."""
    _settle(submission_id, [])  # read: what has to be forgotten in it goes whole
    problems = _enter_all(submission_id, reading)
    for effect in reading.effects:
        effect()
    if any(_is_erased(item) for item in reading.items):
        submission = db.session.get_one(Submission, submission_id)
        submission.payload, submission.meta = {}, {}
        problems = []
    _settle(submission_id, problems)


def _is_erased(item: Item) -> bool:
    """Whether that very event was erased before: it is not entered anew."""
    asked = item.asked
    if not asked.external_id:
        return False
    key = privacy.external_key(asked.source, asked.external_id)
    return privacy.is_erased([key], asked.at or now())


def _enter_all(submission_id: str, reading: Reading) -> list[str]:
    """Enter every item; what was wrong with the others, in words. Inside `writing()`."""
    problems = list(reading.problems)
    for item in reading.items:
        try:
            with db.session.begin_nested():
                _enter(submission_id, item)
        except (DomainError, ValueError, sa.exc.DataError) as error:
            log.warning("webhook_part_refused", error=type(error).__name__)
            problems.append(str(error) if isinstance(error, DomainError) else type(error).__name__)
    return problems


def _enter(submission_id: str, item: Item) -> None:
    if _is_erased(item):
        return
    enquiry = enter(item.asked, submission_id)
    if item.after:
        item.after(enquiry)
    if enquiry.submission_id != submission_id:
        return  # the same event reached us by another way before
    keys = keys_of(enquiry.person.phone, enquiry.person.email, item.asked.keys)
    if privacy.is_erased(keys, enquiry.at):
        privacy.forget(enquiry)
    elif item.notifies:
        notifications.after_enquiry(enquiry)


def _settle(submission_id: str, problems: list[str]) -> None:
    submission = db.session.get(Submission, submission_id, populate_existing=True)
    if submission is not None:
        submission.state = "parked" if problems else "done"
        submission.error = "; ".join(problems)[:LONGEST_ERROR]
        db.session.flush()


def read_parked_again(account_id: int) -> int:
    """Have everything read anew that could not be read while the account was not right; how many.
    Inside `writing()`."""
    parked = db.session.scalars(
        sa.select(Submission.id)
        .where(Submission.state == "parked", Submission.source.in_(SOURCES))
        .where(Submission.idem_key.startswith(f"{account_id}:"))
    ).all()
    for submission_id in parked:
        enqueue(JOB, {"submission_id": submission_id}, dedup_key=submission_id, priority=SOON)
    return len(parked)


JOBS = {JOB: process_webhook}
