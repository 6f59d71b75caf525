"""Starting a car: from its plate, its FIPE code, or make, model and year. What is found is
offered; among several a person chooses."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flask_babel import gettext as _

from admin.door import may, staff
from admin.vehicle_form import FIELD_OF, VehicleForm, read_whole
from core.db import db
from core.errors import DomainError
from core.text import clean_line, row_number
from dealership.roles import Permission
from inventory.editing import VehicleFacts, register_vehicle
from inventory.fipe_source import FipeUnavailable, StockFipe, fipe_source
from inventory.identifiers import fipe_digit_fits, normalise_fipe_code, normalise_plate
from inventory.models import Vehicle
from inventory.reference import (
    ACTIVE,
    Match,
    matches_of_fipe,
    matches_of_name,
    matches_of_plate,
    matches_of_table,
    vehicles_with_plate,
)

SOURCE: Final = "vitrine"
NONE_OF_THESE: Final = "nenhuma"


@dataclass
class Start:
    """What was asked and what was found. `chosen` is the match the form is filled in from, None
    while a person has to choose or nothing was found; `wants_form` once there is a form to fill."""

    plate: str = ""
    fipe: str = ""
    make: str = ""
    model_name: str = ""
    year: str = ""
    matches: Sequence[Match] = ()
    chosen: Match | None = None
    problems: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    wants_form: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.plate or self.fipe or (self.make and self.model_name))

    @property
    def in_stock_id(self) -> int | None:
        """The car itself, where it stands in a stock of this person's now."""
        chosen = self.chosen
        return chosen.vehicle_id if chosen and chosen.is_in_stock else None


def read_start(form: Mapping[str, str]) -> Start:
    """What was typed, looked up. Asks the FIPE source over the network where one is set: never
    inside `writing()`."""
    start = Start(
        plate=clean_line(form.get("placa", ""), 20) if may(Permission.SEE_DOCUMENTS) else "",
        fipe=clean_line(form.get("fipe", ""), 20),
        make=clean_line(form.get("marca", ""), 60),
        model_name=clean_line(form.get("modelo", ""), 80),
        year=clean_line(form.get("ano", ""), 10),
    )
    year = _year(start)
    start.matches = _matches(start, year)
    if start.problems:
        return start
    if start.is_empty:
        start.problems["placa"] = _("Type the plate, the FIPE code, or make and model.")
        return start
    _choose(start, clean_line(form.get("escolha", ""), 200))
    return start


def _year(start: Start) -> int | None:
    if not start.year:
        return None
    try:
        year = read_whole(start.year)
    except DomainError as error:
        start.problems["ano"] = str(error)
        return None
    if not 1900 < year < 2100:
        start.problems["ano"] = _("This year cannot be right: %(year)s", year=year)
    return year


def _matches(start: Start, year: int | None) -> Sequence[Match]:
    found: Sequence[Match] = ()
    if start.plate:
        try:
            start.plate = normalise_plate(start.plate)
            found = matches_of_plate(start.plate, staff().store_ids)
        except DomainError as error:
            start.problems["placa"] = str(error)
    if not found and start.fipe:
        try:
            start.fipe = normalise_fipe_code(start.fipe)
            found = _fipe_matches(start, year)
        except DomainError as error:
            start.problems["fipe"] = str(error)
    if not found and start.make and start.model_name:
        found = matches_of_name(start.make, start.model_name, year)
    return found


def _fipe_matches(start: Start, year: int | None) -> Sequence[Match]:
    if not fipe_digit_fits(start.fipe):
        start.notices.append(_("The last digit of this FIPE code is unusual: compare it again."))
    found = matches_of_fipe(start.fipe, year)
    source = fipe_source()
    if found or isinstance(source, StockFipe):
        return found
    try:
        return matches_of_table(source.look_up(start.fipe), year)
    except FipeUnavailable as error:
        start.notices.append(str(error))
        return found


def _choose(start: Start, choice: str) -> None:
    """One car that is certain fills the form by itself; among others a person chooses."""
    certain = start.matches[0] if len(start.matches) == 1 and start.matches[0].is_certain else None
    start.chosen = certain or next((one for one in start.matches if one.key == choice), None)
    start.wants_form = bool(start.chosen) or not start.matches or choice == NONE_OF_THESE
    if start.wants_form and not start.matches:
        start.notices.append(_("Nothing is known of this car yet: fill it in from the document."))


def first_facts(start: Start) -> dict[str, Any]:
    """What the form of a new car begins with, by names of its fields."""
    facts: dict[str, Any] = {"make": start.make, "model_name": start.model_name}
    facts["model_year"] = row_number(start.year)
    facts["license_plate"] = start.plate or None
    facts["fipe_code"] = start.fipe or None
    if start.chosen:
        facts |= {name: value for name, value in start.chosen.facts.items() if value}
        facts["license_plate"] = start.plate or facts["license_plate"]
    features = list(facts.get("features", []))
    return {FIELD_OF.get(name, name): value for name, value in facts.items()} | {
        "features": features,
        "features_seen": "|".join(features),
    }


def plate_problem(plate: str | None, but: int | None = None) -> str:
    """Why no car may carry `plate` now: another one of the stock does. Empty if none does."""
    if not plate:
        return ""
    standing = [one for one in vehicles_with_plate(plate) if one.state in ACTIVE and one.id != but]
    if not standing:
        return ""
    if staff().serves(standing[0].store_id):
        return _("This plate is in the stock already.")
    return _("This plate is in the stock of another store already.")


def source_id_of(request_id: str) -> str:
    """The key of a new car: that of its form, so that a form sent twice makes one car."""
    try:
        return str(uuid.UUID(request_id))
    except ValueError:
        return str(uuid.uuid4())


def made_before(source_id: str) -> Vehicle | None:
    """The car that this form made already."""
    return db.session.query(Vehicle).filter_by(source=SOURCE, source_id=source_id).first()


def register(form: VehicleForm, source_id: str, by: str) -> Vehicle:
    """Put the car of `form` into the stock as a draft, inside `writing()`. Raises VehicleRefused,
    NamelessVehicle."""
    facts = {name: value for name, value in form.facts().items() if value is not None}
    facts.setdefault("model_year", 0)
    return register_vehicle(VehicleFacts(**facts), source=SOURCE, source_id=source_id, by=by)
