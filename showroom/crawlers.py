"""What machines that read the whole site ask for: the sitemap and robots.txt."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final
from xml.sax.saxutils import escape

import sqlalchemy as sa
from flask import Flask, Response, abort, current_app, request, stream_with_context

from content import published
from content.documents import ARTICLE, PAGE, STORY
from core.config import current
from core.db import db
from dealership.identity import identity
from inventory import search
from inventory.models import CarModel, Make, Vehicle
from showroom import list_index, seo
from showroom.sitemap import HEAD, TAIL, OfferFile, instant, offer_rows

OFFERS: Final = "ofertas-"
XML: Final = "application/xml"
# Fewer offers than this, and a list is only found by its links.
LEAST_OFFERS_FOR_A_LIST: Final = 2
FIXED: Final = (
    "/", "/lojas", "/financiamento", "/avaliacao", "/test-drive", "/pos-venda", "/contato",
    "/ligamos-para-voce", "/novidades", "/privacidade", "/mapa-do-site",
)  # fmt: skip
CLOSED: Final = (
    "/admin", "/api/", "/favoritos", "/comparar", "/vistos/", "/w/", "/ligar/", "/agenda/",
)  # fmt: skip
# Robots that read to train models; those that search and quote have other names.
TRAINERS: Final = (
    "GPTBot", "ClaudeBot", "CCBot", "Amazonbot", "Meta-ExternalAgent", "Google-Extended",
    "Applebot-Extended", "Bytespider",
)  # fmt: skip
_LISTS: Final = "vitrine_sitemap_lists"
Dated = tuple[str, datetime | None]


def init_sitemap(app: Flask, others: Sequence[Callable[[], Sequence[str]]]) -> None:
    """List the pages of other doors too: `others` give their paths when a crawler asks."""
    app.extensions["vitrine_sitemap"] = tuple(others)


def robots() -> Response:
    """Private pages stay out of the crawl. Filtered lists say noindex themselves, which a crawler
    must be let in to read."""
    closed = [f"Disallow: {path}" for path in CLOSED]
    lines = ["User-agent: *", *closed, ""]
    if not current().ai_training:
        lines += [*(f"User-agent: {name}" for name in TRAINERS), "Disallow: /", ""]
    lines += [f"Sitemap: {seo.absolute('/sitemap.xml')}", ""]
    return Response("\n".join(lines), mimetype="text/plain")


def sitemap_index() -> Response:
    """`/sitemap.xml`: the files that say something, each with its last change."""
    posts, lists = _posts(), _lists()
    files: list[Dated] = [("paginas", _last(_documents()))]
    if lists:
        files.append(("categorias", _last(lists)))
    if posts:
        files.append(("blog", _last(posts)))
    files += [
        (f"{OFFERS}{number}", file.changed_at)
        for number, file in enumerate(offer_rows().files(), 1)
    ]
    rows = "".join(
        f"<sitemap><loc>{_address(f'/sitemap-{name}.xml')}</loc>{_lastmod(moment)}</sitemap>\n"
        for name, moment in files
    )
    return _answer(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}'
        "</sitemapindex>\n"
    )


def sitemap_file(name: str) -> Response:
    """`/sitemap-paginas.xml`, `-categorias`, `-blog` and `-ofertas-<n>`."""
    read = {"paginas": _pages, "categorias": _lists, "blog": _posts}.get(name)
    if read is not None:
        rows = read()
        return (
            _answer("".join((HEAD.decode(), *_rows(rows), TAIL.decode()))) if rows else abort(404)
        )
    number = name.removeprefix(OFFERS)
    files = offer_rows().files()
    if number == name or not (number.isascii() and number.isdigit()) or len(number) > 6:
        abort(404)
    if str(int(number)) != number or not 1 <= int(number) <= len(files):
        abort(404)
    return _offers(files[int(number) - 1])


def _offers(file: OfferFile) -> Response:
    """A file of offers: from ready rows and packed but once, or streamed while it is first made."""
    ready = offer_rows()
    response = Response(mimetype=XML)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    response.set_etag(file.tag, weak=True)
    response.last_modified = file.changed_at
    response.make_conditional(request)
    if response.status_code == 304:
        return response
    if not ready.is_ready(file):
        response.response = stream_with_context(ready.pieces(file))
    elif request.accept_encodings["gzip"]:
        response.set_data(ready.packed(file))
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_data(ready.whole(file))
    return response


def _answer(text: str) -> Response:
    response = Response(text, mimetype=XML)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(blake2b(text.encode(), digest_size=12).hexdigest(), weak=True)
    response.make_conditional(request)
    return response


def _rows(pages: Iterable[Dated]) -> Iterator[str]:
    for path, moment in pages:
        yield f"<url><loc>{_address(path)}</loc>{_lastmod(moment)}</url>\n"


def _lastmod(moment: datetime | None) -> str:
    return f"<lastmod>{instant(moment)}</lastmod>" if moment else ""


def _last(pages: Iterable[Dated]) -> datetime | None:
    return max((moment for _path, moment in pages if moment), default=None)


# ---- what there is ----


def _pages() -> list[Dated]:
    paths = [*FIXED]
    for other in current_app.extensions["vitrine_sitemap"]:
        paths += other()
    paths += [store.path for store in identity().stores]
    return [*((path, None) for path in paths), *_documents()]


def _documents() -> list[Dated]:
    return list(published.dated_paths([PAGE]))


def _posts() -> list[Dated]:
    posts: list[Dated] = list(published.dated_paths([ARTICLE, STORY]))
    return [("/blog", _last(posts)), *posts] if posts else []


def _lists() -> list[Dated]:
    """Lists that search engines are to know, worked out once for each version of the stock."""
    version = search.version()
    known: tuple[int, list[Dated]] = current_app.extensions.get(_LISTS, (-1, []))
    if known[0] != version:
        known = current_app.extensions[_LISTS] = (version, _find_lists())
    return known[1]


def _find_lists() -> list[Dated]:
    """Lists of names tell when a car of theirs changed, came or went."""
    changes = _model_changes()
    found: list[Dated] = []
    entries = [one for one in list_index.all_lists() if one.is_indexed]
    for entry in entries:
        if entry.total >= LEAST_OFFERS_FOR_A_LIST:
            found.append((entry.path, changes.get(entry.path)))
    return [("/estoque", max(changes.values(), default=None)), *found] if entries else []


def _model_changes() -> dict[str, datetime]:
    """When a car of a model or make last changed, by the address of its list."""
    rows = db.session.execute(
        sa.select(
            Make.slug,
            CarModel.slug,
            sa.func.max(Vehicle.updated_at),
            sa.func.max(Vehicle.state_changed_at),
        )
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .where(Vehicle.published_at.is_not(None))
        .group_by(Make.slug, CarModel.slug)
    )
    found: dict[str, datetime] = {}
    for make, model, updated_at, moved_at in rows:
        moment = max(updated_at, moved_at)
        found[f"/estoque/{make}/{model}"] = moment
        found[f"/estoque/{make}"] = max(moment, found.get(f"/estoque/{make}", moment))
    return found


def _address(path: str) -> str:
    return escape(seo.absolute(path))
