"""`/chegada/<code>`: at the door, the buyer says that they are there.

The page says a first name and an hour and nothing else of anybody. It works on the visit's day,
any number of times, and tells whoever has the lead at once.
"""

from flask import abort, make_response, redirect, render_template, request
from flask_babel import format_datetime
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from core.db import db, writing
from dealership.identity import identity
from leads.agenda import NotReady, arrive
from leads.check_in import check_in_path, is_today, visit_of
from leads.flood import client_of, flood
from leads.letters import greeting_name
from leads.models import Appointment, Lead
from leads.pipeline.clocks import schedule_for
from showroom import choices, seo

RATE = "30 per minute"  # an address: a code cannot be guessed by trying


def arrival_page(code: str) -> Response:
    """The button, or that the store knows, or why not today."""
    return _page(_found(code))


def say_arrived(code: str) -> Response:
    """They are there: 303 back to the page, which says that the store knows."""
    if choices.is_cross_site(request):
        abort(403)
    visit = _found(code)
    if not is_today(visit) or visit.state != "booked":
        return _page(visit, status=409)
    try:
        with writing():
            arrive(db.session.get_one(Appointment, visit.id), by="person")
    except NotReady as error:
        return _page(_found(code), words=str(error), status=409)
    return _private(redirect(check_in_path(visit), code=303))


def _found(code: str) -> Appointment:
    if not flood().allows(RATE, "check-in", client_of(request.remote_addr or "")):
        raise TooManyRequests(retry_after=60)
    visit = visit_of(code)
    if visit is None:
        abort(404)
    return visit


def _page(visit: Appointment, *, words: str = "", status: int = 200) -> Response:
    starts_at = visit.starts_at.astimezone(schedule_for(visit.store_id).zone)
    lead = db.session.get(Lead, visit.lead_id) if visit.lead_id else None
    store = next((one for one in identity().stores if one.id == visit.store_id), None)
    title = _title(visit)
    body = render_template(
        "showroom/arrival.html",
        page=seo.Page(
            title=seo.fit([title], f" | {identity().name}"),
            description=_("Tell the store that you are there."),
            path=check_in_path(visit),
            is_indexable=False,
        ),
        title=title,
        path=check_in_path(visit),
        visit=visit,
        name=greeting_name(lead.person.name) if lead else "",
        hour=format_datetime(starts_at, "HH:mm", rebase=False),
        day=format_datetime(starts_at, "EEEE, dd/MM", rebase=False),
        is_today=is_today(visit),
        words=words,
        store=store,
        is_without_tags=True,
    )
    return _private(make_response(body, status))


def _title(visit: Appointment) -> str:
    if visit.state != "booked":
        return _("This visit is cancelled")
    if visit.arrived_at is not None:
        return _("The store knows that you are here")
    return _("Have you arrived?") if is_today(visit) else _("This code is for another day")


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
