"""What every source answers: who sent this, which event is it, what to say, what does it hold.

DomainError
└── Unreadable    authentic, but nothing can be read out of it: a person must look
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response

from core.clock import now
from core.errors import DomainError
from integrators.accounts import Account
from leads.intake import Asked
from leads.models import Enquiry, Submission

PLAIN: Final = "text/plain"


class Unreadable(DomainError):
    """Authentic, but nothing can be read out of it. `str(error)` says why, for a person."""


@dataclass(frozen=True)
class Post:
    """One post as it came: the bytes, the headers that matter (names in lower case), the query
    as text. `is_polled` is something we fetched ourselves, in the form of the source's list."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    received_at: datetime = field(default_factory=now)
    is_polled: bool = False
    # The public address it came to, which holds the account's secret: not stored.
    address: str = ""

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def as_payload(self, account_id: int, without: Sequence[str] = ()) -> dict[str, Any]:
        """What is stored: text where the bytes are text, else base64. Headers named in `without`
        stay out."""
        payload: dict[str, Any] = {"account_id": account_id}
        try:
            payload["body"] = self.body.decode()
        except UnicodeDecodeError:
            payload["body_base64"] = base64.b64encode(self.body).decode()
        payload["headers"] = {k: v for k, v in self.headers.items() if k not in without}
        if self.query:
            payload["query"] = self.query
        if self.is_polled:
            payload["is_polled"] = True
        return payload

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], received_at: datetime) -> "Post":
        """The post that was stored with `as_payload`."""
        encoded = payload.get("body_base64")
        return cls(
            body=base64.b64decode(encoded) if encoded else payload.get("body", "").encode(),
            headers=payload.get("headers", {}),
            query=payload.get("query", ""),
            received_at=received_at,
            is_polled=bool(payload.get("is_polled")),
        )

    @classmethod
    def from_submission(cls, submission: Submission) -> "Post":
        """The post that `submission` keeps."""
        return cls.from_payload(submission.payload, submission.received_at)


@dataclass(frozen=True)
class Item:
    """One thing asked, and what else to write once it has its enquiry, in one transaction."""

    asked: Asked
    after: Callable[[Enquiry], None] | None = None
    notifies: bool = True  # whether the store is told of a new one at once


@dataclass
class Reading:
    """What a post holds. `problems` are parts that could not be read, in words; `again` is why
    some part must be tried later, while what is here counts already. `effects` are written with
    the items, where nobody asks anything: a mail of ours that came back."""

    items: list[Item] = field(default_factory=list)
    effects: Sequence[Callable[[], object]] = ()
    problems: list[str] = field(default_factory=list)
    again: Exception | None = None

    def add(
        self,
        asked: Asked,
        after: Callable[[Enquiry], None] | None = None,
        *,
        notifies: bool = True,
    ) -> None:
        """One more thing asked."""
        self.items.append(Item(asked, after, notifies))


class Source:
    """One system that posts to us. Subclasses say what differs."""

    kind: str = ""
    # Beside Content-Type, what is needed to prove a post or to read it.
    headers: tuple[str, ...] = ()

    def refusal(self, post: Post, account: Account) -> str:
        """Why `post` is not proven to come from `account`'s other side; "" when it is. The
        secret in the address has been checked already."""
        return ""

    def event_key(self, post: Post) -> str:
        """The same for a repeat and different for everything else. "" when the post names
        nothing: then its bytes and the day stand for it."""
        return ""

    def answer(self, post: Post, account: Account, receipt_id: str) -> Response:
        """What the sender hears once `post` is kept under `receipt_id`."""
        return Response("ok\n", mimetype=PLAIN)

    def greeting(self, post: Post, account: Account) -> Response | None:
        """The answer to a GET, where the source shakes hands; None where it does not."""
        return None

    def read(self, post: Post, account: Account) -> Reading:
        """What `post` holds. Runs in a job and may call the source. Raises Unreadable, what the
        calls raise, and jobs.queue.PermanentFailure."""
        raise NotImplementedError

    def poll(self, account: Account) -> Iterator[Post]:
        """What the source holds for us that may not have been posted: repeats are recognised.
        The caller has kept each post when it asks for the next. Raises what the calls raise."""
        yield from ()


def idem_key(source: Source, post: Post, account_id: int) -> str:
    """The key under which the same event is kept once, whatever bytes it names itself with."""
    own = source.event_key(post)
    if own:
        return f"{account_id}:{_hash(own.encode(errors='surrogatepass'))}"
    day = post.received_at.astimezone(UTC).date().isoformat()
    return f"{account_id}:{_hash(day.encode() + b' ' + post.query.encode() + b' ' + post.body)}"


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
