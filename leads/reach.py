"""The ways to reach a person, for staff: an address to open, or the words why there is none.

The only place that makes a link to somebody who wrote to us, and it asks the stop list first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core.clock import DEFAULT_ZONE
from core.text import NotPhone, whatsapp_link
from leads.models import Person
from leads.stop_list import Channel, Purpose, Verdict, may_send_each


@dataclass(frozen=True)
class Way:
    """One way. `address` is empty where the stop list keeps it shut: then `words` say why.
    `is_hour` when only the hour is wrong, and a time that the person named would be right."""

    channel: Channel
    address: str
    words: str = ""
    is_hour: bool = False


@dataclass(frozen=True)
class Ways:
    """The ways to one person; None where we hold no number or address."""

    whatsapp: Way | None
    phone: Way | None
    mail: Way | None

    @property
    def shut(self) -> list[Way]:
        """Those that are shut, each for its own reason."""
        return [way for way in (self.whatsapp, self.phone, self.mail) if way and not way.address]


def ways_to(
    person: Person,
    purpose: Purpose = Purpose.ANSWER,
    *,
    message: str = "",
    at: datetime | None = None,
    is_agreed: bool = False,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Ways:
    """How `person` may be reached at `at` (now); `message` is typed into WhatsApp already.
    `is_agreed` when the person named this time, so that no calling hours apply."""
    found = ways_to_each(
        [person],
        purpose,
        messages={person.id: message},
        at=at,
        is_agreed=is_agreed,
        zone=zone,
    )
    return found[person.id]


def ways_to_each(
    people: Collection[Person],
    purpose: Purpose = Purpose.ANSWER,
    *,
    messages: Mapping[int, str] | None = None,
    at: datetime | None = None,
    is_agreed: bool = False,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> dict[int, Ways]:
    """The same for many, by the person's id, in three statements however many they are."""
    verdicts = may_send_each(people, purpose, at, is_agreed=is_agreed, zone=zone)
    return {
        person.id: _ways(person, verdicts[person.id], (messages or {}).get(person.id, ""))
        for person in people
    }


def _ways(person: Person, verdicts: Mapping[Channel, Verdict], message: str) -> Ways:
    def way(channel: Channel, address: str) -> Way | None:
        if not address:
            return None
        verdict = verdicts[channel]
        if verdict.allowed:
            return Way(channel, address)
        return Way(channel, "", verdict.words, is_hour=verdict.entry_id is None)

    return Ways(
        whatsapp=way(Channel.WHATSAPP, _whatsapp(person.phone, message)),
        phone=way(Channel.PHONE, f"tel:{person.phone}" if person.phone else ""),
        mail=way(Channel.MAIL, f"mailto:{person.email}" if person.email else ""),
    )


def saying(way: Way | None, person: Person, message: str) -> Way | None:
    """The way to `person` by WhatsApp with another `message`; a shut one stays shut."""
    if way is None or not way.address:
        return way
    return replace(way, address=_whatsapp(person.phone, message))


def _whatsapp(phone: str, message: str) -> str:
    try:
        return whatsapp_link(phone, message) if phone else ""
    except NotPhone:
        return ""
