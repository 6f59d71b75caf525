"""`/admin/importar/`: a stock file from the browser, tried before it counts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app, jsonify, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.lists import Listing
from admin.media import file_name
from admin.stock_rows import car_name
from core.db import db, writing
from core.errors import DomainError
from core.storage import StorageFailed
from dealership.roles import Permission
from inventory.bulk_history import BulkItem, outcome
from inventory.bulk_rules import BulkRefused
from inventory.importing import ImportRefused, history, undoing
from inventory.importing.bad_rows import kept_bad_rows
from inventory.importing.history import StockImport
from inventory.importing.mapping import COLUMNS
from inventory.importing.preview import Preview
from inventory.models import CarModel, Vehicle

HERE: Final = "/admin/importar/"
IMPORT: Final = Permission.IMPORT_STOCK
FACT_NAMES: Final[Mapping[str, Any]] = {
    "source_id": _l("Id of the car"), "store": _l("Store"), "condition": _l("New or used"),
    "make": _l("Make"), "model_name": _l("Model"), "trim": _l("Version"),
    "built_year": _l("Year of manufacture"), "model_year": _l("Model year"),
    "price_cents": _l("Price"), "promo_price_cents": _l("Promotional price"),
    "promo_until": _l("Promotion until"), "mileage_km": _l("Mileage"), "fuel": _l("Fuel"),
    "transmission": _l("Gearbox"), "body": _l("Body type"), "color": _l("Colour"),
    "doors": _l("Doors"), "engine": _l("Engine"), "license_plate": _l("License plate"),
    "renavam": _l("RENAVAM"), "vin": _l("Chassis"), "fipe_code": _l("FIPE code"),
    "features": _l("Options"), "description": _l("Description"),
    "photo_addresses": _l("Addresses of photos"), "video_url": _l("Address of the video"),
    "state": _l("Situation"), "source": _l("Source of the row"),
}  # fmt: skip
STATE_WORDS: Final[Mapping[str, Any]] = {
    "new": _l("To be mapped"), "trying": _l("Being tried"), "tried": _l("Tried, not imported"),
    "running": _l("Being imported"), "done": _l("Imported"), "failed": _l("Refused"),
    "undone": _l("Undone"),
}  # fmt: skip


class ImportsView(StaffView):
    """Send a file, say what its columns hold, see what would happen, then let it happen."""

    icon = "import"

    @at("/", IMPORT)
    def index(self) -> str:
        """The form and what was imported before."""
        return self._list()

    @at("/enviar", IMPORT, methods=("POST",))
    def upload(self) -> Response | tuple[str, int]:
        """Keep the file; nothing of the stock changes."""
        file = request.files.get("arquivo")
        if file is None or not file.filename:
            return self._list(_("Choose a file: CSV, XLSX, XML or JSON.")), 422
        try:
            data = file.read()
            key = history.keep_file(data)
            with changing("stock.import_sent", label=file_name(file)) as change:
                one = history.record_import(
                    file_name(file), key, len(data), by=staff().email, store_ids=staff().store_ids
                )
                change.subject = f"import:{one.id}"
            history.preview_of(one)
        except ImportRefused as refusal:
            return self._list(str(refusal)), 422
        except StorageFailed as failure:
            return self._list(str(failure)), 503
        return redirect(f"{HERE}{one.id}/", code=303)

    @at("/<int:import_id>/", IMPORT)
    def show(self, import_id: int) -> str:
        """Where one import stands: its columns, its trial, its progress, its result."""
        one = _import(import_id)
        if one.state == "new" or (request.args.get("colunas") and not one.is_busy):
            return self._columns(one)
        return self._report(one)

    @at("/<int:import_id>/andamento", IMPORT)
    def progress(self, import_id: int) -> Response:
        """How far it is, as JSON for the script."""
        one = _import(import_id)
        is_busy = one.is_busy and one.halt is None
        return jsonify(busy=is_busy, done=one.rows_done, total=one.rows_total)

    @at("/<int:import_id>/testar", IMPORT, methods=("POST",))
    def try_out(self, import_id: int) -> Response | tuple[str, int]:
        """The first click: a dry run with these columns."""
        one = _import(import_id)
        try:
            preview = history.preview_of(one)
            with changing("stock.import_trial", f"import:{import_id}", label=one.file_name):
                history.choose_columns(
                    one,
                    preview,
                    typed_columns(preview),
                    source=request.form.get("origem", ""),
                    is_partial=request.form.get("parte") == "1",
                    by=staff().email,
                )
        except ImportRefused as refusal:
            return self._columns(_import(import_id), problem=str(refusal)), 422
        except DomainError as error:
            return answer(error, f"{HERE}{import_id}/")
        if one.size_bytes <= history.QUICK_BYTES:
            _run_now(import_id)
        return redirect(f"{HERE}{import_id}/", code=303)

    @at("/<int:import_id>/aplicar", IMPORT, methods=("POST",))
    def apply(self, import_id: int) -> Response | tuple[str, int]:
        """The second click: now the stock changes."""
        one = _import(import_id)
        try:
            with changing("stock.import", f"import:{import_id}", label=one.file_name) as change:
                history.start(one, accepts_withdrawals=request.form.get("retirar") == "1")
                change.after = {"file": one.file_name, "source": one.source}
        except history.NotNow:
            return redirect(f"{HERE}{import_id}/", code=303)  # the second of two clicks
        except ImportRefused as refusal:
            return self._report(_import(import_id), problem=str(refusal)), 422
        done(_("The import has begun."))
        return redirect(f"{HERE}{import_id}/", code=303)

    @at("/<int:import_id>/retomar", IMPORT, methods=("POST",))
    def try_again(self, import_id: int) -> Response:
        """Go on with one whose work stopped half way; what is in already changes nothing."""
        one = _import(import_id)
        try:
            with changing("stock.import_again", f"import:{import_id}", label=one.file_name):
                history.try_again(one)
        except history.NotNow:
            return redirect(f"{HERE}{import_id}/", code=303)
        done(_("It goes on. You may leave this page."))
        return redirect(f"{HERE}{import_id}/", code=303)

    @at("/<int:import_id>/desfazer", IMPORT, methods=("POST",))
    def undo(self, import_id: int) -> Response:
        """Put back what it changed and nobody changed since."""
        one = _import(import_id)
        try:
            with changing(
                "stock.import_undo", f"import:{import_id}", label=one.file_name
            ) as change:
                undoing.undo(one, by=staff().email, store_ids=staff().store_ids)
                change.after = {"cars": one.bulk.total} if one.bulk else None
        except history.NotNow:
            return redirect(f"{HERE}{import_id}/", code=303)
        except BulkRefused as refusal:
            return answer(refusal, f"{HERE}{import_id}/")
        return redirect(f"{HERE}{import_id}/", code=303)

    @at("/<int:import_id>/recusadas.csv", IMPORT)
    def bad_rows(self, import_id: int) -> Response:
        """The rejected rows with their reasons, to mend and send again."""
        data = found(kept_bad_rows(_import(import_id).bad_rows_key))
        headers = {"Content-Disposition": f'attachment; filename="recusadas-{import_id}.csv"'}
        return Response(data, content_type="text/csv; charset=utf-8", headers=headers)

    def _list(self, problem: str = "") -> str:
        imports = sa.select(StockImport)
        if staff().store_ids is not None:
            imports = imports.where(StockImport.created_by == staff().email)
        listing = Listing(
            imports, {"quando": StockImport.id}, default="-quando", tie=StockImport.id
        )
        return str(
            self.render("admin/imports.html", listing=listing, problem=problem, states=STATE_WORDS)
        )

    def _columns(self, one: StockImport, problem: str = "") -> str:
        try:
            preview = history.preview_of(one)
        except ImportRefused as refusal:
            return self._report(one, problem=str(refusal))
        layout = history.layout_of(preview)
        chosen = one.columns or (layout.columns if layout else preview.guess)
        typed = {
            "columns": typed_columns(preview) if problem else chosen,
            "source": request.form.get("origem")
            or one.source
            or (layout.source if layout else one.file_name),
            "is_partial": request.form.get("parte") == "1"
            if problem
            else (one.is_partial or bool(layout and layout.is_partial)),
        }
        return str(
            self.render(
                "admin/imports_columns.html", one=one, preview=preview, typed=typed, layout=layout,
                facts=FACT_NAMES, problem=problem, published=COLUMNS,
            )
        )  # fmt: skip

    def _report(self, one: StockImport, problem: str = "") -> str:
        return str(
            self.render(
                "admin/imports_report.html", one=one, report=one.report, problem=problem,
                states=STATE_WORDS, halt=one.halt, can_undo=undoing.can_be_undone(one),
                counts=outcome(one.bulk) if one.state == "undone" and one.bulk else {},
                kept=_kept(one), car_name=car_name,
            )
        )  # fmt: skip


def _import(import_id: int) -> StockImport:
    """One's own import; who works for all stores sees everybody's."""
    one: StockImport = found(db.session.get(StockImport, import_id))
    if staff().store_ids is not None and one.created_by != staff().email:
        found(None)
    return one


def _kept(one: StockImport) -> Sequence[BulkItem]:
    """The first cars that undoing left as they are, each with the reason."""
    if one.state != "undone":
        return ()
    vehicle = joinedload(BulkItem.vehicle, innerjoin=True)
    return db.session.scalars(
        sa.select(BulkItem)
        .where(BulkItem.bulk_id == one.bulk_id, BulkItem.state == "kept")
        .options(
            vehicle.joinedload(Vehicle.car_model, innerjoin=True).joinedload(CarModel.make),
            vehicle.joinedload(Vehicle.trim),
        )
        .order_by(BulkItem.vehicle_id)
        .limit(history.MOST_LISTED)
    ).all()


def typed_columns(preview: Preview) -> dict[str, str]:
    """What was chosen for each column of a file, in the form of its preview."""
    return {
        column.path: request.form.get(f"coluna-{number}", "")
        for number, column in enumerate(preview.columns)
    }


def _run_now(import_id: int) -> None:
    """What the worker would do. In a context of its own: an import empties its session, and this
    request's still holds who is signed in."""
    db.session.rollback()
    with current_app.app_context():
        record = history.try_import({"import_id": import_id})
        if record is not None:
            with writing():
                record()


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        ImportsView(
            name=_l("Import"),
            category=groups.STOCK,
            url="/admin/importar",
            endpoint="staff_imports",
        )
    ]
