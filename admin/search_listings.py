"""`/admin/buscadores/`: how lists, pages and cars stand in search results, and their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from flask import request
from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from admin import groups
from admin.content_forms import ContentForm
from admin.door import StaffView, at, changing, done, found, staff
from admin.lists import PAGE_SIZE, Listing
from content import page_texts
from content.models import PageText
from content.page_texts import DESCRIPTION_LENGTHS, TITLE_LENGTHS, OwnWords
from content.refusals import ContentRefused
from content.targets import BadTarget, read_path
from core.text import clean_line, fold
from dealership.identity import identity
from dealership.roles import Permission
from integrators import index_now
from inventory import search
from inventory.list_paths import STOCK, filter_at, list_path
from showroom import list_heads, list_index, offer_head

EDIT: Final = Permission.EDIT_CONTENT
HERE: Final = "/admin/buscadores/"
MOST_SUBJECT: Final = 120  # of the audit log
SHOWN: Final[Mapping[str, Any]] = {
    "com-texto": _l("with words of our own"),
    "sem-texto": _l("without words of our own"),
    "fora": _l("not for search engines"),
}


@dataclass(frozen=True)
class Row:
    """A list as the table shows it."""

    path: str
    name: str
    total: int
    is_indexed: bool
    has_words: bool


@dataclass(frozen=True)
class Made:
    """A page by its key, and what it would say without words of the store's own."""

    key: str
    path: str
    name: str
    title: str
    description: str
    heading: str
    is_car: bool


class WordsForm(ContentForm):
    """The words of one page."""

    titulo = StringField(
        _l("Title in searches"), description=_l("15 to 65 characters. Empty: made by the program.")
    )
    descricao = TextAreaField(
        _l("Description in searches"),
        description=_l("70 to 160 characters. Empty: made by the program."),
        render_kw={"rows": 3},
    )
    cabecalho = StringField(_l("Heading of the page"), description=_l("Empty: as made."))
    texto = TextAreaField(
        _l("Text above the cars"),
        description=_l(
            "What a buyer of these cars should know, in your words: an empty line ends a "
            "paragraph. A list with a text keeps its page even when its last car is sold."
        ),
        render_kw={"rows": 8},
    )


class _Rows(Listing):
    """A page of rows that are in memory already."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__(
            sa.select(PageText), {"pagina": "path", "ofertas": "total"}, default="-ofertas",
            tie=PageText.path,
        )  # fmt: skip
        self._rows = rows

    @cached_property
    def total(self) -> int:
        return len(self._rows)

    @cached_property
    def rows(self) -> Sequence[Row]:
        name = self._sorts[self.order.removeprefix("-")]
        ordered = sorted(self._rows, key=lambda row: row.path)
        ordered.sort(key=lambda row: getattr(row, name), reverse=self.order.startswith("-"))
        start = (self.page - 1) * PAGE_SIZE
        return ordered[start : start + PAGE_SIZE]


def _told_to_engines() -> str:
    """How telling search engines of changed offers stands, in a sentence."""
    if not index_now.is_on():
        return _(
            "Search engines find changed offers by themselves, which takes days. Who looks after "
            "the site can have them told at once (IndexNow)."
        )
    last = index_now.notice()
    if last.problem == "unreachable":
        return _("IndexNow cannot be reached. The same offers are told again within an hour.")
    if last.problem:
        return _(
            "IndexNow refused the last message (%(status)s). The same offers are told again "
            "later; who looks after the site should look into it.",
            status=last.problem,
        )
    if last.told_at is None:
        return _("IndexNow is on. The first offers are told within five minutes.")
    return ngettext(
        "IndexNow is on: search engines were told of %(num)s offer on %(when)s.",
        "IndexNow is on: search engines were told of %(num)s offers on %(when)s.",
        last.addresses,
        when=format_datetime(last.told_at, "short"),
    )


class SearchListings(StaffView):
    """Lists, pages and cars in search results."""

    icon = "eye"

    @at("/", EDIT)
    def index(self) -> str:
        """Every list with an address, and whether search engines are to know it."""
        rows = _all_rows()
        shown = _asked_for(rows)
        indexed = sum(1 for row in rows if row.is_indexed)
        return str(
            self.render(
                "admin/search_listings.html",
                listing=_Rows(shown),
                text=request.args.get("q", ""),
                which=request.args.get("ver", ""),
                choices=SHOWN,
                told=ngettext(
                    "Search engines are to know %(num)s list.",
                    "Search engines are to know %(num)s lists.",
                    indexed,
                ),
                index_now=_told_to_engines(),
            )
        )

    @at("/palavras", EDIT, methods=("GET", "POST"))
    def words(self) -> str | Response | tuple[str, int]:
        """The words of one page, named by `?pagina=` (else of the whole stock); the search result
        beside them."""
        made = found(find_page(request.args.get("pagina", STOCK)))
        kept = page_texts.words_of(made.key)
        if request.method == "GET":
            form = WordsForm(
                titulo=kept.title, descricao=kept.description, cabecalho=kept.heading,
                texto=kept.text,
            )  # fmt: skip
            return self._page(made, form)
        form = WordsForm(request.form)
        typed = OwnWords(
            form.titulo.data or "",
            form.descricao.data or "",
            "" if made.is_car else form.cabecalho.data or "",
            "" if made.is_car else form.texto.data or "",
        )
        try:
            subject = f"search_listing:{made.key}"[:MOST_SUBJECT]
            with changing("search_listing.change", subject, label=made.name) as change:
                change.before = vars(kept)
                change.after = vars(page_texts.set_words(made.key, typed, by=staff().email))
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._page(made, form), 422
        done(_("Kept. The page says it already; search engines read it at their next visit."))
        return redirect(f"{HERE}palavras?pagina={quote(made.path)}", code=303)

    def _page(self, made: Made, form: WordsForm) -> str:
        return str(
            self.render(
                "admin/search_listings_words.html", made=made, form=form,
                title_lengths=TITLE_LENGTHS, description_lengths=DESCRIPTION_LENGTHS,
            )
        )  # fmt: skip


def find_page(address: str) -> Made | None:
    """The list or car at what somebody typed or pasted as its address; None for other pages, which
    have words of their own elsewhere."""
    try:
        path = urlsplit(read_path(address)).path.rstrip("/")
    except BadTarget:
        return None
    if path.startswith("/oferta/"):
        return _car(path)
    if path != STOCK and not path.startswith(f"{STOCK}/"):
        return None
    wanted = filter_at(path.split("/")[2:])
    if wanted is None or (list_path(wanted) or STOCK) != path:
        return None
    words = list_heads.made_words(wanted, identity())
    return Made(path, path, words.heading, words.title, words.description, words.heading, False)


def _car(path: str) -> Made | None:
    offer = search.find_offer(path.rpartition("-")[2].lower())
    if offer is None or not offer.availability.has_page:
        return None
    return Made(
        page_texts.offer_key(offer.public_id),
        offer.path,
        offer.title,
        offer_head.offer_title(offer, identity()),
        offer_head.offer_description(offer),
        offer.title,
        True,
    )


def _all_rows() -> list[Row]:
    """Lists with offers, and those that are kept by their text alone."""
    words = page_texts.all_words()
    rows = [
        Row(one.path, one.name, one.total, one.is_indexed, one.path in words)
        for one in list_index.all_lists()
    ]
    total = search.count(search.OfferFilter())
    rows.append(Row(STOCK, _("The whole stock"), total, bool(total), STOCK in words))
    known = {row.path for row in rows}
    for path, own in words.items():
        if path not in known and path.startswith(f"{STOCK}/"):
            rows.append(Row(path, own.heading or path, 0, bool(own.text), True))
    return rows


def _asked_for(rows: Sequence[Row]) -> list[Row]:
    """Those that the address asks for: `q` and `ver`."""
    words = fold(clean_line(request.args.get("q", ""), 80))
    which = request.args.get("ver", "")
    return [
        row
        for row in rows
        if words in fold(f"{row.name} {row.path}")
        and (which != "com-texto" or row.has_words)
        and (which != "sem-texto" or not row.has_words)
        and (which != "fora" or not row.is_indexed)
    ]


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        SearchListings(
            name=_l("Search engines"),
            category=groups.CONTENT,
            url="/admin/buscadores",
            endpoint="staff_search_listings",
        )
    ]
