"""`/admin/etiquetas/`: QR stickers for windscreens and paper: printed, listed, out of date."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import make_response, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from admin import groups
from admin.door import (
    StaffView,
    answer,
    at,
    changing,
    done,
    found,
    may,
    staff,
    within_stores,
)
from admin.lists import Listing
from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from dealership.roles import Permission
from inventory import search
from inventory.filters import PARAMETERS, read_filter, to_query
from inventory.models import Vehicle
from inventory.offers import Offer
from landing import editing, labels, stickers
from landing.labels import SIZES, Label
from landing.models import LandingPage
from landing.stickers import NotForSale, Sticker

SEE, PRINT = Permission.SEE_STOCK, Permission.EDIT_STOCK
HERE: Final = "/admin/etiquetas/"
MOST_AT_ONCE: Final = 60
KINDS: Final = {"svg": "image/svg+xml", "pdf": "application/pdf"}


class Stickers(StaffView):
    """Stickers in use, and those whose paper is not true any more."""

    icon = "qr"

    @at("/", SEE)
    def index(self) -> str:
        """Stickers in use; out of date ones on a tab of their own."""
        text = clean_line(request.args.get("q", ""), 80)
        listing = Listing(
            _in_use(text),
            {"impressa": Sticker.id, "nome": Sticker.name, "preco": Sticker.price_cents},
            default="-impressa",
            tie=Sticker.id,
        )
        return str(
            self.render(
                "admin/stickers.html",
                listing=listing,
                text=text,
                scans=stickers.scan_counts_of([one.id for one in listing.rows]),
            )
        )

    @at("/vencidas", SEE)
    def stale(self) -> str:
        """Those that say what is not true now, each with why."""
        return str(self.render("admin/stickers_stale.html", stale=_stale()))

    @at("/imprimir", PRINT)
    def choose(self) -> str:
        """Cars by a search, or a landing page; then the size."""
        read = read_filter(_asked())
        result = search.search(read.filter, MOST_AT_ONCE, with_facets=False)
        offers = _mine(search.find_offers(result.ids))
        return str(
            self.render(
                "admin/stickers_print.html",
                offers=offers,
                total=result.total,
                most=MOST_AT_ONCE,
                text=request.args.get("q", ""),
                chosen=set(request.args.getlist("carro")),
                query=to_query(read.filter),
                pages=_pages(),
                sizes=SIZES,
            )
        )

    @at("/imprimir", PRINT, methods=("POST",))
    def print_them(self) -> Response:
        """One file: an SVG of one sticker, or a PDF with one per page or sheets to cut."""
        form = request.form
        cars = list(dict.fromkeys(form.getlist("carro")))[:MOST_AT_ONCE]
        slugs = list(dict.fromkeys(form.getlist("pagina")))[:MOST_AT_ONCE]
        size = SIZES.get(form.get("tamanho", ""), SIZES["a6"])
        kind = form.get("formato", "folhas")
        if not cars and not slugs:
            return answer(NotForSale(_("Choose at least one car or page.")), f"{HERE}imprimir")
        if kind == "svg" and len(cars) + len(slugs) > 1:
            return answer(
                NotForSale(_("SVG is for one sticker at a time: choose PDF for several.")),
                f"{HERE}imprimir",
            )
        try:
            printed = self._print(cars, slugs, size.name)
        except DomainError as error:
            return answer(error, f"{HERE}imprimir")
        return _file([label for _sticker, label in printed], size, kind, printed[0][0])

    @at("/retirar", PRINT, methods=("POST",))
    def retire(self) -> Response:
        """The paper is off, or a new one hangs there: no more warnings."""
        codes = request.form.getlist("ids")[:500]
        rows = [_sticker(code) for code in codes]
        back = f"{HERE}vencidas" if request.form.get("volta") == "vencidas" else HERE
        with changing("sticker.retire", "stickers", label=", ".join(codes)[:160]):
            for row in rows:
                stickers.retire(row.code)
        if codes:
            done(
                ngettext("One sticker is off.", "%(num)s stickers are off.", len(codes)),
                undo=f"{HERE}de-volta?{'&'.join(f'ids={code}' for code in codes[:40])}",
            )
        return redirect(back, code=303)

    @at("/de-volta", PRINT, methods=("POST",))
    def put_back(self) -> Response:
        """Undo: they hang there after all."""
        rows = [_sticker(code) for code in request.args.getlist("ids")[:500]]
        with changing("sticker.put_back", "stickers"):
            for row in rows:
                stickers.put_back(row.code)
        done(_("They count as hanging again."))
        return redirect(HERE, code=303)

    def _print(
        self, cars: Sequence[str], slugs: Sequence[str], size: str
    ) -> list[tuple[Sticker, Label]]:
        """A sticker of its own for each; those that it replaces are retired when asked."""
        for car in cars:
            offer = search.find_offer(car)
            found(offer, offer.store.id if offer else None)
        for slug in slugs:
            page = db.session.scalars(
                sa.select(LandingPage).where(LandingPage.slug == slug)
            ).first()
            found(page, page.store_id if page else None)
        with changing("sticker.print", "stickers") as change:
            if request.form.get("trocar"):
                stickers.retire_all_of(cars)
            printed = [stickers.add_for_offer(car, size) for car in cars]
            printed += [stickers.add_for_page(slug, size) for slug in slugs]
            change.after = {"printed": len(printed), "codes": [one.code for one, _l in printed]}
            change.label = printed[0][1].name
        return printed


def _asked() -> MultiDict[str, str]:
    """The filter of this request: that of the stock's own addresses."""
    names = set(PARAMETERS.values())
    return MultiDict([(n, v) for n, v in request.args.items(multi=True) if n in names])


def _in_use(text: str) -> sa.Select[Any]:
    statement = (
        sa.select(Sticker)
        .outerjoin(Vehicle, Vehicle.id == Sticker.vehicle_id)
        .outerjoin(LandingPage, LandingPage.id == Sticker.page_id)
        .where(Sticker.retired_at.is_(None))
        .options(joinedload(Sticker.vehicle), joinedload(Sticker.page))
    )
    statement = within_stores(statement, sa.func.coalesce(Vehicle.store_id, LandingPage.store_id))
    for word in text.split():
        statement = statement.where(
            sa.or_(Sticker.name.icontains(word, autoescape=True), Sticker.code == word.lower())
        )
    return statement


def _stale() -> list[stickers.StaleSticker]:
    """The stale ones of the stores that the person serves."""
    return [
        one
        for one in stickers.stale_stickers()
        if staff().store_ids is None or staff().serves(_store_id(one.sticker))
    ]


def _store_id(sticker: Sticker) -> int | None:
    if sticker.vehicle is not None:
        return sticker.vehicle.store_id
    return sticker.page.store_id if sticker.page is not None else None


def _sticker(code: str) -> Sticker:
    try:
        row = stickers.find(code)
    except stickers.NoSuchSticker:
        found(None)
    if staff().store_ids is not None:
        found(row, _store_id(row) or -1)
    return row


def _mine(offers: Sequence[Offer]) -> list[Offer]:
    return [offer for offer in offers if staff().serves(offer.store.id)]


def _pages() -> list[LandingPage]:
    """Landing pages that are up and may be printed by who is signed in."""
    if not may(Permission.SEE_PAGES):
        return []
    return [
        page
        for page in editing.all_pages()
        if (page.is_open(now()) or (page.is_early(now()) and page.state == "published"))
        and (page.store_id is None or staff().serves(page.store_id))
    ]


def _file(names: Sequence[Label], size: labels.Size, kind: str, first: Sticker) -> Response:
    has_bleed = bool(request.form.get("sangria"))
    if kind == "svg":
        body, ending = labels.svg(names[0], size, has_bleed=has_bleed).encode(), "svg"
    elif kind == "pdf":
        body, ending = labels.pdf_of(names, size, has_bleed=has_bleed), "pdf"
    else:
        body, ending = labels.sheets(names, size), "pdf"
    name = f"etiqueta-{first.code}" if len(names) == 1 else f"etiquetas-{len(names)}"
    response = make_response(body)
    response.headers["Content-Type"] = KINDS[ending]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Stickers(
            name=_l("Stickers"),
            category=groups.STOCK,
            url="/admin/etiquetas",
            endpoint="staff_stickers",
        )
    ]
