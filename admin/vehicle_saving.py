"""Saving one car's form: asked twice where a slip is likely, merged where two people saved, refused
with words where it cannot be."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask_babel import gettext as _

from admin.door import Change, staff
from admin.vehicle_form import VehicleForm
from admin.vehicle_page import Unchanged
from admin.vehicle_start import plate_problem
from core.errors import DomainError
from core.money import format_brl
from inventory.catalogue import NamelessVehicle
from inventory.conflicts import FIELD_NAMES, ChangedMeanwhile, Clash, mark_of, value_of
from inventory.editing import VehicleRefused, revise_vehicle
from inventory.gates import unlawful_texts
from inventory.models import Vehicle
from inventory.offers import price_and_former
from inventory.pricing import is_big_change
from inventory.provenance import (
    ANSWERS,
    Answer,
    ProvenanceFact,
    ProvenanceRefused,
    problems_of,
    provenance_of,
    record_provenance,
)

MINE, THEIRS = "minha", "deles"
CONFLICT: Final = 409
REFUSED: Final = 422
_EMPTY: Final = Answer(answer="")


class Saving:
    """One attempt to save `form` over `vehicle`; `typed` is what was posted.

    `clashes` are fields that somebody else changed, `asks_price` what a person must repeat before
    a price far from the old one is taken.
    """

    def __init__(self, vehicle: Vehicle, form: VehicleForm, typed: Mapping[str, str]) -> None:
        self._vehicle, self._form, self._typed = vehicle, form, typed
        self.mark = typed.get("visto", "")
        self.provenance_seen = typed.get("visto_procedencia", "{}")
        self.mark_now = ""
        self.clashes: Sequence[Clash] = ()
        self.asks_price = ""
        self._changed: list[str] = []
        self._merged: list[str] = []

    # --- before anything is written ---

    def check(self) -> bool:
        """Whether the form can be tried at all; what is wrong stands beside its fields."""
        if not self._form.validate():
            return False
        self._check_plate()
        self._form.blame(problems_of(self._form.answers()))
        self._check_price()
        self._check_texts()
        return not any(field.errors for field in self._form) and not self.asks_price

    def _check_plate(self) -> None:
        plate = self._form.facts().get("license_plate")
        if plate and plate != self._vehicle.license_plate:
            taken = plate_problem(plate, but=self._vehicle.id)
            if taken:
                self._form.blame({"license_plate": taken})

    def _check_price(self) -> None:
        facts = self._form.facts()
        if "price_cents" not in facts:
            return
        old = price_and_former(self._vehicle, {})[0]
        new = price_and_former(self._vehicle, facts)[0]
        is_big = is_big_change(old, new) or is_big_change(
            self._vehicle.price_cents, facts["price_cents"]
        )
        key = f"{facts['price_cents']}-{facts['promo_price_cents']}"
        if is_big and self._typed.get("preco_confirmado") != key:
            self.asks_price = key

    @property
    def price_question(self) -> str:
        """What a person is asked before a price far from the old one is taken."""
        old = price_and_former(self._vehicle, {})[0]
        new = price_and_former(self._vehicle, self._form.facts())[0]
        return _(
            "Yes, the price goes from %(old)s to %(new)s",
            old=format_brl(old or 0),
            new=format_brl(new or 0),
        )

    def _check_texts(self) -> None:
        self._form.blame(unlawful_texts(self._vehicle, self._form.facts()))

    # --- writing ---

    def write(self, change: Change) -> None:
        """Inside `changing()`. Raises Unchanged, ChangedMeanwhile, VehicleRefused,
        NamelessVehicle, ProvenanceRefused."""
        vehicle, names = self._vehicle, self._form.fact_names()
        before = {name: value_of(vehicle, name) for name in names}
        theirs = self._changed_by_others(names)
        is_changed = revise_vehicle(vehicle, self._wanted(), by=staff().email, seen=self._marks())
        after = {name: value_of(vehicle, name) for name in names}
        self._changed = [name for name in names if before[name] != after[name]]
        self._merged = [name for name in theirs if name not in self._changed]
        known = provenance_of(vehicle.id)
        told = {item: _told(row) for item, row in known.items()}
        items = record_provenance(vehicle, self._answers(known), by=staff().email)
        if not is_changed and not items:
            raise Unchanged
        now = provenance_of(vehicle.id)
        change.before = before | {item: told.get(item, "") for item in items}
        change.after = after | {item: _told(now[item]) if item in now else "" for item in items}
        self._changed += items

    def _wanted(self) -> dict[str, Any]:
        """What the form says, but for the clashes that were decided for the other person."""
        facts = self._form.facts()
        return {
            name: value
            for name, value in facts.items()
            if self._typed.get(f"decisao_{name}") != THEIRS
        }

    def _marks(self) -> str:
        """The mark the form was drawn with; for clashes decided for this person, the one of the
        other's value that was shown beside it."""
        marks, shown = _read(self.mark), _read(self._typed.get("visto_agora", ""))
        for name, mark in shown.items():
            if self._typed.get(f"decisao_{name}") == MINE:
                marks[name] = mark
        return json.dumps(marks)

    def _changed_by_others(self, names: Sequence[str]) -> list[str]:
        seen, now = _read(self.mark), _read(mark_of(self._vehicle, names))
        return [name for name in names if name in seen and seen[name] != now[name]]

    def _answers(self, known: Mapping[str, ProvenanceFact]) -> dict[str, Answer]:
        """The answers this form touched. Raises ProvenanceRefused where somebody else answered
        differently meanwhile."""
        seen = _read(self.provenance_seen)
        touched: dict[str, Answer] = {}
        problems: dict[str, str] = {}
        for item, answer in self._form.answers().items():
            mark = seen.get(item, provenance_digest(_EMPTY))
            if provenance_digest(answer) == mark:
                continue
            touched[item] = answer
            there = provenance_digest(known[item]) if item in known else provenance_digest(_EMPTY)
            if there not in {mark, provenance_digest(answer)}:
                problems[f"{item}.answer"] = _answered_meanwhile(known.get(item))
        if problems:
            raise ProvenanceRefused(problems)
        return touched

    # --- afterwards ---

    def explain(self, error: DomainError) -> int:
        """Put the words of a refusal where they belong; the status to answer with."""
        if isinstance(error, ChangedMeanwhile):
            self.clashes = error.clashes
            self.mark_now = mark_of(self._vehicle, [clash.field for clash in error.clashes])
            return CONFLICT
        if isinstance(error, ProvenanceRefused):
            self._form.blame(error.problems)
            self.provenance_seen = provenance_mark(provenance_of(self._vehicle.id))
            return CONFLICT
        if isinstance(error, VehicleRefused):
            self._form.blame(error.problems)
        elif isinstance(error, NamelessVehicle):
            self._form.blame({"model_name": str(error)})
        else:
            raise error
        return REFUSED

    def words(self) -> str:
        """What was done, for the next page."""
        if not self._changed and not self._merged:
            return _("Nothing changed.")
        if not self._merged:
            return _("Saved.")
        names = ", ".join(str(FIELD_NAMES.get(name, name)) for name in self._merged)
        return _("Saved. Somebody else changed meanwhile, and it stays: %(fields)s", fields=names)


def provenance_mark(known: Mapping[str, ProvenanceFact]) -> str:
    """What a form's hidden field carries of the provenance it was drawn with."""
    return json.dumps({item: provenance_digest(row) for item, row in known.items()})


def provenance_digest(row: ProvenanceFact | Answer) -> str:
    """Equal for equal answers."""
    if not row.answer:
        return ""
    text = "\0".join([row.answer, row.source, str(row.checked_on), row.note])
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _answered_meanwhile(row: ProvenanceFact | None) -> str:
    if row is None:
        return _("Somebody took this answer back meanwhile. Save again to keep yours.")
    return _(
        "Somebody answered meanwhile: %(answer)s. Save again to keep yours.", answer=_told(row)
    )


def _told(row: ProvenanceFact) -> str:
    return f"{ANSWERS[row.answer]} ({row.source}, {row.checked_on:%d/%m/%Y})"


def _read(mark: str) -> dict[str, str]:
    """The marks by name; nothing when the text is none of ours (it comes from outside)."""
    try:
        marks = json.loads(mark or "{}")
    except (ValueError, RecursionError):
        return {}
    known = marks if isinstance(marks, dict) else {}
    return {str(name): value for name, value in list(known.items())[:100] if isinstance(value, str)}
