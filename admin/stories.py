"""`/admin/historias/`: what happened to a buyer, told with permission."""

from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from admin import groups
from admin.content_forms import of_their_store
from admin.documents import EDIT, DocumentForm, DocumentView
from admin.door import StaffView, answer, at, changing, done, found, staff, within_stores
from content import consents, documents
from content.calls_to_action import Goal
from content.models import Document, ImageConsent, Testimonial
from content.refusals import ContentRefused
from core.db import db
from core.text import row_number

GOALS = (
    (Goal.WHATSAPP.value, _l("talks on WhatsApp")),
    (Goal.TEST_DRIVE.value, _l("books a test drive")),
    (Goal.PROPOSAL.value, _l("asks for a proposal")),
    (Goal.TRADE_IN.value, _l("has the own car valued")),
    (Goal.FINANCING.value, _l("simulates instalments")),
    (Goal.CALL_BACK.value, _l("is called back")),
)


class StoryForm(DocumentForm):
    """A story's fields."""

    resumo = TextAreaField(
        _l("Summary"),
        description=_l("One or two sentences for lists and searches, up to 220 characters."),
    )
    frase = TextAreaField(
        _l("The sentence that says it all"),
        description=_l("In the person's own words, up to 240 characters."),
    )
    pessoa = StringField(_l("Who tells it"), description=_l("First name, such as Renata M."))
    cidade = StringField(_l("City"))
    antes = TextAreaField(_l("Before"), description=_l("What was the trouble?"))
    virada = TextAreaField(_l("What changed"), description=_l("What did you do together?"))
    depois = TextAreaField(_l("Now"), description=_l("How is life with the car?"))
    carros = StringField(
        _l("Cars of the story"), description=_l("Codes or addresses of offers, at most 3.")
    )
    objetivo = SelectField(_l("The reader then"), choices=[SelectChoice(*goal) for goal in GOALS])
    botao = StringField(_l("Words on the button"), description=_l("Such as: Book a test drive."))


class Stories(DocumentView):
    """Stories of the blog."""

    icon = "star"
    kind = documents.STORY
    form_class = StoryForm
    template = "stories_form"
    words = {
        "title": _l("Stories"),
        "lead": _l("One buyer, what was before, what changed, how it is now."),
        "one": _l("Story"),
        "new": _l("New story"),
        "empty": _l("No story yet"),
        "empty_text": _l("Begin with somebody who came back to thank. Ask for the permission."),
    }
    fields = {
        "titulo": "title",
        "resumo": "excerpt",
        "frase": "quote",
        "pessoa": "person",
        "cidade": "city",
        "antes": "before",
        "virada": "turn",
        "depois": "after",
        "carros": "cars",
        "objetivo": "goal",
        "botao": "action",
        "seo_titulo": "seo_title",
        "seo_descricao": "seo_description",
    }

    def extras(self, document: Document | None) -> dict[str, Any]:
        query = (
            within_stores(sa.select(Testimonial), Testimonial.store_id)
            .join(Testimonial.consent)
            .where(ImageConsent.revoked_at.is_(None), ImageConsent.covers_image)
            .order_by(Testimonial.id.desc())
            .limit(50)
        )
        return {
            "consent": document.consent if document else None,
            "wording": consents.wording(covers_image=True),
            "from_testimonials": db.session.scalars(query).all(),
            "asks_revoke": request.args.get("revogar") == "1",
        }

    @at("/<int:document_id>/autorizacao", EDIT, methods=("POST",))
    def permit(self, document_id: int) -> Response:
        """Note a signed permission, or take over that of the person's testimonial."""
        document = self._document(document_id)
        back = f"{self.here}{document_id}/#autorizacao"
        chosen = request.form.get("depoimento", "")
        try:
            with changing("story.permit", f"story:{document_id}", label=document.title):
                if number := row_number(chosen):
                    testimonial = found(db.session.get(Testimonial, number))
                    of_their_store(testimonial, testimonial.store_id)
                    document.consent = found(testimonial.consent)
                else:
                    content = documents.newest_revision(document).content
                    document.consent = consents.give(
                        content["person"], covers_image=True, channel=consents.PAPER,
                        evidence=request.form.get("prova", ""), by=staff().email,
                        contact=request.form.get("contato", ""),
                    )  # fmt: skip
        except ContentRefused as refusal:
            if refusal.field != "contato":
                refusal = ContentRefused(_("Say where the signed permission is kept."))
            return answer(refusal, back)
        done(_("Permission noted."))
        return redirect(back, code=303)

    @at("/<int:document_id>/revogar", EDIT, methods=("POST",))
    def revoke(self, document_id: int) -> Response:
        """The person took the permission back: off the site, everywhere."""
        document = self._document(document_id)
        consent = found(document.consent)
        if request.form.get("confirmado") != "1":
            refusal = ContentRefused(_("Taking a permission back cannot be undone. Confirm it."))
            return answer(refusal, f"{self.here}{document_id}/?revogar=1#autorizacao")
        with changing("story.revoke", f"story:{document_id}", label=document.title):
            consents.revoke(consent, by=staff().email)
        done(_("Taken back. It left the site, also campaign pages and stories."))
        return redirect(f"{self.here}{document_id}/", code=303)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Stories(
            name=_l("Stories"),
            category=groups.CONTENT,
            url="/admin/historias",
            endpoint="staff_stories",
        )
    ]
