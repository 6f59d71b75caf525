"""`/admin/paginas-do-site/`: pages, menu and redirects."""

from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import StringField

from admin import groups
from admin.content_forms import ContentForm, MomentField
from admin.documents import EDIT, DocumentForm, DocumentView, markdown_field
from admin.door import StaffView, at, changing, done, found, staff
from admin.lists import Listing
from content import documents
from content import menu as noun
from content.menu import MOST, PLACES, TypedEntry
from content.models import Document, Redirect
from content.redirects import RowProblem, add_redirect, import_redirects, remove_redirect
from content.refusals import ContentRefused
from core.db import db

MENU = "/admin/menu/"
REDIRECTS = "/admin/redirecionamentos/"
FILE_BYTES_MAX = 1024 * 1024
BLANK_LINES = 2


class PageForm(DocumentForm):
    """A page's fields."""

    texto = markdown_field()
    fim = MomentField(_l("Shown until"), description=_l("Empty: until you take it off."))


class SitePages(DocumentView):
    """Pages at /p/…: about us, warranty, how we inspect."""

    icon = "page"
    kind = documents.PAGE
    form_class = PageForm
    has_cover = False
    words = {
        "title": _l("Pages of the site"),
        "lead": _l("Lasting texts: warranty, how we inspect, documents. Put them in the menu."),
        "one": _l("Page"),
        "new": _l("New page"),
        "empty": _l("No page yet"),
        "empty_text": _l("Begin with the warranty: it is what buyers ask first."),
    }
    fields = {
        "titulo": "title",
        "texto": "markdown",
        "seo_titulo": "seo_title",
        "seo_descricao": "seo_description",
    }

    def own(self, document: Document) -> dict[str, Any]:
        return {"fim": document.ends_at}

    def _apply(self, document: Document, form: DocumentForm) -> None:
        documents.set_end(document, form["fim"].data)


class SiteMenu(StaffView):
    """The links at the head and the foot of every page."""

    icon = "menu"

    @at("/", EDIT)
    def index(self) -> str:
        """The places with their links."""
        return self._page()

    @at("/<place>", EDIT, methods=("POST",))
    def save(self, place: str) -> Response | tuple[str, int]:
        """Arrange one place."""
        found(place if place in PLACES else None)
        typed = _typed()
        try:
            with changing("menu.change", f"menu:{place}", label=str(PLACES[place])) as change:
                change.before = {"links": _in_words(noun.shown_entries(place))}
                noun.set_place(place, typed)
                change.after = {"links": _in_words(noun.shown_entries(place))}
        except ContentRefused as refusal:
            return self._page(place, typed, refusal), 422
        done(_("The menu is changed, on every page."))
        return redirect(f"{MENU}#{place}", code=303)

    @at("/padrao", EDIT, methods=("POST",))
    def reset(self) -> Response:
        """Back to the menu that came with the product."""
        with changing("menu.reset", "menu"):
            noun.reset_menu()
        done(_("The menu is as it came."))
        return redirect(MENU, code=303)

    def _page(
        self,
        place: str = "",
        typed: list[TypedEntry] | None = None,
        refusal: ContentRefused | None = None,
    ) -> str:
        lines = {
            name: typed if name == place and typed is not None else noun.shown_entries(name)
            for name in PLACES
        }
        return str(
            self.render(
                "admin/site_pages_menu.html", places=PLACES, lines=lines, most=MOST,
                blank_lines=BLANK_LINES, wrong=place, refusal=refusal,
            )
        )  # fmt: skip


def _typed() -> list[TypedEntry]:
    """The lines of the form that say something."""
    form = request.form
    found_lines = []
    for number in range(1, 40):
        path, label = form.get(f"caminho-{number}", ""), form.get(f"nome-{number}", "")
        if not path.strip() and not label.strip():
            continue
        order = form.get(f"ordem-{number}", "")
        found_lines.append(
            TypedEntry(
                path,
                label,
                form.get(f"visivel-{number}") == "1",
                int(order) if order.isascii() and order.isdigit() and len(order) < 4 else 99,
            )
        )
    return found_lines


def _in_words(lines: list[TypedEntry]) -> str:
    return ", ".join(f"{line.label} {line.path}" for line in lines if line.is_shown)


class RedirectForm(ContentForm):
    """Where an old address leads."""

    de = StringField(_l("Old address"), description=_l("Such as /seminovos-antigo."))
    para = StringField(
        _l("New address"), description=_l("A page of this site. Empty: gone for good (410).")
    )


class Redirects(StaffView):
    """Old addresses that lead on, or are gone for good."""

    icon = "link"

    @at("/", EDIT, methods=("GET", "POST"))
    def index(self) -> str | Response | tuple[str, int]:
        """The list, and a form for one more."""
        form = RedirectForm(request.form or None)
        if request.method == "GET":
            return self._page(form)
        try:
            with changing("redirect.add") as change:
                row = add_redirect(form.de.data or "", form.para.data or "", by=staff().email)
                change.subject, change.label = f"redirect:{row.id}", row.from_path
                change.after = {"to": row.to_path}
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._page(form), 422
        done(_("Kept: %(path)s.", path=row.from_path))
        return redirect(REDIRECTS, code=303)

    @at("/<int:redirect_id>/remover", EDIT, methods=("POST",))
    def remove(self, redirect_id: int) -> Response:
        """Forget one."""
        row = found(db.session.get(Redirect, redirect_id))
        with changing("redirect.remove", f"redirect:{redirect_id}", label=row.from_path) as change:
            change.before = {"to": row.to_path}
            remove_redirect(row)
        done(_("Removed. The old address answers “not found” again."))
        return redirect(REDIRECTS, code=303)

    @at("/importar", EDIT, methods=("POST",))
    def take_in(self) -> Response | tuple[str, int]:
        """A CSV of old and new addresses; good rows go in, the others are said."""
        file = request.files.get("arquivo")
        try:
            data = file.read(FILE_BYTES_MAX + 1) if file else b""
            if not data or len(data) > FILE_BYTES_MAX:
                raise ContentRefused(_("Choose a CSV file of at most 1 MB."))
            with changing("redirect.import") as change:
                taken, problems = import_redirects(_decoded(data), by=staff().email)
                change.after = {"taken": taken, "refused": len(problems)}
        except ContentRefused as refusal:
            return self._page(RedirectForm(), file_problem=str(refusal)), 422
        words = ngettext("%(num)s address taken in.", "%(num)s addresses taken in.", taken)
        if problems:
            return self._page(RedirectForm(), problems=problems, taken=words), 422
        done(words)
        return redirect(REDIRECTS, code=303)

    def _page(
        self,
        form: RedirectForm,
        *,
        problems: list[RowProblem] | None = None,
        taken: str = "",
        file_problem: str = "",
    ) -> str:
        listing = Listing(
            sa.select(Redirect),
            {"visitas": Redirect.hits, "de": Redirect.from_path, "criado": Redirect.id},
            default="-criado",
            tie=Redirect.id,
        )
        return str(
            self.render(
                "admin/site_pages_redirects.html", form=form, listing=listing,
                problems=problems or [], taken=taken, file_problem=file_problem,
            )
        )  # fmt: skip


def _decoded(data: bytes) -> str:
    """Excel in Brazil writes Windows-1252, everything else UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        SitePages(
            name=_l("Pages of the site"),
            category=groups.CONTENT,
            url="/admin/paginas-do-site",
            endpoint="staff_site_pages",
        ),
        SiteMenu(
            name=_l("Menu"), category=groups.CONTENT, url="/admin/menu", endpoint="staff_menu"
        ),
        Redirects(
            name=_l("Old addresses"),
            category=groups.CONTENT,
            url="/admin/redirecionamentos",
            endpoint="staff_redirects",
        ),
    ]
