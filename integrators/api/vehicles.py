"""The stock through the API: what staff with this key see, in the words of the public offer."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from core.config import current
from core.db import db
from core.text import clean_line
from dealership.models import Store
from dealership.staff import StaffMember
from integrators.api import schemas
from integrators.api.operations import Call, operation
from integrators.api.problems import not_found
from integrators.api.reading import since_of
from integrators.api.tokens import Scope
from inventory.models import CarModel, Make, Vehicle
from inventory.offers import OfferPhoto, offer_of
from inventory.photos import rendition_path

ARCHIVED: Final = "archived"
_LOADED: Final = (
    joinedload(Vehicle.store),
    joinedload(Vehicle.car_model).joinedload(CarModel.make),
    joinedload(Vehicle.trim),
    selectinload(Vehicle.photos),
)


@operation(
    "GET",
    "/vehicles",
    Scope.READ_VEHICLES,
    query=schemas.VehicleQuery,
    answer=schemas.VehiclePage,
    has_etag=True,
)
def list_vehicles(call: Call) -> schemas.VehiclePage:
    """Cars of the stock, a page at a time.

    Ask again with `since` the moment you last asked: what changed meanwhile is all that comes.
    """
    asked: schemas.VehicleQuery = call.query
    statement = _own(call.staff).where(Vehicle.id > int(asked.cursor or 0))
    if asked.state:
        statement = statement.where(Vehicle.state == clean_line(asked.state, 10))
    else:
        statement = statement.where(Vehicle.state != ARCHIVED)
    if asked.store:
        stores = sa.select(Store.id).where(Store.slug == clean_line(asked.store, 80))
        statement = statement.where(Vehicle.store_id.in_(stores))
    if asked.make:
        models = sa.select(CarModel.id).join(Make, Make.id == CarModel.make_id)
        models = models.where(Make.slug == clean_line(asked.make, 60))
        statement = statement.where(Vehicle.car_model_id.in_(models))
    if asked.since:
        statement = statement.where(Vehicle.updated_at >= since_of(asked.since))
    rows = db.session.scalars(statement.order_by(Vehicle.id).limit(asked.limit + 1)).all()
    shown = rows[: asked.limit]
    return schemas.VehiclePage(
        items=[_told(vehicle) for vehicle in shown],
        next_cursor=str(shown[-1].id) if len(rows) > len(shown) else None,
    )


@operation(
    "GET",
    "/vehicles/{vehicle_id}",
    Scope.READ_VEHICLES,
    answer=schemas.Vehicle,
    problems=(404,),
    has_etag=True,
)
def get_vehicle(call: Call, vehicle_id: str) -> schemas.Vehicle:
    """One car, by the id in its address on the site."""
    statement = _own(call.staff).where(Vehicle.public_id == clean_line(vehicle_id, 80))
    vehicle = db.session.scalars(statement).first()
    if vehicle is None:
        raise not_found()
    return _told(vehicle)


def _own(staff: StaffMember) -> sa.Select[Any]:
    statement = sa.select(Vehicle).options(*_LOADED)
    ids = staff.store_ids
    return statement if ids is None else statement.where(Vehicle.store_id.in_(ids))


def _told(vehicle: Vehicle) -> schemas.Vehicle:
    """From the public's `Offer`: plate, chassis, RENAVAM and cost are not in it."""
    offer = offer_of(vehicle)
    store = offer.store
    return schemas.Vehicle(
        id=offer.public_id,
        url=current().base_url + offer.path,
        state=vehicle.state,
        availability=offer.availability.value,
        title=offer.title,
        make=offer.make,
        model=offer.model_name,
        trim=offer.trim,
        condition=offer.condition,
        built_year=offer.built_year,
        model_year=offer.model_year,
        price_cents=offer.price_cents or None,
        previous_price_cents=offer.previous_price_cents,
        promo_until=offer.promo_until,
        mileage_km=offer.mileage_km,
        fuel=offer.fuel,
        transmission=offer.transmission,
        body=offer.body,
        color=offer.color,
        doors=offer.doors,
        engine=offer.engine,
        power_hp=offer.power_hp,
        plate_final_digit=offer.plate_final_digit,
        fipe_code=offer.fipe_code,
        fipe_price_cents=offer.fipe_price_cents,
        fipe_month=offer.fipe_month,
        features=list(offer.features),
        history=dict(offer.history),
        description=offer.description,
        video_url=offer.video_url,
        source=vehicle.source,
        source_id=vehicle.source_id,
        store=schemas.StoreRef(
            slug=store.slug, name=store.name, city=store.city, state_code=store.state_code
        ),
        photos=[_photo(photo) for photo in offer.photos],
        published_at=offer.published_at,
        updated_at=offer.updated_at,
    )


def _photo(photo: OfferPhoto) -> schemas.Photo:
    return schemas.Photo(
        url=current().base_url + rendition_path(photo.stem, max(photo.widths), "jpg"),
        width_px=photo.width_px,
        height_px=photo.height_px,
        alt=photo.alt,
    )
