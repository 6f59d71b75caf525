"""The pages behind the links in our mails: confirm, stop, see everything one gets.

The token in the address is the key, so these pages are kept by no cache, read by no search engine
and told to no other site. Opening a link changes nothing: link scanners open every link of every
mail. Only a button does, or a mail program's own post (RFC 8058), which brings no cookie and
follows no redirect, and gets its 200.
"""

from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from core.db import writing
from dealership.identity import identity
from inventory import search
from leads import consent, subscriptions
from leads.models import Subscription
from leads.reception import network
from leads.subscriptions import NoSuchSubscription
from showroom import choices, seo
from showroom.errors import error_page


def leave_page(token: str) -> BaseResponse:
    """`GET /descadastrar/<token>`: what would stop, and the button."""
    try:
        return _leave(subscriptions.find(token))
    except NoSuchSubscription as error:
        return _unknown(error)


def leave(token: str) -> BaseResponse:
    """`POST /descadastrar/<token>`: stopped, at once and for anybody who has the address. The
    body is not looked at; a second time answers the same."""
    try:
        with writing():
            subscriptions.end(token, network=network(request.remote_addr or ""))
        return _leave(subscriptions.find(token))
    except NoSuchSubscription as error:
        return _unknown(error)


def confirm_page(token: str) -> BaseResponse:
    """`GET /novidades/<token>`: what one would get, and the button."""
    try:
        return _confirm(subscriptions.find(token))
    except NoSuchSubscription as error:
        return _unknown(error)


def confirm(token: str) -> BaseResponse:
    """`POST /novidades/<token>`: from now on the newsletter comes; 303 back to the page."""
    _refuse_cross_site()
    mark = request.form.get("texto", "")[:64]
    try:
        with writing():
            subscriptions.confirm(token, mark=mark, network=network(request.remote_addr or ""))
    except NoSuchSubscription as error:
        return _unknown(error)
    return _private(redirect(subscriptions.confirm_path(token), code=303))


def preferences_page(token: str) -> BaseResponse:
    """`GET /preferencias/<token>`: everything its owner gets from us, each with its button."""
    try:
        found = subscriptions.preferences(token)
    except NoSuchSubscription as error:
        return _unknown(error)
    path = subscriptions.preferences_path(token)
    return _answer("subscription_preferences", _("What you get from us"), path, found=found)


def change_preferences(token: str) -> BaseResponse:
    """`POST /preferencias/<token>`: `parar` stops one thing by its token, `tudo` everything; 303
    back to the page. A token of somebody else's stops nothing here."""
    _refuse_cross_site()
    from_network = network(request.remote_addr or "")
    try:
        with writing():
            if "tudo" in request.form:
                subscriptions.end_everything(token, network=from_network)
            else:
                unwanted = request.form.get("parar", "")
                mine = {one.token for one in subscriptions.preferences(token).received}
                if unwanted in mine:
                    subscriptions.end(unwanted, network=from_network)
    except NoSuchSubscription as error:
        return _unknown(error)
    return _private(redirect(subscriptions.preferences_path(token), code=303))


def _leave(found: Subscription) -> BaseResponse:
    path = subscriptions.unsubscribe_path(found.token)
    title = _("Stopped") if found.ended_at else _("Stop these messages?")
    return _answer(
        "subscription_leave",
        title,
        path,
        found=found,
        offer=search.find_offer(found.about) if found.about else None,
        preferences_path=subscriptions.preferences_path(found.token),
    )


def _confirm(found: Subscription) -> BaseResponse:
    if found.kind != subscriptions.NEWSLETTER:
        abort(404)
    path = subscriptions.confirm_path(found.token)
    title = _("Confirm your address")
    if found.ended_at:
        title = _("You have stopped this")
    elif found.confirmed_at:
        title = _("Confirmed")
    return _answer(
        "subscription_confirm",
        title,
        path,
        found=found,
        wording=consent.current_text(consent.NEWSLETTER),
        preferences_path=subscriptions.preferences_path(found.token),
    )


def _answer(template: str, title: str, path: str, **values: Any) -> BaseResponse:
    dealer = identity()
    page = seo.Page(
        title=seo.fit([title], f" | {dealer.name}"),
        description=_("What you get from %(name)s, and how to stop it.", name=dealer.name),
        path=path,
        is_indexable=False,
    )
    body = render_template(
        f"showroom/{template}.html",
        page=page,
        title=title,
        path=path,
        is_without_tags=True,
        **values,
    )
    return _private(make_response(body))


def _unknown(error: NoSuchSubscription) -> BaseResponse:
    body, status = error_page(
        404,
        str(error),
        _("Open the newest message from us and use the link in it, or answer it with SAIR."),
    )
    return _private(make_response(body, status))


def _private(response: BaseResponse | Response) -> BaseResponse:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _refuse_cross_site() -> None:
    if choices.is_cross_site(request):
        abort(403)
