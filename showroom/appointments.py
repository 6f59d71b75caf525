"""`/agenda/<token>`: a booked visit as its own person sees it: confirm, cancel, into the calendar,
and the code for the door.

The token is the submission's id, which nobody can guess; the page is kept nowhere and named to
nobody.
"""

import re

from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from core.clock import now
from core.db import db, writing
from dealership.identity import StoreProfile, identity, profile_of
from dealership.models import Store
from inventory import search
from inventory.models import Vehicle
from inventory.offers import Offer
from leads.agenda import NotReady, confirm
from leads.appointments import (
    AppointmentOver,
    appointment_of,
    appointment_path,
    appointment_title,
    calendar_file,
    cancel,
)
from leads.check_in import check_in_path, code_of, is_today, qr_svg
from leads.models import Appointment
from showroom import choices, seo

_TOKEN = re.compile(r"[0-9a-f]{32}")


def appointment_page(token: str) -> Response:
    """When and where, with a button that gives the time back."""
    return _page(_found(token))


def change_appointment(token: str) -> BaseResponse:
    """Give the time back, or with `acao=confirmo` say that one comes: 303 to the page that says
    so; 409 when the time has come already."""
    if choices.is_cross_site(request):
        abort(403)
    _found(token)
    act = confirm if request.form.get("acao") == "confirmo" else cancel
    try:
        with writing():
            act(_found(token), by="site")
    except (AppointmentOver, NotReady) as error:
        return _page(_found(token), str(error))
    return _private(redirect(f"/agenda/{token}", code=303))


def calendar_page(token: str) -> Response:
    """`/agenda/<token>.ics`: the visit for the person's own calendar."""
    appointment = _found(token)
    offer = _offer(appointment)
    response = Response(
        calendar_file(appointment, _store(appointment), car=offer.title if offer else ""),
        mimetype="text/calendar",
    )
    response.headers["Content-Disposition"] = 'attachment; filename="visita.ics"'
    return _private(response)  # type: ignore[return-value]


def _found(token: str) -> Appointment:
    appointment = appointment_of(token) if _TOKEN.fullmatch(token) else None
    if appointment is None:
        abort(404)
    return appointment


def _page(appointment: Appointment, refusal: str = "") -> Response:
    store, offer = _store(appointment), _offer(appointment)
    title = appointment_title(appointment, offer.title if offer else "")
    if appointment.state == "cancelled":
        title = _("This visit is cancelled")
    path = appointment_path(appointment)
    body = render_template(
        "showroom/appointment.html",
        page=seo.Page(
            title=seo.fit([title], f" | {identity().name}"),
            description=_("Your visit at %(store)s: time, address, change.", store=store.name),
            path=path,
            is_indexable=False,
        ),
        title=title,
        path=path,
        appointment=appointment,
        starts_at=appointment.starts_at.astimezone(store.zone),
        store=store,
        offer=offer,
        refusal=refusal,
        code=code_of(appointment),
        check_in_path=check_in_path(appointment),
        qr=Markup(qr_svg(appointment)),  # noqa: S704 - drawn by us from an address of ours
        is_today=is_today(appointment),
        is_ahead=appointment.starts_at > now(),
        is_without_tags=True,
    )
    response = make_response(body, 409 if refusal else 200)
    return _private(response)  # type: ignore[return-value]


def _store(appointment: Appointment) -> StoreProfile:
    """The store, also one that the public no longer sees."""
    for store in identity().stores:
        if store.id == appointment.store_id:
            return store
    return profile_of(db.session.get_one(Store, appointment.store_id))


def _offer(appointment: Appointment) -> Offer | None:
    if appointment.vehicle_id is None:
        return None
    vehicle = db.session.get(Vehicle, appointment.vehicle_id)
    return search.find_offer(vehicle.public_id) if vehicle else None


def _private(response: BaseResponse) -> BaseResponse:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
