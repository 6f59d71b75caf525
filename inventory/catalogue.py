"""Makes, models and trims by name: one row per thing, however its name is spelled.

Sources write "VW", "VW - VolksWagen" and "VOLKSWAGEN". The first spelling of a model or trim is
kept; makes that everybody knows get the spelling their maker uses.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from core.db import db
from core.errors import DomainError
from core.text import clean_line, slugify_name
from inventory.models import CarModel, Make, Trim

MAKE_NAMES: Final = (
    "Agrale", "Alfa Romeo", "Aston Martin", "Audi", "BMW", "BYD", "Cadillac", "CAOA Chery",
    "Chevrolet", "Chrysler", "Citroën", "Dodge", "Effa", "Ferrari", "Fiat", "Ford", "Foton", "GAC",
    "Geely", "GWM", "Honda", "Hyundai", "Iveco", "JAC", "Jaguar", "Jeep", "Jetour", "Kia",
    "Lamborghini", "Land Rover", "Leapmotor", "Lexus", "Lifan", "Lotus", "Maserati", "Mazda",
    "McLaren", "Mercedes-Benz", "MG", "MINI", "Mitsubishi", "Neta", "Nissan", "Omoda", "Peugeot",
    "Porsche", "RAM", "Renault", "Rolls-Royce", "Seres", "smart", "SsangYong", "Subaru", "Suzuki",
    "Tesla", "Toyota", "Troller", "Volkswagen", "Volvo", "Yamaha", "Zeekr",
)  # fmt: skip
# Short names of daily use, and the FIPE table's own double names.
MAKE_ALIASES: Final = {
    "gm": "Chevrolet",
    "gmchevrolet": "Chevrolet",
    "chevroletgm": "Chevrolet",
    "generalmotors": "Chevrolet",
    "chevy": "Chevrolet",
    "vw": "Volkswagen",
    "vwvolkswagen": "Volkswagen",
    "volkswagenvw": "Volkswagen",
    "volks": "Volkswagen",
    "mercedes": "Mercedes-Benz",
    "mercedesbens": "Mercedes-Benz",
    "mb": "Mercedes-Benz",
    "caoacherychery": "CAOA Chery",
    "kiamotors": "Kia",
    "jacmotors": "JAC",
    "greatwall": "GWM",
    "greatwallmotors": "GWM",
}


class NamelessVehicle(DomainError):
    """A make, model or trim whose name holds no letter or digit."""


@dataclass(frozen=True)
class CatalogueEntry:
    """One model and, where known, its trim: the row ids and the names as the catalogue has them."""

    car_model_id: int
    trim_id: int | None
    make: str
    model_name: str
    trim: str


@dataclass(frozen=True)
class _Known:
    id: int
    name: str


Row = TypeVar("Row", Make, CarModel, Trim)


class Catalogue:
    """Finds and makes catalogue rows, remembering what it saw: one per import or unit of work.

    Do not use it further after its transaction was rolled back.
    """

    def __init__(self) -> None:
        self._makes: dict[str, _Known] | None = None
        self._models: dict[int, dict[str, _Known]] = {}
        self._trims: dict[int, dict[str, _Known]] = {}

    def look_up(self, make: str, model_name: str, trim: str = "") -> CatalogueEntry | None:
        """The entry of these names, or None where one of them is new. Writes nothing."""
        return self._entry(make, model_name, trim, may_add=False)

    def find_or_make(self, make: str, model_name: str, trim: str = "") -> CatalogueEntry:
        """The entry of these names, adding what is missing. Raises NamelessVehicle."""
        entry = self._entry(make, model_name, trim, may_add=True)
        assert entry is not None
        return entry

    def _entry(
        self, make: str, model_name: str, trim: str, *, may_add: bool
    ) -> CatalogueEntry | None:
        known_make = self._find_make(make, may_add)
        if known_make is None:
            return None
        known_model = self._find_model(known_make.id, model_name, may_add)
        if known_model is None:
            return None
        names = (known_make.name, known_model.name)
        if not trim.strip():
            return CatalogueEntry(known_model.id, None, *names, "")
        known_trim = self._find_trim(known_model.id, trim, may_add)
        if known_trim is None:
            return None
        return CatalogueEntry(known_model.id, known_trim.id, *names, known_trim.name)

    def _find_make(self, name: str, may_add: bool) -> _Known | None:
        name = canonical_make(name)
        slug = _slug(name, 60)
        key = _compact(slug)
        if self._makes is None:
            rows = db.session.execute(sa.select(Make.id, Make.name, Make.slug))
            self._makes = {_compact(row.slug): _Known(row.id, row.name) for row in rows}
        if key not in self._makes and may_add:
            self._makes[key] = _add(Make(name=name, slug=slug), Make.slug == slug)
        return self._makes.get(key)

    def _find_model(self, make_id: int, name: str, may_add: bool) -> _Known | None:
        name = clean_line(name, 80)
        slug = _slug(name, 80)
        key = _compact(slug)
        models = self._models.get(make_id)
        if models is None:
            rows = db.session.execute(
                sa.select(CarModel.id, CarModel.name, CarModel.slug)
                .where(CarModel.make_id == make_id)
                .order_by(CarModel.id.desc())  # of two that read alike, the first one made wins
            )
            models = {_compact(row.slug): _Known(row.id, row.name) for row in rows}
            self._models[make_id] = models
        if key not in models and may_add:
            models[key] = _add(
                CarModel(make_id=make_id, name=name, slug=slug),
                sa.and_(CarModel.make_id == make_id, CarModel.slug == slug),
            )
        return models.get(key)

    def _find_trim(self, model_id: int, name: str, may_add: bool) -> _Known | None:
        name = clean_line(name, 120)
        slug = _slug(name, 120)
        trims = self._trims.get(model_id)
        if trims is None:
            rows = db.session.execute(
                sa.select(Trim.id, Trim.name, Trim.slug).where(Trim.car_model_id == model_id)
            )
            trims = {row.slug: _Known(row.id, row.name) for row in rows}
            self._trims[model_id] = trims
        if slug not in trims and may_add:
            trims[slug] = _add(
                Trim(car_model_id=model_id, name=name, slug=slug),
                sa.and_(Trim.car_model_id == model_id, Trim.slug == slug),
            )
        return trims.get(slug)


@lru_cache(maxsize=1_000)
def canonical_make(name: str) -> str:
    """The make as its maker writes it: 'GM' and 'CHEVROLET' -> 'Chevrolet'. Others as given."""
    name = clean_line(name, 60)
    key = _compact(slugify_name(name, 60))
    return MAKE_ALIASES.get(key) or _MAKES_BY_KEY.get(key) or name


@lru_cache(maxsize=10_000)
def is_name(text: str) -> bool:
    """Whether `text` holds a letter or digit that an address can be made of."""
    return bool(slugify_name(text))


@lru_cache(maxsize=10_000)
def _slug(name: str, limit: int) -> str:
    # "Onix+" is another car than "Onix".
    slug = slugify_name(name.replace("+", " plus "), limit)
    if not slug:
        raise NamelessVehicle(_("This is not a name: %(text)s", text=clean_line(name, 40)))
    return slug


def _compact(slug: str) -> str:
    """What "HR-V" and "HRV", "HB20" and "HB 20" have in common."""
    return slug.replace("-", "")


_MAKES_BY_KEY: Final = {_compact(slugify_name(name)): name for name in MAKE_NAMES}


def _add(row: Row, same: sa.ColumnElement[bool]) -> _Known:
    """Insert `row`, or take the one that another process inserted meanwhile."""
    session = db.session
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        row = session.scalars(sa.select(type(row)).where(same)).one()
    return _Known(row.id, row.name)


def name_of_make(slug: str) -> str | None:
    """The name of the make with that slug, sold out or not; None for one nobody ever had."""
    return db.session.scalar(sa.select(Make.name).where(Make.slug == slug))


def name_of_model(make_slug: str, model_slug: str) -> tuple[str, str] | None:
    """The names (make, model) of the model with these slugs, or None."""
    row = db.session.execute(
        sa.select(Make.name, CarModel.name)
        .join(CarModel, CarModel.make_id == Make.id)
        .where(Make.slug == make_slug, CarModel.slug == model_slug)
    ).one_or_none()
    return (row[0], row[1]) if row else None
