"""The dealer group, its stores and what they say of themselves."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime


class Dealership(Model):
    """The group: one row, made by `dealership.identity.current()` when missing."""

    __tablename__ = "dealership"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    legal_name: Mapped[str] = mapped_column(sa.String(160), default="")
    cnpj: Mapped[str] = mapped_column(sa.String(14), default="")  # text: letters since 2026
    tagline: Mapped[str] = mapped_column(sa.String(160), default="")
    about: Mapped[str] = mapped_column(sa.Text, default="")
    email: Mapped[str] = mapped_column(sa.String(160), default="")
    phone: Mapped[str] = mapped_column(sa.String(20), default="")  # E.164
    whatsapp: Mapped[str] = mapped_column(sa.String(20), default="")  # E.164
    brand_color: Mapped[str] = mapped_column(sa.String(7), default="#1d4ed8")
    font_family: Mapped[str] = mapped_column(
        sa.String(160), default=""
    )  # a CSS family already here
    logo_key: Mapped[str] = mapped_column(sa.String(200), default="")  # in the media store
    logo: Mapped[dict[str, Any]] = mapped_column(
        sa.JSON, default=dict, server_default="{}"
    )  # as Banner.photo
    tone: Mapped[str] = mapped_column(sa.Text, default="", server_default="")  # how we write
    # What the simulator assumes until a bank answers (CDC 52 and 54-B ask for all of it).
    finance_monthly_percent: Mapped[Decimal] = mapped_column(
        sa.Numeric(6, 4), default=Decimal("1.99")
    )
    finance_fees_cents: Mapped[int] = mapped_column(default=0)
    finance_agent: Mapped[str] = mapped_column(sa.String(120), default="")


class IdentityVersion(Model):
    """How the group looked and called itself before a change: what undoing brings back."""

    __tablename__ = "identity_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    by: Mapped[str] = mapped_column(sa.String(254))  # who changed it then
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # as dealership.editing keeps them


class Store(Model):
    """One address of the group."""

    __tablename__ = "store"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    position: Mapped[int] = mapped_column(default=0)  # the first one is the main store
    about: Mapped[str] = mapped_column(sa.Text, default="")
    street: Mapped[str] = mapped_column(sa.String(160), default="")  # street and number
    district: Mapped[str] = mapped_column(sa.String(80), default="")
    city: Mapped[str] = mapped_column(sa.String(80), default="")
    state_code: Mapped[str] = mapped_column(sa.String(2), default="")  # SP, RJ …
    postal_code: Mapped[str] = mapped_column(sa.String(8), default="")  # CEP, digits only
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    zone: Mapped[str] = mapped_column(sa.String(40), default="America/Sao_Paulo")
    email: Mapped[str] = mapped_column(sa.String(160), default="")
    phone: Mapped[str] = mapped_column(sa.String(20), default="")  # E.164
    whatsapp: Mapped[str] = mapped_column(sa.String(20), default="")  # E.164
    photo: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)  # as Banner.photo
    reserved_stays_listed: Mapped[bool] = mapped_column(default=True)
    requires_photo: Mapped[bool] = mapped_column(default=False)
    # Publish only with the provenance of Lei 13.111/2015, looked up within so many days.
    requires_provenance: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    provenance_valid_days: Mapped[int] = mapped_column(default=30, server_default="30")
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # no public page since then

    opening_intervals: Mapped[list["OpeningInterval"]] = relationship(
        cascade="all, delete-orphan", order_by="OpeningInterval.weekday, OpeningInterval.opens"
    )
    special_days: Mapped[list["SpecialDayRow"]] = relationship(
        cascade="all, delete-orphan", order_by="SpecialDayRow.day, SpecialDayRow.opens"
    )
    departments: Mapped[list["Department"]] = relationship(
        cascade="all, delete-orphan", order_by="Department.position"
    )

    @property
    def is_complete(self) -> bool:
        """A store made by an import has only a name; the public sees it once it has an address,
        and until it is closed."""
        return bool(self.street and self.city and self.state_code) and self.closed_at is None


class OpeningInterval(Model):
    """Open on `weekday` (Monday is 0) from `opens` to `closes`, in the store's zone."""

    __tablename__ = "opening_interval"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"), index=True)
    weekday: Mapped[int]
    opens: Mapped[time] = mapped_column(sa.Time)
    closes: Mapped[time] = mapped_column(sa.Time)


class SpecialDayRow(Model):
    """A holiday or other exception. Without hours the store is closed all day."""

    __tablename__ = "special_day"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"), index=True)
    day: Mapped[date] = mapped_column(sa.Date)
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    opens: Mapped[time | None] = mapped_column(sa.Time)
    closes: Mapped[time | None] = mapped_column(sa.Time)


class Department(Model):
    """Sales, service, parts: each may have its own numbers."""

    __tablename__ = "department"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(20))  # sales, service, parts, fleet
    position: Mapped[int] = mapped_column(default=0)
    phone: Mapped[str] = mapped_column(sa.String(20), default="")
    whatsapp: Mapped[str] = mapped_column(sa.String(20), default="")
    email: Mapped[str] = mapped_column(sa.String(160), default="")


class Banner(Model):
    """A picture with a promise on the home page; it comes and leaves by itself."""

    __tablename__ = "banner"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(80))
    text: Mapped[str] = mapped_column(sa.String(160), default="")
    action: Mapped[str] = mapped_column(sa.String(40), default="")  # words on the button
    path: Mapped[str] = mapped_column(sa.String(300), default="/estoque")  # on this site
    # Renditions in the media store: stem, widths, formats, width_px, height_px, color.
    photo: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    position: Mapped[int] = mapped_column(default=0)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whose banner it is; none: the group's.
    store_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("store.id", ondelete="SET NULL"), index=True
    )
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
