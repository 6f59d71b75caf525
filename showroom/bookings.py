"""`/test-drive` and `/pos-venda`: a real time in a store, taken while the form is being kept.

The time is booked in the transaction that keeps the form, so two people never get the same one
and nobody has a time without a lead. Who comes second is shown the nearest free times, with
everything typed still there. While the database is away the wish is kept without a time, and the
store confirms one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import redirect, render_template, request
from flask_babel import format_date
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.db import db
from core.errors import DomainError
from dealership.identity import Identity, StoreProfile, identity
from dealership.models import Store
from inventory import search
from inventory.availability import Availability, availability
from inventory.models import Vehicle
from inventory.offers import Offer
from leads.appointments import Slot, SlotTaken, book, holds_enough, read_slot, slots
from leads.capture import Also
from leads.forms import LeadForm, ServiceForm, TestDriveForm
from leads.reception import receive, thanks_path
from showroom import seo

TEST_DRIVE: Final = "/test-drive"
SERVICE: Final = "/pos-venda"
_SLUG: Final = re.compile(r"[a-z0-9-]{1,80}")
_PUBLIC_ID: Final = re.compile(r"[a-z0-9]{1,16}")


class CarLeft(DomainError):
    """The car was sold between drawing the page and sending the form."""


@dataclass(frozen=True)
class DayChoice:
    """One day's free times as the page offers them; `value` in the form, `clock` to read."""

    title: str
    times: tuple[tuple[str, str], ...]
    is_open: bool  # drawn unfolded: the first day, or the one of the time already chosen


def test_drive_page() -> str:
    """The form, with the times of the car's store or of the one asked for."""
    asked = request.args.get("oferta", "")
    form = TestDriveForm.blank(oferta=asked, loja=request.args.get("loja", ""))
    return _test_drive(form)


def send_test_drive() -> Response | tuple[str, int]:
    """303 to the thank-you once the form and its time are kept; 422 redrawn otherwise."""
    form = TestDriveForm.posted(request)
    vehicle = public_id_of(form.oferta.data)
    nearest: Sequence[Slot] = ()
    try:
        receipt = _receive(form, TEST_DRIVE, "test_drive", vehicle)
        if receipt:
            return receipt
    except SlotTaken as refusal:
        _refuse(form, str(refusal))
        nearest = refusal.nearest
    except CarLeft:
        form.oferta.data = ""
        _refuse(form, _("This car has just been sold. Choose another one to drive."))
    return _test_drive(form, nearest), 413 if form.too_large else 422


def service_page() -> str:
    """The workshop's form and times."""
    return _service(ServiceForm.blank(loja=request.args.get("loja", "")))


def send_service() -> Response | tuple[str, int]:
    """As for a test drive."""
    form = ServiceForm.posted(request)
    nearest: Sequence[Slot] = ()
    try:
        receipt = _receive(form, SERVICE, "service", "")
        if receipt:
            return receipt
    except SlotTaken as refusal:
        _refuse(form, str(refusal))
        nearest = refusal.nearest
    return _service(form, nearest), 413 if form.too_large else 422


def _receive(form: Any, page: str, kind: str, vehicle: str) -> Response | None:
    wish = (form.horario.data or "").strip()
    if wish and read_slot(wish) is None:
        form.slot_problem = _("Choose one of the times below.")
    receipt = receive(
        form,
        page=page,
        vehicle=vehicle,
        store=form.loja.data if _SLUG.fullmatch(form.loja.data or "") else "",
        also=_booking(form, kind, wish, vehicle) if wish else None,
    )
    return redirect(thanks_path(receipt), code=303) if receipt else None


def _booking(form: Any, kind: str, wish: str, public_id: str) -> Also:
    """What takes the time, inside the transaction that keeps the form. Who has several visits
    already cannot empty the store's calendar: the wish is kept, and the store agrees a time."""
    store_slug = form.loja.data or ""

    def take(submission_id: str) -> None:
        if holds_enough(form.phone, form.email.data or ""):
            return
        starts_at = read_slot(wish)
        store_id = db.session.scalar(sa.select(Store.id).where(Store.slug == store_slug))
        if starts_at is None or store_id is None:
            raise SlotTaken(_("Choose a store and one of its times."), ())
        vehicle_id = _drivable(public_id) if public_id else None
        book(kind, store_id, starts_at, vehicle_id, submission_id)

    return take


def _drivable(public_id: str) -> int | None:
    vehicle = db.session.scalars(sa.select(Vehicle).where(Vehicle.public_id == public_id)).first()
    if vehicle is None:
        return None
    if availability(vehicle) in {Availability.SOLD, Availability.GONE, Availability.HIDDEN}:
        raise CarLeft
    return vehicle.id


def _refuse(form: Any, words: str) -> None:
    form.slot_problem = words
    form.validate()
    form.redraw()


def public_id_of(text: str | None) -> str:
    """`text` if it can be a public id, else empty."""
    return text if text and _PUBLIC_ID.fullmatch(text) else ""


# ---- drawing ----


def _test_drive(form: Any, nearest: Sequence[Slot] = ()) -> str:
    dealer = identity()
    offer = search.find_offer(form.oferta.data) if public_id_of(form.oferta.data) else None
    is_sold = offer is not None and (offer.is_sold or not offer.availability.has_page)
    if offer is None or is_sold:
        form.oferta.data = ""
    stores = list(dealer.stores)
    chosen = form.loja.data or (offer.store.slug if offer and not is_sold else "")
    title = _("Book a test drive")
    return _render(
        form,
        dealer,
        stores,
        chosen,
        kind="test_drive",
        offer=None if is_sold else offer,
        sold=offer if is_sold else None,
        nearest=nearest,
        path=TEST_DRIVE,
        title=title,
        description=_(
            "Choose the store, day and time and drive the car you want at %(name)s. Free times "
            "are shown as they are; the booking is yours at once.",
            name=dealer.name,
        ),
        is_indexable=not request.args,
    )


def _service(form: Any, nearest: Sequence[Slot] = ()) -> str:
    dealer = identity()
    stores = [
        store
        for store in dealer.stores
        if any(department.kind == "service" for department in store.departments)
    ] or list(dealer.stores)
    return _render(
        form,
        dealer,
        stores,
        form.loja.data or "",
        kind="service",
        nearest=nearest,
        path=SERVICE,
        title=_("Book the workshop"),
        description=_(
            "Inspection, repair, tyres, recall and parts at %(name)s: choose the workshop, day "
            "and time. The booking is yours at once.",
            name=dealer.name,
        ),
        is_indexable=not request.args,
    )


def _render(
    form: LeadForm,
    dealer: Identity,
    stores: Sequence[StoreProfile],
    chosen: str,
    *,
    kind: str,
    path: str,
    title: str,
    description: str,
    nearest: Sequence[Slot],
    is_indexable: bool,
    offer: Offer | None = None,
    sold: Offer | None = None,
) -> str:
    store = next((one for one in stores if one.slug == chosen), stores[0] if stores else None)
    form["loja"].data = store.slug if store else ""
    crumbs = [(_("Home"), "/"), (title, path)]
    return render_template(
        "showroom/booking.html",
        page=seo.house_page(
            dealer,
            [title],
            description,
            path,
            crumbs,
            seo.dealer_node(dealer, store),
            is_indexable=is_indexable,
        ),
        crumbs=crumbs,
        form=form,
        kind=kind,
        path=path,
        title=title,
        stores=stores,
        store=store,
        offer=offer,
        sold=sold,
        days=_days(store, kind, offer, form["horario"].data or "") if store else [],
        nearest=[(slot.value, format_day(slot)) for slot in nearest],
        fields=[name for name in form.order if name != "veiculo" or offer is None],
    )


def _days(store: StoreProfile, kind: str, offer: Offer | None, wished: str) -> list[DayChoice]:
    found = []
    for day in slots(store, kind, vehicle_id=offer.id if offer else None):
        free = tuple(
            (slot.value, slot.starts_at.strftime("%H:%M")) for slot in day.slots if slot.is_free
        )
        if free:
            # "segunda-feira" is "segunda" to everybody who makes an appointment.
            words = format_date(day.date, "EEEE, d 'de' MMMM").replace("-feira", "")
            title = words[:1].upper() + words[1:]
            found.append(DayChoice(title, free, any(value == wished for value, _clock in free)))
    if found and not any(day.is_open for day in found):
        found[0] = DayChoice(found[0].title, found[0].times, is_open=True)
    return found


def format_day(slot: Slot) -> str:
    """A time with its day: "terça, 24/11, 10:30"."""
    day = format_date(slot.starts_at.date(), "EEEE, dd/MM").replace("-feira", "")
    return f"{day}, {slot.starts_at:%H:%M}"
