"""What the screens of articles, stories and pages have in common: they are all documents.

A subclass says which kind it shows, its form, and how the form's fields are called in content.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from admin.content_forms import ContentForm, MomentField, chosen_photo, refused
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.lists import Listing
from content import documents
from content.documents import ADMIN, PREFIXES, path_of
from content.markdown import plain
from content.media import choices, shown
from content.models import Document, Revision
from content.refusals import ContentRefused
from content.revisions import compare
from core.clock import now
from core.db import db
from core.head import absolute
from core.text import clean_line
from dealership.roles import Permission
from inventory.advertising import lint_advertisement

EDIT = Permission.EDIT_CONTENT
TABS = {
    "todos": _l("All"),
    "site": _l("On the site"),
    "rascunho": _l("Drafts"),
    "arquivo": _l("Archived ones"),
}
STATES = {"site": "published", "rascunho": "draft", "arquivo": "archived"}


class DocumentForm(ContentForm):
    """The fields that every kind has."""

    titulo = StringField(_l("Title"), description=_l("Up to 90 characters."))
    endereco = StringField(
        _l("Address"), description=_l("Small letters, digits, hyphens. Empty: from the title.")
    )
    seo_titulo = StringField(
        _l("Title in searches"), description=_l("Up to 65 characters. Empty: the title above.")
    )
    seo_descricao = StringField(
        _l("Description in searches"), description=_l("Up to 160 characters.")
    )
    nota = StringField(_l("What changed"), description=_l("For the list of versions. Optional."))
    quando = MomentField(_l("Publish at"), description=_l("Empty: at once."))


def markdown_field() -> TextAreaField:
    """The one long text of articles and pages."""
    return TextAreaField(
        _l("Text"),
        description=_l(
            "Markdown: ## heading, **bold**, - list, [words](/estoque) for links to our own pages."
        ),
        render_kw={"rows": 22},
    )


class DocumentView(StaffView):
    """List, write, publish, plan, compare, restore, preview, archive."""

    kind: ClassVar[str]
    form_class: ClassVar[type[DocumentForm]]
    words: ClassVar[Mapping[str, Any]]  # "one", "new", "empty", "empty_text"
    # Form field -> name in the content.
    fields: ClassVar[Mapping[str, str]]
    has_cover = True
    has_tags = False

    @property
    def here(self) -> str:
        return ADMIN[self.kind]

    @at("/", EDIT)
    def index(self) -> str:
        """Those of one state, those changed last first."""
        asked = request.args.get("situacao", "todos")
        tab = asked if asked in TABS else "todos"
        text = clean_line(request.args.get("q", ""), 80)
        query = sa.select(Document).where(Document.kind == self.kind)
        query = (
            query.where(Document.state == STATES[tab])
            if tab in STATES
            else query.where(Document.state != "archived")
        )
        if text:
            query = query.where(Document.title.icontains(text, autoescape=True))
        listing = Listing(
            query.options(selectinload(Document.tags)),
            {"alterado": Document.updated_at, "titulo": Document.title},
            default="-alterado",
            tie=Document.id,
        )
        return str(
            self.render(
                "admin/documents.html",
                listing=listing, tab=tab, tabs_of=TABS, text=text, words=self.words,
                here=self.here, kind=self.kind, standing=_standings(listing.rows),
            )
        )  # fmt: skip

    @at("/novo", EDIT, methods=("GET", "POST"))
    def new(self) -> str | Response | tuple[str, int]:
        """Write a new one."""
        form = self.form_class(request.form or None)
        if request.method == "GET":
            form.process(**self.defaults())
            return self._form(form, None)
        try:
            if not form.validate():
                raise ContentRefused(_("Look at the marked fields."))
            values = self._values(form, None)
            with changing(f"{self.kind}.create") as change:
                document = documents.create_document(
                    self.kind, values, slug=form.endereco.data or "", by=staff().email,
                    author=self._author(form),
                )  # fmt: skip
                self._apply(document, form)
                change.subject, change.label = _subject(document), document.title
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._form(form, None), 422
        return self._saved(document.id, form)

    @at("/<int:document_id>/", EDIT)
    def edit(self, document_id: int) -> str:
        """The newest version in its fields."""
        document = self._document(document_id)
        content = documents.newest_revision(document).content
        data: dict[str, Any] = {
            field: self.shown_value(content.get(name, "")) for field, name in self.fields.items()
        }
        data |= {"endereco": document.slug, "marca": str(document.newest), **self.own(document)}
        form = self.form_class(data=data)
        return self._form(form, document)

    @at("/<int:document_id>/", EDIT, methods=("POST",))
    def save(self, document_id: int) -> Response | tuple[str, int]:
        """Keep it as a new version, unless a colleague saved one meanwhile."""
        document = self._document(document_id)
        form = self.form_class(request.form)
        try:
            if not form.validate():
                raise ContentRefused(_("Look at the marked fields."))
            values = self._values(form, document)
            with changing(f"{self.kind}.change", _subject(document)) as change:
                document = self._document(document_id, lock=True)
                _refuse_stale(form, document)
                change.before = {"version": document.newest, "slug": document.slug}
                documents.save_document(
                    document, values, by=staff().email, note=form.nota.data or ""
                )
                if form.endereco.data:
                    documents.rename_document(document, form.endereco.data, by=staff().email)
                documents.sign(document, self._author(form))
                self._apply(document, form)
                change.after = {"version": document.newest, "slug": document.slug}
                change.label = document.title
        except ContentRefused as refusal:
            document = self._document(document_id)
            status = refused(form, refusal, str(document.newest))
            return self._form(form, document), status
        return self._saved(document_id, form)

    def _saved(self, document_id: int, form: DocumentForm) -> Response:
        """Publish too, when the button said so; then back to the fields."""
        back = f"{self.here}{document_id}/"
        if request.form.get("publicar") != "1":
            done(_("Saved as a draft. Nothing changed on the site."))
            return redirect(back, code=303)
        document = self._document(document_id)
        try:
            with changing(f"{self.kind}.publish", _subject(document), label=document.title):
                revision = documents.publish_document(document, at=form.quando.data)
        except ContentRefused as refusal:
            words = ContentRefused(_("Saved, but not published: %(why)s", why=self._named(refusal)))
            return answer(words, back)
        planned = revision.publish_at is not None and revision.publish_at > now()
        done(_("Planned. It appears by itself.") if planned else _("It is on the site now."),
             undo=f"{back}despublicar")  # fmt: skip
        return redirect(back, code=303)

    def _named(self, refusal: ContentRefused) -> str:
        field = getattr(self.form_class, refusal.field, None)
        label = field.args[0] if field is not None else ""
        return f"{label}: {refusal}" if label else str(refusal)

    @at("/<int:document_id>/despublicar", EDIT, methods=("POST",))
    def unpublish(self, document_id: int) -> Response:
        """Off the site, or back from the archive, as a draft."""
        document = self._document(document_id)
        with changing(f"{self.kind}.unpublish", _subject(document), label=document.title):
            documents.unpublish_document(document)
        done(_("It is a draft now, off the site."))
        return redirect(f"{self.here}{document_id}/", code=303)

    @at("/<int:document_id>/arquivar", EDIT, methods=("POST",))
    def archive(self, document_id: int) -> Response:
        """Put it away."""
        document = self._document(document_id)
        with changing(f"{self.kind}.archive", _subject(document), label=document.title):
            documents.archive_document(document)
        done(_("Archived."), undo=f"{self.here}{document_id}/despublicar")
        return redirect(self.here, code=303)

    @at("/<int:document_id>/versoes", EDIT)
    def versions(self, document_id: int) -> str:
        """Every version; `de` and `para`: two of them compared."""
        document = self._document(document_id)
        rows = documents.revisions(document)
        older, newer = _two(rows, request.args.get("de"), request.args.get("para"))
        return str(
            self.render(
                "admin/documents_versions.html",
                document=document, rows=rows, older=older, newer=newer, here=self.here,
                live=documents.live_revision(document) if document.state == "published" else None,
                changes=compare(older.content, newer.content) if older and newer else {},
                names={name: getattr(self.form_class, field).args[0] for field, name in
                       self.fields.items()} | {"cover": _("Picture")},
                preview=documents.preview_token,
            )
        )  # fmt: skip

    @at("/<int:document_id>/versoes/<int:number>/voltar", EDIT, methods=("POST",))
    def restore(self, document_id: int, number: int) -> Response:
        """An older version as the newest; the site stays as it is."""
        document = self._document(document_id)
        try:
            with changing(f"{self.kind}.restore", _subject(document), label=document.title):
                document = self._document(document_id, lock=True)
                documents.restore_revision(document, number, by=staff().email)
        except ContentRefused as refusal:
            return answer(refusal, f"{self.here}{document_id}/versoes")
        done(_("Version %(n)s is the draft now. Publish it to show it.", n=number))
        return redirect(f"{self.here}{document_id}/", code=303)

    # ---- what a kind may say differently ----

    def defaults(self) -> dict[str, Any]:
        """What a new form starts with."""
        return {}

    def own(self, _document: Document) -> dict[str, Any]:
        """Values of fields that are not content."""
        return {}

    def _apply(self, document: Document, form: DocumentForm) -> None:
        """Keep fields that are not content. Inside `changing()`. Raises ContentRefused."""

    def extras(self, _document: Document | None) -> dict[str, Any]:
        """More for the template."""
        return {}

    def shown_value(self, value: Any) -> str:
        return ", ".join(value) if isinstance(value, list) else str(value)

    def _author(self, form: DocumentForm) -> str:
        field = getattr(form, "autor", None)
        return (field.data or "") if field is not None else ""

    def _values(self, form: DocumentForm, document: Document | None) -> dict[str, Any]:
        """What was typed, as content. Raises ContentRefused."""
        values: dict[str, Any] = {
            name: form[field].data or "" for field, name in self.fields.items()
        }
        if self.has_cover:
            kept = documents.newest_revision(document).content.get("cover") if document else None
            values["cover"] = chosen_photo("foto", kept) or {}
        return values

    def _document(self, document_id: int, *, lock: bool = False) -> Document:
        options: dict[str, Any] = {"populate_existing": True} if lock else {}
        document: Document | None = db.session.get(Document, document_id, **options)
        return found(document if document and document.kind == self.kind else None)

    def _form(self, form: DocumentForm, document: Document | None) -> str:
        newest = documents.newest_revision(document) if document else None
        cover = newest.content.get("cover") if newest else None
        live = documents.live_revision(document) if document else None
        return str(
            self.render(
                f"admin/{self.template}.html",
                form=form,
                document=document,
                words=self.words,
                here=self.here,
                prefix=PREFIXES[self.kind],
                path=path_of(document) if document else f"{PREFIXES[self.kind]}…",
                newest=newest,
                live=live if document and document.state == "published" else None,
                planned=documents.planned_revision(document) if document else None,
                standing=_standings([document])[document.id] if document else None,
                preview=absolute(f"/previa/{documents.preview_token(document)}")
                if document
                else "",
                picked=request.form.get("foto") or (cover or {}).get("media_id"),
                image=shown_address(cover),
                pictures=choices(),
                findings=_findings(newest),
                **self.extras(document),
            )
        )

    template = "documents_form"


def shown_address(cover: Mapping[str, Any] | None) -> str:
    """A JPEG of the cover for the share card."""
    if not cover:
        return ""
    photo = shown(cover)
    return f"/media/{photo.stem}-{photo.widths[-1]}.jpg"


def _findings(revision: Revision | None) -> list[Any]:
    if revision is None:
        return []
    content = revision.content
    names = ("excerpt", "markdown", "before", "turn", "after")
    text = "\n".join([content["title"], *(plain(str(content.get(name, ""))) for name in names)])
    return lint_advertisement(text)


def _standings(rows: Any) -> dict[int, tuple[str, str]]:
    """Where each document is in its life, in words, with the kind of its tag; one statement."""
    ids = [row.id for row in rows]
    moments: dict[int, list[Revision]] = {}
    query = sa.select(Revision).where(
        Revision.document_id.in_(ids), Revision.publish_at.is_not(None)
    )
    for revision in db.session.scalars(query):
        moments.setdefault(revision.document_id, []).append(revision)
    return {row.id: _standing(row, moments.get(row.id, [])) for row in rows}


def _standing(document: Document, dated: list[Revision]) -> tuple[str, str]:
    moment = now()
    if document.state == "archived":
        return _("Archived"), ""
    if document.state == "draft":
        return _("Draft"), ""
    if document.ends_at and document.ends_at <= moment:
        return _("Ended"), ""
    live = [one for one in dated if one.publish_at and one.publish_at <= moment]
    if not live:
        return _("Planned"), "hold"
    if document.kind == "story" and not (
        document.consent and document.consent.stands and document.consent.covers_image
    ):
        return _("Off the site: no permission"), "hold"
    face = max(live, key=lambda one: (one.publish_at, one.number))
    if face.number < document.newest:
        return _("On the site, with changes not published"), "good"
    return _("On the site"), "good"


def _two(
    rows: Any, older: str | None, newer: str | None
) -> tuple[Revision | None, Revision | None]:
    """The two versions to compare: those asked for, else the newest with the one before."""
    by_number = {str(row.number): row for row in rows}
    if older in by_number and newer in by_number:
        pair = sorted((by_number[older], by_number[newer]), key=lambda row: row.number)
        return pair[0], pair[1]
    return (rows[1], rows[0]) if len(rows) > 1 else (None, None)


def _subject(document: Document) -> str:
    return f"{document.kind}:{document.id}"


def _refuse_stale(form: DocumentForm, document: Document) -> None:
    """The second save of one document is told that there was a first. Raises ContentRefused."""
    if form.marca.data and form.marca.data != str(document.newest):
        raise ContentRefused(
            _("A colleague saved version %(n)s while you were editing. Look at it under Versions, "
              "then save again to keep yours as the newest.", n=document.newest),
            "marca",
        )  # fmt: skip
