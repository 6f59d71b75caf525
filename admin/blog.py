"""`/admin/blog/`: articles, written, planned, restored."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField, TextAreaField

from admin import groups
from admin.documents import DocumentForm, DocumentView, markdown_field
from admin.door import StaffView, staff
from content import documents
from content.models import Document


class ArticleForm(DocumentForm):
    """An article's fields."""

    resumo = TextAreaField(
        _l("Summary"),
        description=_l("One or two sentences for lists and searches, up to 220 characters."),
    )
    texto = markdown_field()
    autor = StringField(_l("Signed by"), description=_l("The name that readers see."))
    assuntos = StringField(_l("Subjects"), description=_l("Separated by commas, at most 8."))


class Blog(DocumentView):
    """Articles of the blog."""

    icon = "pen"
    kind = documents.ARTICLE
    form_class = ArticleForm
    has_tags = True
    words = {
        "title": _l("Blog"),
        "lead": _l("Articles answer what buyers ask before they come."),
        "one": _l("Article"),
        "new": _l("New article"),
        "empty": _l("No article yet"),
        "empty_text": _l("Begin with what customers ask most: financing, documents, trade-in."),
    }
    fields = {
        "titulo": "title",
        "resumo": "excerpt",
        "texto": "markdown",
        "seo_titulo": "seo_title",
        "seo_descricao": "seo_description",
    }

    def defaults(self) -> dict[str, Any]:
        return {"autor": staff().shown_name}

    def own(self, document: Document) -> dict[str, Any]:
        return {
            "autor": document.author,
            "assuntos": ", ".join(tag.name for tag in document.tags),
        }

    def _apply(self, document: Document, form: DocumentForm) -> None:
        documents.set_tags(document, form["assuntos"].data or "")


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Blog(name=_l("Blog"), category=groups.CONTENT, url="/admin/blog", endpoint="staff_blog")
    ]
