"""The texts of the screen of one lead: what WhatsApp opens with, what the mail begins with, and
where the lead is on its cadence."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from admin.door import staff
from core.clock import DEFAULT_ZONE
from core.text import row_number
from dealership.identity import identity
from leads.message_templates import SITUATIONS
from leads.models import Lead
from leads.pipeline.cadence_steps import Progress, progress_of
from leads.pipeline.clocks import schedule_for
from leads.reach import Way, ways_to
from leads.stop_list import Purpose
from leads.suggestions import Suggestion, choices


@dataclass(frozen=True)
class MailDraft:
    """A mail to begin with. `token` makes a second post of the same form the same mail."""

    template_id: int | None
    subject: str
    text: str
    why_not: str
    token: str


@dataclass(frozen=True)
class LeadTexts:
    """What the screen shows. `whatsapp` is the way with the chosen text typed in; None where there
    is no number, or where the text lacks a fact: then `why_not` says which."""

    chosen: Suggestion | None
    whatsapp: Way | None
    why_not: str
    groups: Sequence[tuple[str, Sequence[Suggestion]]]
    mail: MailDraft | None
    progress: Progress | None
    progress_words: str


def texts_of(lead: Lead, asked: Mapping[str, str]) -> LeadTexts:
    """The texts for `lead`; `asked` is the page's address, which names the one that was chosen
    (`modelo`), if one was. A fixed number of statements."""
    progress = progress_of(lead)
    found = choices(lead, staff(), progress=progress)
    whatsapp = [one for one in found if one.template.channel == "whatsapp"]
    mails = [one for one in found if one.template.channel == "mail"]
    wanted = row_number(asked.get("modelo", ""))
    chosen = _wanted(whatsapp, wanted)
    return LeadTexts(
        chosen=chosen,
        whatsapp=_way(lead, chosen, is_agreed=asked.get("combinado") == "1"),
        why_not=chosen.filled.why_not if chosen else "",
        groups=_grouped(found),
        mail=_draft(_wanted(mails, wanted)) if lead.person.email else None,
        progress=progress,
        progress_words=_told(progress),
    )


def _wanted(found: Sequence[Suggestion], wanted: int | None) -> Suggestion | None:
    """The one that was asked for, or the best."""
    asked = next((one for one in found if one.template.id == wanted), None)
    return asked or (found[0] if found else None)


def _way(lead: Lead, chosen: Suggestion | None, *, is_agreed: bool) -> Way | None:
    if chosen is not None and not chosen.filled.can_be_sent:
        return None
    return ways_to(
        lead.person,
        Purpose(chosen.template.purpose) if chosen else Purpose.ANSWER,
        message=chosen.filled.text if chosen else "",
        is_agreed=is_agreed,
        zone=_zone(lead),
    ).whatsapp


def _zone(lead: Lead) -> ZoneInfo:
    return schedule_for(lead.store_id).zone if identity().stores else DEFAULT_ZONE


def _draft(best: Suggestion | None) -> MailDraft:
    token = secrets.token_hex(16)
    if best is None:
        return MailDraft(None, "", "", "", token)
    filled = best.filled
    return MailDraft(best.template.id, filled.subject, filled.text, filled.why_not, token)


def _grouped(found: Sequence[Suggestion]) -> list[tuple[str, list[Suggestion]]]:
    """By situation, the best first; for a list to choose from."""
    groups: dict[str, list[Suggestion]] = {}
    for one in found:
        groups.setdefault(one.template.situation, []).append(one)
    return [(str(SITUATIONS.get(name, name)), group) for name, group in groups.items()]


def _told(progress: Progress | None) -> str:
    if progress is None:
        return ""
    steps = len(progress.cadence.steps)
    if progress.next is None:
        return _("%(cadence)s: all %(count)s steps taken. Without an answer it sleeps.",
                 cadence=progress.cadence.name, count=steps)  # fmt: skip
    return _("%(cadence)s: step %(number)s of %(count)s",
             cadence=progress.cadence.name, number=progress.number, count=steps)  # fmt: skip
