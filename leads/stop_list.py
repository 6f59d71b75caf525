"""Whom we may not write to or call, and the gate that every send and every dial passes last.

An entry is somebody's objection (LGPD art. 18 § 2 and art. 8 § 5; CDC art. 43): on which channel,
for which purpose, since when, told by whom. It names people only by keyed digests of their
contacts, so it outlives their erasure and holds whoever types the same number again. Entries are
only ever added and ended. They are kept as long as they stand: an objection that was forgotten
would be broken by the next list that somebody imports.

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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import DEFAULT_ZONE, now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from leads import calling_hours
from leads.holdings import contact_digest
from leads.models import Enquiry, Person, PersonKey, Subscription
from leads.people import contact_key, email_key, keys_of_person, phone_key

COUNTED: Final = timedelta(days=30)


class Channel(StrEnum):
    """A way to reach somebody."""

    MAIL = "mail"
    WHATSAPP = "whatsapp"
    PHONE = "phone"
    SMS = "sms"
    ALL = "all"


class Purpose(StrEnum):
    """What for. An answer is whatever the person asked for: it takes a stop of ALL to stop it."""

    MARKETING = "marketing"
    ANSWER = "answer"
    ALL = "all"


class Source(StrEnum):
    """How we know."""

    PERSON = "person"  # a link or a page of ours
    REPLY = "reply"  # answered SAIR
    STAFF = "staff"  # told somebody of the team
    ERASURE = "erasure"
    BOUNCE = "bounce"  # mails come back
    COMPLAINT = "complaint"  # marked as spam, or an authority wrote


# What the person said with their own hand, their own hand can take back.
_THEIR_OWN: Final = frozenset({Source.PERSON, Source.REPLY, Source.ERASURE})
# New words of the person do not open these.
_HARD: Final = frozenset({Source.BOUNCE, Source.COMPLAINT})

CHANNELS: Final[Mapping[Channel, LazyString]] = {
    Channel.ALL: _l("Every channel"),
    Channel.WHATSAPP: _l("WhatsApp"),
    Channel.PHONE: _l("Telephone"),
    Channel.MAIL: _l("E-mail"),
    Channel.SMS: _l("SMS"),
}
PURPOSES: Final[Mapping[Purpose, LazyString]] = {
    Purpose.ALL: _l("Everything, answers too"),
    Purpose.MARKETING: _l("Offers and news"),
    Purpose.ANSWER: _l("Answers to what they asked"),
}
# Chosen, never typed: an entry must hold nothing that an erasure would have to find.
REASONS: Final[Mapping[str, LazyString]] = {
    "by_phone": _l("Asked on the telephone"),
    "by_message": _l("Asked by message or e-mail"),
    "in_store": _l("Asked in the store"),
    "wrong_contact": _l("Wrong number or address"),
    "authority": _l("An authority or a lawyer asks it"),
}
WHY_LIFTED: Final[Mapping[str, LazyString]] = {
    "asked_again": _l("The person asks for contact again"),
    "mistake": _l("It was a mistake of ours"),
    "new_owner": _l("The number or address has another owner"),
}
_BY_THEMSELVES: Final = "consent"  # why_ended of what the person's own new yes lifted


class Stopped(DomainError):
    """The gate is shut; the sentence says why. `verdict` is the gate's."""

    def __init__(self, verdict: "Verdict", channel: Channel, purpose: Purpose) -> None:
        super().__init__(verdict.words)
        self.verdict, self.channel, self.purpose = verdict, channel, purpose


class CannotStop(DomainError):
    """A contact that is none, or no reason; the sentence says which."""


class StopEntry(Model):
    """One objection. Never changed but by ending it."""

    __tablename__ = "stop_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(10))
    purpose: Mapped[str] = mapped_column(sa.String(10))
    source: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str] = mapped_column(sa.String(20), default="")  # a code of REASONS
    actor: Mapped[str] = mapped_column(sa.String(160))  # "person", "system", a staff e-mail
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str] = mapped_column(sa.String(160), default="")
    why_ended: Mapped[str] = mapped_column(sa.String(20), default="")  # a code of WHY_LIFTED

    keys: Mapped[list["StopKey"]] = relationship(
        back_populates="entry", cascade="all, delete-orphan", passive_deletes=True
    )


class StopKey(Model):
    """Whom an entry is about: the digest of one contact."""

    __tablename__ = "stop_key"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("stop_entry.id", ondelete="CASCADE"), primary_key=True, index=True
    )

    entry: Mapped[StopEntry] = relationship(back_populates="keys")


class StoppedSend(Model):
    """One send or dial that the gate refused: what the supervisor's figures count."""

    __tablename__ = "stopped_send"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(10))
    purpose: Mapped[str] = mapped_column(sa.String(10))
    # None: the hour was wrong, not the person.
    entry_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stop_entry.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


@dataclass(frozen=True)
class Verdict:
    """What the gate says: whether it is open, and in words for staff why not. `entry_id` is the
    objection; None when only the hour is wrong."""

    allowed: bool
    words: str = ""
    entry_id: int | None = None


OPEN: Final = Verdict(True)
# Somebody we know, or a contact as it was typed: a phone number or an e-mail address.
Who = Person | str


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
    return _verdict(_standing(digests), channel, purpose, asked_at) or _hour(
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
    digests = _digests_of_each(people)
    by_digest: dict[str, list[StopEntry]] = defaultdict(list)
    wanted = {digest for found in digests.values() for digest in found}
    for key, entry in _keyed_entries(wanted):
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
    digests = {*digests_of(to), *(digests_of(person) if person else ())}
    lock(digests)
    return _verdict(_standing(digests), Channel.MAIL, purpose, asked_at) or OPEN


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


def stop_digests(digests: Collection[str], purpose: Purpose, *, source: Source) -> None:
    """The same for who is known by digests alone: on every channel. Inside `writing()`."""
    if digests:
        _enter(set(digests), Channel.ALL, purpose, source, "system", "")


def _enter(
    digests: set[str], channel: Channel, purpose: Purpose, source: Source, actor: str, reason: str
) -> StopEntry:
    lock(digests)
    for entry in _standing(digests):
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
    for entry in _standing(digests):
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


# ---- who that is, and what stands ----


def find_person_by(contact: str) -> Person | None:
    """Whom a phone number or e-mail address, as typed, belongs to."""
    kind, value = contact_key(contact)
    key = db.session.get(PersonKey, (kind, value)) if value else None
    return db.session.get(Person, key.person_id) if key else None


def digests_of(who: Who) -> set[str]:
    """The digests under which entries about `who` are found; none for what is no contact."""
    if isinstance(who, Person):
        return {contact_digest(*key) for key in keys_of_person(who)}
    kind, value = contact_key(who)
    return {contact_digest(kind, value)} if value else set()


def entries_of(who: Who, *, ended_too: bool = False) -> list[StopEntry]:
    """The objections of `who`, newest first."""
    return sorted(_standing(digests_of(who), ended_too=ended_too), key=lambda one: -one.id)


def told(who: Who) -> list[dict[str, Any]]:
    """The same as plain values, for what a person downloads: ISO instants in UTC."""
    return [
        {
            "at": entry.at.isoformat(timespec="seconds"),
            "channel": entry.channel,
            "purpose": entry.purpose,
            "source": entry.source,
            "ended_at": entry.ended_at and entry.ended_at.isoformat(timespec="seconds"),
        }
        for entry in entries_of(who, ended_too=True)
    ]


def words_of(entry: StopEntry) -> str:
    """An objection in a sentence for staff."""
    day = format_date(entry.at.astimezone(DEFAULT_ZONE).date(), "dd/MM/yyyy")
    if entry.source == Source.BOUNCE:
        return _("Mails to this address come back, since %(day)s.", day=day)
    channel = CHANNELS[Channel(entry.channel)]
    if entry.purpose == Purpose.ALL:
        if entry.channel == Channel.ALL:
            return _("Wants no contact at all, since %(day)s.", day=day)
        return _("Wants no contact by %(channel)s, since %(day)s.", channel=channel, day=day)
    if entry.purpose == Purpose.ANSWER:
        return _("Wants no answers by %(channel)s, since %(day)s.", channel=channel, day=day)
    if entry.channel == Channel.ALL:
        return _("Wants no offers, since %(day)s.", day=day)
    return _("Wants no offers by %(channel)s, since %(day)s.", channel=channel, day=day)


def blocked_counts(since: datetime | None = None) -> dict[tuple[Channel, bool], int]:
    """Sends and dials that the gate refused since `since` (30 days ago): by channel, and whether
    a person had objected (True) or only the hour was wrong."""
    counted = (
        sa.select(StoppedSend.channel, StoppedSend.entry_id.is_not(None), sa.func.count())
        .where(StoppedSend.at >= (since or now() - COUNTED))
        .group_by(StoppedSend.channel, StoppedSend.entry_id.is_not(None))
    )
    return {(Channel(row[0]), bool(row[1])): row[2] for row in db.session.execute(counted)}


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


def _standing(digests: Collection[str], *, ended_too: bool = False) -> list[StopEntry]:
    rows = {entry.id: entry for _key, entry in _keyed_entries(digests, ended_too=ended_too)}
    return list(rows.values())


def _keyed_entries(
    digests: Collection[str], *, ended_too: bool = False
) -> list[tuple[str, StopEntry]]:
    if not digests:
        return []
    query = (
        sa.select(StopKey.digest, StopEntry)
        .join(StopEntry, StopEntry.id == StopKey.entry_id)
        .where(StopKey.digest.in_(digests))
        .order_by(StopEntry.id)
        .execution_options(populate_existing=True)
    )
    if not ended_too:
        query = query.where(StopEntry.ended_at.is_(None))
    return [(row[0], row[1]) for row in db.session.execute(query)]


def _digests_of_each(people: Collection[Person]) -> dict[int, set[str]]:
    """By the person's id; one statement. The fields count only where nobody else has the key."""
    owners: dict[tuple[str, str], int] = {}
    keys: dict[int, set[tuple[str, str]]] = {person.id: set() for person in people}
    typed = {
        person.id: {
            key
            for key in (("phone", phone_key(person.phone)), ("email", email_key(person.email)))
            if key[1]
        }
        for person in people
    }
    wanted = [key for found in typed.values() for key in found]
    mine = PersonKey.person_id.in_(list(keys))
    same = sa.tuple_(PersonKey.kind, PersonKey.value).in_(wanted) if wanted else sa.false()
    for kind, value, person_id in db.session.execute(
        sa.select(PersonKey.kind, PersonKey.value, PersonKey.person_id).where(sa.or_(mine, same))
    ):
        owners[(kind, value)] = person_id
        if person_id in keys:
            keys[person_id].add((kind, value))
    for person_id, found in typed.items():
        keys[person_id] |= {key for key in found if owners.get(key, person_id) == person_id}
    return {person_id: {contact_digest(*key) for key in found} for person_id, found in keys.items()}
