"""A test lead: what staff send themselves to see that leads of an account arrive. It goes the way
of a real one (kept, read by the worker, entered), is marked all along, counts in no report, and
nobody gets a mail.
"""

from typing import Final

from flask_babel import gettext as _

from core.clock import now
from integrators.accounts import Account
from integrators.incoming.fields import portal_touch, store_for
from integrators.incoming.keeping import JOB
from integrators.incoming.source import Reading
from leads.capture import Arrival, Receipt, accept
from leads.intake import Asked
from leads.models import Submission
from leads.shopper import TEST_KEY

MARK: Final = TEST_KEY


def send(account: Account, *, by: str) -> Receipt:
    """Keep a test lead of `account`, sent by the member of staff `by`; a second one within the
    same minute is a repeat. Outside `writing()`. Raises leads.spool.SpoolFailed."""
    return accept(
        Arrival(
            source=account.kind,
            idem_key=f"{account.id}{MARK}{now():%Y-%m-%d %H:%M}",
            payload={"account_id": account.id, "test_by": by},
            kind=JOB,
        )
    )


def is_trial(submission: Submission) -> bool:
    """Whether the post is one of these."""
    return MARK in submission.idem_key


def reading_of(submission: Submission, account: Account) -> Reading:
    """What the worker enters for it."""
    store = store_for(account)
    reading = Reading()
    reading.add(
        Asked(
            source=account.kind,
            kind="contact",
            name=_("Test: %(account)s", account=account.name),
            message=_("A test lead: the connection works. Delete it when you have seen it."),
            store_id=store.id if store else None,
            touch=portal_touch(account.kind),
            at=submission.received_at,
            actor=submission.payload.get("test_by") or f"portal:{account.name}",
            is_test=True,
        ),
        notifies=False,
    )
    return reading
