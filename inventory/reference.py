"""The offline catalogue: which makes, models and versions there are, and what is known of each.

`reference_cars.csv` holds facts of the trade in Brazil: model years, engine, power, fuel, gearbox,
body, doors. An empty cell is "not known", and a FIPE code stands there only where it is certain
(brasil.md warns: a right check digit proves nothing). What our own stock ever held is looked up
beside it. A starting form asks `matches_…`; nothing is ever chosen for anybody.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import joinedload

from core.db import db
from core.text import fold
from inventory.catalogue import canonical_make
from inventory.fipe_source import FipeEntry
from inventory.identifiers import both_plates
from inventory.models import CarModel, Make, Trim, Vehicle

DATA: Final = Path(__file__).parent / "reference_cars.csv"
MOST_MATCHES: Final = 40
_MOST_ROWS: Final = 400
# What one car of a version tells of another one of the same version.
VERSION_FACTS: Final = ("fuel", "transmission", "body", "doors", "engine", "power_hp", "fipe_code")
ACTIVE: Final = frozenset({"draft", "published", "reserved"})


@dataclass(frozen=True)
class ReferenceTrim:
    """One version of the catalogue, from `first_year` to `last_year` (model years). Power in
    metric horsepower; codes are those of inventory.vocabulary; None and "" are "not known"."""

    make: str
    model_name: str
    trim: str
    first_year: int
    last_year: int
    engine: str
    power_hp: int | None
    fuel: str | None
    transmission: str | None
    body: str | None
    doors: int | None
    fipe_code: str | None


@dataclass(frozen=True)
class Match:
    """One car that a form can be filled in from. `facts` by names of inventory.editing's
    VehicleFacts; `confidence` says in words how sure that is; `vehicle_id` only for the very car,
    `is_in_stock` when it stands in the stock now."""

    key: str
    title: str
    detail: Mapping[str, Any]
    facts: Mapping[str, Any]
    confidence: str
    vehicle_id: int | None = None
    is_in_stock: bool = False
    is_certain: bool = field(default=False)


@lru_cache(maxsize=1)
def reference_trims() -> tuple[ReferenceTrim, ...]:
    """The whole catalogue, read once."""
    with DATA.open(encoding="utf-8", newline="") as file:
        return tuple(_trim(row) for row in csv.DictReader(file, delimiter=";"))


def _trim(row: Mapping[str, str]) -> ReferenceTrim:
    return ReferenceTrim(
        row["make"],
        row["model"],
        row["trim"],
        int(row["first_year"]),
        int(row["last_year"]),
        row["engine"],
        int(row["power_hp"]) if row["power_hp"] else None,
        row["fuel"] or None,
        row["transmission"] or None,
        row["body"] or None,
        int(row["doors"]) if row["doors"] else None,
        row["fipe_code"] or None,
    )


def known_makes() -> list[str]:
    """Makes of the catalogue and of the stock, for a list to pick from."""
    ours = db.session.scalars(sa.select(Make.name)).all()
    return sorted({one.make for one in reference_trims()} | set(ours), key=fold)


def known_models(make: str = "") -> list[str]:
    """Models of `make`, or of all makes."""
    wanted = canonical_make(make) if make else ""
    ours = sa.select(CarModel.name).join(Make, Make.id == CarModel.make_id)
    if wanted:
        ours = ours.where(sa.func.lower(Make.name) == wanted.lower())
    names = {
        one.model_name
        for one in reference_trims()
        if not wanted or one.make.lower() == wanted.lower()
    }
    return sorted(names | set(db.session.scalars(ours.limit(2_000))), key=fold)


# --- by plate ----------------------------------------------------------------------------------


def vehicles_with_plate(plate: str) -> Sequence[Vehicle]:
    """Every vehicle that carries this plate in either spelling, sold and archived ones too, the
    newest first. Raises inventory.identifiers.NotPlate. One statement."""
    return (
        db.session.scalars(
            sa.select(Vehicle)
            .where(Vehicle.license_plate.in_(both_plates(plate)))
            .options(
                joinedload(Vehicle.car_model, innerjoin=True),
                joinedload(Vehicle.trim),
                joinedload(Vehicle.store),
            )
            .order_by(Vehicle.id.desc())
            .limit(20)
        )
        .unique()
        .all()
    )


def matches_of_plate(plate: str, store_ids: Sequence[int] | None) -> list[Match]:
    """The car itself, as the stock knew it. `store_ids` are the stores of who asks (None: all):
    of a car of other stores only what anybody may know of its version is told."""
    found: list[Match] = []
    for vehicle in vehicles_with_plate(plate):
        is_ours = store_ids is None or vehicle.store_id in store_ids
        facts = _facts_of(vehicle, same_car=True, private=is_ours)
        in_stock = vehicle.state in ACTIVE
        words = (
            _("The same car: it was in the stock before. Check mileage and price.")
            if is_ours
            else _("The same car stood in another store of the group. Check everything.")
        )
        found.append(
            Match(
                f"car-{vehicle.id}" if is_ours else "other",
                _title(facts),
                _detail(facts),
                facts,
                words,
                vehicle.id if is_ours else None,
                in_stock,
                is_certain=True,
            )
        )
    # One car has one history: its newest standing says most.
    return found[:1]


# --- by FIPE code, by name ---------------------------------------------------------------------


def matches_of_fipe(code: str, model_year: int | None) -> list[Match]:
    """Versions that bear the FIPE code (normalised), in the catalogue and in our stock."""
    rows = db.session.execute(
        _versions()
        .where(Vehicle.fipe_code == code)
        .order_by(sa.func.count(Vehicle.id).desc())
        .limit(MOST_MATCHES)
    ).all()
    matches = [
        _stock_match(
            row,
            model_year,
            ngettext(
                "Same FIPE code as %(num)s car of the stock. Compare with the document.",
                "Same FIPE code as %(num)s cars of the stock. Compare with the document.",
                row.count,
            ),
        )
        for row in rows
    ]
    matches += [
        _reference_match(number, one, model_year, _("The FIPE code stands in the catalogue."))
        for number, one in enumerate(reference_trims())
        if one.fipe_code == code
    ]
    return _distinct(matches)


def matches_of_table(entries: Sequence[FipeEntry], model_year: int | None) -> list[Match]:
    """The FIPE table's own lines as a start: model and version are parted where a known model's
    name ends. With a model year only its lines, else one of each version."""
    wanted = [one for one in entries if model_year is None or one.model_year == model_year]
    return _distinct([_table_match(one, model_year) for one in wanted])


def _table_match(entry: FipeEntry, model_year: int | None) -> Match:
    model_name, trim = _parted(entry.make, entry.name)
    facts: dict[str, Any] = {"make": entry.make, "model_name": model_name, "trim": trim}
    facts |= {"fuel": entry.fuel} if entry.fuel else {}
    facts |= {"fipe_code": entry.code}
    if model_year:
        facts["model_year"] = model_year
        if entry.price_cents and entry.month:
            facts |= {"fipe_price_cents": entry.price_cents, "fipe_month": entry.month}
    words = _("From the FIPE table: check model and version, its names are its own.")
    return Match(f"table-{fold(entry.name)}", _title(facts), _detail(facts), facts, words)


def _parted(make: str, name: str) -> tuple[str, str]:
    """'ONIX HATCH LT 1.0' -> ('Onix', 'HATCH LT 1.0'): the longest known name that fits."""
    folded = f"{fold(name)} "
    fitting = [one for one in known_models(make) if folded.startswith(f"{fold(one)} ")]
    if not fitting:
        first, _space, rest = name.partition(" ")
        return first, rest
    model = max(fitting, key=len)
    return model, " ".join(name.split()[len(fold(model).split()) :])


def matches_of_name(make: str, model_name: str, model_year: int | None) -> list[Match]:
    """Versions of a model as people name it ("onix", "Onix 1.0 LT"); with a model year only those
    made then. A person chooses, also from one."""
    wanted_make, wanted = fold(canonical_make(make)), fold(model_name)
    catalogue = [
        _reference_match(
            number, one, model_year, _("From the catalogue: compare with the document.")
        )
        for number, one in enumerate(reference_trims())
        if fold(one.make) == wanted_make
        and _names_same_model(one.model_name, one.trim, wanted)
        and (model_year is None or one.first_year <= model_year <= one.last_year)
    ]
    rows = db.session.execute(
        _versions()
        .where(sa.func.lower(Make.name) == canonical_make(make).lower())
        .limit(_MOST_ROWS)
    ).all()
    stock = [
        _stock_match(row, model_year, _("Your stock had this version. Compare with the document."))
        for row in rows
        if _names_same_model(row.model_name, row.trim or "", wanted)
        and (model_year is None or row.first <= model_year <= row.last)
    ]
    return _distinct([*stock, *catalogue])[:MOST_MATCHES]


def _names_same_model(model_name: str, trim: str, wanted: str) -> bool:
    """ "onix" and "onix 1.0 lt" mean the Onix, not the Onix Plus."""
    name = fold(model_name)
    if wanted == name or wanted.replace(" ", "") == name.replace(" ", ""):
        return True
    rest = wanted.removeprefix(f"{name} ")
    return rest != wanted and all(word in fold(trim).split() for word in rest.split())


def _versions() -> sa.Select[Any]:
    """The versions of our stock, each with what its cars agree on and the years they had."""
    agreed = [
        sa.case((sa.func.count(sa.distinct(column)) == 1, sa.func.max(column))).label(column.key)
        for column in (getattr(Vehicle, name) for name in VERSION_FACTS)
    ]
    return (
        sa.select(
            Make.name.label("make"),
            CarModel.name.label("model_name"),
            Trim.name.label("trim"),
            Trim.id.label("trim_id"),
            CarModel.id.label("car_model_id"),
            sa.func.min(Vehicle.model_year).label("first"),
            sa.func.max(Vehicle.model_year).label("last"),
            sa.func.count(Vehicle.id).label("count"),
            *agreed,
        )
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .join(Trim, Trim.id == Vehicle.trim_id)
        .group_by(Make.name, CarModel.name, CarModel.id, Trim.name, Trim.id)
    )


def _stock_match(row: Any, model_year: int | None, confidence: str) -> Match:
    facts = {"make": row.make, "model_name": row.model_name, "trim": row.trim or ""}
    facts |= {name: getattr(row, name) for name in VERSION_FACTS if getattr(row, name)}
    facts |= {"model_year": model_year} if model_year else {}
    return Match(f"stock-{row.trim_id}", _title(facts), _detail(facts), facts, confidence)


def _reference_match(
    number: int, one: ReferenceTrim, model_year: int | None, confidence: str
) -> Match:
    facts: dict[str, Any] = {"make": one.make, "model_name": one.model_name, "trim": one.trim}
    facts |= {name: getattr(one, name) for name in VERSION_FACTS if getattr(one, name)}
    facts |= {"model_year": model_year} if model_year else {}
    return Match(f"ref-{number}", _title(facts), _detail(facts), facts, confidence)


def _distinct(matches: Iterable[Match]) -> list[Match]:
    """One of each version, the first spelling kept; by name, so that a list reads."""
    found: dict[str, Match] = {}
    for match in matches:
        key = fold(" ".join(str(match.facts.get(n, "")) for n in ("make", "model_name", "trim")))
        found.setdefault(key, match)
    return sorted(found.values(), key=lambda match: fold(match.title))


def _facts_of(vehicle: Vehicle, *, same_car: bool, private: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "make": vehicle.car_model.make.name,
        "model_name": vehicle.car_model.name,
        "trim": vehicle.trim.name if vehicle.trim else "",
        "model_year": vehicle.model_year,
    }
    names = [*VERSION_FACTS, "built_year", "color"] if same_car else list(VERSION_FACTS)
    if private:
        names += ["renavam", "vin", "features", "license_plate"]
    facts |= {name: getattr(vehicle, name) for name in names if getattr(vehicle, name)}
    return facts


def _title(facts: Mapping[str, Any]) -> str:
    parts = [facts.get("make"), facts.get("model_name"), facts.get("trim"), facts.get("model_year")]
    return " ".join(str(part) for part in parts if part)


def _detail(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in VERSION_FACTS if facts.get(name)}
