"""`/admin/modelos/`: the texts that attendants send, with named slots. Everybody at the desk reads
them; who answers for the team writes them."""

from collections.abc import Mapping
from typing import Any, Final

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from admin import groups
from admin.content_forms import ContentForm, mark_of, refuse_stale
from admin.content_forms import refused as refusal_status
from admin.door import StaffView, at, changing, done, found, staff
from content.refusals import ContentRefused
from core.db import db
from dealership.roles import Permission
from leads import message_templates as noun
from leads.message_templates import (
    CHANNELS,
    PURPOSES,
    SITUATIONS,
    BadTemplate,
    Filled,
    MessageTemplate,
    TemplateFacts,
    filled,
    open_slots,
)
from leads.notifications import kind_label
from leads.pipeline.cadences import CADENCES
from leads.template_slots import SLOTS, sample_facts
from leads.words import DEPARTMENTS, NEXT_ACTIONS

HERE: Final = "/admin/modelos/"
SEE, EDIT = Permission.WORK_LEADS, Permission.MANAGE_STAFF
# What a lead may have asked first; a text of one kind is not offered for another.
KINDS: Final = ("interest", "test_drive", "financing", "trade_in", "call_back", "service")
_FIELDS: Final = {
    "name": "nome", "channel": "canal", "situation": "situacao", "purpose": "finalidade",
    "department": "departamento", "subject": "assunto", "body": "texto",
}  # fmt: skip


def _chosen(among: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(code, words) for code, words in among.items()]


class TemplateForm(ContentForm):
    """One text."""

    nome = StringField(_l("Name of the text"), description=_l("Only the team sees it."))
    canal = SelectField(_l("Channel"), choices=_chosen(CHANNELS), validate_choice=False)
    situacao = SelectField(_l("When it suits"), choices=_chosen(SITUATIONS), validate_choice=False)
    finalidade = SelectField(_l("What it is for"), choices=_chosen(PURPOSES), validate_choice=False)
    departamento = SelectField(_l("Department"), validate_choice=False)
    tipo = SelectField(_l("What they asked"), validate_choice=False)
    assunto = StringField(_l("Subject"), description=_l("Of a mail only."))
    texto = TextAreaField(_l("Text"), render_kw={"rows": 10, "data-template-text": ""})


class MessageTemplates(StaffView):
    """Texts with slots, and the cadences that use them."""

    icon = "quote"

    @at("/", SEE)
    def index(self) -> str:
        """All texts by situation; those that were put away under a tab of their own."""
        is_archive = request.args.get("situacao") == "arquivados"
        rows = noun.templates(archived=is_archive)
        sample = sample_facts(staff())
        groups_: dict[str, list[tuple[MessageTemplate, Filled]]] = {}
        for row in rows:
            text = noun.fill(row, sample)
            groups_.setdefault(str(SITUATIONS.get(row.situation, row.situation)), []).append(
                (row, text)
            )
        return str(
            self.render(
                "admin/message_templates.html",
                groups=groups_,
                is_archive=is_archive,
                channels=CHANNELS,
                departments=DEPARTMENTS,
                kind_label=kind_label,
                cadences=CADENCES.values(),
                actions=NEXT_ACTIONS,
                situations=SITUATIONS,
            )
        )

    @at("/novo", EDIT, methods=("GET", "POST"))
    def new(self) -> str | Response | tuple[str, int]:
        """Write a new one."""
        form = _form(request.form or None)
        if request.method == "GET" or request.form.get("acao") == "ver":
            return self._page(form, None)
        try:
            with changing("message_template.create") as change:
                row = noun.create_template(_facts(form), by=staff().email)
                change.subject, change.label = f"message_template:{row.id}", row.name
                change.after = _values(row)
        except BadTemplate as error:
            form.refuse(_beside(error))
            return self._page(form, None), 422
        done(_("Saved."))
        return redirect(HERE, code=303)

    @at("/previa", EDIT, methods=("POST",))
    def preview(self) -> str:
        """How the text that is being typed looks for an invented person."""
        shown = _preview(_form(request.form))
        return str(self.render("admin/message_templates_preview.html", **shown))

    @at("/<int:template_id>/", EDIT)
    def show(self, template_id: int) -> str:
        """One text, to be changed."""
        row = _row(template_id)
        values = _values(row)
        form = _form(
            nome=row.name, canal=row.channel, situacao=row.situation, finalidade=row.purpose,
            departamento=row.department, tipo=row.kind, assunto=row.subject, texto=row.body,
            marca=mark_of(values),
        )  # fmt: skip
        return self._page(form, row)

    @at("/<int:template_id>/", EDIT, methods=("POST",))
    def save(self, template_id: int) -> str | Response | tuple[str, int]:
        """Keep it, unless a colleague changed it meanwhile."""
        row = _row(template_id)
        form = _form(request.form)
        if request.form.get("acao") == "ver":
            return self._page(form, row)
        try:
            with changing("message_template.change", f"message_template:{template_id}") as change:
                row = _row(template_id, lock=True)
                refuse_stale(form, _values(row))
                change.before, change.label = _values(row), row.name
                noun.revise_template(row, _facts(form), by=staff().email)
                change.after = _values(row)
        except (BadTemplate, ContentRefused) as error:
            row = _row(template_id)
            refusal = _beside(error) if isinstance(error, BadTemplate) else error
            status = refusal_status(form, refusal, mark_of(_values(row)))
            return self._page(form, row), status
        done(_("Saved."))
        return redirect(HERE, code=303)

    @at("/<int:template_id>/arquivar", EDIT, methods=("POST",))
    def archive(self, template_id: int) -> Response:
        """Offer it to nobody any more."""
        row = _row(template_id)
        with changing("message_template.archive", f"message_template:{row.id}", label=row.name):
            noun.archive_template(row)
        done(_("Archived."), undo=f"{HERE}{template_id}/restaurar")
        return redirect(HERE, code=303)

    @at("/<int:template_id>/restaurar", EDIT, methods=("POST",))
    def restore(self, template_id: int) -> Response:
        """Bring it back."""
        row = _row(template_id)
        with changing("message_template.restore", f"message_template:{row.id}", label=row.name):
            noun.restore_template(row)
        done(_("Back among the texts."))
        return redirect(HERE, code=303)

    def _page(self, form: TemplateForm, row: MessageTemplate | None) -> str:
        return str(
            self.render(
                "admin/message_templates_form.html",
                form=form, row=row, slots=SLOTS, **_preview(form),
            )
        )  # fmt: skip


def _form(*data: Any, **values: Any) -> TemplateForm:
    form = TemplateForm(*data, **values)
    form.departamento.choices = _chosen({"": _("All departments"), **DEPARTMENTS})
    form.tipo.choices = _chosen({"": _("Anything"), **{one: kind_label(one) for one in KINDS}})
    return form


def _facts(form: TemplateForm) -> TemplateFacts:
    kind = form.tipo.data or ""
    return TemplateFacts(
        name=form.nome.data or "",
        channel=form.canal.data or "",
        situation=form.situacao.data or "",
        purpose=form.finalidade.data or "",
        department=form.departamento.data or "",
        kind=kind if kind in KINDS else "",
        subject=form.assunto.data or "",
        body=form.texto.data or "",
    )


def _preview(form: TemplateForm) -> dict[str, Any]:
    """The typed text filled for an invented person, and the slots in it that there are not."""
    subject, body = form.assunto.data or "", form.texto.data or ""
    body = body[: noun.LONGEST_BODY]
    subject = subject[: noun.LONGEST_SUBJECT] if form.canal.data == "mail" else ""
    unknown = [name for name in open_slots(subject, body) if name not in SLOTS]
    return {"sample": filled(subject, body, sample_facts(staff())), "unknown": unknown,
            "known": list(SLOTS)}  # fmt: skip


def _values(row: MessageTemplate) -> dict[str, Any]:
    """What the form changes."""
    return {name: getattr(row, name) for name in (*_FIELDS, "kind")}


def _beside(error: BadTemplate) -> ContentRefused:
    return ContentRefused(str(error), _FIELDS.get(error.field, ""))


def _row(template_id: int, *, lock: bool = False) -> MessageTemplate:
    options: dict[str, Any] = {"populate_existing": True, "with_for_update": True} if lock else {}
    row: MessageTemplate = found(db.session.get(MessageTemplate, template_id, **options))
    return row


def views() -> list[StaffView]:
    """The screen of this module, for the menu."""
    return [
        MessageTemplates(
            name=_l("Texts"),
            category=groups.LEADS,
            url="/admin/modelos",
            endpoint="staff_message_templates",
        )
    ]
