"""Where a banner, a menu entry or a redirect may lead: addresses of this site that exist.

A door whose addresses name rows says how to find out (`register_target`); an address that only
some visitors may open, or that is no page, is no target.

DomainError
└── BadTarget    an address that cannot be led to; the sentence says why
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from flask import current_app
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from core.config import current
from core.errors import DomainError
from dealership.identity import identity
from inventory import search
from inventory.filters import read_filter
from inventory.list_paths import both, filter_at

LONGEST: Final = 300
# Not pages, or not everybody's.
CLOSED: Final = (
    "/admin", "/webhooks", "/w/", "/ligar/", "/media", "/static", "/feeds", "/api", "/agenda",
    "/descadastrar", "/preferencias", "/privacidade/caso", "/obrigado", "/vistos", "/_", "/previa",
    "/depoimentos/convite", "/sitemap", "/robots.txt", "/healthz", "/readyz", "/metrics", "/q/",
)  # fmt: skip


class BadTarget(DomainError, ValueError):
    """An address that cannot be led to; the sentence says why."""


@dataclass(frozen=True)
class Target:
    """An address of ours. `live` counts the vehicles it shows now; None: it is not about stock.
    `problem` says why nobody should be sent there now; empty: all is well."""

    path: str
    live: int | None = None
    problem: str = ""


Find = Callable[[Mapping[str, Any], str], Target | None]
_finders: dict[str, Find] = {}


def register_target(endpoint: str, find: Find) -> None:
    """How to know whether an address of `endpoint` leads anywhere: `find(arguments, path)` returns
    None where nothing is."""
    _finders[endpoint] = find


def read_path(text: str) -> str:
    """What somebody typed or pasted as an address of this site: with its query, without the
    origin. Raises BadTarget."""
    typed = text.strip()
    base = current().base_url
    if typed == base or typed.startswith((f"{base}/", f"{base}?")):
        typed = typed[len(base) :] or "/"
    if not typed:
        raise BadTarget(_("Type an address of this site, such as /estoque."))
    if any(ord(char) < 33 or char in '\\"<>' for char in typed):
        raise BadTarget(_("An address has no spaces or strange signs."))
    parts = urlsplit(typed)
    if parts.scheme or parts.netloc or typed.startswith("//") or not typed.startswith("/"):
        raise BadTarget(_("Only addresses of this site: they begin with a slash, as in /estoque."))
    if len(typed) > LONGEST:
        raise BadTarget(_("The address is too long: at most %(n)s characters.", n=LONGEST))
    return typed


def is_route(path: str) -> bool:
    """Whether some page of the program itself answers at `path` (without its query), whatever it
    finds there."""
    return _matched(path) is not None


def find_target(text: str) -> Target:
    """The page at the address that somebody typed. Raises BadTarget."""
    path = read_path(text)
    bare = urlsplit(path).path
    if bare.startswith(CLOSED):
        raise BadTarget(_("This address is not a page for everybody."))
    matched = _matched(bare)
    found = _look_up(matched, path) if matched else None
    if found is None:
        raise BadTarget(_("There is no page at %(path)s.", path=bare))
    return found


def live_now(path: str) -> Target:
    """`find_target` for an address that was good when it was kept: what is wrong is a problem of
    the target, never raised."""
    try:
        return find_target(path)
    except BadTarget as error:
        return Target(path, 0, str(error))


def _matched(path: str) -> tuple[str, Mapping[str, Any]] | None:
    adapter = current_app.url_map.bind("localhost")
    try:
        endpoint, arguments = adapter.match(quote(path, safe="/%~-._"), method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return str(endpoint), arguments


def _look_up(matched: tuple[str, Mapping[str, Any]], path: str) -> Target | None:
    endpoint, arguments = matched
    find = _finders.get(endpoint)
    if find is not None:
        return find(arguments, path)
    # An address that names a row nobody told us about may lead nowhere.
    return None if arguments else Target(path)


# ---- the stock ----


class _Arguments:
    """A query string, read like a request's."""

    def __init__(self, query: str) -> None:
        self._values = parse_qs(query, keep_blank_values=True)

    def getlist(self, key: str) -> list[str]:
        return self._values.get(key, [])


def _stock(arguments: Mapping[str, Any], path: str) -> Target | None:
    asked = read_filter(_Arguments(urlsplit(path).query)).filter
    parts = [str(arguments[name]) for name in ("make", "model", "narrow") if name in arguments]
    within = filter_at(parts)
    live = search.count(both(asked, within)) if within is not None else 0
    return Target(path, live, "" if live else _no_car())


def _no_car() -> str:
    return _("No car of the stock is there now.")


def _offer(arguments: Mapping[str, Any], path: str) -> Target | None:
    offer = search.find_offer(str(arguments["name"]).rpartition("-")[2].lower())
    if offer is None:
        return None
    if offer.availability.is_listed:
        return Target(path, 1)
    words = _("The car was sold.") if offer.is_sold else _("The car left the site.")
    return Target(path, 0, words)


def _store(arguments: Mapping[str, Any], path: str) -> Target | None:
    return Target(path) if identity().store(str(arguments["slug"])) else None


for _endpoint in ("stock_page", "make_page", "model_page", "narrow_page"):
    register_target(f"showroom.{_endpoint}", _stock)
register_target("showroom.offer_page", _offer)
register_target("showroom.store_page", _store)
