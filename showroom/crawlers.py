"""What machines that read the whole site ask for: the sitemap and robots.txt."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from flask import Flask, Response, abort, current_app, stream_with_context

from core.clock import now
from dealership.identity import identity
from inventory import search
from inventory.offers import Offer
from showroom import seo

# A sitemap file may hold 50,000 addresses (sitemaps.org); a quarter of that keeps files light.
OFFERS_PER_FILE: Final = 10_000
BATCH: Final = 500
NAMESPACES: Final = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)
IMAGES_EACH: Final = 10
# Shops with fewer offers of a make or model than this have nothing to say on its own page.
LEAST_OFFERS_FOR_A_LIST: Final = 2


def init_sitemap(app: Flask, others: Sequence[Callable[[], Sequence[str]]]) -> None:
    """List the pages of other doors too: `others` give their paths when a crawler asks."""
    app.extensions["vitrine_sitemap"] = tuple(others)


def robots() -> Response:
    """Private pages stay out of the crawl. Filtered lists say noindex themselves, which a crawler
    must be let in to read."""
    lines = ["User-agent: *"]
    lines += ["Disallow: /favoritos", "Disallow: /comparar", "Disallow: /vistos/"]
    lines += ["Disallow: /w/", "Disallow: /ligar/", "Disallow: /agenda/"]
    lines += ["", f"Sitemap: {seo.absolute('/sitemap.xml')}", ""]
    return Response("\n".join(lines), mimetype="text/plain")


def sitemap_index() -> Response:
    """`/sitemap.xml`: one file of pages, then the offers in files of bounded size."""
    files = -(-search.count(search.OfferFilter()) // OFFERS_PER_FILE)
    names = ["paginas", *(f"ofertas-{number}" for number in range(1, files + 1))]
    rows = (f"<sitemap><loc>{_address(f'/sitemap-{name}.xml')}</loc></sitemap>" for name in names)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(rows)}'
        "</sitemapindex>\n"
    )
    return Response(body, mimetype="application/xml")


def sitemap_file(name: str) -> Response:
    """`/sitemap-paginas.xml` and `/sitemap-ofertas-<n>.xml`, streamed."""
    kind, _dash, number = name.partition("-")
    if name == "paginas":
        return _stream(_pages())
    last = max(1, -(-search.count(search.OfferFilter()) // OFFERS_PER_FILE))
    if kind != "ofertas" or not number.isascii() or not number.isdigit():
        abort(404)
    if not 1 <= int(number[:6]) <= last:
        abort(404)
    return _stream(_offers(int(number)))


def _stream(rows: Iterator[str]) -> Response:
    def body() -> Iterator[str]:
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACES}>\n'
        yield from rows
        yield "</urlset>\n"

    return Response(stream_with_context(body()), mimetype="application/xml")


def _pages() -> Iterator[str]:
    paths = ["/", "/estoque", "/lojas", "/financiamento"]
    paths += ["/avaliacao", "/test-drive", "/pos-venda", "/contato", "/ligamos-para-voce"]
    paths += ["/novidades", "/privacidade"]
    for other in current_app.extensions["vitrine_sitemap"]:
        paths += other()
    paths += [store.path for store in identity().stores]
    for facet in ("make", "model"):
        counted = search.count_by(facet).items()
        paths += [f"/estoque/{slug}" for slug, count in counted if count >= LEAST_OFFERS_FOR_A_LIST]
    for path in paths:
        yield f"<url><loc>{_address(path)}</loc></url>\n"


def _offers(number: int) -> Iterator[str]:
    ids = search.listed_ids("newest")[(number - 1) * OFFERS_PER_FILE : number * OFFERS_PER_FILE]
    for start in range(0, len(ids), BATCH):
        for offer in search.find_offers(ids[start : start + BATCH]):
            yield _offer_row(offer)


def _offer_row(offer: Offer) -> str:
    images = "".join(
        f"<image:image><image:loc>{escape(seo.photo_address(photo))}</image:loc></image:image>"
        for photo in offer.photos[:IMAGES_EACH]
    )
    changed = _instant(offer.updated_at)
    return f"<url><loc>{_address(offer.path)}</loc><lastmod>{changed}</lastmod>{images}</url>\n"


def _instant(moment: datetime) -> str:
    return min(moment, now()).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _address(path: str) -> str:
    return escape(seo.absolute(path))
