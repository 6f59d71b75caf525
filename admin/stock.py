"""`/admin/estoque/`: the stock as a list: find, price, mark, in one or in many."""

from typing import Any, Final
from urllib.parse import parse_qsl

import sqlalchemy as sa
from flask import abort, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin import ageing, bulk, groups
from admin.door import StaffView, answer, at, changing, done, found, local_path, may, staff
from admin.lists import Listing
from admin.stock_rows import INLINE_FIELDS, LOADED, car_name, rows_of, typed_km, typed_price
from admin.stock_scope import own_stores, own_vehicle, selected
from core.db import db
from core.errors import DomainError
from core.money import NotMoney, format_brl, parse_brl
from core.text import NotKilometres, format_km, parse_km
from dealership.roles import Permission
from inventory import lifecycle, vocabulary
from inventory.age import BUCKETS
from inventory.conflicts import FIELD_NAMES, ChangedMeanwhile, mark_of
from inventory.editing import VehicleRefused, revise_vehicle
from inventory.gates import text_findings, unlawful_texts
from inventory.lifecycle import NotPublishable
from inventory.models import Vehicle
from inventory.pricing import is_big_change
from inventory.saved_filters import (
    FilterRefused,
    SavedFilter,
    drop_filter,
    filters_of,
    save_filter,
)
from inventory.stock_filter import (
    StockFilter,
    count_by_state,
    in_any_state,
    read_stock_filter,
    to_query,
)
from inventory.undoing import UndoRefused, last_step, undo_step
from leads.models import Lead

LIST: Final = "/admin/estoque/"
NAMES: Final = {"price_cents": "preco", "mileage_km": "km"}  # fields as the row's form calls them


class AskTwice(DomainError):
    """A price far from the old one: shown again before it is saved."""

    def __init__(self, old_cents: int, new_cents: int) -> None:
        self.old_cents, self.new_cents = old_cents, new_cents
        super().__init__(_("This price is far from the old one. Look again."))


class Stock(StaffView):
    """The list, and what can be done to one car without leaving it."""

    icon = "car"

    @at("/", Permission.SEE_STOCK)
    def index(self) -> str:
        """The cars that the address asks for."""
        wanted = read_stock_filter(request.args)
        selection = selected(wanted)
        listing = Listing(
            selection.statement(),
            _sorts(),
            default="-chegada",
            tie=Vehicle.id.desc(),
            loads=LOADED,
        )
        counts = _counts(wanted)
        # Counted once: the states' numbers are the list's too.
        listing.total = sum(counts.get(state, 0) for state in wanted.states or ("",))
        return str(
            self.render(
                "admin/stock.html",
                wanted=wanted,
                chips=selection.chips,
                listing=listing,
                rows=rows_of(listing.rows) if listing.total else [],
                counts=counts,
                state_path=lambda *states: _path(wanted, states),
                stores=own_stores(),
                buckets=BUCKETS,
                saved=filters_of(staff()),
                query=to_query(wanted),
                query_pairs=parse_qsl,
                public_state=lambda state: vocabulary.public_value("state", state),
                public_condition=lambda code: vocabulary.public_value("condition", code),
                here=request.full_path.rstrip("?"),
            )
        )

    # --- filters under a name ---

    @at("/filtros", Permission.SEE_STOCK, methods=("POST",))
    def keep_filter(self) -> Response:
        """Save what the list shows now under a name."""
        query = to_query(read_stock_filter(request.form))
        back = f"{LIST}?{query}" if query else LIST
        try:
            with changing("stock.filter", label=request.form.get("nome", "")):
                save_filter(
                    staff(),
                    request.form.get("nome", ""),
                    query,
                    is_shared=request.form.get("de-todos") == "1",
                )
        except FilterRefused as error:
            return answer(error, back)
        done(_("Filter saved."))
        return redirect(back, code=303)

    @at("/filtros/<int:filter_id>/apagar", Permission.SEE_STOCK, methods=("POST",))
    def forget_filter(self, filter_id: int) -> Response:
        """Only one's own: what others share is theirs to take away."""
        kept = found(db.session.get(SavedFilter, filter_id))
        if kept.staff_id != staff().id:
            abort(404)
        with changing("stock.filter", label=kept.name):
            drop_filter(kept)
        done(_("Filter removed."))
        return redirect(LIST, code=303)

    # --- price and mileage in the row ---

    @at("/<int:vehicle_id>/valores", Permission.EDIT_STOCK, methods=("POST",))
    def save_values(self, vehicle_id: int) -> Any:
        """Price and mileage of one car."""
        vehicle = own_vehicle(vehicle_id)
        if "preco" in request.form and not may(Permission.PRICE_STOCK, vehicle.store_id):
            abort(404)
        try:
            changes = _typed_values()
            _refuse_unlawful(vehicle, changes)
            old = {name: getattr(vehicle, name) for name in INLINE_FIELDS}
            self._revise(vehicle, changes, old)
        except VehicleRefused as error:
            return self._ask(vehicle, error, 422, problems=error.problems)
        except (ChangedMeanwhile, AskTwice) as error:
            return self._ask(vehicle, error, 409)
        return _saved(vehicle, old)

    def _revise(self, vehicle: Vehicle, changes: dict[str, Any], old: dict[str, Any]) -> None:
        with changing(
            "stock.values",
            f"vehicle:{vehicle.id}",
            label=car_name(vehicle),
            store_id=vehicle.store_id,
        ) as change:
            revise_vehicle(
                vehicle,
                changes,
                by=staff().email,
                seen=request.form.get("visto", ""),
                overwrite=request.form.get("sobrepor") == "1",
            )
            change.before, change.after = old, {n: getattr(vehicle, n) for n in INLINE_FIELDS}
            before, after = old["price_cents"], vehicle.price_cents
            if is_big_change(before, after) and request.form.get("confirmado") != "1":
                raise AskTwice(before or 0, after or 0)

    def _ask(
        self, vehicle: Vehicle, error: DomainError, status: int, problems: Any = None
    ) -> tuple[str, int]:
        """The same small form again, with what stands in the way."""
        page = self.render(
            "admin/stock_ask.html",
            vehicle=vehicle,
            title=car_name(vehicle),
            error=error,
            clashes=getattr(error, "clashes", ()),
            twice=error if isinstance(error, AskTwice) else None,
            problems=problems or {},
            typed={name: request.form.get(name) for name in NAMES.values()},
            mark=request.form.get("visto", ""),
            overwrite=request.form.get("sobrepor") == "1",
            back=_back(),
            shown_value=_shown_value,
            field_names=FIELD_NAMES,
        )
        return str(page), status

    @at("/<int:vehicle_id>/valores/desfazer", Permission.EDIT_STOCK, methods=("POST",))
    def undo_values(self, vehicle_id: int) -> Response:
        """Put price and mileage back, unless somebody changed them again."""
        vehicle = own_vehicle(vehicle_id)
        values = {
            field: _number(request.args[name])
            for field, name in NAMES.items()
            if name in request.args
        }
        if "price_cents" in values and not may(Permission.PRICE_STOCK, vehicle.store_id):
            abort(404)
        old = {name: getattr(vehicle, name) for name in INLINE_FIELDS}
        try:
            with changing(
                "stock.undo",
                f"vehicle:{vehicle.id}",
                label=car_name(vehicle),
                store_id=vehicle.store_id,
            ) as change:
                seen = request.args.get("visto", "")
                revise_vehicle(vehicle, values, by=staff().email, seen=seen)
                change.before, change.after = old, {n: getattr(vehicle, n) for n in INLINE_FIELDS}
        except (ChangedMeanwhile, VehicleRefused) as error:
            return answer(error, _back())
        done(_("Undone: %(car)s is as it was.", car=car_name(vehicle)))
        return redirect(_back(), code=303)

    # --- states ---

    @at("/<int:vehicle_id>/situacao", Permission.PUBLISH_STOCK, methods=("POST",))
    def move(self, vehicle_id: int) -> Response:
        """Publish, reserve, sell, take off the site."""
        to_state = request.form.get("para", "")
        if to_state not in {"draft", "published", "reserved", "sold"}:
            abort(404)
        return self._step(vehicle_id, to_state)

    @at("/<int:vehicle_id>/arquivar", Permission.EDIT_STOCK, methods=("POST",))
    def archive(self, vehicle_id: int) -> Response:
        """Nothing is deleted: it leaves the lists and can come back."""
        return self._step(vehicle_id, "archived")

    @at("/<int:vehicle_id>/restaurar", Permission.EDIT_STOCK, methods=("POST",))
    def restore(self, vehicle_id: int) -> Response:
        """From the archive to the drafts."""
        vehicle = own_vehicle(vehicle_id)
        if vehicle.state not in {"archived", "draft"}:
            return answer(UndoRefused(_("This car is not archived.")), _back())
        return self._step(vehicle_id, "draft")

    def _step(self, vehicle_id: int, to_state: str) -> Response:
        vehicle = own_vehicle(vehicle_id)
        try:
            with _state_change(vehicle) as change:
                before = vehicle.state
                is_moved = lifecycle.move(vehicle, to_state, staff().email)
                change.before, change.after = {"state": before}, {"state": vehicle.state}
        except NotPublishable as error:
            return answer(DomainError(_not_publishable(vehicle, error)), _back())
        except lifecycle.TransitionRefused:
            words = _("This step is not possible from where the car stands now. Look at it again.")
            return answer(DomainError(words), _back())
        if vehicle.state != to_state:
            words = _(
                "It stays reserved: somebody in the line has their turn. End it under Reservations."
            )
            return answer(DomainError(words), _back())
        step = last_step(vehicle) if is_moved else None
        undo = (
            url_for(".undo_move", vehicle_id=vehicle.id, step_id=step.id, volta=_back())
            if step
            else ""
        )
        done(_step_words(vehicle), undo=undo)
        return redirect(_back(), code=303)

    @at("/<int:vehicle_id>/situacao/desfazer/<int:step_id>", Permission.EDIT_STOCK,
        methods=("POST",))  # fmt: skip
    def undo_move(self, vehicle_id: int, step_id: int) -> Response:
        """Take one's own last step back."""
        vehicle = own_vehicle(vehicle_id)
        try:
            with _state_change(vehicle, "stock.undo") as change:
                before = vehicle.state
                undo_step(vehicle, step_id, by=staff().email)
                change.before, change.after = {"state": before}, {"state": vehicle.state}
        except NotPublishable as error:
            return answer(DomainError(_not_publishable(vehicle, error)), _back())
        except (UndoRefused, VehicleRefused) as error:
            return answer(error, _back())
        done(_("Undone: %(car)s is as it was.", car=car_name(vehicle)))
        return redirect(_back(), code=303)


def _sorts() -> dict[str, Any]:
    sorts = {
        "chegada": Vehicle.created_at,
        "preco": Vehicle.price_cents,
        "km": Vehicle.mileage_km,
    }
    if request.args.get("ordem", "").removeprefix("-") == "leads":
        asked = sa.select(sa.func.count()).where(
            Lead.vehicle_id == Vehicle.id, Lead.is_test.is_(False)
        )
        return {**sorts, "leads": asked.correlate(Vehicle).scalar_subquery()}
    return {**sorts, "leads": Vehicle.id}


def _counts(wanted: StockFilter) -> dict[str, int]:
    counts = count_by_state(selected(in_any_state(wanted)))
    return {**counts, "": sum(n for state, n in counts.items() if state != "archived")}


def _path(wanted: StockFilter, states: tuple[str, ...]) -> str:
    query = to_query(StockFilter(**{**wanted.__dict__, "states": states}))
    return f"{LIST}?{query}" if query else LIST


def _typed_values() -> dict[str, Any]:
    """What was typed, by field. Raises VehicleRefused with a sentence per field."""
    readers: dict[str, Any] = {"price_cents": parse_brl, "mileage_km": parse_km}
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field, name in NAMES.items():
        text = request.form.get(name)
        if text is None:
            continue
        try:
            values[field] = readers[field](text) if text.strip() else None
        except (NotMoney, NotKilometres) as error:
            problems[field] = str(error)
    if problems:
        raise VehicleRefused(problems)
    return values


def _refuse_unlawful(vehicle: Vehicle, changes: dict[str, Any]) -> None:
    """As in the car's own form: no price that its texts contradict. Raises VehicleRefused."""
    problems = unlawful_texts(vehicle, changes) if "price_cents" in changes else {}
    if problems:
        raise VehicleRefused(problems)


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        abort(404)
    return int(text)


def _saved(vehicle: Vehicle, old: dict[str, Any]) -> Response:
    """Back to the list; for the list's script the new values alone."""
    changed = [field for field in INLINE_FIELDS if getattr(vehicle, field) != old[field]]
    mark = mark_of(vehicle, INLINE_FIELDS)
    kept: dict[str, Any] = {
        NAMES[field]: "" if old[field] is None else old[field] for field in changed
    }
    undo = (
        url_for(".undo_values", vehicle_id=vehicle.id, visto=mark, volta=_back(), **kept)
        if changed
        else ""
    )
    words = _saved_words(vehicle, changed)
    found = text_findings(vehicle) if "price_cents" in changed else []
    warning = " ".join(one.finding.sentence for one in found)
    mend = f"/admin/veiculo/{vehicle.id}/#f-{found[0].field}" if found else ""
    if request.accept_mimetypes.best == "application/json":
        return jsonify(
            words=words,
            undo=undo,
            warning=warning,
            mend=mend,
            mark=mark,
            preco=typed_price(vehicle.price_cents),
            km=typed_km(vehicle.mileage_km),
        )
    done(words, undo=undo, warning=warning, mend=mend)
    return redirect(_back(), code=303)


def _saved_words(vehicle: Vehicle, changed: list[str]) -> str:
    if not changed:
        return str(_("%(car)s: nothing changed.", car=car_name(vehicle)))
    values = ", ".join(_shown_value(field, getattr(vehicle, field)) for field in changed)
    return str(_("Saved: %(car)s, %(values)s.", car=car_name(vehicle), values=values))


def _shown_value(field: str, value: Any) -> str:
    if value is None:
        return str(_("not informed"))
    return format_brl(value) if field == "price_cents" else format_km(value)


def _state_change(vehicle: Vehicle, action: str = "stock.state") -> Any:
    return changing(
        action, f"vehicle:{vehicle.id}", label=car_name(vehicle), store_id=vehicle.store_id
    )


def _step_words(vehicle: Vehicle) -> str:
    car = car_name(vehicle)
    words = {
        "draft": _("%(car)s is a draft now, off the site.", car=car),
        "published": _("%(car)s is on the site.", car=car),
        "reserved": _("%(car)s is reserved.", car=car),
        "sold": _("%(car)s is sold. Congratulations!", car=car),
        "archived": _("%(car)s is archived. You find it under “Archived”.", car=car),
    }
    return str(words[vehicle.state])


def _not_publishable(vehicle: Vehicle, error: NotPublishable) -> str:
    car = car_name(vehicle)
    return str(_("%(car)s cannot go on the site yet. %(reasons)s", car=car, reasons=error))


def _back() -> str:
    return local_path(request.values.get("volta"), LIST)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    stock = Stock(
        name=_l("Stock"), category=groups.STOCK, url="/admin/estoque", endpoint="staff_stock"
    )
    return [stock, *bulk.views(), *ageing.views()]
