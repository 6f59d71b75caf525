"""Texts that staff send, with named slots: `{nome}`, `{carro}`, `{preco}` …

A slot is filled from what we know of the lead at this moment: a price is the offer's as it is now.
`{nome|tudo bem}` says what stands there when the name is not known. A text with a slot that nothing
fills is not sent: its screen says which fact is missing instead.

DomainError
└── BadTemplate    a text that cannot be kept; `field` says where
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from core.text import clean_line, clean_text
from leads.stop_list import Purpose
from leads.template_defaults import DEFAULTS
from leads.template_slots import SLOTS
from leads.words import DEPARTMENTS

LONGEST_NAME: Final = 80
LONGEST_SUBJECT: Final = 150
LONGEST_BODY: Final = 1500
SLOT: Final = re.compile(r"\{([^{}|]*)(?:\|([^{}]*))?\}")
CHANNELS: Final[Mapping[str, LazyString]] = {"whatsapp": _l("WhatsApp"), "mail": _l("E-mail")}
PURPOSES: Final[Mapping[str, LazyString]] = {
    Purpose.ANSWER.value: _l("Answers what they asked"),
    Purpose.MARKETING.value: _l("An offer of ours: not to who wants none"),
}
SITUATIONS: Final[Mapping[str, LazyString]] = {
    "first_answer": _l("First answer"),
    "no_answer": _l("They did not answer"),
    "follow_up": _l("In conversation"),
    "visit": _l("Visit booked"),
    "no_show": _l("Did not come"),
    "after_visit": _l("After the visit"),
    "proposal": _l("Proposal sent"),
    "car_sold": _l("The car was sold"),
    "goodbye": _l("Goodbye, for now"),
    "outreach": _l("We turn to somebody on a list"),
    "catch_up": _l("After the delivery"),
    "referral": _l("Asking for names"),
}


class BadTemplate(DomainError):
    """A text that cannot be kept; `field` is the column that is wrong."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class MessageTemplate(Model):
    """One text. Empty `department` and `kind` suit every one."""

    __tablename__ = "message_template"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(sa.String(30), unique=True)  # of those we ship
    name: Mapped[str] = mapped_column(sa.String(80))
    channel: Mapped[str] = mapped_column(sa.String(10))  # of CHANNELS
    purpose: Mapped[str] = mapped_column(sa.String(10), default="answer")  # of PURPOSES
    department: Mapped[str] = mapped_column(sa.String(10), default="")
    situation: Mapped[str] = mapped_column(sa.String(20))  # of SITUATIONS
    kind: Mapped[str] = mapped_column(sa.String(20), default="")  # of the first enquiry
    subject: Mapped[str] = mapped_column(sa.String(150), default="")  # of a mail
    body: Mapped[str] = mapped_column(sa.Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_by: Mapped[str] = mapped_column(sa.String(254), default="")
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class TemplateFacts:
    """What a form says of a text, as typed."""

    name: str
    channel: str
    situation: str
    body: str
    purpose: str = "answer"
    department: str = ""
    kind: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Filled:
    """A text for one lead. With `missing` (names of slots) it cannot be sent: what is missing
    still stands in it as a slot."""

    subject: str
    text: str
    missing: tuple[str, ...] = ()

    @property
    def can_be_sent(self) -> bool:
        return not self.missing

    @property
    def why_not(self) -> str:
        """Which facts are missing, in words; empty when none is."""
        if not self.missing:
            return ""
        names = ", ".join(str(SLOTS[name]) if name in SLOTS else name for name in self.missing)
        return _("This text needs what we do not know: %(what)s.", what=names)


def filled(subject: str, body: str, facts: Mapping[str, str]) -> Filled:
    """`subject` and `body` with `facts` by the names of slots. What a fact says is never read as a
    slot again."""
    missing: list[str] = []

    def fill(found: re.Match[str]) -> str:
        name, otherwise = found[1], found[2]
        value = facts.get(name, "") or otherwise
        if value:
            return value
        missing.append(name)
        return found[0]

    return Filled(SLOT.sub(fill, subject), SLOT.sub(fill, body), tuple(dict.fromkeys(missing)))


def fill(template: MessageTemplate, facts: Mapping[str, str]) -> Filled:
    """`template` for the lead that `facts` (leads.template_slots.facts_of) are of."""
    subject = template.subject if template.channel == "mail" else ""
    return filled(subject, template.body, facts)


def open_slots(*texts: str) -> list[str]:
    """The names of the slots that still stand in `texts`, each once."""
    return list(dict.fromkeys(found[1] for text in texts for found in SLOT.finditer(text)))


def slots_of(template: MessageTemplate) -> set[str]:
    """The names of the slots of `template`."""
    return set(open_slots(template.subject, template.body))


# ---- keeping them ----


def templates(*, archived: bool = False) -> list[MessageTemplate]:
    """All texts, or all that were put away, by situation and name."""
    is_gone = MessageTemplate.archived_at.is_not(None)
    rows = list(
        db.session.scalars(
            sa.select(MessageTemplate)
            .where(is_gone if archived else sa.not_(is_gone))
            .order_by(MessageTemplate.name, MessageTemplate.id)
        )
    )
    order = list(SITUATIONS)
    place = {name: number for number, name in enumerate(order)}
    return sorted(rows, key=lambda one: place.get(one.situation, len(order)))


def ship_texts(_payload: Any = None) -> None:
    """Job: put in the texts we ship that were never here, also those of a newer version. What the
    house changed or archived keeps its code, so it stays as it is. Reading never writes, so the
    worker does it as soon as it runs. A door of its own: call it outside `writing()`."""
    known = set(db.session.scalars(sa.select(MessageTemplate.code)))
    db.session.rollback()
    shared = {"purpose": "answer", "department": "", "kind": "", "subject": "", "updated_by": ""}
    rows = [{**shared, **one, "updated_at": now()} for one in DEFAULTS if one["code"] not in known]
    if not rows:
        return
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    with writing() as session:
        session.execute(insert(MessageTemplate).values(rows).on_conflict_do_nothing())


def create_template(facts: TemplateFacts, *, by: str) -> MessageTemplate:
    """A new text. Inside `writing()`. Raises BadTemplate."""
    row = MessageTemplate(code=None, updated_by=by, **_checked(facts))
    db.session.add(row)
    db.session.flush()
    return row


def revise_template(row: MessageTemplate, facts: TemplateFacts, *, by: str) -> None:
    """Let `row` say `facts`. Inside `writing()`. Raises BadTemplate."""
    for name, value in _checked(facts).items():
        setattr(row, name, value)
    row.updated_at, row.updated_by = now(), by
    db.session.flush()


def archive_template(row: MessageTemplate) -> None:
    """Put `row` away: nobody is offered it any more. Inside `writing()`."""
    row.archived_at = row.archived_at or now()
    db.session.flush()


def restore_template(row: MessageTemplate) -> None:
    """Bring `row` back. Inside `writing()`."""
    row.archived_at = None
    db.session.flush()


def _checked(facts: TemplateFacts) -> dict[str, str]:
    name = clean_line(facts.name, LONGEST_NAME)
    subject = clean_line(facts.subject, LONGEST_SUBJECT) if facts.channel == "mail" else ""
    body = clean_text(facts.body, LONGEST_BODY + 1)
    for field, value, among in (
        ("channel", facts.channel, CHANNELS),
        ("purpose", facts.purpose, PURPOSES),
        ("situation", facts.situation, SITUATIONS),
        ("department", facts.department, {"": "", **DEPARTMENTS}),
    ):
        if value not in among:
            raise BadTemplate(_("Choose one of the list."), field)
    if not name:
        raise BadTemplate(_("Give it a name that colleagues recognise."), "name")
    if facts.channel == "mail" and not subject:
        raise BadTemplate(_("A mail needs a subject."), "subject")
    if not body:
        raise BadTemplate(_("The text is empty."), "body")
    if len(body) > LONGEST_BODY:
        raise BadTemplate(
            _("That is too long: %(most)s characters at most.", most=LONGEST_BODY), "body"
        )
    for field, text in (("subject", subject), ("body", body)):
        _refuse_unknown(field, text)
    return {
        "name": name,
        "channel": facts.channel,
        "purpose": facts.purpose,
        "department": facts.department,
        "situation": facts.situation,
        "kind": clean_line(facts.kind, 20),
        "subject": subject,
        "body": body,
    }


def _refuse_unknown(field: str, text: str) -> None:
    unknown = [name for name in open_slots(text) if name not in SLOTS]
    known = ", ".join("{" + name + "}" for name in SLOTS)
    if unknown:
        what = ", ".join("{" + name + "}" for name in unknown)
        raise BadTemplate(
            _("There is no slot %(what)s. Those there are: %(known)s.", what=what, known=known),
            field,
        )
    rest = SLOT.sub("", text)
    if "{" in rest or "}" in rest:
        raise BadTemplate(
            _("A brace is left open. A slot is written like {nome}. Those there are: %(known)s.",
              known=known),
            field,
        )  # fmt: skip


JOBS = {"ship_texts": ship_texts}
