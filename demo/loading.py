"""Loads the demo through the verbs that staff use, so that it breaks when a rule breaks.

Only the past is made up: a verb dates what it does with now, and the demo's cars arrived, got
cheaper and were sold over ninety days. Loading again adds what is missing and changes nothing.
"""

import io
import multiprocessing
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import clock
from core.db import db, writing
from core.text import group_thousands
from dealership.models import Banner
from demo.angles import SOURCE, draw_later, photo_of
from demo.attendance import attend_leads
from demo.cadences import try_again
from demo.content import write_content
from demo.dealership import found_dealership
from demo.desk import fill_desk
from demo.drawing import draw_banner, draw_photo_jpeg
from demo.duplicates import join_twins
from demo.goals import set_goals
from demo.house import furnish_house
from demo.keywords import found_keywords
from demo.landing_pages import found_landing_pages
from demo.leads import load_leads
from demo.notices import tell_people
from demo.outreach import fill_outreach
from demo.page_visits import found_car_visits, found_page_visits
from demo.portal_leads import tie_portal_leads
from demo.portals import load_portals
from demo.provenance import look_up_provenance
from demo.quality import fill_quality
from demo.roster import fill_roster
from demo.shopper import shop
from demo.staff import hire_staff
from demo.stock import BLOCK, DemoVehicle, Picture, stock
from demo.visits import fill_agenda
from inventory.catalogue import Catalogue
from inventory.editing import VehicleFacts, register_vehicles, revise_vehicles
from inventory.lifecycle import move
from inventory.models import Photo, PriceChange, Vehicle
from inventory.photos import PreparedPhoto, prepare_drawings, record_photos, store_picture
from leads.message_templates import ship_texts

ACTOR: Final = "demo"
BATCH: Final = 500
PHOTO_SIZE_PX: Final = (1280, 960)
BANNER_SIZE_PX: Final = (1600, 600)
WORTH_A_PROCESS: Final = 20  # pictures: starting a child takes as long as drawing a few
PHOTO_NEWS_EVERY: Final = 40
STOCK_NEWS_EVERY: Final = 5000
BANNERS: Final = (
    ("SUVs para cidade e estrada", "Muitos modelos, nas três lojas do grupo.",
     "Ver os SUVs", "/estoque?carroceria=suv"),
    ("Zero km à pronta entrega", "Modelos 2026 e 2027 com garantia de fábrica.",
     "Ver os zero km", "/estoque?condicao=novo"),
    ("Até R$ 70 mil", "Ofertas das três lojas que cabem no orçamento.",
     "Ver as ofertas", "/estoque?preco_max=70000"),
)  # fmt: skip

Say = Callable[[str], None]
Prepared = dict[Picture, PreparedPhoto]


@dataclass(frozen=True)
class Loaded:
    """What a load did: vehicles added, vehicles that were there, different pictures drawn."""

    added: int = 0
    present: int = 0
    drawn: int = 0


def is_stock_empty() -> bool:
    """Whether no vehicle of any source is there."""
    return db.session.scalar(sa.select(Vehicle.id).limit(1)) is None


def load_demo(
    vehicles: int = BLOCK,
    *,
    seed: int = 1,
    with_photos: bool = True,
    covers_first: bool = False,
    photo_size_px: tuple[int, int] = PHOTO_SIZE_PX,
    say: Say = lambda _line: None,
) -> Loaded:
    """A dealership at work: the stock as `load_stock` fills it, pages, people, leads, a desk.

    What is there stays as it is. A door of its own: call it outside `writing()`.
    """
    loaded = load_stock(
        vehicles,
        seed=seed,
        with_photos=with_photos,
        covers_first=covers_first,
        photo_size_px=photo_size_px,
        say=say,
    )
    with writing():
        look_up_provenance()
        found_landing_pages()
        found_page_visits()
        found_keywords()
    write_content(with_pictures=with_photos)
    furnish_house()
    load_leads(seed)
    with writing():
        found_car_visits()
    hire_staff()
    fill_roster()
    ship_texts()
    attend_leads()
    join_twins()
    fill_desk(vehicles, seed)
    tell_people()
    fill_agenda(seed)
    fill_outreach()
    set_goals()
    fill_quality(seed)
    try_again()
    shop()
    load_portals()
    tie_portal_leads()
    say(_("The stock is ready: %(added)s vehicles added.", added=group_thousands(loaded.added)))
    return loaded


def load_stock(
    vehicles: int = BLOCK,
    *,
    seed: int = 1,
    with_photos: bool = True,
    covers_first: bool = False,
    photo_size_px: tuple[int, int] = PHOTO_SIZE_PX,
    say: Say = lambda _line: None,
) -> Loaded:
    """The group, its stores, banners and `vehicles` cars of `seed`; what is there stays as it is.

    Photos belong to the first 240 cars; later ones borrow a cover from them. With `covers_first`
    the other angles are drawn by the worker, later. Memory does not grow with `vehicles`. `say`
    gets a line now and then. A door of its own: call it outside `writing()`.
    """
    with writing():
        store_ids = found_dealership()
    pictures: Prepared = {}
    if with_photos:
        wanted = _pictures_wanted(vehicles, seed, store_ids, covers_first)
        pictures = _drawn(wanted, photo_size_px, say)
        _put_up_banners(photo_size_px[0] / PHOTO_SIZE_PX[0])
    added = _load_vehicles(vehicles, seed, store_ids, pictures, say)
    if pictures and covers_first:
        with writing():
            draw_later(vehicles, seed, store_ids, photo_size_px)
    return Loaded(added=added, present=vehicles - added, drawn=len(pictures))


# --- pictures --------------------------------------------------------------------------------


def _pictures_wanted(
    vehicles: int, seed: int, store_ids: Sequence[int], covers_first: bool
) -> list[Picture]:
    """What has to be drawn for the cars that are not there yet, each picture once."""
    block = list(stock(min(vehicles, BLOCK), seed, clock.today(), store_ids))
    most = 1 if covers_first else None
    wanted = [picture for car in _missing(block) for picture in car.pictures[:most]]
    if vehicles > BLOCK and _count_of(seed) < vehicles:
        wanted += [picture for car in block for picture in car.pictures[:1]]
    return list(dict.fromkeys(wanted))


def _count_of(seed: int) -> int:
    """How many cars of `seed` are there."""
    query = sa.select(sa.func.count(Vehicle.id)).where(
        Vehicle.source == SOURCE, Vehicle.source_id.startswith(f"{seed}-")
    )
    return db.session.scalar(query) or 0


def _drawn(wanted: Sequence[Picture], size_px: tuple[int, int], say: Say) -> Prepared:
    """Every picture drawn, rendered and stored, on all processors."""
    if not wanted:
        return {}
    db.session.rollback()  # hold no transaction for a minute of drawing
    say(_("Drawing %(count)s photos. It is done once.", count=len(wanted)))
    ready: Prepared = {}
    prepared = prepare_drawings(_drawings(wanted, size_px))
    for picture, photo in zip(wanted, prepared, strict=True):
        ready[picture] = photo
        if len(ready) % PHOTO_NEWS_EVERY == 0 or len(ready) == len(wanted):
            say(_("%(done)s of %(all)s photos", done=len(ready), all=len(wanted)))
    return ready


def _drawings(wanted: Sequence[Picture], size_px: tuple[int, int]) -> Iterator[bytes]:
    """JPEGs in the order of `wanted`, drawn a little ahead in child processes."""
    processors = min(os.cpu_count() or 1, len(wanted) // WORTH_A_PROCESS)
    if not processors:
        yield from (_draw(picture, size_px) for picture in wanted)
        return
    # Children are started afresh: a copy of this process would share its database connections.
    fresh = multiprocessing.get_context("spawn")
    waiting: deque[Future[bytes]] = deque()
    with ProcessPoolExecutor(processors, mp_context=fresh) as pool:
        for picture in wanted:
            waiting.append(pool.submit(_draw, picture, size_px))
            if len(waiting) > 2 * processors:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _draw(picture: Picture, size_px: tuple[int, int]) -> bytes:
    return draw_photo_jpeg(
        picture.body, picture.color, picture.angle, seed=picture.look, size=size_px
    )


def _put_up_banners(scale: float) -> None:
    """The campaigns of the home page, unless somebody put up their own."""
    if db.session.scalar(sa.select(Banner.id).limit(1)) is not None:
        return
    size_px = (round(BANNER_SIZE_PX[0] * scale), round(BANNER_SIZE_PX[1] * scale))
    stored = [_stored_banner(number, size_px) for number in range(len(BANNERS))]
    with writing() as session:
        for position, (photo, words) in enumerate(zip(stored, BANNERS, strict=True)):
            title, text, action, path = words
            session.add(
                Banner(
                    title=title, text=text, action=action, path=path, photo=photo, position=position
                )
            )


def _stored_banner(seed: int, size_px: tuple[int, int]) -> dict[str, Any]:
    out = io.BytesIO()
    draw_banner(seed, size_px).save(out, "JPEG", quality=90)
    db.session.rollback()
    return store_picture(out.getvalue(), isolate=False)


# --- vehicles --------------------------------------------------------------------------------


def _load_vehicles(
    count: int, seed: int, store_ids: Sequence[int], pictures: Prepared, say: Say
) -> int:
    catalogue = Catalogue()
    asked: set[Picture] = set()  # whose further renditions somebody was asked for
    added = 0
    for cars in _batches(stock(count, seed, clock.today(), store_ids)):
        new = list(_missing(cars))
        if new:
            with writing():
                _add(new, catalogue, pictures, asked)
        db.session.remove()  # nothing of this batch is needed again
        added += len(new)
        if new and added % STOCK_NEWS_EVERY == 0:
            say(_("%(count)s vehicles", count=group_thousands(added)))
    return added


def _batches(cars: Iterator[DemoVehicle]) -> Iterator[list[DemoVehicle]]:
    while batch := list(islice(cars, BATCH)):
        yield batch


def _missing(cars: Iterable[DemoVehicle]) -> Iterator[DemoVehicle]:
    """Those of `cars` that the stock does not have."""
    batch = list(cars)
    query = sa.select(Vehicle.source_id).where(
        Vehicle.source == SOURCE, Vehicle.source_id.in_([car.source_id for car in batch])
    )
    there = set(db.session.scalars(query))
    return (car for car in batch if car.source_id not in there)


def _add(
    cars: Sequence[DemoVehicle],
    catalogue: Catalogue,
    pictures: Prepared,
    asked: set[Picture],
) -> None:
    """Register, price, photograph and move `cars`, then date all of it back."""
    entries = [(car.source_id, _first_facts(car)) for car in cars]
    made = register_vehicles(entries, source=SOURCE, by=ACTOR, catalogue=catalogue)
    pairs = list(zip(made, cars, strict=True))
    revise_vehicles(
        [(vehicle, _later_prices(car)) for vehicle, car in pairs if car.story.offered_at],
        by=ACTOR,
        catalogue=catalogue,
    )
    borrowed: list[Photo] = []
    for vehicle, car in pairs:
        borrowed += _photograph(vehicle, car, pictures, asked)
        if car.story.left_to:
            move(vehicle, car.story.left_to, ACTOR)
    db.session.add_all(borrowed)
    _date_back(pairs)


def _first_facts(car: DemoVehicle) -> VehicleFacts:
    """As the car came in: at its first price, with nothing off."""
    price_cents = car.story.first_price_cents
    return replace(car.facts, price_cents=price_cents, promo_price_cents=None, promo_until=None)


def _later_prices(car: DemoVehicle) -> dict[str, Any]:
    names = ("price_cents", "promo_price_cents", "promo_until")
    return {name: getattr(car.facts, name) for name in names}


def _photograph(
    vehicle: Vehicle, car: DemoVehicle, pictures: Prepared, asked: set[Picture]
) -> list[Photo]:
    """Record the photos of `car`; a lone cover that another car has too is returned instead.

    The verb counts the stock's version up each time. For cars by the ten thousand, registered in
    this same transaction, copying the other car's row does as well.
    """
    shown = [picture for picture in car.pictures if picture in pictures]
    if not shown:
        return []
    photos = [photo_of(car, picture) for picture in shown]
    if len(shown) == 1 and shown[0] in asked:
        return [_borrowed(photos[0], vehicle.id, pictures[shown[0]])]
    prepared = [pictures[picture] for picture in shown]
    record_photos(
        vehicle, list(zip(photos, prepared, strict=True)), render=not asked.issuperset(shown)
    )
    asked.update(shown)
    return []


def _borrowed(photo: Photo, vehicle_id: int, prepared: PreparedPhoto) -> Photo:
    photo.vehicle_id = vehicle_id
    photo.position = 0
    photo.state = "ready" if prepared.is_complete else "stored"
    for name in ("digest", "original_key", "width_px", "height_px", "color", "renditions"):
        setattr(photo, name, getattr(prepared, name))
    return photo


def _date_back(pairs: Sequence[tuple[Vehicle, DemoVehicle]]) -> None:
    """Move what the verbs did just now to when it happened in the story."""
    prices = defaultdict(list)
    ids = [vehicle.id for vehicle, _car in pairs]
    query = sa.select(PriceChange).where(PriceChange.vehicle_id.in_(ids)).order_by(PriceChange.id)
    for change in db.session.scalars(query):
        prices[change.vehicle_id].append(change)
    for vehicle, car in pairs:
        story = car.story
        moments = [story.created_at, story.published_at, story.offered_at, story.left_at]
        vehicle.created_at = story.created_at
        vehicle.published_at = story.published_at
        vehicle.state_changed_at = story.left_at or story.published_at or story.created_at
        vehicle.updated_at = max(filter(None, moments))
        for change, at in zip(prices[vehicle.id], (moments[0], moments[2]), strict=False):
            change.at = at or story.created_at
        for step, at in zip(vehicle.state_changes, (moments[1], moments[3]), strict=False):
            step.at = at or story.created_at
    db.session.flush()
