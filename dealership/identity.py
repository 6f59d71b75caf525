"""The group and its stores as the public sees them, ready for a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import g
from sqlalchemy.orm import selectinload

from core.clock import now
from core.db import db
from core.site_memory import remembered
from dealership.hours import Interval, Schedule, SpecialDay, is_open, next_closing, next_opening
from dealership.models import Banner, Dealership, Store


@dataclass(frozen=True)
class DepartmentProfile:
    """A department's own numbers; `kind` is sales, service, parts or fleet."""

    kind: str
    phone: str
    whatsapp: str
    email: str


@dataclass(frozen=True)
class StoreProfile:
    """One store, public side. Coordinates in degrees, phones in E.164."""

    id: int
    slug: str
    name: str
    about: str
    street: str
    district: str
    city: str
    state_code: str
    postal_code: str
    latitude: float | None
    longitude: float | None
    email: str
    phone: str
    whatsapp: str
    schedule: Schedule
    special_names: dict[Any, str]
    departments: tuple[DepartmentProfile, ...]
    photo: Mapping[str, Any]  # as Store.photo; empty for none

    @property
    def path(self) -> str:
        return f"/lojas/{self.slug}"

    @property
    def address_line(self) -> str:
        """The whole address on one line."""
        place = f"{self.city} - {self.state_code}" if self.state_code else self.city
        return ", ".join(part for part in (self.street, self.district, place) if part)

    @property
    def map_url(self) -> str:
        """A link that opens the phone's own map; no map is loaded on our pages."""
        if self.latitude is None or self.longitude is None:
            if not self.street:
                return ""
            place = quote(self.address_line)
            return f"https://www.openstreetmap.org/search?query={place}"
        return (
            f"https://www.google.com/maps/search/?api=1&query={self.latitude:.6f}"
            f"%2C{self.longitude:.6f}"
        )

    @property
    def is_open(self) -> bool:
        return bool(self._this_minute("is_open", lambda at: is_open(self.schedule, at)))

    @property
    def closes_at(self) -> datetime | None:
        """When it closes, in its own zone; None while closed."""
        if not self.is_open:
            return None
        return self._this_minute(
            "closes_at", lambda at: self._local(next_closing(self.schedule, at))
        )

    @property
    def opens_at(self) -> datetime | None:
        """When it opens next, in its own zone; None if that is nowhere near."""
        return self._this_minute(
            "opens_at", lambda at: self._local(next_opening(self.schedule, at))
        )

    def _this_minute(self, name: str, answer: Callable[[datetime], Any]) -> Any:
        """`answer` of now, worked out once a minute: hours begin and end on whole ones. A profile
        lives longer than a request."""
        at = now()
        minute = int(at.timestamp()) // 60
        kept = self.__dict__.get(f"_{name}")
        if kept is None or kept[0] != minute:
            kept = self.__dict__[f"_{name}"] = (minute, answer(at))
        return kept[1]

    def _local(self, moment: datetime | None) -> datetime | None:
        return moment.astimezone(self.zone) if moment else None

    @property
    def zone(self) -> ZoneInfo:
        zone = self.schedule.zone
        return zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)


@dataclass(frozen=True)
class Identity:
    """The group: name, contacts, looks, what the simulator assumes, and its complete stores."""

    name: str
    legal_name: str
    cnpj: str
    tagline: str
    about: str
    email: str
    phone: str
    whatsapp: str
    brand_color: str
    font_family: str
    logo_url: str
    finance_monthly_percent: Any
    finance_fees_cents: int
    finance_agent: str
    stores: tuple[StoreProfile, ...]

    def store(self, slug: str) -> StoreProfile | None:
        return next((store for store in self.stores if store.slug == slug), None)


def dealership_row() -> Dealership:
    """The group's row, or an unsaved one with defaults for an installation that has none yet."""
    row = db.session.get(Dealership, 1)
    return row or Dealership(
        name="Vitrine",
        legal_name="",
        cnpj="",
        tagline="",
        about="",
        email="",
        phone="",
        whatsapp="",
        brand_color="#1d4ed8",
        font_family="",
        logo_key="",
        logo={},
        tone="",
        finance_monthly_percent=1.99,
        finance_fees_cents=0,
        finance_agent="",
    )


def identity() -> Identity:
    """Who we are, read anew only when somebody changed something that the site shows."""
    global _last_known
    if "dealer" not in g:
        g.dealer = _last_known = remembered("dealer", _read_identity)
    found: Identity = g.dealer
    return found


_last_known: Identity | None = None


def last_known_identity() -> Identity | None:
    """Who we were when this process last read it: what a page without a database can offer. None
    when nothing was read yet."""
    return _last_known


def _read_identity() -> Identity:
    row = dealership_row()
    stores = db.session.scalars(
        sa.select(Store)
        .options(
            selectinload(Store.opening_intervals),
            selectinload(Store.special_days),
            selectinload(Store.departments),
        )
        .order_by(Store.position, Store.id)
    ).all()
    return Identity(
        name=row.name,
        legal_name=row.legal_name,
        cnpj=row.cnpj,
        tagline=row.tagline,
        about=row.about,
        email=row.email,
        phone=row.phone,
        whatsapp=row.whatsapp,
        brand_color=row.brand_color,
        font_family=row.font_family,
        logo_url=f"/media/{row.logo_key}" if row.logo_key else "",
        finance_monthly_percent=row.finance_monthly_percent,
        finance_fees_cents=row.finance_fees_cents,
        finance_agent=row.finance_agent,
        stores=tuple(profile_of(store) for store in stores if store.is_complete),
    )


def profile_of(store: Store) -> StoreProfile:
    """The public side of `store`."""
    return StoreProfile(
        id=store.id,
        slug=store.slug,
        name=store.name,
        about=store.about,
        street=store.street,
        district=store.district,
        city=store.city,
        state_code=store.state_code,
        postal_code=store.postal_code,
        latitude=store.latitude,
        longitude=store.longitude,
        email=store.email,
        phone=store.phone,
        whatsapp=store.whatsapp,
        schedule=schedule_of(store),
        special_names={row.day: row.name for row in store.special_days},
        departments=tuple(
            DepartmentProfile(row.kind, row.phone, row.whatsapp, row.email)
            for row in store.departments
        ),
        photo=store.photo or {},
    )


def schedule_of(store: Store) -> Schedule:
    """The store's hours as the rules of `dealership.hours` read them."""
    special: dict[Any, list[tuple[Any, Any]]] = {}
    for row in store.special_days:
        hours = special.setdefault(row.day, [])
        if row.opens and row.closes:
            hours.append((row.opens, row.closes))
    return Schedule(
        zone=ZoneInfo(store.zone),
        intervals=tuple(
            Interval(row.weekday, row.opens, row.closes) for row in store.opening_intervals
        ),
        special_days=tuple(
            SpecialDay(day, tuple(Interval(day.weekday(), *hours) for hours in pairs))
            for day, pairs in sorted(special.items())
        ),
    )


def running_banners() -> list[Banner]:
    """Banners whose window is open now, in order: they come and leave by themselves."""
    moment = now()
    statement = (
        sa.select(Banner)
        .where(Banner.starts_at <= moment, Banner.archived_at.is_(None))
        .where(sa.or_(Banner.ends_at.is_(None), Banner.ends_at > moment))
        .order_by(Banner.position, Banner.id)
    )
    return list(db.session.scalars(statement))


def format_cnpj(cnpj: str) -> str:
    """'11222333000181' -> '11.222.333/0001-81'; what has not 14 characters comes back as it is."""
    return (
        f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}" if len(cnpj) == 14 else cnpj
    )
