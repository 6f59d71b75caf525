"""Putting vehicles into the stock and changing them: the verbs of staff, imports and demo.

DomainError
└── VehicleRefused    facts that no vehicle can have, one sentence per field

All of them flush and count the stock version up; the door around them commits.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock, config
from core.db import db
from core.errors import DomainError
from core.storage import MEDIA_PATH
from core.text import clean_line, slugify_name
from dealership.models import Store
from inventory import vocabulary
from inventory.catalogue import Catalogue, CatalogueEntry, is_name
from inventory.conflicts import merged, note_changes
from inventory.lifecycle import TRANSITIONS, move, tell
from inventory.models import Photo, PriceChange, Vehicle
from inventory.photos import rendition_path
from inventory.stock_version import touch
from jobs.models import Job
from jobs.queue import enqueue

HIGHEST_PRICE_CENTS: Final = 100_000_000_00
HIGHEST_MILEAGE_KM: Final = 3_000_000
HIGHEST_POWER_HP: Final = 3_000
MOST_DOORS: Final = 9
FIRST_YEAR: Final = 1900
FETCH_PHOTO: Final = "fetch_photo"
PUBLIC_ID_LENGTH: Final = 8
# Crockford's base 32: no i, l, o or u, so an id read over the telephone is typed right.
_PUBLIC_ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RENDITION_PATH: Final = re.compile(
    re.escape(MEDIA_PATH) + r"(?P<stem>.+)-\d+\.(?:jpg|webp|avif)\Z"
)


class VehicleRefused(DomainError):
    """Facts that no vehicle can have. `problems` holds a sentence per field of VehicleFacts."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


@dataclass(frozen=True, kw_only=True)
class VehicleFacts:
    """What is known of a vehicle. Money in integer cents, mileage in km, power in metric hp (cv).

    `store` is a Store or its id; codes are those of `inventory.vocabulary`; `features` may hold
    the source's own words where no code fits; `photo_addresses` are fetched in the background.
    """

    store: Store | int
    make: str
    model_name: str
    trim: str = ""
    condition: str = "used"
    built_year: int | None = None
    model_year: int
    price_cents: int | None = None
    promo_price_cents: int | None = None
    promo_until: date | None = None
    cost_cents: int | None = None
    mileage_km: int | None = None
    fuel: str | None = None
    transmission: str | None = None
    body: str | None = None
    color: str | None = None
    doors: int | None = None
    engine: str = ""
    power_hp: int | None = None
    license_plate: str | None = None
    renavam: str | None = None
    vin: str | None = None
    fipe_code: str | None = None
    fipe_price_cents: int | None = None
    fipe_month: date | None = None
    features: Sequence[str] = ()
    history: Mapping[str, bool] = field(default_factory=dict)
    description: str = ""
    legal_text: str = ""
    video_url: str = ""
    highlight_rank: int | None = None
    photo_addresses: Sequence[str] = ()
    state: str = "draft"


FACTS: Final = frozenset(f.name for f in fields(VehicleFacts))
_NAMES: Final = ("make", "model_name", "trim")
_PRICES: Final = ("price_cents", "promo_price_cents", "promo_until")
_PLAIN: Final = tuple(
    f.name
    for f in fields(VehicleFacts)
    if f.name not in {*_NAMES, "store", "photo_addresses", "state"}
)
_CODED: Final = ("condition", "fuel", "transmission", "body", "color")
_LENGTHS: Final = {
    name: column.type.length
    for name in _PLAIN
    if isinstance((column := Vehicle.__table__.c[name]).type, sa.String) and column.type.length
}
_RANGES: Final = {
    "price_cents": (1, HIGHEST_PRICE_CENTS),
    "promo_price_cents": (1, HIGHEST_PRICE_CENTS),
    "cost_cents": (0, HIGHEST_PRICE_CENTS),
    "fipe_price_cents": (1, HIGHEST_PRICE_CENTS),
    "mileage_km": (0, HIGHEST_MILEAGE_KM),
    "power_hp": (1, HIGHEST_POWER_HP),
    "doors": (0, MOST_DOORS),
    "highlight_rank": (0, 1_000_000),
}


# --- putting in ------------------------------------------------------------------------------


def register_vehicle(
    facts: VehicleFacts, *, source: str, source_id: str, by: str, catalogue: Catalogue | None = None
) -> Vehicle:
    """Put one vehicle into the stock under (`source`, `source_id`), its key; `by` names who did.

    Raises VehicleRefused for impossible facts, NamelessVehicle, and inventory.lifecycle's
    NotPublishable when `facts.state` asks for the site and the store's photo gate is not met.
    """
    made = register_vehicles([(source_id, facts)], source=source, by=by, catalogue=catalogue)
    return made[0]


def register_vehicles(
    entries: Iterable[tuple[str, VehicleFacts]],
    *,
    source: str,
    by: str,
    catalogue: Catalogue | None = None,
    from_source: bool = False,
) -> list[Vehicle]:
    """`register_vehicle` for many (source id, facts): a handful of statements for all of them.

    `from_source`: an import's own words, see `inventory.gates.problems_to_publish`."""
    catalogue = catalogue or Catalogue()
    vehicles = []
    for source_id, facts in entries:
        values = {name: getattr(facts, name) for name in FACTS}
        _refuse(problems_of(values))
        vehicle = Vehicle(
            source=source, source_id=source_id, state="draft", features=[], history={}
        )
        _write(vehicle, values, by, catalogue)
        _walk(vehicle, facts.state, by, from_source)
        vehicles.append(vehicle)
    if not vehicles:
        return []
    _give_public_ids(vehicles)
    photos = [photo for vehicle in vehicles for photo in vehicle.photos]
    with db.session.no_autoflush:  # the version first: each row is then written once
        db.session.add_all(vehicles)
        touch(vehicles)
    _enqueue_fetching(photos)
    return vehicles


# --- changing --------------------------------------------------------------------------------


def revise_vehicle(
    vehicle: Vehicle,
    changes: Mapping[str, Any],
    *,
    by: str,
    catalogue: Catalogue | None = None,
    seen: str | None = None,
    overwrite: bool = False,
) -> bool:
    """Set `changes` (by names of VehicleFacts) on `vehicle`; True if anything changed.

    A price history row is written when a price changes; the address stays once the vehicle was
    on the site. `seen` is the `inventory.conflicts.mark_of` that the form was drawn with: then only
    what the form touched is written. Raises VehicleRefused, NamelessVehicle, NotPublishable like
    `register_vehicle`, and ChangedMeanwhile when somebody else changed the same fields since,
    unless `overwrite`.
    """
    if seen is not None:
        changes = merged(vehicle, changes, seen, overwrite=overwrite)
    return bool(revise_vehicles([(vehicle, changes)], by=by, catalogue=catalogue))


def revise_vehicles(
    revisions: Iterable[tuple[Vehicle, Mapping[str, Any]]],
    *,
    by: str,
    catalogue: Catalogue | None = None,
    from_source: bool = False,
) -> list[Vehicle]:
    """`revise_vehicle` for many; returns those that changed. `from_source` as in
    `register_vehicles`."""
    catalogue = catalogue or Catalogue()
    changed = []
    notes: list[tuple[Vehicle, list[str]]] = []
    new_photos: list[Photo] = []
    for vehicle, changes in revisions:
        unknown = set(changes) - FACTS
        if unknown:
            raise TypeError(f"a vehicle has no {', '.join(sorted(unknown))}")
        now_set = {name: getattr(vehicle, name) for name in (*_PLAIN, "state")}
        _refuse(problems_of({**now_set, **changes}, state_now=vehicle.state))
        known_photos = set(vehicle.photos) if "photo_addresses" in changes else set()
        names = _write(vehicle, changes, by, catalogue)
        notes.append((vehicle, names))
        if "photo_addresses" in changes:
            new_photos += [photo for photo in vehicle.photos if photo not in known_photos]
        if _walk(vehicle, changes.get("state", vehicle.state), by, from_source) or names:
            changed.append(vehicle)
    if changed:
        touch(changed)
        note_changes(notes, by)
    _enqueue_fetching(new_photos)
    return changed


def set_photo_addresses(vehicle: Vehicle, urls: Sequence[str]) -> bool:
    """Make `urls` the photos of `vehicle`, in that order; True if anything changed.

    Photos that have one of these addresses stay as they are, new addresses wait for the
    background to fetch them, all other photos go.
    """
    return revise_vehicle(vehicle, {"photo_addresses": urls}, by="")


def _write(vehicle: Vehicle, values: Mapping[str, Any], by: str, catalogue: Catalogue) -> list[str]:
    """Set all of `values` except the state; the names of those that changed."""
    names_before = {} if values.keys().isdisjoint(_NAMES) else _names_of(vehicle)
    changed = [name for name in _PLAIN if name in values and _set(vehicle, name, values[name])]
    is_moved = "store" in values and _set_store(vehicle, values["store"])
    entry = _set_names(vehicle, values, catalogue)
    photos_changed = "photo_addresses" in values and _place_photos(
        vehicle, values["photo_addresses"]
    )
    if vehicle.published_at is None and (entry or "model_year" in changed):
        vehicle.slug = _slug(vehicle, entry)
    if not set(changed).isdisjoint(_PRICES):
        _record_price(vehicle, by)
    changed += ["store"] if is_moved else []
    changed += [n for n in _NAMES if entry and getattr(entry, n) != names_before.get(n)]
    changed += ["photo_addresses"] if photos_changed else []
    return changed


def _set(vehicle: Vehicle, name: str, value: Any) -> bool:
    if name == "features":
        value = list(value)
    elif name == "history":
        value = dict(value)
    is_changed: bool = getattr(vehicle, name) != value
    if is_changed or _is_new(vehicle):
        setattr(vehicle, name, value)
    return is_changed


def _set_store(vehicle: Vehicle, store: Store | int) -> bool:
    row = db.session.get_one(Store, store) if isinstance(store, int) else store
    if vehicle.store_id == row.id:
        return False
    vehicle.store = row
    vehicle.store_id = row.id
    return True


def _set_names(
    vehicle: Vehicle, values: Mapping[str, Any], catalogue: Catalogue
) -> CatalogueEntry | None:
    """Put the vehicle under the named model and trim; the entry if that changed something."""
    if values.keys().isdisjoint(_NAMES):
        return None
    names = {**_names_of(vehicle), **{name: values[name] for name in _NAMES if name in values}}
    entry = catalogue.find_or_make(**names)
    if (vehicle.car_model_id, vehicle.trim_id) == (entry.car_model_id, entry.trim_id):
        return None
    vehicle.car_model_id = entry.car_model_id
    vehicle.trim_id = entry.trim_id
    return entry


def _is_new(vehicle: Vehicle) -> bool:
    """Not in the session yet: such vehicles are written together, in few statements."""
    return bool(sa.inspect(vehicle).transient)


def _names_of(vehicle: Vehicle) -> dict[str, str]:
    if _is_new(vehicle):
        return {}
    return {
        "make": vehicle.car_model.make.name,
        "model_name": vehicle.car_model.name,
        "trim": vehicle.trim.name if vehicle.trim else "",
    }


def _slug(vehicle: Vehicle, entry: CatalogueEntry | None) -> str:
    """The words of its address: never the price, which changes while the address must not."""
    names = (
        {"make": entry.make, "model_name": entry.model_name, "trim": entry.trim}
        if entry
        else _names_of(vehicle)
    )
    return slugify_name(" ".join([*names.values(), str(vehicle.model_year)]), 150)


def _record_price(vehicle: Vehicle, by: str) -> None:
    change = PriceChange(
        actor=by, at=clock.now(), **{name: getattr(vehicle, name) for name in _PRICES}
    )
    if _is_new(vehicle):
        vehicle.price_changes.append(change)
    else:  # not through the relation, which would read the whole history first
        change.vehicle_id = vehicle.id
        db.session.add(change)


def _walk(vehicle: Vehicle, to_state: str, by: str, from_source: bool) -> bool:
    """Bring the vehicle to `to_state` by the shortest way that the life cycle has."""
    before, steps = vehicle.state, _way(vehicle.state, to_state)
    for step in steps:
        move(vehicle, step, by, from_source=from_source, tells=False)
    if steps:
        tell(vehicle, before, by, from_source=from_source)
    return bool(steps)


def _way(from_state: str, to_state: str) -> list[str]:
    ways = deque([[from_state]])
    while ways:
        way = ways.popleft()
        if way[-1] == to_state:
            return way[1:]
        ways.extend([*way, step] for step in sorted(TRANSITIONS[way[-1]]) if step not in way)
    raise AssertionError(f"no way from {from_state} to {to_state}")


# --- photos ----------------------------------------------------------------------------------


def photo_address(photo: Photo) -> str:
    """Where the picture can be fetched from: its source, or our largest JPEG. '' if nowhere yet."""
    if photo.source_url or not photo.renditions:
        return photo.source_url
    made = photo.renditions
    return config.current().base_url + rendition_path(made["stem"], max(made["widths"]), "jpg")


def has_photo_addresses(vehicle: Vehicle, urls: Sequence[str]) -> bool:
    """Whether `urls` name exactly the photos that `vehicle` has, in their order."""
    photos = _photos_named(vehicle, urls)
    return photos == list(vehicle.photos)


def _photos_named(vehicle: Vehicle, urls: Sequence[str]) -> list[Photo | str]:
    """The photo that stands at each address, or the address itself where it is new."""
    standing: dict[str, list[Photo]] = {}
    for photo in vehicle.photos:
        standing.setdefault(_identity(photo_address(photo)), []).append(photo)
    # A photo that no file can name yet is not meant by a file's silence.
    unnamed = standing.pop("", [])
    named: list[Photo | str] = []
    asked: set[str] = set()
    for url in urls:
        identity = _identity(url)
        if standing.get(identity):
            named.append(standing[identity].pop(0))
        elif identity not in asked:
            named.append(url)
        asked.add(identity)
    return [*named, *unnamed]


def _place_photos(vehicle: Vehicle, urls: Sequence[str]) -> bool:
    if has_photo_addresses(vehicle, urls):
        return False
    photos = [
        Photo(source_url=photo, state="waiting") if isinstance(photo, str) else photo
        for photo in _photos_named(vehicle, urls)
    ]
    for position, photo in enumerate(photos):
        photo.position = position
    vehicle.photos[:] = photos
    return True


def _identity(address: str) -> str:
    """Our own pictures are the same in any width and under any host name of this site."""
    match = _RENDITION_PATH.match(urlsplit(address).path) if MEDIA_PATH in address else None
    return f"media:{match['stem']}" if match else address.replace(" ", "%20").replace("|", "%7C")


def _enqueue_fetching(photos: Iterable[Photo]) -> None:
    """Ask the background for the pictures at new addresses; they must have their ids by now."""
    payloads = [
        {"photo_id": photo.id} for photo in photos if photo.state == "waiting" and photo.source_url
    ]
    if not payloads:
        return
    job = enqueue(FETCH_PHOTO, payloads[0])
    if job is not None and payloads[1:]:
        # A first import brings a hundred thousand pictures: the other jobs are this one again.
        same = {"kind": job.kind, "priority": job.priority, "max_attempts": job.max_attempts}
        same |= {"due_at": job.due_at, "created_at": job.created_at}
        db.session.execute(sa.insert(Job), [{**same, "payload": each} for each in payloads[1:]])


# --- keys ------------------------------------------------------------------------------------


def _give_public_ids(vehicles: Sequence[Vehicle]) -> None:
    """Ids that follow from the key, so that a stock built again has the same addresses."""
    waiting = list(vehicles)
    taken: set[str] = set()
    salt = 0
    while waiting:
        wanted = {id(v): _public_id(v.source, v.source_id, salt) for v in waiting}
        with db.session.no_autoflush:
            taken |= set(
                db.session.scalars(
                    sa.select(Vehicle.public_id).where(Vehicle.public_id.in_(wanted.values()))
                )
            )
        collided = []
        for vehicle in waiting:
            public_id = wanted[id(vehicle)]
            if public_id in taken:
                collided.append(vehicle)
            else:
                vehicle.public_id = public_id
                taken.add(public_id)
        waiting = collided
        salt += 1


def _public_id(source: str, source_id: str, salt: int) -> str:
    digest = hashlib.sha256(f"{source}\0{source_id}\0{salt}".encode()).digest()
    number = int.from_bytes(digest[:5])
    return "".join(
        _PUBLIC_ID_ALPHABET[number >> shift & 31] for shift in range(0, 5 * PUBLIC_ID_LENGTH, 5)
    )


# --- rules about facts -----------------------------------------------------------------------


def problems_of(values: Mapping[str, Any], state_now: str = "draft") -> dict[str, str]:
    """What cannot be true of a vehicle, as field -> sentence. `values` by names of VehicleFacts;
    absent ones are not judged. `state_now` is where the vehicle stands before the change."""
    problems = _problems_with_names(values)
    for name, (low, high) in _RANGES.items():
        value = values.get(name)
        if value is not None and not low <= value <= high:
            problems[name] = _problem_with_number(name, value)
    for name, longest in _LENGTHS.items():
        value = values.get(name)
        if isinstance(value, str) and len(value) > longest:
            problems[name] = _("This text is longer than %(count)s characters.", count=longest)
    for name in _CODED:
        value = values.get(name)
        if value is not None and value not in vocabulary.codes(name):
            problems[name] = _("Unknown word: %(text)s", text=clean_line(str(value), 40))
    problems.update(_problems_with_years(values))
    if _needs_price(values.get("state"), state_now) and not values.get("price_cents"):
        problems.setdefault("price_cents", _("A vehicle on the site needs a price."))
    return problems


def _needs_price(state: str | None, state_now: str) -> bool:
    if state == "sold":  # a car that was never on the site passes through it
        return state_now in {"draft", "archived"}
    return state in {"published", "reserved"}


def _problem_with_number(name: str, value: int) -> str:
    sentence: str
    if name.endswith("_cents"):
        sentence = (
            _("A price must be more than zero.")
            if value <= 0
            else _("This price is too high to be true.")
        )
    elif name == "mileage_km":
        sentence = _("This mileage is too high to be true.")
    else:
        sentence = _("This number cannot be right: %(number)s", number=value)
    return sentence


def _problems_with_names(values: Mapping[str, Any]) -> dict[str, str]:
    problems = {}
    for name in ("make", "model_name"):
        if name in values and not is_name(values[name]):
            problems[name] = _("Say the make.") if name == "make" else _("Say the model.")
    if values.get("trim") and not is_name(values["trim"]):
        problems["trim"] = _("This is not a name: %(text)s", text=clean_line(values["trim"], 40))
    return problems


def _problems_with_years(values: Mapping[str, Any]) -> dict[str, str]:
    """The model year may be one ahead of the year built, and both lie within the car's age."""
    next_year = clock.today().year + 1
    built, model = values.get("built_year"), values.get("model_year")
    problems = {}
    if built is not None and not FIRST_YEAR <= built <= next_year:
        problems["built_year"] = _("This year cannot be right: %(year)s", year=built)
    if model is None and "model_year" in values:
        problems["model_year"] = _("Say the model year.")
    if model is not None and not FIRST_YEAR <= model <= next_year + 1:
        problems["model_year"] = _("This year cannot be right: %(year)s", year=model)
    if built and model and not problems and not built - 1 <= model <= built + 1:
        problems["model_year"] = _(
            "Built in %(built)s, the car cannot be of model year %(model)s.",
            built=built,
            model=model,
        )
    return problems


def _refuse(problems: Mapping[str, str]) -> None:
    if problems:
        raise VehicleRefused(problems)
