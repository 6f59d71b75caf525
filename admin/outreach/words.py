"""What stages, kinds and events of lists are called on the screen."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from core.money import format_brl
from core.text import clean_line
from leads.outreach.lists import Kind
from leads.outreach.models import OutreachEntry, OutreachEvent
from leads.outreach.stages import Stage

STAGES: Final[Mapping[str, LazyString]] = {
    Stage.COLD: _l("Cold"),
    Stage.ENGAGED: _l("Engaged"),
    Stage.WARM: _l("Warm"),
    Stage.CONVERSATION: _l("In conversation"),
    Stage.VISIT: _l("Visit"),
    Stage.CUSTOMER: _l("Customer"),
    Stage.FAN: _l("Fan"),
}
KINDS: Final[Mapping[str, LazyString]] = {
    Kind.ACCOUNTS: _l("40 accounts"),
    Kind.DREAMS: _l("100 dreams"),
    Kind.CUSTOMERS: _l("Customers"),
}
KIND_HINTS: Final[Mapping[str, LazyString]] = {
    Kind.ACCOUNTS: _l("Companies that one person really works. At most 40."),
    Kind.DREAMS: _l("People and companies we would love to have some day. At most 100."),
    Kind.CUSTOMERS: _l("Who bought here before. As many as there are."),
}
# What can be noted, in the order of the form.
HAPPENINGS: Final[Mapping[str, LazyString]] = {
    "touched": _l("I sent something useful"),
    "signal": _l("They gave a sign of interest"),
    "replied": _l("They answered me"),
    "talked": _l("We talked"),
    "visited": _l("We met"),
    "bought": _l("They bought"),
    "recommended": _l("They recommended us"),
    "cooled": _l("It cooled down"),
}
EVENTS: Final[Mapping[str, LazyString]] = {
    **HAPPENINGS,
    "touched": _l("Sent something useful"),
    "talked": _l("Talked"),
    "visited": _l("Met"),
    "signal": _l("Gave a sign of interest"),
    "replied": _l("Answered us"),
    "bought": _l("Bought"),
    "recommended": _l("Recommended us"),
    "added": _l("Came onto the list"),
    "returned": _l("Came back onto the list"),
    "removed": _l("Left the list"),
    "erased": _l("Personal data erased"),
    "note": _l("Note"),
    "contact": _l("Whom to talk to was noted"),
    "next_step": _l("Next step set"),
    "valued": _l("Value of the contract"),
    "qualified": _l("MEDDIC card filled in"),
    "tapped": _l("Opened a way to them"),
    "undone": _l("Took the last step back"),
}
CHANNELS: Final[Mapping[str, LazyString]] = {
    "whatsapp": _l("WhatsApp"),
    "phone": _l("Telephone"),
    "mail": _l("E-mail"),
    "visit": _l("In person"),
    "social": _l("Social network"),
}
MEDDIC: Final[Mapping[str, tuple[str, LazyString, LazyString]]] = {
    "metrics": ("M", _l("Metrics"), _l("What do they gain, in numbers?")),
    "buyer": ("E", _l("Economic buyer"), _l("Who signs, and have we met?")),
    "criteria": ("D", _l("Decision criteria"), _l("By what do they choose?")),
    "process": ("D", _l("Decision process"), _l("Which steps, until when?")),
    "pain": ("I", _l("Identified pain"), _l("What hurts, in their own words?")),
    "champion": ("C", _l("Champion"), _l("Who in there wants us to win?")),
}


def entry_name(entry: OutreachEntry) -> str:
    """What an entry is called: its company, else its person."""
    if entry.company is not None and entry.company.name:
        return entry.company.name
    name = entry.person.name if entry.person is not None else ""
    return name or _("No name (%(n)s)", n=entry.id)


def event_words(event: OutreachEvent) -> str:
    """One line of the timeline."""
    data, said = event.data, [str(EVENTS.get(event.kind, event.kind))]
    if data.get("channel"):
        said.append(str(CHANNELS.get(data["channel"], data["channel"])))
    if event.kind == "valued":
        value = data.get("value_cents")
        said.append(format_brl(value) if value else _("none"))
    return " · ".join(said)


def event_detail(event: OutreachEvent) -> str:
    """What was written with it."""
    return str(event.data.get("words", ""))


def read_day(text: str | None) -> date | None:
    """A day as browsers send it or people write it; None for anything else."""
    for shape in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(clean_line(text or "", 12), shape).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def choice(among: Mapping[str, Any], text: str | None) -> str:
    """`text` if it is one of the codes, else empty."""
    return text if text and text in among else ""
