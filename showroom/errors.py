"""Error pages that help: what happened, a search field, cars to look at."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from flask import Flask, current_app, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import (
    BadHost,
    HTTPException,
    RequestEntityTooLarge,
    TooManyRequests,
)
from werkzeug.wrappers import Response

from content.redirects import find_redirect, hit
from core.db import db, writing
from dealership.identity import Identity, identity, last_known_identity
from inventory import search
from inventory.offers import Offer
from leads.forms import INTERNAL, Typed, typed_in
from leads.spool import SpoolFailed
from showroom import seo

NEWEST = 4
SLASH = "/"
COUNT_WAITS_SECONDS = 0.05
_QUERY = "%&=+;:@/?!$'()*,~"  # kept as it came; quoting again would spoil it


def init_errors(app: Flask) -> None:
    """Answer every error of the site with a page of its own."""
    app.register_error_handler(SpoolFailed, _not_taken)
    app.register_error_handler(TooManyRequests, _too_many)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(BadHost, _bad_host)
    app.register_error_handler(Exception, _crash)


def error_page(
    status: int, heading: str, text: str, offers: Sequence[Offer] = (), offers_heading: str = ""
) -> tuple[str, int]:
    """A helpful page and its status."""
    page = seo.Page(
        title=seo.fit([heading], ""),
        description=text,
        path=request.path,
        is_indexable=False,
        nodes=_whose(last_known_identity()),
    )
    body = render_template(
        "showroom/error.html",
        page=page,
        heading=heading,
        text=text,
        offers=offers,
        offers_heading=offers_heading,
    )
    return body, status


def _whose(dealer: Identity | None) -> tuple[dict[str, Any], ...]:
    """An address that is none still stands on somebody's site."""
    return (seo.website_node(dealer), seo.dealer_node(dealer, None)) if dealer else ()


Told = Response | tuple[str, int] | tuple[str, int, dict[str, str]]


def _http_error(error: HTTPException) -> Told:
    """The page of an error; where the database does not answer even for that, the 503 of a crash:
    nobody is to take a page for missing that could not be looked for."""
    try:
        return _told(error)
    except SQLAlchemyError as trouble:
        return _crash(trouble)


def _told(error: HTTPException) -> Response | tuple[str, int]:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    if status == 404 and (known := _moved()) is not None:
        return known
    is_public = not request.path.startswith("/admin/")  # staff addresses do end in a slash
    is_read = request.method in {"GET", "HEAD"}
    if status == 404 and request.path.endswith("/") and is_read and is_public:
        # One address per page: the one without the slash.
        query = f"?{quote(request.query_string, safe=_QUERY)}" if request.query_string else ""
        return redirect(f"/{quote(request.path.strip(SLASH))}{query}", code=301)
    if status == 404:
        return error_page(
            404,
            _("This page does not exist"),
            _("The address may be mistyped or the car may have left. Search, or see the newest:"),
            search.newest(NEWEST),
            _("Just arrived"),
        )
    heading, text = _words(status)
    return error_page(status, heading, text)


def _moved() -> Response | tuple[str, int] | None:
    """Where an address that nothing answers at has gone: 301 to its new one, 410 for good. An
    answer is worth more than its count: a busy database is not waited for."""
    if request.method not in {"GET", "HEAD"} or request.path.startswith("/admin"):
        return None
    try:
        row = find_redirect(request.path)
    except SQLAlchemyError:
        db.session.rollback()
        return None
    if row is None:
        return None
    target, counted = row.to_path, hit(row.id)
    with suppress(SQLAlchemyError), writing(wait_seconds=COUNT_WAITS_SECONDS) as session:
        session.execute(counted)
    if target:
        return redirect(quote(target, safe="/%~-._?=&+,#:"), code=301)
    return error_page(
        410,
        _("This page is gone"),
        _("It was taken off the site for good. Search, or see the newest:"),
        search.newest(NEWEST),
        _("Just arrived"),
    )


def _bad_host(error: BadHost) -> Response:
    """Asked for under a name that cannot be one. Without a name no address can be made, so this is
    the library's own plain page."""
    return error.get_response()


def _words(status: int) -> tuple[str, str]:
    known = {
        400: (_("We could not read this request"), _("Go back, reload the page and try again.")),
        403: (_("This came from another site"), _("Open the page here and try again.")),
        405: (_("This address does not do that"), _("Start from the stock or the search below.")),
        413: (_("Too large"), _("Send smaller files, or fewer at a time.")),
    }
    return known.get(
        status, (_("Something went wrong here"), _("Try again in a moment, or search below."))
    )


def _not_taken(_error: Exception) -> tuple[str, int, dict[str, str]]:
    """Neither database nor disk took a form: say so, keep what was typed, offer other ways.
    Never a thank-you that is not true."""
    db.session.rollback()
    body = _given_back(
        _("We could not keep your request"),
        _(
            "It is our fault, and nothing you typed is lost: it is below. Try again in a few "
            "seconds, or talk to us now."
        ),
    )
    return body, 503, {"Retry-After": "5", "Cache-Control": "no-store"}


def _too_many(_error: Exception) -> tuple[str, int, dict[str, str]]:
    """The flood wall: what was typed is given back here, too, in case a person stands at it."""
    body = _given_back(
        _("Too many requests"),
        _("Nothing you typed is lost: it is below. Wait a minute and send it, or talk to us now."),
    )
    return body, 429, {"Retry-After": "60", "Cache-Control": "no-store"}


def _given_back(heading: str, text: str) -> str:
    kept = [(name, value) for name, value in _typed().items() if value]
    hidden = {*INTERNAL, "consentimento"}
    return render_template(
        "showroom/not_taken.html",
        heading=heading,
        text=text,
        action=request.full_path.rstrip("?"),
        typed=[(name, value) for name, value in kept if name not in hidden],
        hidden=[(name, value) for name, value in kept if name in hidden],
        dealer=last_known_identity(),
    )


def _typed() -> Typed:
    """What the post's fields hold; nothing where it is too large to be read."""
    try:
        return typed_in(request)
    except RequestEntityTooLarge:
        return Typed()


def _crash(error: Exception) -> tuple[str, int] | tuple[str, int, dict[str, str]]:
    """An error of ours: logged with its trace, told without one. A database that is away is a
    503, so that proxies and search engines come back."""
    current_app.logger.exception("unhandled error")
    db.session.rollback()
    status = 503 if isinstance(error, OperationalError) else 500
    if status == 503 and "submission_id" in _typed():
        return _not_taken(error)  # a refused form that could not be drawn again
    heading = _("We are having a problem")
    text = _("It is ours, not yours. Try again in a minute, or call the store.")
    try:
        identity()
        return error_page(status, heading, text)
    except Exception:
        db.session.rollback()
        return render_template("showroom/bare_error.html", heading=heading, text=text), status
