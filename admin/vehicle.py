"""`/admin/veiculo/`: one car, from its plate to the site."""

import uuid
from typing import Final

from flask import redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, may, staff
from admin.portal_ad_words import SWITCH_WORDS
from admin.stock_scope import own_vehicle
from admin.vehicle_form import VehicleForm, feature_groups
from admin.vehicle_page import (
    Standing,
    Unchanged,
    credit_example,
    drafted_offer,
    form_for,
    history_of,
    mark_for,
    shown,
    standing,
    stores_for,
    title_of,
)
from admin.vehicle_portals import portals_of
from admin.vehicle_saving import Saving, provenance_mark
from admin.vehicle_start import (
    Start,
    first_facts,
    made_before,
    plate_problem,
    read_start,
    register,
    source_id_of,
)
from core.errors import DomainError
from core.headers import allow_being_framed, allow_framing
from dealership.roles import Permission
from inventory import lifecycle
from inventory.catalogue import NamelessVehicle
from inventory.editing import VehicleRefused
from inventory.lifecycle import NotPublishable
from inventory.models import Vehicle
from inventory.photos import rendition_path
from inventory.provenance import ITEMS
from inventory.reference import known_makes, known_models
from inventory.visits import visits_of
from showroom.offer_page import preview_page

HOME: Final = "/admin/veiculo/"
PUBLISH: Final = "publicar"
PHOTOS: Final = "fotos"
SHOWN_PHOTOS: Final = 6


class VehicleDesk(StaffView):
    """Start a car, edit it, put it on the site."""

    menu_path = "/admin/veiculo/novo/"  # an open car is not a new one
    icon = "plus"

    @at("/", Permission.EDIT_STOCK)
    def index(self) -> Response:
        """There is no list here: that is /admin/estoque/."""
        return redirect(url_for(".new"))

    # --- a new one ---

    @at("/novo/", Permission.EDIT_STOCK)
    def new(self) -> str:
        """Where a car begins."""
        return self._start_page(Start())

    @at("/novo/buscar", Permission.EDIT_STOCK, methods=("POST",))
    def search(self) -> str | tuple[str, int]:
        """What is known of the car. By POST: a plate does not belong into addresses."""
        start = read_start(request.form)
        if start.problems:
            return self._start_page(start), 422
        if not start.wants_form or start.in_stock_id:
            return self._start_page(start)
        form = VehicleForm(None, stores=stores_for(), may=may, facts=first_facts(start))
        return self._new_form(form, start, str(uuid.uuid4()))

    @at("/novo/", Permission.EDIT_STOCK, methods=("POST",))
    def create(self) -> Response | tuple[str, int]:
        """A draft; its photos come next. Sent twice, it is one car."""
        form = VehicleForm(request.form, stores=stores_for(), may=may)
        key = source_id_of(request.form.get("pedido", ""))
        before = made_before(key)
        if before is not None:
            return redirect(_photos_path(before.id), code=303)
        is_valid = form.validate()
        taken = plate_problem(form.facts().get("license_plate")) if is_valid else ""
        if taken:
            form.blame({"license_plate": taken})
        if not is_valid or taken:
            return self._new_form(form, Start(wants_form=True), key), 422
        try:
            with changing("stock.create") as change:
                vehicle = register(form, key, staff().email)
                change.subject, change.label = f"vehicle:{vehicle.id}", title_of(vehicle)
                change.after = {"state": vehicle.state, "price_cents": vehicle.price_cents}
        except VehicleRefused as refusal:
            form.blame(refusal.problems)
        except NamelessVehicle as refusal:
            form.blame({"model_name": str(refusal)})
        except IntegrityError:  # the same form at the same moment
            return redirect(url_for(".new"), code=303)
        else:
            done(_("The draft is there. Now its photos."))
            return redirect(_photos_path(vehicle.id), code=303)
        return self._new_form(form, Start(wants_form=True), key), 422

    def _start_page(self, start: Start) -> str:
        return str(
            self.render(
                "admin/vehicle_new.html",
                start=start,
                makes=known_makes(),
                models=known_models(start.make),
            )
        )

    def _new_form(self, form: VehicleForm, start: Start, key: str) -> str:
        return str(
            self.render(
                "admin/vehicle_new_form.html",
                form=form,
                start=start,
                key=key,
                makes=known_makes(),
                models=known_models(str(form.make.data or "")),
            )
        )

    # --- an old one ---

    @at("/<int:vehicle_id>/", Permission.EDIT_STOCK)
    def edit(self, vehicle_id: int) -> str:
        """The whole car, in sections."""
        vehicle = own_vehicle(vehicle_id)
        where = standing(vehicle)
        form = form_for(vehicle, where.provenance)
        return self._page(vehicle, where, form, mark_for(vehicle, form))

    @at("/<int:vehicle_id>/", Permission.EDIT_STOCK, methods=("POST",))
    def save(self, vehicle_id: int) -> Response | tuple[str, int]:
        """Save, and with `depois=publicar` put it on the site."""
        vehicle = own_vehicle(vehicle_id)
        form = VehicleForm(request.form, stores=stores_for(vehicle), may=may)
        saving = Saving(vehicle, form, request.form)
        if not saving.check():
            return self._refused(vehicle, form, saving, 422)
        try:
            with changing(
                "stock.edit", f"vehicle:{vehicle.id}", label=title_of(vehicle),
                store_id=vehicle.store_id,
            ) as change:  # fmt: skip
                saving.write(change)
        except Unchanged:
            pass
        except DomainError as error:
            status = saving.explain(error)
            return self._refused(vehicle, form, saving, status)
        return self._after_saving(vehicle, saving)

    def _after_saving(self, vehicle: Vehicle, saving: Saving) -> Response:
        wanted = request.form.get("depois", "")
        if wanted == PHOTOS:
            return redirect(_photos_path(vehicle.id), code=303)
        if wanted == PUBLISH and may(Permission.PUBLISH_STOCK, vehicle.store_id):
            return self._publish(vehicle)
        done(saving.words())
        return redirect(_path(vehicle.id), code=303)

    def _publish(self, vehicle: Vehicle) -> Response:
        try:
            with changing(
                "stock.publish", f"vehicle:{vehicle.id}", label=title_of(vehicle),
                store_id=vehicle.store_id,
            ) as change:  # fmt: skip
                before = vehicle.state
                if not lifecycle.move(vehicle, "published", staff().email):
                    raise Unchanged
                change.before, change.after = {"state": before}, {"state": vehicle.state}
        except Unchanged:
            done(_("Saved. The car is on the site already."))
        except NotPublishable:
            words = _("Saved, but it cannot go on the site yet. See below what is missing.")
            return answer(DomainError(words), f"{_path(vehicle.id)}#prontidao")
        except lifecycle.TransitionRefused as error:
            return answer(error, _path(vehicle.id))
        else:
            done(_("Saved, and the car is on the site."))
        return redirect(_path(vehicle.id), code=303)

    def _refused(
        self, vehicle: Vehicle, form: VehicleForm, saving: Saving, status: int
    ) -> tuple[str, int]:
        page = self._page(vehicle, standing(vehicle), form, saving.mark, saving)
        return page, status

    def _page(
        self,
        vehicle: Vehicle,
        where: Standing,
        form: VehicleForm,
        mark: str,
        saving: Saving | None = None,
    ) -> str:
        allow_framing()
        return str(
            self.render(
                "admin/vehicle.html",
                vehicle=vehicle,
                car=title_of(vehicle),
                where=where,
                form=form,
                mark=mark,
                provenance_mark=_provenance_mark(where, saving),
                saving=saving,
                groups=feature_groups(list(form.features.data or [])),
                items=ITEMS,
                events=history_of(vehicle),
                portals=portals_of(vehicle),
                switch_words=SWITCH_WORDS,
                visits=visits_of([vehicle.id]).get(vehicle.id, 0),
                shown=shown,
                credit_example=credit_example(vehicle),
                thumbs=[
                    rendition_path(one.renditions["stem"], min(one.renditions["widths"]), "jpg")
                    for one in vehicle.photos
                    if one.renditions
                ][:SHOWN_PHOTOS],
                makes=known_makes(),
                models=known_models(str(form.make.data or "")),
            )
        )

    # --- preview ---

    @at("/<int:vehicle_id>/previa", Permission.EDIT_STOCK)
    def preview(self, vehicle_id: int) -> str:
        """The page as it would be now."""
        return self._preview(own_vehicle(vehicle_id), None)

    @at("/<int:vehicle_id>/previa", Permission.EDIT_STOCK, methods=("POST",))
    def preview_typed(self, vehicle_id: int) -> str:
        """The page with what is typed and not saved."""
        vehicle = own_vehicle(vehicle_id)
        form = VehicleForm(request.form, stores=stores_for(vehicle), may=may)
        form.validate()
        return self._preview(vehicle, form)

    def _preview(self, vehicle: Vehicle, form: VehicleForm | None) -> str:
        allow_being_framed()
        return preview_page(drafted_offer(vehicle, form))


def _provenance_mark(where: Standing, saving: Saving | None) -> str:
    if saving is not None:
        return saving.provenance_seen
    return provenance_mark(where.provenance)


def _path(vehicle_id: int) -> str:
    return f"{HOME}{vehicle_id}/"


def _photos_path(vehicle_id: int) -> str:
    return f"/admin/fotos/{vehicle_id}/"


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        VehicleDesk(
            name=_l("New car"),
            category=groups.STOCK,
            url="/admin/veiculo",
            endpoint="staff_vehicle",
        )
    ]
