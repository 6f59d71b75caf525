"""A proven post as something the accept path keeps."""

from typing import Final

from integrators.accounts import Account
from integrators.incoming.source import Post, Source, idem_key
from leads.capture import Arrival

JOB: Final = "process_webhook"
# Proof was given: the database need not know the password.
_NOT_STORED: Final = ("authorization",)


def arrival_of(source: Source, post: Post, account: Account) -> Arrival:
    """`post` under the key of its event."""
    return Arrival(
        source=source.kind,
        idem_key=idem_key(source, post, account.id),
        payload=post.as_payload(account.id, without=_NOT_STORED),
        kind=JOB,
        received_at=post.received_at,
    )
