"""Where a car stands with the law: what Lei 13.111/2015 makes a dealer tell and put in writing.

Five questions (art. 2): theft, fines and yearly fees, tax debts, a lien, any other record that
limits the car's use. Each has an answer, where it was looked up and on which day; unknown is never
"nothing on record".

DomainError
└── ProvenanceRefused    an answer that cannot be kept; `problems` holds a sentence per field
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now, today
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line
from inventory.models import Vehicle
from inventory.stock_version import touch

CLEAR: Final = "clear"
PRESENT: Final = "present"
ANSWERS: Final[Mapping[str, LazyString]] = {
    CLEAR: _l("Nothing on record"),
    PRESENT: _l("There is a record"),
}
ITEMS: Final[Mapping[str, LazyString]] = {
    "theft": _l("Theft or robbery"),
    "fines": _l("Fines and yearly fees"),
    "taxes": _l("Tax debts (IPVA and others)"),
    "lien": _l("Lien (financing not paid off)"),
    "restrictions": _l("Other restrictions on its use"),
}
LONGEST_SOURCE: Final = 120
LONGEST_NOTE: Final = 300


class ProvenanceFact(Model):
    """One answer about one vehicle."""

    __tablename__ = "vehicle_provenance"
    __table_args__ = (sa.UniqueConstraint("vehicle_id", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="CASCADE"))
    item: Mapped[str] = mapped_column(sa.String(12))  # a key of ITEMS
    answer: Mapped[str] = mapped_column(sa.String(8))  # a key of ANSWERS
    source: Mapped[str] = mapped_column(sa.String(LONGEST_SOURCE))  # "Detran-SP"
    checked_on: Mapped[date] = mapped_column(sa.Date)
    note: Mapped[str] = mapped_column(sa.String(LONGEST_NOTE), default="")  # for staff
    recorded_by: Mapped[str] = mapped_column(sa.String(160))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a form says of one item. An empty `answer` takes back what was there."""

    answer: str
    source: str = ""
    checked_on: date | None = None
    note: str = ""


@dataclass(frozen=True)
class PublicAnswer:
    """One line of the offer page's sheet; `is_warning` when there is a record."""

    name: str
    answer: str
    source: str
    checked_on: date
    is_warning: bool


class ProvenanceRefused(DomainError):
    """Answers that cannot be kept. `problems`: "item.field" -> sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


def provenance_of(vehicle_id: int) -> dict[str, ProvenanceFact]:
    """What is known of the vehicle, by item, in the order of ITEMS. One statement."""
    rows = db.session.scalars(
        sa.select(ProvenanceFact).where(ProvenanceFact.vehicle_id == vehicle_id)
    )
    found = {row.item: row for row in rows}
    return {item: found[item] for item in ITEMS if item in found}


def record_provenance(vehicle: Vehicle, answers: Mapping[str, Answer], *, by: str) -> list[str]:
    """Keep `answers` (by item) and return the items that changed. Raises ProvenanceRefused when
    an answer lacks its source or day, lies in the future, or a record is not explained."""
    problems = problems_of(answers)
    if problems:
        raise ProvenanceRefused(problems)
    known = provenance_of(vehicle.id)
    changed = [item for item, answer in answers.items() if _keep(vehicle, item, answer, known, by)]
    if changed:
        touch([vehicle])
    return changed


def problems_of(answers: Mapping[str, Answer]) -> dict[str, str]:
    """What keeps `answers` from being recorded, as "item.field" -> sentence."""
    problems: dict[str, str] = {}
    for item, answer in answers.items():
        if item not in ITEMS or answer.answer not in {"", *ANSWERS}:
            problems[f"{item}.answer"] = _("Choose one of the answers.")
        elif answer.answer:
            problems |= {f"{item}.{name}": words for name, words in _problems(answer).items()}
    return problems


def _problems(answer: Answer) -> dict[str, str]:
    problems = {}
    if not answer.source.strip():
        problems["source"] = _("Say where you looked it up, such as Detran-SP.")
    if answer.checked_on is None:
        problems["checked_on"] = _("Say on which day you looked it up.")
    elif answer.checked_on > today():
        problems["checked_on"] = _("This day has not come yet.")
    if answer.answer == PRESENT and not answer.note.strip():
        problems["note"] = _("Say what is on record: the buyer must be told.")
    return problems


def _keep(
    vehicle: Vehicle, item: str, answer: Answer, known: Mapping[str, ProvenanceFact], by: str
) -> bool:
    row = known.get(item)
    if not answer.answer:
        if row is not None:
            db.session.delete(row)
        return row is not None
    values = {
        "answer": answer.answer,
        "source": clean_line(answer.source, LONGEST_SOURCE),
        "checked_on": answer.checked_on,
        "note": clean_line(answer.note, LONGEST_NOTE),
    }
    if row is not None and all(getattr(row, name) == value for name, value in values.items()):
        return False
    if row is None:
        row = ProvenanceFact(vehicle_id=vehicle.id, item=item)
        db.session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.recorded_by, row.recorded_at = by, now()
    return True


def public_answers(vehicle_id: int) -> list[PublicAnswer]:
    """The part of the sheet that the public sees; notes stay with the store."""
    return [
        PublicAnswer(
            str(ITEMS[item]),
            str(ANSWERS[row.answer]),
            row.source,
            row.checked_on,
            row.answer == PRESENT,
        )
        for item, row in provenance_of(vehicle_id).items()
    ]


def outdated(known: Mapping[str, ProvenanceFact], valid_days: int) -> list[str]:
    """Items without an answer, or with one older than `valid_days`, in the order of ITEMS."""
    oldest = today() - timedelta(days=valid_days)
    return [item for item in ITEMS if item not in known or known[item].checked_on < oldest]


def contract_clause(title: str, known: Mapping[str, ProvenanceFact]) -> str:
    """The clause for the contract of sale (Lei 13.111/2015, arts. 1-2): every item, known or not.

    `title` names the car. A draft for the store's lawyer, in Portuguese by nature.
    """
    lines = [
        _(
            "Under Law 13.111/2015 the seller informs the buyer of the following about the "
            "vehicle %(car)s:",
            car=title,
        )
    ]
    for letter, (item, name) in zip("abcde", ITEMS.items(), strict=True):
        lines.append(f"{letter}) {name}: {_in_words(known.get(item))}")
    lines.append(
        _(
            "The taxes due on this sale are included in the price. The seller answers for debts "
            "and records earlier than this contract that were not informed here."
        )
    )
    return "\n".join(lines)


def _in_words(row: ProvenanceFact | None) -> str:
    if row is None:
        return _("NOT INFORMED: look it up before signing.")
    text = _(
        "%(answer)s, according to %(source)s on %(day)s",
        answer=ANSWERS[row.answer],
        source=row.source,
        day=f"{row.checked_on:%d/%m/%Y}",
    )
    return f"{text}. {row.note}" if row.note else f"{text}."
