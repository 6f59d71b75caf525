"""What outsiders may see of a vehicle. A page or payload receives an `Offer`, never a `Vehicle`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from core.clock import now
from inventory.availability import Availability, availability
from inventory.identifiers import plate_final_digit
from inventory.models import Photo, Vehicle

# A badge such as "5% below FIPE" is advertising and must be true on its day (CDC 37).
FIPE_MAX_AGE_MONTHS = 2


@dataclass(frozen=True)
class OfferPhoto:
    """One public picture. `stem`, `widths` and `formats` name its renditions; widths in pixels."""

    stem: str
    widths: tuple[int, ...]
    formats: tuple[str, ...]
    width_px: int
    height_px: int
    color: str
    alt: str
    slot: str = ""  # which view it shows, a code of gallery.SLOTS; empty: nobody said


@dataclass(frozen=True)
class OfferStore:
    """The store an offer stands in, as far as a card needs it."""

    id: int
    slug: str
    name: str
    city: str
    state_code: str


@dataclass(frozen=True)
class Offer:
    """A vehicle as the public sees it: no plate, chassis, RENAVAM, cost or internal state.

    Prices in integer cents, mileage in km, power in metric horsepower.
    """

    id: int
    public_id: str
    slug: str
    availability: Availability
    make: str
    make_slug: str
    model_name: str
    model_slug: str
    trim: str
    condition: str
    built_year: int | None
    model_year: int
    price_cents: int  # what it costs now: the promotion's while it runs
    previous_price_cents: int | None  # the crossed-out one, only while a promotion runs
    promo_until: date | None
    mileage_km: int | None
    fuel: str | None
    transmission: str | None
    body: str | None
    color: str | None
    doors: int | None
    engine: str
    power_hp: int | None
    plate_final_digit: str | None
    fipe_code: str | None
    fipe_price_cents: int | None  # None when unknown or older than two months
    fipe_month: date | None
    features: tuple[str, ...]
    history: Mapping[str, bool]
    description: str
    legal_text: str
    video_url: str
    store: OfferStore
    photos: tuple[OfferPhoto, ...]
    published_at: datetime | None
    updated_at: datetime
    state_changed_at: datetime
    highlight_rank: int | None
    is_former_price_proven: bool = False  # the crossed-out price was once the price asked
    price_drop_cents: int = 0  # how much cheaper than its last other price, if it got cheaper
    stock_seq: int = 0  # the stock's version that touched it last: what is made of it is as old

    @property
    def path(self) -> str:
        """Its address on this site."""
        return f"/oferta/{self.slug}-{self.public_id}"

    @property
    def name(self) -> str:
        return f"{self.make} {self.model_name}"

    @property
    def title(self) -> str:
        """Make, model, trim and model year: "Chevrolet Onix 1.0 LT 2022"."""
        return " ".join(
            part for part in (self.make, self.model_name, self.trim, str(self.model_year)) if part
        )

    @property
    def years(self) -> str:
        """ "2021/2022": built and model year, as Brazilians say it."""
        return f"{self.built_year or self.model_year}/{self.model_year}"

    @property
    def is_available(self) -> bool:
        return self.availability is Availability.AVAILABLE

    @property
    def is_reserved(self) -> bool:
        return self.availability in {Availability.RESERVED, Availability.RESERVED_UNLISTED}

    @property
    def is_sold(self) -> bool:
        return self.availability is Availability.SOLD

    @cached_property
    def fipe_difference_percent(self) -> int | None:
        """Price against the FIPE table in whole percent; negative is below. None: no analysis."""
        if not self.fipe_price_cents:
            return None
        return round((self.price_cents - self.fipe_price_cents) * 100 / self.fipe_price_cents)


def price_now_cents(vehicle: Vehicle, at: datetime | None = None) -> int | None:
    """The price that binds the store now, in cents: the promotion's until its last day ends
    where the store is."""
    if promotion_runs(vehicle, at):
        return vehicle.promo_price_cents
    return vehicle.price_cents


def promotion_runs(vehicle: Vehicle, at: datetime | None = None) -> bool:
    """Whether the promotional price holds at `at` (default: now)."""
    if not vehicle.promo_price_cents or not vehicle.price_cents:
        return False
    if vehicle.promo_price_cents >= vehicle.price_cents:
        return False
    if vehicle.promo_until is None:
        return True
    return (at or now()).astimezone(ZoneInfo(vehicle.store.zone)).date() <= vehicle.promo_until


def price_and_former(vehicle: Vehicle, values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The price that would hold now and the one crossed out, if `vehicle` had the prices in
    `values` (by names of VehicleFacts)."""
    names = ("price_cents", "promo_price_cents", "promo_until")
    probe = SimpleNamespace(
        **{name: values.get(name, getattr(vehicle, name)) for name in names}, store=vehicle.store
    )
    runs = promotion_runs(cast(Vehicle, probe))
    return (
        probe.promo_price_cents if runs else probe.price_cents,
        probe.price_cents if runs else None,
    )


def offer_of(vehicle: Vehicle, at: datetime | None = None) -> Offer:
    """The public side of `vehicle` at `at` (default: now). Ask `availability` before showing it."""
    runs = promotion_runs(vehicle, at)
    store = vehicle.store
    model = vehicle.car_model
    return Offer(
        id=vehicle.id,
        public_id=vehicle.public_id,
        slug=vehicle.slug,
        availability=availability(vehicle, at),
        make=model.make.name,
        make_slug=model.make.slug,
        model_name=model.name,
        model_slug=model.slug,
        trim=vehicle.trim.name if vehicle.trim else "",
        condition=vehicle.condition,
        built_year=vehicle.built_year,
        model_year=vehicle.model_year,
        price_cents=price_now_cents(vehicle, at) or 0,
        previous_price_cents=vehicle.price_cents if runs else None,
        promo_until=vehicle.promo_until if runs else None,
        mileage_km=vehicle.mileage_km,
        fuel=vehicle.fuel,
        transmission=vehicle.transmission,
        body=vehicle.body,
        color=vehicle.color,
        doors=vehicle.doors,
        engine=vehicle.engine,
        power_hp=vehicle.power_hp,
        plate_final_digit=plate_final_digit(vehicle.license_plate),
        fipe_code=vehicle.fipe_code,
        fipe_price_cents=vehicle.fipe_price_cents if fipe_is_fresh(vehicle, at) else None,
        fipe_month=vehicle.fipe_month,
        features=tuple(vehicle.features),
        history=dict(vehicle.history),
        description=vehicle.description,
        legal_text=vehicle.legal_text,
        video_url=vehicle.video_url,
        store=OfferStore(store.id, store.slug, store.name, store.city, store.state_code),
        photos=tuple(_photo(photo) for photo in vehicle.photos if photo.renditions),
        published_at=vehicle.published_at,
        updated_at=vehicle.updated_at,
        state_changed_at=vehicle.state_changed_at,
        highlight_rank=vehicle.highlight_rank,
        stock_seq=vehicle.stock_seq,
    )


def _photo(photo: Photo) -> OfferPhoto:
    made = photo.renditions
    return OfferPhoto(
        stem=made["stem"],
        widths=tuple(made["widths"]),
        formats=tuple(made["formats"]),
        width_px=photo.width_px or 0,
        height_px=photo.height_px or 0,
        color=photo.color,
        alt=photo.alt,
        slot=photo.slot,
    )


def fipe_is_fresh(vehicle: Vehicle, at: datetime | None = None) -> bool:
    """Whether its FIPE price is known and young enough to be compared with."""
    if not vehicle.fipe_price_cents or not vehicle.fipe_month:
        return False
    today = (at or now()).date()
    age = (today.year - vehicle.fipe_month.year) * 12 + today.month - vehicle.fipe_month.month
    return 0 <= age <= FIPE_MAX_AGE_MONTHS
