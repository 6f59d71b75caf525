"""`/admin/fotos/`: a car's photos, straight from the camera."""

from typing import Any, Final

import sqlalchemy as sa
from flask import jsonify, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import selectinload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, staff, within_stores
from admin.lists import Listing
from admin.media import file_name
from admin.stock_rows import LOADED
from core.db import db, writing
from core.errors import DomainError
from core.storage import StorageFailed
from core.text import clean_line, row_number
from dealership.roles import Permission
from inventory import gallery, photo_uploads
from inventory.gallery import SLOT_OF, SLOTS
from inventory.models import Photo, PhotoUpload, RemovedPhoto, Vehicle
from inventory.offers import OfferPhoto
from inventory.photo_uploads import PIECE_BYTES, NoSuchUpload, WrongOffset
from inventory.photos import LenderGone, PreparedPhoto, prepare_photo, record_photo, reorder
from inventory.renditions import BYTES_MAX, PhotoRefused

HERE: Final = "/admin/fotos/"
EDIT: Final = Permission.EDIT_STOCK
MOST_AT_ONCE: Final = 30  # in one plain form; with the script each photo travels alone
LIVE: Final = ("draft", "published", "reserved")
REFUSALS: Final = (PhotoRefused, StorageFailed, DomainError)


class PhotosView(StaffView):
    """Which cars lack photos, and the photos of one car."""

    icon = "camera"

    @at("/", EDIT)
    def index(self) -> str:
        """The cars on sale, those with the fewest photos first."""
        count = (
            sa.select(sa.func.count(Photo.id))
            .where(Photo.vehicle_id == Vehicle.id)
            .correlate(Vehicle)
            .scalar_subquery()
        )
        cars = sa.select(Vehicle).where(Vehicle.state.in_(LIVE))
        listing = Listing(
            within_stores(cars, Vehicle.store_id),
            {"fotos": count, "chegada": Vehicle.id},
            default="fotos",
            tie=Vehicle.id.desc(),
            loads=(*LOADED, selectinload(Vehicle.photos)),
        )
        return str(self.render("admin/photos.html", listing=listing, **_words()))

    @at("/<int:vehicle_id>/", EDIT)
    def show(self, vehicle_id: int) -> str:
        """The photos of one car."""
        return self._page(_vehicle(vehicle_id))

    @at("/<int:vehicle_id>/enviar", EDIT, methods=("POST",))
    def upload(self, vehicle_id: int) -> Response | tuple[str, int]:
        """The plain form: several files in one post, each standing or falling alone."""
        vehicle = _vehicle(vehicle_id)
        files = [file for file in request.files.getlist("fotos") if file.filename]
        slot = request.form.get("slot", "")
        refusals = [
            (file_name(file), _("Send at most %(n)s photos at once.", n=MOST_AT_ONCE))
            for file in files[MOST_AT_ONCE:]
        ]
        taken = 0
        for file in files[:MOST_AT_ONCE]:
            try:
                _take_in(vehicle, file.read(BYTES_MAX + 1), slot)
                taken += 1
            except REFUSALS as refusal:
                refusals.append((file_name(file), str(refusal)))
        if not files:
            refusals.append(("", _("Choose at least one photo.")))
        if taken:
            done(ngettext("One photo is here.", "%(num)s photos are here.", taken))
        if refusals:
            return self._page(_vehicle(vehicle_id), refusals), 422
        return redirect(_home(vehicle_id), code=303)

    # ---- a photo in pieces, for the script: JSON

    @at("/<int:vehicle_id>/envios", EDIT, methods=("POST",))
    def begin(self, vehicle_id: int) -> tuple[Response, int]:
        """Announce a photo; the answer names the upload and the size of its pieces."""
        vehicle = _vehicle(vehicle_id)
        size = request.form.get("tamanho", "")
        try:
            with writing():  # nothing of the car changes yet
                upload = photo_uploads.begin(
                    vehicle,
                    file_name=request.form.get("nome", ""),
                    size_bytes=int(size) if size.isascii() and size.isdigit() else 0,
                    slot=request.form.get("slot", ""),
                    by=staff().email,
                )
        except DomainError as refusal:
            return jsonify(error=str(refusal)), 422
        return jsonify(id=upload.id, offset=0, piece=PIECE_BYTES), 201

    @at("/<int:vehicle_id>/envios/<upload_id>", EDIT)
    def progress(self, vehicle_id: int, upload_id: str) -> tuple[Response, int]:
        """How much of it is here: where a phone goes on after it lost the connection."""
        try:
            upload = _upload(vehicle_id, upload_id)
        except NoSuchUpload as gone:
            return jsonify(error=str(gone)), 404
        return jsonify(offset=upload.received_bytes, size=upload.size_bytes), 200

    @at("/<int:vehicle_id>/envios/<upload_id>", EDIT, methods=("POST",))
    def receive(self, vehicle_id: int, upload_id: str) -> tuple[Response, int]:
        """One piece as the body, at `?de=<offset>`."""
        start = request.args.get("de", "")
        offset = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else -1
        piece = request.stream.read(PIECE_BYTES + 1)
        try:
            here = photo_uploads.receive(_upload(vehicle_id, upload_id), offset, piece)
        except WrongOffset as wrong:
            return jsonify(error=str(wrong), offset=wrong.offset), 409
        except NoSuchUpload as gone:
            return jsonify(error=str(gone)), 404
        except REFUSALS as refusal:
            return jsonify(error=str(refusal)), 422
        return jsonify(offset=here), 200

    @at("/<int:vehicle_id>/envios/<upload_id>/concluir", EDIT, methods=("POST",))
    def finish(self, vehicle_id: int, upload_id: str) -> tuple[Response, int]:
        """Every piece is here: make it a photo of the car."""
        vehicle = _vehicle(vehicle_id)
        try:
            upload = _upload(vehicle_id, upload_id)
            size, slot = upload.size_bytes, upload.slot
            data = photo_uploads.whole(upload)
            try:
                photo = _take_in(vehicle, data, slot, upload_id=upload_id)
            except PhotoRefused:
                _give_up(upload_id, size)
                raise
        except WrongOffset as wrong:
            return jsonify(error=str(wrong), offset=wrong.offset), 409
        except NoSuchUpload as gone:
            return jsonify(error=str(gone)), 404
        except REFUSALS as refusal:
            return jsonify(error=str(refusal)), 422
        photo_uploads.forget(upload_id, size)
        return jsonify(**_parts(_vehicle(vehicle_id), photo)), 201

    # ---- order, words, away and back

    @at("/<int:vehicle_id>/ordem", EDIT, methods=("POST",))
    def order(self, vehicle_id: int) -> tuple[Response, int]:
        """The order after dragging: `ids` parted by commas. JSON."""
        vehicle = _vehicle(vehicle_id)
        texts = request.form.get("ids", "").split(",")
        ids = [number for text in texts if (number := row_number(text)) is not None]
        try:
            with _changing("stock.photo_order", vehicle):
                reorder(vehicle, ids)
        except DomainError as refusal:
            return jsonify(error=str(refusal)), 409
        return jsonify(words=_("Order saved.")), 200

    @at("/<int:vehicle_id>/melhor-ordem", EDIT, methods=("POST",))
    def best_order(self, vehicle_id: int) -> Response:
        """The order in which buyers look, as far as the views are known."""
        vehicle = _vehicle(vehicle_id)
        with _changing("stock.photo_order", vehicle):
            gallery.best_order(vehicle)
        done(_("The photos are in the best order."))
        return redirect(_home(vehicle_id), code=303)

    @at("/<int:vehicle_id>/<int:photo_id>/mover", EDIT, methods=("POST",))
    def move(self, vehicle_id: int, photo_id: int) -> Response:
        """One place forwards or back."""
        photo = _photo(vehicle_id, photo_id)
        with _changing("stock.photo_order", photo.vehicle):
            gallery.step(photo, -1 if request.form.get("para") == "antes" else 1)
        return redirect(f"{_home(vehicle_id)}#foto-{photo_id}", code=303)

    @at("/<int:vehicle_id>/<int:photo_id>/capa", EDIT, methods=("POST",))
    def cover(self, vehicle_id: int, photo_id: int) -> Response:
        """Show it first."""
        photo = _photo(vehicle_id, photo_id)
        with _changing("stock.photo_cover", photo.vehicle):
            gallery.make_cover(photo)
        done(_("This photo is the cover now."))
        return redirect(_home(vehicle_id), code=303)

    @at("/<int:vehicle_id>/<int:photo_id>/descrever", EDIT, methods=("POST",))
    def describe(self, vehicle_id: int, photo_id: int) -> Response | tuple[str, int]:
        """Which view it shows, and words for who cannot see it."""
        photo = _photo(vehicle_id, photo_id)
        typed = {"alt": request.form.get("alt", ""), "slot": request.form.get("slot", "")}
        try:
            with _changing("stock.photo_words", photo.vehicle) as change:
                change.before = {"alt": photo.alt, "slot": photo.slot}
                gallery.describe_photo(photo, **typed)
                change.after = {"alt": photo.alt, "slot": photo.slot}
        except DomainError as refusal:
            return self._page(_vehicle(vehicle_id), wrong=(photo_id, str(refusal), typed)), 422
        done(_("Saved."))
        return redirect(f"{_home(vehicle_id)}#foto-{photo_id}", code=303)

    @at("/<int:vehicle_id>/<int:photo_id>/apagar", EDIT, methods=("POST",))
    def delete(self, vehicle_id: int, photo_id: int) -> Response:
        """Take it off the car; the message offers the way back."""
        photo = db.session.get(Photo, photo_id)
        vehicle = _vehicle(vehicle_id)
        if photo is None or photo.vehicle_id != vehicle_id:  # the second of two clicks
            return redirect(_home(vehicle_id), code=303)
        with _changing("stock.photo_delete", vehicle):
            removed = gallery.put_away(photo, by=staff().email)
            db.session.flush()
        done(_("Photo deleted."), undo=f"{_home(vehicle_id)}apagadas/{removed.id}/restaurar")
        return redirect(_home(vehicle_id), code=303)

    @at("/<int:vehicle_id>/apagadas/<int:removed_id>/restaurar", EDIT, methods=("POST",))
    def restore(self, vehicle_id: int, removed_id: int) -> Response:
        """Undo a deletion."""
        vehicle = _vehicle(vehicle_id)
        try:
            with _changing("stock.photo_restore", vehicle):
                removed = db.session.get(RemovedPhoto, removed_id)
                if removed is None or removed.vehicle_id != vehicle_id:
                    raise gallery.GalleryRefused(_("This photo is back already, or gone for good."))
                gallery.bring_back(vehicle, removed)
        except DomainError as refusal:
            return answer(refusal, _home(vehicle_id))
        done(_("The photo is back."))
        return redirect(_home(vehicle_id), code=303)

    def _page(
        self,
        vehicle: Vehicle,
        refusals: list[tuple[str, str]] | None = None,
        wrong: tuple[int, str, dict[str, str]] | None = None,
    ) -> str:
        return str(
            self.render(
                "admin/photos_vehicle.html", vehicle=vehicle, refusals=refusals or [], wrong=wrong,
                piece=PIECE_BYTES, biggest=BYTES_MAX, **_words(),
            )
        )  # fmt: skip


def _words() -> dict[str, Any]:
    """What the templates of this screen ask."""
    return {
        "slots": SLOTS,
        "slot_of": SLOT_OF,
        "photo_of_slot": gallery.photo_of_slot,
        "missing_slots": gallery.missing_slots,
        "warnings_of": gallery.warnings_of,
        "room_left": gallery.room_left,
        "shown": shown_photo,
        "car_name": car_name,
        "home_of": _home,
    }


def _parts(vehicle: Vehicle, photo: Photo) -> dict[str, Any]:
    """What the script puts into the page when a photo has arrived."""
    shared = {"vehicle": vehicle, **_words()}
    return {
        "photo": photo.id,
        "photos": len(vehicle.photos),
        "words": ngettext("%(num)s photo", "%(num)s photos", len(vehicle.photos)),
        "card": render_template("admin/photos_card.html", photo=photo, wrong=None, **shared),
        "guide": render_template("admin/photos_guide.html", **shared),
    }


def car_name(vehicle: Vehicle) -> str:
    """How people call the car: "Fiat Argo Drive 2021"."""
    trim = f" {vehicle.trim.name}" if vehicle.trim else ""
    return f"{vehicle.car_model.make.name} {vehicle.car_model.name}{trim} {vehicle.model_year}"


def shown_photo(photo: Photo | None) -> OfferPhoto | None:
    """As the macros of pictures want it; None while nothing of it can be shown."""
    if photo is None or not photo.renditions.get("widths"):
        return None
    return OfferPhoto(
        stem=photo.renditions["stem"],
        widths=tuple(photo.renditions["widths"]),
        formats=tuple(photo.renditions["formats"]),
        width_px=photo.width_px or 4,
        height_px=photo.height_px or 3,
        color=photo.color,
        alt=photo.alt,
    )


def _home(vehicle_id: int) -> str:
    return f"{HERE}{vehicle_id}/"


def _vehicle(vehicle_id: int) -> Vehicle:
    vehicle = found(db.session.get(Vehicle, vehicle_id))
    seen: Vehicle = found(vehicle, vehicle.store_id)
    return seen


def _photo(vehicle_id: int, photo_id: int) -> Photo:
    _vehicle(vehicle_id)
    photo = found(db.session.get(Photo, photo_id))
    return photo if photo.vehicle_id == vehicle_id else found(None)


def _upload(vehicle_id: int, upload_id: str) -> PhotoUpload:
    return photo_uploads.find_upload(upload_id, _vehicle(vehicle_id), by=staff().email)


def _changing(action: str, vehicle: Vehicle) -> Any:
    return changing(
        action, f"vehicle:{vehicle.id}", label=car_name(vehicle), store_id=vehicle.store_id
    )


def _take_in(vehicle: Vehicle, data: bytes, slot: str, *, upload_id: str = "") -> Photo:
    """Make `data` a photo of `vehicle`, unless it is one already: a phone that lost the answer
    sends the same photo again. Raises what prepare_photo and the gallery raise."""
    gallery.refuse_when_full(vehicle)
    vehicle_id, slot = vehicle.id, slot if slot in SLOT_OF else ""
    for is_last_try in (False, True):
        prepared = prepare_photo(data)
        try:
            return _recorded(vehicle_id, prepared, slot, upload_id)
        except LenderGone:
            if is_last_try:
                raise
    raise AssertionError("the loop returns or raises")


def _recorded(vehicle_id: int, prepared: PreparedPhoto, slot: str, upload_id: str) -> Photo:
    vehicle = _vehicle(vehicle_id)
    with _changing("stock.photo", vehicle) as change:
        # One at a time per car: two photos at once would take the same place.
        db.session.get(Vehicle, vehicle_id, with_for_update=True, populate_existing=True)
        photo = next((one for one in vehicle.photos if one.digest == prepared.digest), None)
        if photo is None:
            gallery.refuse_when_full(vehicle)
            photo = record_photo(vehicle, prepared, slot=slot)
            db.session.flush()
        change.after = {"photo": photo.id, "slot": clean_line(photo.slot, 16)}
        _drop_row(upload_id)
    return photo


def _drop_row(upload_id: str) -> None:
    db.session.execute(
        sa.delete(PhotoUpload).where(PhotoUpload.id == upload_id),
        execution_options={"synchronize_session": False},
    )


def _give_up(upload_id: str, size_bytes: int) -> None:
    with writing():
        _drop_row(upload_id)
    photo_uploads.forget(upload_id, size_bytes)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        PhotosView(
            name=_l("Photos"),
            category=groups.STOCK,
            url="/admin/fotos",
            endpoint="staff_photos",
        )
    ]
