"""Objections as they are kept: who wants no contact, on which channel, for which purpose.

People are named by keyed digests of their contacts alone (`leads.holdings.contact_digest`), and
everything else is a code: there is nothing in an entry that an erasure would have to find. Entries
are only ever added and ended. They are kept as long as they stand, because an objection that was
forgotten would be broken by the next list that somebody imports; what was lifted goes with the
other proofs (`leads.retention`). `leads.stop_list` writes them and asks them.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import DEFAULT_ZONE, now
from core.db import Model, UtcDateTime, db
from leads.holdings import contact_digest
from leads.models import Person, PersonKey
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

# Somebody we know, or a contact as it was typed: a phone number or an e-mail address.
Who = Person | str


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
    return sorted(standing(digests_of(who), ended_too=ended_too), key=lambda one: -one.id)


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


def source_words(entry: StopEntry) -> str:
    """How we know of it: "Asked on the telephone", "By a link of ours"."""
    if entry.reason in REASONS:
        return str(REASONS[entry.reason])
    return {
        Source.PERSON: _("By themselves, on our site or by a link"),
        Source.REPLY: _("Answered a message with SAIR"),
        Source.ERASURE: _("Had their data erased"),
        Source.BOUNCE: _("Mails come back"),
        Source.COMPLAINT: _("Complained"),
    }.get(Source(entry.source), "")


def why_ended_words(entry: StopEntry) -> str:
    """Why it was lifted; empty while it stands."""
    if entry.ended_at is None:
        return ""
    return str(WHY_LIFTED.get(entry.why_ended) or _("They agreed again themselves"))


def blocked_counts(since: datetime | None = None) -> dict[tuple[Channel, bool], int]:
    """Sends and dials that the gate refused since `since` (30 days ago): by channel, and whether
    a person had objected (True) or only the hour was wrong."""
    counted = (
        sa.select(StoppedSend.channel, StoppedSend.entry_id.is_not(None), sa.func.count())
        .where(StoppedSend.at >= (since or now() - COUNTED))
        .group_by(StoppedSend.channel, StoppedSend.entry_id.is_not(None))
    )
    return {(Channel(row[0]), bool(row[1])): row[2] for row in db.session.execute(counted)}


def standing(digests: Collection[str], *, ended_too: bool = False) -> list[StopEntry]:
    rows = {entry.id: entry for _key, entry in keyed_entries(digests, ended_too=ended_too)}
    return list(rows.values())


def keyed_entries(
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


def digests_of_each(people: Collection[Person]) -> dict[int, set[str]]:
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
