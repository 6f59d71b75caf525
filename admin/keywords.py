"""`/admin/palavras/`: what people search for, and the page that answers."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from flask import make_response, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, local_path
from admin.lists import PAGE_SIZE, Listing
from content import keywords
from content.documents import path_of
from content.keywords import FIELDS, Keyword, NotAKeywordTable
from content.models import Document
from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line, fold, row_number
from dealership.roles import Permission
from landing import editing
from showroom import list_index

SEE, EDIT = Permission.SEE_PAGES, Permission.EDIT_PAGES
HERE: Final = "/admin/palavras/"
FIXED: Final = ("/", "/estoque", "/lojas", "/financiamento", "/avaliacao", "/test-drive")
SORTS: Final = {
    "palavra": "folded",
    "volume": "volume",
    "dificuldade": "difficulty",
    "pagina": "path",
}
MOST_CARRIED: Final = 400_000  # characters of a table between its two steps; a form takes 500,000
LEAST_LETTERS: Final = 3  # shorter names of models (208, 2) are numbers that searches are full of
PROBLEMS: Final = {
    "sem-pagina": _l("without a page"),
    "duas-paginas": _l("two pages for one search"),
    "sem-estoque": _l("the page has no cars"),
    "fora-do-ar": _l("the page is not on the site"),
}


@dataclass(frozen=True)
class Known:
    """A page of the site that can answer a search. `count` cars, None where that means nothing."""

    path: str
    words: str
    count: int | None = None
    is_up: bool = True


@dataclass(frozen=True)
class Judged:
    """A keyword with what is wrong: (key of PROBLEMS, in words). `suggestion` is a page for one
    that has none."""

    keyword: Keyword
    problems: list[tuple[str, str]] = field(default_factory=list)
    suggestion: str = ""


class Kept(Listing):
    """A page of rows that are in memory already."""

    def __init__(self, rows: Sequence[Judged]) -> None:
        super().__init__(
            sa.select(Keyword),
            {
                "palavra": "folded",
                "volume": "volume",
                "dificuldade": "difficulty",
                "pagina": "path",
            },
            default="-volume",
            tie=Keyword.id,
        )
        self._rows = rows

    @cached_property
    def total(self) -> int:
        return len(self._rows)

    @cached_property
    def rows(self) -> Sequence[Judged]:
        name = self._sorts[self.order.removeprefix("-")]
        is_down = self.order.startswith("-")
        known = [one for one in self._rows if getattr(one.keyword, name) not in (None, "")]
        rest = [one for one in self._rows if getattr(one.keyword, name) in (None, "")]
        known.sort(key=lambda one: getattr(one.keyword, name), reverse=is_down)
        start = (self.page - 1) * PAGE_SIZE
        return [*known, *rest][start : start + PAGE_SIZE]


class Keywords(StaffView):
    """The keyword table."""

    icon = "key"

    @at("/", SEE)
    def index(self) -> str:
        """Every keyword with its page and what is wrong."""
        pages = known_pages()
        rows = _asked_for(judged(keywords.all_keywords(), pages))
        listing = Kept(rows)
        return str(
            self.render(
                "admin/keywords.html",
                listing=listing,
                pages=pages.values(),
                text=request.args.get("q", ""),
                problem=request.args.get("aviso", ""),
                problems=PROBLEMS,
                here=request.full_path.rstrip("?"),
            )
        )

    @at("/importar", EDIT)
    def import_form(self) -> str:
        """Where to get the file, and where to put it."""
        return str(self.render("admin/keywords_import.html", problem=""))

    @at("/importar", EDIT, methods=("POST",))
    def read_file(self) -> str | tuple[str, int]:
        """The columns as guessed, to be confirmed."""
        file = request.files.get("arquivo")
        try:
            if file is None or not file.filename:
                raise NotAKeywordTable(_("Choose the file first."))
            table = keywords.read_table(file.read(keywords.MOST_BYTES + 1))
            if sum(len(cell) + 3 for row in table.rows for cell in row) > MOST_CARRIED:
                raise NotAKeywordTable(_("Export fewer keywords or columns: this is too much."))
        except NotAKeywordTable as error:
            return str(self.render("admin/keywords_import.html", problem=str(error))), 422
        return self._columns(table.columns, table.rows, dict(table.guess), file.filename)

    @at("/importar/colunas", EDIT, methods=("POST",))
    def take_in(self) -> Response | tuple[str, int]:
        """Add and update by the columns chosen."""
        columns, rows = _posted_table()
        chosen = {name: _place(request.form.get(name, ""), len(columns)) for name in FIELDS}
        source = clean_line(request.form.get("arquivo", ""), 60)
        try:
            with changing("keywords.import", "keywords", label=source) as change:
                new, seen, empty = keywords.take_in(rows, chosen, source)
                change.after = {"new": new, "updated": seen, "empty": empty}
        except NotAKeywordTable as error:
            return self._columns(columns, rows, chosen, source, problem=str(error)), 422
        done(
            _("%(new)s new, %(seen)s updated, %(empty)s rows without a keyword.",
              new=new, seen=seen, empty=empty)
        )  # fmt: skip
        return redirect(f"{HERE}?aviso=sem-pagina", code=303)

    @at("/<int:keyword_id>/pagina", EDIT, methods=("POST",))
    def give_page(self, keyword_id: int) -> Response:
        """Say which page answers."""
        keyword: Keyword = found(db.session.get(Keyword, keyword_id))
        back = local_path(request.form.get("volta"), HERE)
        try:
            with changing("keywords.page", f"keyword:{keyword_id}", label=keyword.text) as change:
                change.before = {"page": keyword.path}
                keywords.give_page(keyword, request.form.get("pagina", ""))
                change.after = {"page": keyword.path}
        except DomainError as error:
            return answer(error, back)
        done(_("Saved."))
        return redirect(back, code=303)

    @at("/apagar", EDIT, methods=("POST",))
    def delete(self) -> Response:
        """Take keywords out of the table: a new import brings them back."""
        ids = [row_number(one) or 0 for one in request.form.getlist("ids")[:500]]
        with changing("keywords.delete", "keywords") as change:
            gone = keywords.remove(ids)
            change.before = {"keywords": ", ".join(one["text"] for one in gone)}
        done(ngettext("One keyword is out.", "%(num)s keywords are out.", len(gone)))
        return redirect(HERE, code=303)

    @at("/exportar", SEE)
    def export(self) -> Response:
        """The table as CSV, filtered like the screen."""
        rows = _asked_for(judged(keywords.all_keywords(), known_pages()))
        heading = [_("Keyword"), _("Volume"), _("Difficulty"), _("Page"), _("To mend")]
        lines = [
            [
                one.keyword.text,
                "" if one.keyword.volume is None else str(one.keyword.volume),
                "" if one.keyword.difficulty is None else str(one.keyword.difficulty),
                one.keyword.path,
                "; ".join(words for _key, words in one.problems),
            ]
            for one in rows
        ]
        response = make_response(keywords.as_csv([[str(one) for one in heading], *lines]))
        response.headers["Content-Type"] = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = 'attachment; filename="palavras.csv"'
        return response

    def _columns(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        guess: dict[str, int],
        source: str,
        problem: str = "",
    ) -> str:
        return str(
            self.render(
                "admin/keywords_columns.html",
                columns=columns,
                rows=rows,
                guess=guess,
                source=source,
                problem=problem,
                table=json.dumps([list(columns), *[list(row) for row in rows]]),
            )
        )


def known_pages() -> dict[str, Known]:
    """Every page of the site that can answer a search, by its path, in two statements."""
    pages = [Known(path, path) for path in FIXED]
    pages += [Known(one.path, one.name, one.total) for one in list_index.all_lists()]
    moment = now()
    for page in editing.all_pages():
        pages.append(Known(f"/lp/{page.slug}", page.name, None, page.is_open(moment)))
    written = sa.select(Document).where(Document.kind.in_(("article", "page")))
    for document in db.session.scalars(written):
        is_up = document.state == "published"
        pages.append(Known(path_of(document), document.title, None, is_up))
    return {page.path: page for page in pages}


def judged(rows: Sequence[Keyword], pages: dict[str, Known]) -> list[Judged]:
    """Each keyword with what is wrong and, without a page, the one that would answer."""
    by_family: dict[frozenset[str], set[str]] = defaultdict(set)
    for row in rows:
        if row.path:
            by_family[keywords.family(row.text)].add(row.path)
    names = _names(pages)
    return [
        Judged(
            row,
            list(_problems(row, by_family[keywords.family(row.text)], pages)),
            "" if row.path else _suggested(row, by_family[keywords.family(row.text)], names),
        )
        for row in rows
    ]


def _problems(row: Keyword, answering: set[str], pages: dict[str, Known]) -> Any:
    others = sorted(answering - {row.path})
    if not row.path:
        yield "sem-pagina", str(PROBLEMS["sem-pagina"])
        return
    if others:
        words = _("%(paths)s answers the same search: the two compete", paths=", ".join(others))
        yield "duas-paginas", words
    known = pages.get(row.path)
    is_list = row.path.startswith("/estoque/")
    if (known is None and not is_list) or (known is not None and not known.is_up):
        yield "fora-do-ar", str(PROBLEMS["fora-do-ar"])
    elif is_list and (known is None or not known.count):
        yield "sem-estoque", str(PROBLEMS["sem-estoque"])


def _names(pages: dict[str, Known]) -> list[tuple[str, str]]:
    """Stock lists by the words that name them, the longest names first."""
    lists = [(fold(one.words.split(" ", 1)[-1] if path.count("/") > 2 else one.words), path)
             for path, one in pages.items() if one.count is not None]  # fmt: skip
    return sorted(lists, key=lambda pair: (-pair[1].count("/"), -len(pair[0])))


def _suggested(row: Keyword, answering: set[str], names: list[tuple[str, str]]) -> str:
    if answering:
        return min(answering)
    text = f" {row.folded} "
    return next(
        (path for name, path in names if len(name) >= LEAST_LETTERS and f" {name} " in text), ""
    )


def _asked_for(rows: Sequence[Judged]) -> list[Judged]:
    """Those that the address asks for: `q` and `aviso`."""
    words = fold(clean_line(request.args.get("q", ""), 80))
    key = request.args.get("aviso", "")
    return [
        one
        for one in rows
        if words in one.keyword.folded
        and (key not in PROBLEMS or any(key == name for name, _words in one.problems))
    ]


def _posted_table() -> tuple[list[str], list[list[str]]]:
    """The table that the second step carries along; an empty one when it was tampered with."""
    try:
        table = json.loads(request.form.get("tabela", ""))
    except ValueError:
        return [], []
    if not isinstance(table, list) or not table:
        return [], []
    rows = [[str(cell) for cell in row] for row in table if isinstance(row, list)]
    return (rows[0], rows[1 : keywords.MOST_KEYWORDS + 1]) if rows else ([], [])


def _place(text: str, count: int) -> int:
    number = row_number(text)
    return number if number is not None and number < count else -1


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Keywords(
            name=_l("Keywords"),
            category=groups.PAGES,
            url="/admin/palavras",
            endpoint="staff_keywords",
        )
    ]
