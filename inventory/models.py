"""Vehicles and what belongs to them; the rules about them stand beside their verbs."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime
from dealership.models import Store


class Make(Model):
    """Chevrolet, Fiat …"""

    __tablename__ = "make"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)


class CarModel(Model):
    """Onix, Strada …: `model` alone would name a database model."""

    __tablename__ = "car_model"
    __table_args__ = (sa.UniqueConstraint("make_id", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    make_id: Mapped[int] = mapped_column(sa.ForeignKey("make.id"))
    name: Mapped[str] = mapped_column(sa.String(80))
    slug: Mapped[str] = mapped_column(sa.String(80))

    make: Mapped[Make] = relationship(lazy="joined", innerjoin=True)


class Trim(Model):
    """1.0 LT Turbo …: the version of a model."""

    __tablename__ = "trim"
    __table_args__ = (sa.UniqueConstraint("car_model_id", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    car_model_id: Mapped[int] = mapped_column(sa.ForeignKey("car_model.id"))
    name: Mapped[str] = mapped_column(sa.String(120))
    slug: Mapped[str] = mapped_column(sa.String(120))


class Vehicle(Model):
    """One car of the stock. The public never sees this class, only `inventory.offers.Offer`."""

    __tablename__ = "vehicle"
    __table_args__ = (
        sa.UniqueConstraint("source", "source_id"),
        # What the staff's list sorts and filters by.
        sa.Index("ix_vehicle_created_at", "created_at", "id"),
        sa.Index("ix_vehicle_price_cents", "price_cents", "id"),
        sa.Index("ix_vehicle_state_created_at", "state", "created_at", "id"),
        sa.Index("ix_vehicle_state_store", "state", "store_id"),
        sa.Index("ix_vehicle_highlight_rank", "highlight_rank"),
        sa.Index("ix_vehicle_promo_until", "promo_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(sa.String(12), unique=True)  # in /oferta/<slug>-<id>
    source: Mapped[str] = mapped_column(sa.String(200))  # which import or "vitrine"
    source_id: Mapped[str] = mapped_column(sa.String(120), index=True)  # the source's own key
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("store.id"), index=True)
    car_model_id: Mapped[int] = mapped_column(sa.ForeignKey("car_model.id"), index=True)
    trim_id: Mapped[int | None] = mapped_column(sa.ForeignKey("trim.id"), index=True)
    slug: Mapped[str] = mapped_column(sa.String(160))

    condition: Mapped[str] = mapped_column(sa.String(8))  # new, used
    built_year: Mapped[int | None]
    model_year: Mapped[int]
    price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    promo_price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    promo_until: Mapped[date | None] = mapped_column(sa.Date)  # last day, in the store's zone
    cost_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    mileage_km: Mapped[int | None]
    fuel: Mapped[str | None] = mapped_column(sa.String(20))
    transmission: Mapped[str | None] = mapped_column(sa.String(20))
    body: Mapped[str | None] = mapped_column(sa.String(20))
    color: Mapped[str | None] = mapped_column(sa.String(20))
    doors: Mapped[int | None]
    engine: Mapped[str] = mapped_column(sa.String(40), default="")  # "1.0 Turbo"
    power_hp: Mapped[int | None]  # metric horsepower (cv)
    license_plate: Mapped[str | None] = mapped_column(sa.String(8), index=True)
    renavam: Mapped[str | None] = mapped_column(sa.String(11))
    vin: Mapped[str | None] = mapped_column(sa.String(17))
    fipe_code: Mapped[str | None] = mapped_column(sa.String(8), index=True)
    fipe_price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    fipe_month: Mapped[date | None] = mapped_column(sa.Date)  # first day of the reference month
    # Codes of inventory.vocabulary, or the source's own words where no code fits.
    features: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    # Known facts only: {"single_owner": true, "auction": false}. Absent means "not informed".
    history: Mapped[dict[str, bool]] = mapped_column(sa.JSON, default=dict)
    description: Mapped[str] = mapped_column(sa.Text, default="")
    legal_text: Mapped[str] = mapped_column(sa.Text, default="")
    video_url: Mapped[str] = mapped_column(sa.String(500), default="")

    state: Mapped[str] = mapped_column(sa.String(10), default="draft", index=True)
    state_changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # first time on the site
    highlight_rank: Mapped[int | None]  # place in the highlighted area; smaller first
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)  # content, not render
    # The stock version that last touched this row: what each process's search index reloads by.
    stock_seq: Mapped[int] = mapped_column(sa.BigInteger, default=0, index=True)

    store: Mapped[Store] = relationship()
    car_model: Mapped[CarModel] = relationship()
    trim: Mapped[Trim | None] = relationship()
    photos: Mapped[list["Photo"]] = relationship(
        cascade="all, delete-orphan", order_by="Photo.position, Photo.id", back_populates="vehicle"
    )
    price_changes: Mapped[list["PriceChange"]] = relationship(
        cascade="all, delete-orphan", order_by="PriceChange.id"
    )
    state_changes: Mapped[list["StateChange"]] = relationship(
        cascade="all, delete-orphan", order_by="StateChange.id"
    )


class Photo(Model):
    """A picture of a vehicle: the private original and the public renditions made from it."""

    __tablename__ = "photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(default=0)  # 0 is the cover
    # waiting: address known, not fetched; stored: original here, quick rendition shown;
    # ready: every rendition; failed: see `error`
    state: Mapped[str] = mapped_column(sa.String(8), default="waiting", index=True)
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    source_url: Mapped[str] = mapped_column(sa.String(2048), default="")
    original_key: Mapped[str] = mapped_column(sa.String(200), default="")  # private
    digest: Mapped[str] = mapped_column(sa.String(64), default="", index=True)  # of the original
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    color: Mapped[str] = mapped_column(sa.String(7), default="")  # dominant, as #rrggbb
    alt: Mapped[str] = mapped_column(sa.String(160), default="")
    # {"stem": "ab/abcdef…", "widths": [320, 640, …], "formats": ["avif", "webp", "jpg"]}
    renditions: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Which view it shows, a code of inventory.gallery.SLOTS; empty: nobody said.
    slot: Mapped[str] = mapped_column(sa.String(16), default="", server_default="")
    # {"light": 0–255, "detail": 0–…}: what warnings are told by; empty for photos of before.
    quality: Mapped[dict[str, int]] = mapped_column(sa.JSON, default=dict, server_default="{}")

    vehicle: Mapped[Vehicle] = relationship(back_populates="photos")


class RemovedPhoto(Model):
    """A photo that staff took off, kept for a month so that it can come back. No public page ever
    reads this table."""

    __tablename__ = "removed_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(sa.String(64), default="", index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # the columns that the photo had
    removed_by: Mapped[str] = mapped_column(sa.String(254))
    removed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PhotoUpload(Model):
    """A photo on its way in pieces: what of it is here lies in private files."""

    __tablename__ = "photo_upload"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # not to be guessed
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    slot: Mapped[str] = mapped_column(sa.String(16), default="")
    file_name: Mapped[str] = mapped_column(sa.String(160), default="")
    size_bytes: Mapped[int]
    received_bytes: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(sa.String(254), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PriceChange(Model):
    """Every price ever published: who claims a reduction must prove the earlier price (CDC 36)."""

    __tablename__ = "price_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor: Mapped[str] = mapped_column(sa.String(160))  # "import:estoque.csv", a staff e-mail …
    price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    promo_price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    promo_until: Mapped[date | None] = mapped_column(sa.Date)


class StateChange(Model):
    """Every step of the life cycle, and who took it."""

    __tablename__ = "state_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor: Mapped[str] = mapped_column(sa.String(160))
    from_state: Mapped[str] = mapped_column(sa.String(10))
    to_state: Mapped[str] = mapped_column(sa.String(10))


class StockVersion(Model):
    """One row, one number: it grows with every change of the stock, in the same transaction."""

    __tablename__ = "stock_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.BigInteger, default=0)
