"""`/admin/estoque/idade/`: how long each car has been here, and what to do about it."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa
from flask import Response, request, stream_with_context
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin import groups
from admin.charts import bar_chart
from admin.door import StaffView, at, staff
from admin.lists import Listing
from admin.stock_rows import LOADED, StockRow, car_name, rows_of
from admin.stock_scope import own_stores
from core import clock
from core.db import db
from dealership.models import Store
from dealership.roles import Permission
from inventory import vocabulary
from inventory.age import BUCKETS, AgeFacts, advice, days_here
from inventory.importing.rows import FORMULA
from inventory.models import PriceChange, Vehicle
from inventory.offers import fipe_is_fresh, price_now_cents
from inventory.visits import visits_of
from leads.models import Lead

IN_STOCK: Final = ("draft", "published", "reserved")
ROWS_AT_A_TIME: Final = 500  # of the CSV: bounded memory at any size


@dataclass(frozen=True)
class AgeRow:
    """One car of the report. Money in cents; `drop_cents` is from its first price to today's,
    `visits` of the last thirty days."""

    row: StockRow
    visits: int
    price_changes: int
    drop_cents: int
    fipe_percent: int | None
    advice: str


class StockAge(StaffView):
    """The report, its chart and its CSV."""

    icon = "clock"
    in_menu = False

    @at("/", Permission.SEE_REPORTS)
    def index(self) -> str:
        """Buckets, and each car with the oldest first."""
        store, bucket = _asked_store(), request.args.get("idade", "")
        listing = Listing(
            _cars(store, bucket),
            {"chegada": Vehicle.created_at, "preco": Vehicle.price_cents},
            default="chegada",
            tie=Vehicle.id,
            loads=LOADED,
        )
        counts = _counts(store)
        return str(
            self.render(
                "admin/stock_age.html",
                listing=listing,
                rows=age_rows(listing.rows),
                counts=counts,
                total=sum(counts.values()),
                buckets=BUCKETS,
                chart=bar_chart(
                    _("Cars by days in stock"), [(b.words, counts[b.code]) for b in BUCKETS]
                ),
                stores=own_stores(),
                store=store,
                chosen=bucket,
            )
        )

    @at("/idade.csv", Permission.SEE_REPORTS)
    def csv(self) -> Response:
        """The same table for a spreadsheet, all pages of it."""
        statement = _cars(_asked_store(), request.args.get("idade", ""))
        name = f"idade-do-estoque-{clock.today().isoformat()}.csv"
        return Response(
            stream_with_context(_csv_lines(statement)),
            mimetype="text/csv",
            headers={"Content-Disposition": f"attachment; filename={name}"},
        )


def age_rows(vehicles: Sequence[Vehicle]) -> list[AgeRow]:
    """What the report says of `vehicles` (loaded with LOADED), in a fixed number of statements."""
    ids = [vehicle.id for vehicle in vehicles]
    prices, last_leads, visits = _prices(ids), _last_leads(ids), visits_of(ids)
    return [
        _age_row(row, visits.get(row.id, 0), prices.get(row.id, []), last_leads.get(row.id))
        for row in rows_of(vehicles)
    ]


def _age_row(
    row: StockRow, visits: int, prices: Sequence[int], last_lead: datetime | None
) -> AgeRow:
    vehicle = row.vehicle
    price = price_now_cents(vehicle)
    changes = sum(1 for old, new in pairwise(prices) if old != new)
    silent = (clock.now() - last_lead).days if last_lead else row.days
    percent = _fipe_percent(vehicle, price)
    facts = AgeFacts(
        state=vehicle.state,
        days=row.days,
        photos=row.photos,
        has_price=bool(price),
        price_changes=changes,
        leads=row.leads,
        silent_days=min(silent, row.days),
        fipe_percent=percent,
    )
    drop = max(0, prices[0] - price) if prices and price else 0
    return AgeRow(row, visits, changes, drop, percent, advice(facts))


def _fipe_percent(vehicle: Vehicle, price_cents: int | None) -> int | None:
    fipe = vehicle.fipe_price_cents
    if not price_cents or not fipe or not fipe_is_fresh(vehicle):
        return None
    return round((price_cents - fipe) * 100 / fipe)


def _cars(store: Store | None, bucket_code: str) -> sa.Select[Any]:
    statement = _within(sa.select(Vehicle), store)
    bucket = next((one for one in BUCKETS if one.code == bucket_code), None)
    if bucket is not None:
        oldest, newest = bucket.bounds(clock.now())
        statement = statement.where(Vehicle.created_at <= newest)
        if oldest is not None:
            statement = statement.where(Vehicle.created_at > oldest)
    return statement


def _within(statement: sa.Select[Any], store: Store | None) -> sa.Select[Any]:
    statement = statement.where(Vehicle.state.in_(IN_STOCK))
    if store is not None:
        return statement.where(Vehicle.store_id == store.id)
    ids = staff().store_ids
    return statement if ids is None else statement.where(Vehicle.store_id.in_(ids))


def _counts(store: Store | None) -> dict[str, int]:
    """Cars per bucket: one statement."""
    moment = clock.now()
    sums = []
    for bucket in BUCKETS:
        oldest, newest = bucket.bounds(moment)
        holds = Vehicle.created_at <= newest
        if oldest is not None:
            holds = sa.and_(holds, Vehicle.created_at > oldest)
        sums.append(sa.func.sum(sa.case((holds, 1), else_=0)))
    row = db.session.execute(_within(sa.select(*sums), store)).one()
    return {bucket.code: count or 0 for bucket, count in zip(BUCKETS, row, strict=True)}


def _asked_store() -> Store | None:
    slug = request.args.get("loja", "")
    return next((store for store in own_stores() if store.slug == slug), None)


def _prices(ids: Sequence[int]) -> dict[int, list[int]]:
    """Every price that each had, oldest first: the promotion's where there was one."""
    found: dict[int, list[int]] = {}
    rows = db.session.execute(
        sa.select(
            PriceChange.vehicle_id,
            sa.func.coalesce(PriceChange.promo_price_cents, PriceChange.price_cents),
        )
        .where(PriceChange.vehicle_id.in_(ids))
        .order_by(PriceChange.vehicle_id, PriceChange.id)
    )
    for vehicle_id, cents in rows:
        if cents:
            found.setdefault(vehicle_id, []).append(cents)
    return found


def _last_leads(ids: Sequence[int]) -> dict[int, datetime]:
    latest = (
        sa.select(Lead.vehicle_id, sa.func.max(Lead.created_at))
        .where(Lead.vehicle_id.in_(ids), Lead.is_test.is_(False))
        .group_by(Lead.vehicle_id)
    )
    return {vehicle_id: at for vehicle_id, at in db.session.execute(latest) if vehicle_id}


# --- CSV ---------------------------------------------------------------------------------------


def _csv_lines(statement: sa.Select[Any]) -> Iterator[str]:
    yield "\ufeff" + _line(
        [
            str(word)
            for word in (
                _("Car"), _("Code"), _("Store"), _("Standing"), _("Days"), _("Price (R$)"),
                _("Price changes"), _("Total drop (R$)"), _("Visits in 30 days"), _("Leads"),
                _("Contact taps"), _("Against FIPE (%)"), _("Advice"),
            )
        ]
    )  # fmt: skip
    last_id = 0
    while True:
        page = statement.where(Vehicle.id > last_id).order_by(Vehicle.id).limit(ROWS_AT_A_TIME)
        vehicles = db.session.scalars(page.options(*LOADED)).all()
        for one in age_rows(vehicles):
            yield _line(_cells(one))
        if len(vehicles) < ROWS_AT_A_TIME:
            return
        last_id = vehicles[-1].id
        db.session.expunge_all()


def _cells(one: AgeRow) -> list[str]:
    vehicle = one.row.vehicle
    price = price_now_cents(vehicle)
    return [
        car_name(vehicle),
        vehicle.public_id,
        vehicle.store.name,
        str(vocabulary.label("state", vehicle.state)),
        str(days_here(vehicle)),
        _reais(price),
        str(one.price_changes),
        _reais(one.drop_cents),
        str(one.visits),
        str(one.row.leads),
        str(one.row.clicks),
        "" if one.fipe_percent is None else str(one.fipe_percent),
        one.advice,
    ]


def _reais(cents: int | None) -> str:
    return "" if cents is None else f"{cents // 100},{cents % 100:02d}"


def _line(cells: Sequence[str]) -> str:
    """For a Brazilian spreadsheet; text that would be a formula is quoted, a number is not."""
    out = io.StringIO()
    safe = [
        f"'{cell}" if FORMULA.match(cell) and not cell[1:].isdigit() else cell for cell in cells
    ]
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(safe)
    return out.getvalue()


def views() -> list[StaffView]:
    """The screens of this module, reached from the stock list."""
    return [
        StockAge(
            name=_l("Age of the stock"),
            category=groups.STOCK,
            url="/admin/estoque/idade",
            endpoint="staff_stock_age",
        )
    ]
