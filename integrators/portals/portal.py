"""What every portal's adapter is, and the words the reconciliation and the adapters share.

An adapter has two halves. `draft` is pure: a car in, what the portal is told out, no database and
no network. The others ask the portal through `Calls`, in threads that hold no transaction, and
never write to the database. The reconciliation decides what to do, in which order, when again.

Failures of a call (raised by `Calls`, passed on by adapters):
CallFailed
├── NotSent       it cannot have arrived: refused connection, no address, our own hold
├── Unclear       it may have arrived: time-out, reset, 500, a cut answer, HTML where JSON belongs
├── HoldOn        the portal asks for patience: 429, 503; `seconds` says how much
├── Locked        the account as a whole is turned away (401 after a fresh token, 403, no plan)
└── Incomplete    a list of ads that is not whole: it decides nothing
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from integrators.accounts import Account
from inventory.offers import Offer


class CallFailed(RuntimeError):
    """A call to a portal did not do what it was for."""


class NotSent(CallFailed):
    """It cannot have arrived: the same thing can be sent again."""


class Unclear(CallFailed):
    """It may have arrived: look before anything is created again."""


class HoldOn(CallFailed):
    """The portal asks the account to wait `seconds`."""

    def __init__(self, message: str, seconds: float, reason: str = "limit") -> None:
        super().__init__(message)
        self.seconds = seconds
        self.reason = reason  # limit, down, plan


class Locked(CallFailed):
    """The account is turned away as a whole; `words` say to staff what to do."""

    def __init__(self, words: str, *, needs_person: bool = True) -> None:
        super().__init__(words)
        self.words = words
        self.needs_person = needs_person  # connect again; False: the plan, looked at again later


class Incomplete(CallFailed):
    """A list of ads that is not whole. What is missing in it may be there."""


# --- a car, as a portal may know it ----------------------------------------------------------


@dataclass(frozen=True)
class StoreContact:
    """Where the car stands and whom to call. Phones E.164, postal code eight digits."""

    name: str
    street: str
    district: str
    city: str
    state_code: str
    postal_code: str
    latitude: float | None
    longitude: float | None
    phone: str
    whatsapp: str
    email: str


@dataclass(frozen=True)
class Secrets:
    """What the public must not see and some portals' manuals demand. Handing it over is a second,
    named argument, so that the disclosure shows where it happens."""

    plate: str = ""  # ABC1D23
    vin: str = ""


@dataclass(frozen=True)
class Car:
    """One offer ready to be told to a portal. `photos` are absolute addresses of JPEGs, the cover
    first; `url` is its page, with the campaign of this account; `extra_text` is what the account
    adds below every description."""

    offer: Offer
    store: StoreContact
    url: str
    photos: tuple[str, ...]
    extra_text: str = ""
    trim_slug: str = ""  # of the version, as `Terms.code` asks for it

    @property
    def category(self) -> str:
        """car, motorcycle or truck."""
        return self.offer.body if self.offer.body in {"motorcycle", "truck"} else "car"


@dataclass(frozen=True)
class Problem:
    """Why one car cannot be advertised there: a code to group by, a sentence that says what to do,
    and the field of the car (or "terms") where to do it."""

    code: str
    words: str
    field: str = ""


@dataclass(frozen=True)
class Draft:
    """What the portal is told of one car, part by part, or the problems that keep it back. Values
    are plain JSON; a part is what the portal can change by itself."""

    parts: Mapping[str, Any]
    price_cents: int
    problems: tuple[Problem, ...] = ()


class Terms(Protocol):
    """Our words in a portal's own codes (integrators.listings.terms)."""

    def code(self, list_name: str, *ours: str) -> str:
        """The portal's code for one of our words in that list: `code("trim", make_slug, model_slug,
        trim_slug)`. "" when nobody knows: the car is then held with a problem."""


def part_digest(value: Any) -> str:
    """A short digest of one part, the same for the same JSON in any order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# --- what is there ---------------------------------------------------------------------------


class Remote(StrEnum):
    """How an ad stands on a portal, in our words."""

    NONE = "none"  # never heard of
    PROCESSING = "processing"
    ONLINE = "online"
    PAUSED = "paused"
    IN_REVIEW = "in_review"
    NO_SLOTS = "no_slots"
    REJECTED = "rejected"
    EXPIRED = "expired"  # ended by itself; may be put on again
    OFFLINE = "offline"  # taken down for good


@dataclass(frozen=True)
class RemoteAd:
    """One ad as the portal shows it. `key` is ours where the portal keeps it, "" otherwise.
    `age` orders two ads of one key, older first."""

    external_id: str
    key: str
    remote: Remote
    substate: str = ""
    url: str = ""
    price_cents: int | None = None
    age: str = ""
    words: str = ""  # why it was refused, as the portal says it


# --- what is done ----------------------------------------------------------------------------


class Verb(StrEnum):
    """One step. What a portal cannot do, its adapter does by the nearest thing it can."""

    CREATE = "create"
    UPDATE = "update"
    PAUSE = "pause"
    RESUME = "resume"
    RELIST = "relist"  # after it expired; the external id may change
    CLOSE = "close"  # for good


@dataclass(frozen=True)
class Step:
    """One thing to do to one ad. `parts` is the whole draft for create, update and relist,
    `changed` the names of those that the portal does not have yet."""

    verb: Verb
    key: str
    external_id: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"  # the portal has it; `remote` says how the ad stands now
    QUEUED = "queued"  # the portal works on it: `token`, or its key, is asked for later
    REFUSED = "refused"  # it says no and would again: `problem`
    NO_SLOT = "no_slot"  # the contract is full
    NOT_YET = "not_yet"  # it was not looked at (a neighbour spoiled the batch): send again
    GONE = "gone"  # no ad of that id: forget it
    UNCLEAR = "unclear"  # it may have happened


@dataclass(frozen=True)
class Result:
    """What became of one step."""

    key: str
    outcome: Outcome
    external_id: str = ""
    url: str = ""
    remote: Remote | None = None
    substate: str = ""
    token: str = ""
    problem: Problem | None = None
    # Parts of a DONE step that the portal does not have yet (its manual wants a call of their own,
    # which failed or was not made): an update brings them. The ad is there all the same.
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Waiting:
    """A step the portal is still working on."""

    key: str
    external_id: str
    verb: Verb
    token: str


@dataclass(frozen=True)
class Usage:
    """What the contract allows. None: the portal does not say."""

    total: int | None
    used: int | None
    plan_name: str = ""
    highlights_total: int | None = None
    highlights_used: int | None = None


@dataclass(frozen=True)
class Term:
    """One entry of a portal's list."""

    code: str
    name: str


@dataclass(frozen=True)
class Reply:
    """A portal's answer that is one: its status (2xx or 4xx), its JSON, its headers by lower-case
    name."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def table(self) -> dict[str, Any]:
        """The JSON object, or an empty one."""
        return self.data if isinstance(self.data, dict) else {}


class Calls(Protocol):
    """How an adapter asks its portal (integrators.listings.calls): paced, counted, logged, never
    following a redirect. Every method raises the errors of this module."""

    account: Account

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_write: bool | None = None,
        base_url: str | None = None,
        accept: str = "application/json",
    ) -> Reply:
        """The answer to one request at `path` below the account's base address. 2xx with JSON (or
        nothing) and 4xx come back; 429 and 503 raise HoldOn, lost and broken answers Unclear for
        writes and NotSent for reads. `is_write` (default: not GET) says which it is."""

    def keep(self, **secrets: Any) -> None:
        """Seal what the portal gave us (tokens) with the account's credentials, at once."""

    def hold(self, error: HoldOn) -> HoldOn:
        """Whoever asks from here on is told to wait, too; `error` again, to raise it."""

    def rest(self, seconds: float) -> None:
        """Ask nothing for `seconds`: the portal says that its allowance is used up."""


@dataclass(frozen=True)
class Limits:
    """What a portal's manual says of how to speak to it."""

    calls_per_second: float = 5.0
    at_once: int = 4  # requests under way at the same time
    batch: int = 1  # ads in one request
    calls_a_step: int = 1  # requests that a new ad may take: what is sold does not wait for many
    photos: int = 20
    photo_px: int = 1280  # width of the pictures it gets
    description: int = 4000
    can_pause: bool = False
    shows_price: bool = False  # a look at an ad tells its price
    poll_seconds: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
    settle_seconds: float = 30.0  # how long a new ad may be missing in its lists
    token_seconds: float = 1800.0  # after that a queued step counts as lost
    expires_days: int | None = None  # an ad ends by itself after so many


class Portal:
    """One portal. Subclasses say what differs; see the module for the errors."""

    kind: str = ""
    mapping_version: int = 1  # grows when `draft` says something else of the same car
    limits: Limits = Limits()
    term_lists: tuple[str, ...] = ()  # the lists without a fixed table, root first
    # The kinds of vehicle that makes, models and versions are asked for there.
    term_categories: frozenset[str] = frozenset({"car", "motorcycle"})
    needs_plate: bool = False
    # Creating with a key that is there already edits that ad: a lost answer is sent again.
    repeat_is_edit: bool = False
    later_parts: frozenset[str] = frozenset()  # what is told in a call of its own after a create
    is_experimental: bool = False

    def draft(self, car: Car, account: Account, terms: Terms, secrets: Secrets) -> Draft:
        """What is told of `car`. Pure."""
        raise NotImplementedError

    def observe(self, calls: Calls) -> Iterator[RemoteAd]:
        """Every ad of the account, foreign ones too, in whatever state. Raises Incomplete when the
        list is not known to be whole, and then nothing of it counts."""
        raise NotImplementedError

    def look(self, calls: Calls, key: str, external_id: str) -> list[RemoteAd]:
        """The ads that carry `key` or are `external_id`, from the freshest place there is; more
        than one when the portal made two of one call."""
        raise NotImplementedError

    def send(self, calls: Calls, steps: Sequence[Step]) -> Iterable[Result]:
        """Do `steps` (as many as `limits.batch`, all closes or none), one result for each. May
        yield what is known before it raises: the rest counts as what the error says."""
        raise NotImplementedError

    def poll(self, calls: Calls, waiting: Sequence[Waiting]) -> Iterable[Result]:  # noqa: ARG002
        """How the queued steps stand; QUEUED for those that are still worked on."""
        return ()

    def usage(self, calls: Calls) -> Usage | None:  # noqa: ARG002
        """What the contract allows and what of it is taken; None when the portal does not say."""
        return None

    def terms(self, calls: Calls, list_name: str, parent: str) -> Iterable[Term]:  # noqa: ARG002
        """One list of the portal: of models the `parent` is the make's code, of versions
        "make/model"."""
        return ()


NOBODY_KNOWS: Final = "unknown_term"  # the code of problems that end on the terms' screen
