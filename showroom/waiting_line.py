"""The line for a held car: the form on the car's page, and `/fila/<token>`, one's own place.

The token in the address is the key: the page is kept nowhere, named to nobody, and says no name.
Opening it changes nothing; leaving and answering are posts.
"""

from datetime import datetime

import sqlalchemy as sa
from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import format_datetime
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from core.db import db, writing
from dealership.identity import identity
from inventory import search
from inventory.models import Vehicle
from inventory.offers import Offer
from leads import consent, waiting_line
from leads.capture import Also
from leads.forms import LineForm
from leads.pipeline.clocks import schedule_for
from leads.pipeline.holds import WaitingPlace
from leads.reception import receive
from showroom import choices, seo

SIMILAR = 3


def join_line(form: LineForm, public_id: str, page: str) -> str | None:
    """Keep the posted `form` with a place in the line of that car; where its sender is sent, or
    None when the form is refused. Raises leads.waiting_line.NotHeld."""
    wording = consent.current_text(consent.LINE).digest
    take = _taking(form, public_id, wording)
    receipt = receive(form, page=page, vehicle=public_id, details={"wording": wording}, also=take)
    if receipt is None:
        return None
    place = waiting_line.place_of_submission(receipt.id)
    return waiting_line.line_path(place) if place else f"/obrigado/{receipt.id}"


def _taking(form: LineForm, public_id: str, wording: str) -> Also:
    def take(submission_id: str) -> None:
        vehicle_id = db.session.scalar(sa.select(Vehicle.id).where(Vehicle.public_id == public_id))
        if vehicle_id is None:
            raise waiting_line.NotHeld(_("We do not have this car any more."))
        waiting_line.join(
            vehicle_id,
            submission_id,
            name=form.nome.data or "",
            phone=form.phone,
            email=form.email.data or "",
            text_digest=wording,
        )

    return take


def place_page(token: str) -> BaseResponse:
    """`GET /fila/<token>`: the place, whose turn it is and until when."""
    return _page(_found(token))


def change_place(token: str) -> BaseResponse:
    """`POST /fila/<token>`: `acao` leaves the line, or says in one's turn that the car is wanted;
    303 back to the page, which says so."""
    if choices.is_cross_site(request):
        abort(403)
    _found(token)
    with writing():
        place = _found(token)
        if request.form.get("acao") == "quero":
            waiting_line.want(place)
        else:
            waiting_line.leave(place)
    return _private(redirect(f"/fila/{token}", code=303))


def _found(token: str) -> WaitingPlace:
    place = waiting_line.place_of_token(token)
    if place is None:
        abort(404)
    return place


def _page(place: WaitingPlace) -> BaseResponse:
    standing = waiting_line.standing_of(place)
    offer, car = _offer(place), db.session.get_one(Vehicle, place.vehicle_id)
    store = next((one for one in identity().stores if one.id == car.store_id), None)
    path = waiting_line.line_path(place)
    title = _title(place, standing)
    body = render_template(
        "showroom/line.html",
        page=seo.Page(
            title=seo.fit([title], f" | {identity().name}"),
            description=_("Your place in the line for a reserved car."),
            path=path,
            is_indexable=False,
        ),
        title=title,
        path=path,
        place=place,
        standing=standing,
        ends=_told(standing.turn_until, car.store_id) if standing.turn_until else "",
        offer=offer,
        store=store,
        similar=search.find_offers(search.similar(place.vehicle_id, SIMILAR))
        if standing.is_over
        else [],
        is_without_tags=True,
    )
    return _private(make_response(body))


def _title(place: WaitingPlace, standing: waiting_line.Standing) -> str:
    if standing.is_over:
        return {
            "left": _("You left the line"),
            "missed": _("Your turn is over"),
            "used": _("The car is reserved for you"),
            "sold": _("This car has been sold"),
            "same": _("You have an earlier place in this line"),
        }.get(place.end_reason, _("The line for this car ended"))
    if standing.turn_until is not None:
        return _("It is your turn")
    return _("You are number %(n)s in the line", n=standing.ahead + 1)


def _told(moment: datetime, store_id: int | None) -> str:
    local = moment.astimezone(schedule_for(store_id).zone)
    return str(format_datetime(local, "EEEE, dd/MM, HH:mm", rebase=False))


def _offer(place: WaitingPlace) -> Offer | None:
    public_id = db.session.scalar(
        sa.select(Vehicle.public_id).where(Vehicle.id == place.vehicle_id)
    )
    offer = search.find_offer(public_id) if public_id else None
    return offer if offer and offer.availability.has_page else None


def _private(response: BaseResponse | Response) -> BaseResponse:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
