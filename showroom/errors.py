"""Error pages that help: what happened, a search field, cars to look at."""

from collections.abc import Sequence
from urllib.parse import quote

from flask import Flask, current_app, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from core.db import db
from dealership.identity import identity
from inventory import search
from inventory.offers import Offer
from showroom import seo

NEWEST = 4
SLASH = "/"


def init_errors(app: Flask) -> None:
    """Answer every error of the site with a page of its own."""
    app.register_error_handler(HTTPException, _http_error)
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


def _http_error(error: HTTPException) -> Response | tuple[str, int]:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    if status == 404 and request.path.endswith("/") and request.method in {"GET", "HEAD"}:
        # One address per page: the one without the slash.
        query = f"?{request.query_string.decode()}" if request.query_string else ""
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


def _words(status: int) -> tuple[str, str]:
    known = {
        400: (_("We could not read this request"), _("Go back, reload the page and try again.")),
        403: (_("This came from another site"), _("Open the page here and try again.")),
        405: (_("This address does not do that"), _("Start from the stock or the search below.")),
        413: (_("Too large"), _("Send smaller files, or fewer at a time.")),
        429: (_("Too many requests"), _("Wait a minute and try again.")),
    }
    return known.get(
        status, (_("Something went wrong here"), _("Try again in a moment, or search below."))
    )


def _crash(error: Exception) -> tuple[str, int]:
    """An error of ours: logged with its trace, told without one. A database that is away is a
    503, so that proxies and search engines come back."""
    current_app.logger.exception("unhandled error")
    db.session.rollback()
    status = 503 if isinstance(error, OperationalError) else 500
    heading = _("We are having a problem")
    text = _("It is ours, not yours. Try again in a minute, or call the store.")
    try:
        identity()
        return error_page(status, heading, text)
    except Exception:
        db.session.rollback()
        return render_template("showroom/bare_error.html", heading=heading, text=text), status
