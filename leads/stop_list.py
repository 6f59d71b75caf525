"""Whom we may not write to or call, and the gate that every send and every dial passes last.

An entry (`leads.objections`) is somebody's objection: on which channel, for which purpose, since
when, told by whom (LGPD art. 8 § 5 and art. 18 § 2). It holds by keyed digests of the contacts, so
it outlives an erasure and holds whoever types the same number again.

The gate and `stop` lock the same contacts: whichever commits first, wins. A mail is checked in
the transaction that marks it as going out, so an objection that was committed before that instant
is honoured; what remains after it is one conversation with the mail server.

Three things pass by design: what we write to staff and stores; the mails of a privacy case, which
the law makes us answer (LGPD art. 18 and 19) whatever else somebody stopped; and an answer to a
person who wrote to us again after stopping everything - that answer, and nothing else.

DomainError
├── Stopped         the gate is shut; the sentence says why
└── CannotStop      a contact or a reason that cannot be
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE, now
from core.db import db
from core.errors import DomainError
from leads import calling_hours
from leads.models import Enquiry, Person, Subscription
from leads.objections import (
    CHANNELS,
    REASONS,
    WHY_LIFTED,
    Channel,
    Purpose,
    Source,
    StopEntry,
    StopKey,
    StoppedSend,
    Who,
    digests_of,
    digests_of_each,
    find_person_by,
    keyed_entries,
    standing,
    words_of,
)

__all__ = [
    "OPEN",
    "CannotStop",
    "Channel",
    "Purpose",
    "Source",
    "Stopped",
    "Verdict",
    "allow",
    "check_mail",
    "gate",
    "lift",
    "may_send",
    "may_send_each",
    "note_stopped",
    "stop",
    "stop_address",
    "stop_digests",
]

# What the person said with their own hand, their own hand can take back.
_THEIR_OWN: Final = frozenset({Source.PERSON, Source.REPLY, Source.ERASURE})
# New words of the person do not open these.
_HARD: Final = frozenset({Source.BOUNCE, Source.COMPLAINT})
_SAID_STOP: Final = "asked_to_stop"  # of leads.leaving: not a question that waits for an answer
_NAMED: Final = "referral"  # of leads.outreach.referrals: a customer named them, they wrote nothing
_BY_THEMSELVES: Final = "consent"  # why_ended of what the person's own new yes lifted


class Stopped(DomainError):
    """The gate is shut; the sentence says why. `verdict` is the gate's."""

    def __init__(self, verdict: "Verdict", channel: Channel, purpose: Purpose) -> None:
        super().__init__(verdict.words)
        self.verdict, self.channel, self.purpose = verdict, channel, purpose


class CannotStop(DomainError):
    """A contact that is none, or no reason; the sentence says which."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says: whether it is open, and in words for staff why not. `entry_id` is the
    objection; None when only the hour is wrong."""

    allowed: bool
    words: str = ""
    entry_id: int | None = None


OPEN: Final = Verdict(True)


# ---- the gate ----


def may_send(
    who: Who,
    channel: Channel,
    purpose: Purpose,
    at: datetime | None = None,
    *,
    is_agreed: bool = False,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Verdict:
    """Whether `who` may be written to or called on `channel` for `purpose` at `at` (aware; now).

    For showing links and greying out buttons; what sends calls `gate`. Calls keep to
    `leads.calling_hours` unless the person named that time (`is_agreed`); the hours are `zone`'s.
    """
    digests = digests_of(who)
    asked_at = wrote_at([who.id]).get(who.id) if isinstance(who, Person) else None
    return _verdict(standing(digests), channel, purpose, asked_at) or _hour(
        channel, purpose, at or now(), is_agreed, zone
    )


def gate(
    who: Who,
    channel: Channel,
    purpose: Purpose,
    at: datetime | None = None,
    *,
    is_agreed: bool = False,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> None:
    """Pass or raise Stopped: the last step before a message leaves or a number is dialled, in the
    `writing()` that notes it. Whoever catches it at the door says `note_stopped`.

    The contacts are locked: an objection that somebody is making at this instant either is
    committed, and seen here, or waits until this transaction ends.
    """
    lock(digests_of(who))
    verdict = may_send(who, channel, purpose, at, is_agreed=is_agreed, zone=zone)
    if not verdict.allowed:
        raise Stopped(verdict, channel, purpose)


def may_send_each(
    people: Collection[Person],
    purpose: Purpose = Purpose.ANSWER,
    at: datetime | None = None,
    *,
    is_agreed: bool = False,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> dict[int, dict[Channel, Verdict]]:
    """By the person's id and channel, what `may_send` says; three statements for any number."""
    digests = digests_of_each(people)
    by_digest: dict[str, list[StopEntry]] = defaultdict(list)
    wanted = {digest for found in digests.values() for digest in found}
    for key, entry in keyed_entries(wanted):
        by_digest[key].append(entry)
    concerned = [
        person.id for person in people if any(one in by_digest for one in digests[person.id])
    ]
    written = wrote_at(concerned) if concerned else {}
    moment = at or now()
    hours = {
        channel: _hour(channel, purpose, moment, is_agreed, zone)
        for channel in CHANNELS
        if channel is not Channel.ALL
    }
    return {
        person.id: {
            channel: _verdict(
                [entry for digest in digests[person.id] for entry in by_digest[digest]],
                channel,
                purpose,
                written.get(person.id),
            )
            or hour
            for channel, hour in hours.items()
        }
        for person in people
    }


def check_mail(
    to: str,
    person: Person | None,
    purpose: Purpose,
    *,
    asked_at: datetime | None = None,
) -> Verdict:
    """The gate for one mail that is about to go out, inside `writing()`: of the address and of
    the person. `asked_at` is when they asked for this very mail; None when they did not, or when
    a form says so that anybody can fill in."""
    person = person or find_person_by(to)
    own = digests_of(to)
    digests = {*own, *(digests_of(person) if person else ())}
    lock(digests)
    # What came back from another address of theirs says nothing of this one.
    entries = [
        entry
        for entry in standing(digests)
        if entry.source != Source.BOUNCE or any(key.digest in own for key in entry.keys)
    ]
    return _verdict(entries, Channel.MAIL, purpose, asked_at) or OPEN


def note_stopped(channel: Channel, purpose: Purpose, verdict: Verdict) -> None:
    """Count a send that the gate refused. Inside `writing()`."""
    db.session.add(
        StoppedSend(channel=channel, purpose=purpose, entry_id=verdict.entry_id, at=now())
    )
    db.session.flush()


def _verdict(
    entries: Iterable[StopEntry], channel: Channel, purpose: Purpose, asked_at: datetime | None
) -> Verdict | None:
    """The refusal of the oldest entry that stands in the way, or None."""
    for entry in sorted(entries, key=lambda one: one.id):
        if not _covers(entry, channel, purpose):
            continue
        is_asked = asked_at is not None and asked_at > entry.at and entry.source not in _HARD
        if not (purpose is Purpose.ANSWER and is_asked):
            return Verdict(False, words_of(entry), entry.id)
    return None


def _covers(entry: StopEntry, channel: Channel, purpose: Purpose) -> bool:
    return entry.channel in {channel, Channel.ALL} and entry.purpose in {purpose, Purpose.ALL}


def _hour(
    channel: Channel, purpose: Purpose, at: datetime, is_agreed: bool, zone: ZoneInfo
) -> Verdict:
    if channel is not Channel.PHONE or is_agreed:
        return OPEN
    words = calling_hours.why_not_now(at, is_offer=purpose is not Purpose.ANSWER, zone=zone)
    return Verdict(False, words) if words else OPEN


def wrote_at(person_ids: Sequence[int]) -> dict[int, datetime]:
    """When each of them last wrote to us; what a machine may have sent does not count."""
    newest = sa.func.max(Enquiry.at, type_=Enquiry.at.type)
    rows = db.session.execute(
        sa.select(Enquiry.person_id, newest)
        .where(Enquiry.person_id.in_(person_ids), Enquiry.is_suspect.is_(False))
        .where(Enquiry.kind.not_in((_SAID_STOP, _NAMED)))
        .group_by(Enquiry.person_id)
    )
    return {row[0]: row[1] for row in rows}


# ---- stopping and lifting ----


def stop(
    who: Who,
    channel: Channel = Channel.ALL,
    purpose: Purpose = Purpose.ALL,
    *,
    source: Source,
    actor: str,
    reason: str = "",
    ends_subscriptions: bool = True,
) -> StopEntry:
    """From this commit on nothing of `purpose` goes to `who` on `channel`. Inside `writing()`.

    A contact that belongs to somebody we know stops all their contacts. What they are subscribed
    to by mail ends with it, unless one thing alone was left. The same objection again is the one
    that stands. Raises CannotStop: no phone or e-mail, or staff without a reason of REASONS.
    """
    if source is Source.STAFF and reason not in REASONS:
        raise CannotStop(_("Choose why."))
    person = who if isinstance(who, Person) else find_person_by(who)
    digests = {*digests_of(who), *(digests_of(person) if person else ())}
    if not digests:
        raise CannotStop(_("Type a phone number with its area code, or an e-mail address."))
    is_of_mail = channel in {Channel.MAIL, Channel.ALL} and purpose is not Purpose.ANSWER
    if person is not None and ends_subscriptions and is_of_mail:
        _end_subscriptions(person.id)
    return _enter(digests, channel, purpose, source, actor, reason)


def stop_address(address: str) -> StopEntry | None:
    """Mails to `address` come back: none goes there any more, while its person may be reached by
    every other way. Inside `writing()`; None for what is no address."""
    digests = digests_of(address)
    if not digests:
        return None
    return _enter(digests, Channel.MAIL, Purpose.ALL, Source.BOUNCE, "system", "")


def stop_digests(digests: Collection[str], purpose: Purpose, *, source: Source) -> None:
    """The same for who is known by digests alone: on every channel. Inside `writing()`."""
    if digests:
        _enter(set(digests), Channel.ALL, purpose, source, "system", "")


def _enter(
    digests: set[str], channel: Channel, purpose: Purpose, source: Source, actor: str, reason: str
) -> StopEntry:
    lock(digests)
    for entry in standing(digests):
        is_same = (entry.channel, entry.purpose, entry.source) == (channel, purpose, source)
        if is_same and digests <= {key.digest for key in entry.keys}:
            return entry
    entry = StopEntry(
        channel=channel,
        purpose=purpose,
        source=source,
        reason=reason,
        actor=actor,
        at=now(),  # once locked: what went out before has an earlier time
        keys=[StopKey(digest=digest) for digest in sorted(digests)],
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def lift(entry_id: int, *, by: str, why: str) -> StopEntry:
    """Staff end an objection, with a reason of WHY_LIFTED. Inside `writing()`; twice is as once.

    Raises CannotStop without a reason, or without such an entry.
    """
    if why not in WHY_LIFTED:
        raise CannotStop(_("Choose why it may be lifted."))
    entry = db.session.get(StopEntry, entry_id, with_for_update=True, populate_existing=True)
    if entry is None:
        raise CannotStop(_("There is no such entry."))
    _end(entry, by, why)
    db.session.flush()
    return entry


def allow(
    person: Person,
    channels: Collection[Channel],
    purpose: Purpose,
    *,
    said_at: datetime | None = None,
) -> int:
    """The person's own new yes, said at `said_at` (now), takes back what they stopped themselves
    before it, on `channels` and for `purpose`; how many entries. What they stopped beyond that
    stays stopped, and so does what staff noted, what bounced and what an authority asked. Inside
    `writing()`."""
    digests = digests_of(person)
    lock(digests)
    lifted = 0
    for entry in standing(digests):
        if entry.source not in _THEIR_OWN or (said_at and said_at <= entry.at):
            continue
        rest = _rest_of(entry, channels, purpose)
        if rest is None:
            continue
        _end(entry, "person", _BY_THEMSELVES)
        for kept_channel, kept_purpose in rest:
            db.session.add(
                StopEntry(
                    channel=kept_channel,
                    purpose=kept_purpose,
                    source=entry.source,
                    reason=entry.reason,
                    actor=entry.actor,
                    at=entry.at,
                    keys=[StopKey(digest=key.digest) for key in entry.keys],
                )
            )
        lifted += 1
    db.session.flush()
    return lifted


def _rest_of(
    entry: StopEntry, channels: Collection[Channel], purpose: Purpose
) -> list[tuple[Channel, Purpose]] | None:
    """What `entry` still stops once `channels` are open for `purpose`; None when it is not
    concerned."""
    all_channels = [one for one in Channel if one is not Channel.ALL]
    all_purposes = [one for one in Purpose if one is not Purpose.ALL]
    stops_on = all_channels if entry.channel == Channel.ALL else [Channel(entry.channel)]
    stops_for = all_purposes if entry.purpose == Purpose.ALL else [Purpose(entry.purpose)]
    if purpose not in stops_for or not set(channels) & set(stops_on):
        return None
    return [
        (channel, one)
        for channel, one in product(stops_on, stops_for)
        if not (channel in channels and one is purpose)
    ]


def _end(entry: StopEntry, by: str, why: str) -> None:
    if entry.ended_at is None:
        entry.ended_at, entry.ended_by, entry.why_ended = now(), by, why


def _end_subscriptions(person_id: int) -> None:
    db.session.execute(
        sa.update(Subscription)
        .where(Subscription.person_id == person_id, Subscription.ended_at.is_(None))
        .values(ended_at=now(), end_reason="person"),
        execution_options={"synchronize_session": "fetch"},
    )


def lock(digests: Collection[str]) -> None:
    """Make who stops and who sends to the same contact wait for each other until the transaction
    ends. SQLite has one writer anyway; outside `writing()` nothing is to be locked."""
    if db.engine.dialect.name != "postgresql" or not db.session().info.get("writing"):
        return
    numbers = sorted({_lock_number(digest) for digest in digests})
    for number in numbers:  # always in this order, so that no two wait for each other
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _lock_number(digest: str) -> int:
    known = hashlib.sha256(f"stop:{digest}".encode()).digest()[:8]
    return int.from_bytes(known, "big", signed=True)
