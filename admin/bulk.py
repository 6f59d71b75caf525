"""`/admin/estoque/lotes/`: one change of many cars: preview, apply, undo, history."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from admin import groups
from admin.bulk_words import bulk_words, values_words
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.lists import Listing
from admin.stock_rows import car_name
from admin.stock_scope import own_stores, selected
from core.db import db
from core.errors import DomainError
from core.money import NotMoney, parse_brl
from core.text import NotANumber, parse_decimal
from dealership.roles import Permission
from inventory.bulk import (
    STEP,
    draft_bulk_change,
    far_prices,
    halt_of,
    planned,
    start,
    start_undoing,
    try_again,
)
from inventory.bulk_history import IMPORT, BulkChange, BulkItem, outcome, within
from inventory.bulk_rules import BulkRefused, BulkRule, standing
from inventory.lifecycle import STATES
from inventory.models import CarModel, Vehicle
from inventory.pricing import PriceRule, PriceRuleRefused
from inventory.stock_filter import Selection, StockFilter, read_stock_filter, to_query

LOTS: Final = "/admin/estoque/lotes/"
SHOWN: Final = 100  # cars of a preview; the rest is counted
MOST_CHOSEN: Final = 200  # boxes ticked by hand
KIND_OF: Final = {
    "preco": "price",
    "promocao": "promotion",
    "destaque": "highlight",
    "loja": "store",
    "situacao": "state",
}


class BulkChanges(StaffView):
    """Changes of many cars."""

    icon = "history"
    in_menu = False

    @at("/", Permission.BULK_STOCK)
    def index(self) -> str:
        """What was changed in bulk, newest first."""
        statement = _own_bulks().where(BulkChange.state != "draft")
        listing = Listing(statement, {"quando": BulkChange.at}, default="-quando",
                          tie=BulkChange.id.desc())  # fmt: skip
        names = _store_names()
        rows = [(bulk, bulk_words(bulk, names)) for bulk in listing.rows]
        return str(self.render("admin/stock_bulks.html", listing=listing, rows=rows))

    @at("/novo", Permission.BULK_STOCK)
    def choose(self) -> Any:
        """What to change of the chosen cars."""
        ids = _chosen(request.args.getlist("ids"))
        if request.args.get("tudo") == "1":
            return self._form(to_query(read_stock_filter(request.args)), [])
        if not ids:
            return answer(BulkRefused(_("No car is chosen.")), "/admin/estoque/")
        return self._form("", ids)

    @at("/novo", Permission.BULK_STOCK, methods=("POST",))
    def draft(self) -> Any:
        """Keep the choice and the rule, and show what would happen."""
        query, ids = (
            request.form.get("filtro", ""),
            _chosen(request.form.get("carros", "").split(",")),
        )
        try:
            rule = _read_rule(request.form)
            with changing("stock.bulk.preview") as change:
                bulk = draft_bulk_change(rule, _selection(query, ids), by=staff().email)
                change.subject = f"bulk:{bulk.id}"
        except (BulkRefused, PriceRuleRefused, NotMoney, NotANumber) as error:
            return self._form(query, ids, error), 422
        return redirect(f"{LOTS}{bulk.id}/", code=303)

    def _form(self, query: str, ids: list[int], error: DomainError | None = None) -> str:
        values = request.form if request.method == "POST" else request.args
        selection = _selection(query, ids)
        count = sa.select(sa.func.count()).select_from(Vehicle).where(selection.condition)
        return str(
            self.render(
                "admin/stock_bulk_new.html",
                query=query,
                ids=",".join(map(str, ids)),
                count=db.session.scalar(count) or 0,
                typed=lambda name, otherwise="": values.get(name, otherwise),
                stores=own_stores(),
                error=error,
            )
        )

    @at("/<int:bulk_id>/", Permission.BULK_STOCK)
    def show(self, bulk_id: int) -> str:
        """A preview, or what became of it."""
        return self._page(_own_bulk(bulk_id))

    def _page(self, bulk: BulkChange, *, asks: bool = False) -> str:
        names = _store_names()
        counts = outcome(bulk)
        shared = {
            "bulk": bulk,
            "title": bulk_words(bulk, names),
            "counts": counts,
            "words_of": lambda values: values_words(values, names),
            "car_name": car_name,
            "step": STEP,
            "halt": halt_of(bulk),
        }
        if bulk.state == "draft":
            rows = _preview(bulk, names)
            far = far_prices(bulk)
            return str(
                self.render(
                    "admin/stock_bulk_preview.html", rows=rows, far=far, asks=asks, **shared
                )
            )
        listing = _item_listing(bulk)
        settled = bulk.total - counts.get("waiting", 0)
        if bulk.state in {"undoing", "undone"}:
            settled = bulk.total - counts.get("done", 0)
        return str(self.render("admin/stock_bulk.html", listing=listing, settled=settled, **shared))

    @at("/<int:bulk_id>/aplicar", Permission.BULK_STOCK, methods=("POST",))
    def apply(self, bulk_id: int) -> Any:
        """Begin; sent twice it is begun once. Prices far from the old are asked about twice."""
        bulk = _own_bulk(bulk_id)
        if bulk.actor != staff().email:
            abort(404)  # whoever looked at the preview answers for it
        is_far = BulkRule.from_json(bulk.rule).asks_twice or far_prices(bulk) > 0
        if bulk.state == "draft" and is_far and request.form.get("confirmado") != "1":
            return self._page(bulk, asks=True), 409
        with changing("stock.bulk", f"bulk:{bulk.id}", label=_label(bulk)) as change:
            start(bulk)
            change.after = {"cars": bulk.total}
        _say_applied(bulk)
        return redirect(f"{LOTS}{bulk.id}/", code=303)

    @at("/<int:bulk_id>/retomar", Permission.BULK_STOCK, methods=("POST",))
    def go_on(self, bulk_id: int) -> Response:
        """Take up a change whose work stopped half way, where it stopped."""
        bulk = _own_bulk(bulk_id)
        with changing("stock.bulk.again", f"bulk:{bulk.id}", label=_label(bulk)):
            try_again(bulk)
        return redirect(f"{LOTS}{bulk.id}/", code=303)

    @at("/<int:bulk_id>/desfazer", Permission.BULK_STOCK, methods=("POST",))
    def undo(self, bulk_id: int) -> Response:
        """Put back what nobody changed since."""
        bulk = _own_bulk(bulk_id)
        here = f"{LOTS}{bulk.id}/"
        try:
            with changing("stock.bulk.undo", f"bulk:{bulk.id}", label=_label(bulk)):
                start_undoing(bulk, by=staff().email)
        except BulkRefused as error:
            return answer(error, here)
        _say_undone(bulk)
        return redirect(here, code=303)


def _own_bulks() -> sa.Select[tuple[BulkChange]]:
    """Changes by a rule; what an import changed is shown and undone on the import's page."""
    return within(sa.select(BulkChange), staff().store_ids).where(BulkChange.kind != IMPORT)


def _own_bulk(bulk_id: int) -> BulkChange:
    statement = _own_bulks().where(BulkChange.id == bulk_id)
    bulk: BulkChange = found(db.session.scalars(statement).one_or_none())
    return bulk


def _label(bulk: BulkChange) -> str:
    return bulk_words(bulk, _store_names())


def _say_applied(bulk: BulkChange) -> None:
    if bulk.is_working:
        done(_("The cars are being changed. You may leave this page."))
        return
    count = outcome(bulk).get("done", 0)
    words = ngettext("%(num)s car changed.", "%(num)s cars changed.", count)
    done(words, undo=f"{LOTS}{bulk.id}/desfazer" if count else "")


def _say_undone(bulk: BulkChange) -> None:
    if bulk.is_working:
        done(_("Undoing…"))
    elif kept := outcome(bulk).get("kept", 0):
        done(
            ngettext(
                "Undone, but for %(num)s car: beside it stands why.",
                "Undone, but for %(num)s cars: beside each stands why.",
                kept,
            )
        )
    else:
        done(_("Undone: every car is as it was."))


def _selection(query: str, ids: list[int]) -> Selection:
    """The cars of a filter, or those ticked by hand: in either case only one's own stores'."""
    if ids:
        every = selected(StockFilter(states=STATES))
        return Selection(sa.and_(every.condition, Vehicle.id.in_(ids)))
    return selected(read_stock_filter(MultiDict(parse_qsl(query))))


def _chosen(texts: list[str]) -> list[int]:
    numbers = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 10]
    return numbers[:MOST_CHOSEN]


def _store_names() -> dict[int, str]:
    return {store.id: store.name for store in own_stores()}


def _preview(bulk: BulkChange, names: Mapping[int, str]) -> list[tuple[Vehicle, str, str, str]]:
    fields = BulkRule.from_json(bulk.rule).fields
    rows = []
    for vehicle, changes, problem in planned(bulk, SHOWN):
        before = standing(vehicle, fields)
        rows.append((vehicle, values_words(before, names), values_words(changes, names), problem))
    return rows


def _item_listing(bulk: BulkChange) -> Listing:
    statement = sa.select(BulkItem).where(BulkItem.bulk_id == bulk.id)
    only = request.args.get("so", "")
    if only in {"done", "refused", "same", "undone", "kept", "waiting", "skipped"}:
        statement = statement.where(BulkItem.state == only)
    vehicle = joinedload(BulkItem.vehicle, innerjoin=True)
    statement = statement.options(
        vehicle.joinedload(Vehicle.car_model, innerjoin=True).joinedload(CarModel.make),
        vehicle.joinedload(Vehicle.trim),
    )
    return Listing(statement, {"carro": BulkItem.vehicle_id}, default="carro",
                   tie=BulkItem.vehicle_id)  # fmt: skip


# --- reading the form --------------------------------------------------------------------------


def _read_rule(form: Mapping[str, str]) -> BulkRule:
    """What was typed. Raises BulkRefused and the like, in words."""
    kind = KIND_OF.get(form.get("tipo", ""), "")
    reader = _READERS.get(kind)
    if reader is None:
        raise BulkRefused(_("Choose what to change."))
    return reader(form)


def _read_price(form: Mapping[str, str]) -> BulkRule:
    sign = -1 if form.get("sentido") == "menos" else 1
    amount, percent = 0, Decimal(0)
    text = form.get("valor", "").strip()
    if text and form.get("unidade") == "reais":
        amount = sign * parse_brl(text)
    elif text:
        percent = sign * _percent(text)
    floor = form.get("minimo", "").strip()
    pricing = PriceRule(
        amount_cents=amount,
        percent=percent,
        rounding=form.get("arredondar", ""),
        floor_cents=parse_brl(floor) if floor else 0,
    )
    return BulkRule("price", pricing=pricing)


def _read_promotion(form: Mapping[str, str]) -> BulkRule:
    if form.get("promo") == "fim":
        return BulkRule("promotion", is_off=True)
    text = form.get("desconto", "").strip()
    if not text:
        raise BulkRefused(_("Say how many percent off the promotion gives."))
    pricing = PriceRule(percent=-_percent(text), rounding=form.get("promo-arredondar", ""))
    return BulkRule("promotion", pricing=pricing, until=_day(form.get("ate", "")))


def _read_store(form: Mapping[str, str]) -> BulkRule:
    chosen = next((s for s in own_stores() if s.slug == form.get("nova-loja")), None)
    return BulkRule("store", store_id=chosen.id if chosen else None)


_READERS: Final[Mapping[str, Callable[[Mapping[str, str]], BulkRule]]] = {
    "price": _read_price,
    "promotion": _read_promotion,
    "highlight": lambda form: BulkRule("highlight", is_off=form.get("realce") == "nao"),
    "store": _read_store,
    "state": lambda form: BulkRule("state", to_state=form.get("nova-situacao", "")),
}


def _percent(text: str) -> Decimal:
    return parse_decimal(text.removesuffix("%").strip())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def views() -> list[StaffView]:
    """The screens of this module, reached from the stock list."""
    return [
        BulkChanges(
            name=_l("Bulk changes"),
            category=groups.STOCK,
            url="/admin/estoque/lotes",
            endpoint="staff_bulk",
        )
    ]
