"""`/admin/depoimentos/`: what buyers said, with their permission."""

from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField, TextAreaField

from admin import groups
from admin.content_forms import (
    ContentForm,
    chosen_photo,
    chosen_store,
    mark_of,
    of_their_store,
    own_store,
    picture_facts,
    refuse_stale,
    refused,
    store_choices,
)
from admin.door import StaffView, answer, at, changing, done, found, staff, within_stores
from admin.lists import Listing
from content import consents, invitations
from content import testimonials as noun
from content.media import shown
from content.models import Testimonial, TestimonialInvitation
from content.refusals import ContentRefused
from content.testimonials import STATES, TestimonialFacts
from core.clock import now, today
from core.db import db
from dealership.roles import Permission

HERE = "/admin/depoimentos/"
EDIT = Permission.EDIT_CONTENT
STATE_NAMES = {
    "waiting": _l("To look at"),
    "published": _l("On the site"),
    "hidden": _l("Not shown"),
    "archived": _l("Archived"),
}


class TestimonialForm(ContentForm):
    """The buyer's words."""

    texto = TextAreaField(
        _l("What the buyer said"),
        description=_l("Mend typing mistakes only: the words are the buyer's."),
    )
    nome = StringField(_l("Name as shown"), description=_l("First name, such as Renata M."))
    cidade = StringField(_l("City"))
    carro = StringField(_l("The car"), description=_l("Such as: bought a 2021 hatch."))
    mes = StringField(_l("Month of the sale"), render_kw={"type": "month"})
    video = StringField(_l("Video on YouTube"), description=_l("Its address, if there is one."))
    loja = SelectField(_l("Store"), coerce=str, validate_choice=False)
    tirar_foto = BooleanField(_l("Remove the photo that the buyer sent"))


class InvitationForm(ContentForm):
    """Whom to ask."""

    email = StringField(_l("E-mail of the buyer"), render_kw={"type": "email"})
    nome = StringField(_l("First name"))
    carro = StringField(_l("The car"), description=_l("Such as: Onix 2022."))
    loja = SelectField(_l("Store"), coerce=str, validate_choice=False)


class Testimonials(StaffView):
    """Testimonials: look, write, publish, permissions, invitations."""

    icon = "quote"

    @at("/", EDIT)
    def index(self) -> str:
        """Those of one state, the newest first."""
        count = noun.counts(staff().store_ids)
        asked = request.args.get("situacao", "")
        state = asked if asked in STATES else ("waiting" if count.get("waiting") else "published")
        query = within_stores(sa.select(Testimonial), Testimonial.store_id)
        listing = Listing(
            query.where(Testimonial.state == state),
            {"mes": Testimonial.month},
            default="-mes",
            tie=Testimonial.id.desc(),
        )
        return str(
            self.render(
                "admin/testimonials.html", listing=listing, state=state, counts=count,
                names=STATE_NAMES, shown=shown,
            )
        )  # fmt: skip

    @at("/novo", EDIT, methods=("GET", "POST"))
    def new(self) -> str | Response | tuple[str, int]:
        """Write down what a buyer said."""
        form = _form(request.form or None)
        if request.method == "GET":
            form.process(mes=today().strftime("%Y-%m"), loja=own_store())
            return self._page(form, None)
        try:
            facts = _facts(form, None)
            with changing("testimonial.create", store_id=facts.store_id) as change:
                row = noun.create_testimonial(facts, by=staff().email)
                change.subject = f"testimonial:{row.id}"
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._page(form, None), 422
        done(_("Kept. Note the permission next, then it can be shown."))
        return redirect(f"{HERE}{row.id}/#autorizacao", code=303)

    @at("/<int:testimonial_id>/", EDIT)
    def show(self, testimonial_id: int) -> str:
        """One testimonial with its permission."""
        row = _row(testimonial_id)
        form = _form(
            texto=row.text, nome=row.name, cidade=row.city, carro=row.car, mes=row.month,
            video=f"https://www.youtube.com/watch?v={row.youtube}" if row.youtube else "",
            loja=str(row.store_id or ""), marca=mark_of(values_of(row)),
        )  # fmt: skip
        return self._page(form, row)

    @at("/<int:testimonial_id>/", EDIT, methods=("POST",))
    def save(self, testimonial_id: int) -> Response | tuple[str, int]:
        """Keep the fields, unless a colleague changed them meanwhile."""
        row = _row(testimonial_id)
        form = _form(request.form)
        try:
            facts = _facts(form, row)
            with changing("testimonial.change", f"testimonial:{testimonial_id}") as change:
                row = _row(testimonial_id, lock=True)
                refuse_stale(form, values_of(row))
                change.before = _told(row)
                noun.revise_testimonial(row, facts)
                change.after = _told(row)
        except ContentRefused as refusal:
            row = _row(testimonial_id)
            status = refused(form, refusal, mark_of(values_of(row)))
            return self._page(form, row), status
        done(_("Saved."))
        return redirect(f"{HERE}{testimonial_id}/", code=303)

    @at("/<int:testimonial_id>/publicar", EDIT, methods=("POST",))
    def publish(self, testimonial_id: int) -> Response:
        """Show it on the site."""
        _row(testimonial_id)
        try:
            with changing("testimonial.publish", f"testimonial:{testimonial_id}"):
                noun.publish_testimonial(_row(testimonial_id, lock=True))
        except ContentRefused as refusal:
            return answer(refusal, f"{HERE}{testimonial_id}/#autorizacao")
        done(_("It is on the site now."), undo=f"{HERE}{testimonial_id}/esconder")
        return redirect(HERE, code=303)

    @at("/<int:testimonial_id>/esconder", EDIT, methods=("POST",))
    def hide(self, testimonial_id: int) -> Response:
        """Off the site, or back from the archive."""
        row = _row(testimonial_id)
        with changing("testimonial.hide", f"testimonial:{testimonial_id}"):
            noun.hide_testimonial(row)
        done(_("It is not shown now."))
        return redirect(f"{HERE}{testimonial_id}/", code=303)

    @at("/<int:testimonial_id>/arquivar", EDIT, methods=("POST",))
    def archive(self, testimonial_id: int) -> Response:
        """Put it away."""
        row = _row(testimonial_id)
        with changing("testimonial.archive", f"testimonial:{testimonial_id}"):
            noun.archive_testimonial(row)
        done(_("Archived."), undo=f"{HERE}{testimonial_id}/esconder")
        return redirect(HERE, code=303)

    @at("/<int:testimonial_id>/autorizacao", EDIT, methods=("POST",))
    def permit(self, testimonial_id: int) -> Response:
        """Note a signed permission."""
        _row(testimonial_id)
        try:
            with changing("testimonial.permit", f"testimonial:{testimonial_id}"):
                noun.record_permission(
                    _row(testimonial_id, lock=True),
                    covers_image=request.form.get("imagem") == "1",
                    evidence=request.form.get("prova", ""),
                    by=staff().email,
                    contact=request.form.get("contato", ""),
                )
        except ContentRefused as refusal:
            if refusal.field != "contato":
                refusal = ContentRefused(
                    _("Say where the signed permission is kept. %(why)s", why=refusal)
                )
            return answer(refusal, f"{HERE}{testimonial_id}/#autorizacao")
        done(_("Permission noted."))
        return redirect(f"{HERE}{testimonial_id}/#autorizacao", code=303)

    @at("/<int:testimonial_id>/revogar", EDIT, methods=("POST",))
    def revoke(self, testimonial_id: int) -> Response:
        """The buyer took the permission back: off the site, everywhere."""
        row = _row(testimonial_id)
        consent = found(row.consent)
        if request.form.get("confirmado") != "1":
            refusal = ContentRefused(_("Taking a permission back cannot be undone. Confirm it."))
            return answer(refusal, f"{HERE}{testimonial_id}/?revogar=1#autorizacao")
        with changing("testimonial.revoke", f"testimonial:{testimonial_id}"):
            consents.revoke(consent, by=staff().email)
        done(_("Taken back. It left the site, also campaign pages and stories."))
        return redirect(f"{HERE}{testimonial_id}/", code=303)

    @at("/convites", EDIT, methods=("GET", "POST"))
    def invite(self) -> str | Response | tuple[str, int]:
        """Invite a buyer by mail; what was sent and is open."""
        form = InvitationForm(request.form or None)
        form.loja.choices = store_choices()
        if request.method == "GET":
            form.process(loja=own_store())
            return self._invitations(form)
        try:
            store_id = chosen_store(form.loja.data)
            with changing("testimonial.invite", store_id=store_id) as change:
                row = invitations.invite(
                    form.email.data or "", name=form.nome.data or "", car=form.carro.data or "",
                    store_id=store_id, by=staff().email,
                )  # fmt: skip
                change.subject = f"testimonial_invitation:{row.id}"
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._invitations(form), 422
        done(_("The invitation is on its way. The link works once, for 30 days."))
        return redirect(f"{HERE}convites", code=303)

    @at("/convites/<int:asked_id>/cancelar", EDIT, methods=("POST",))
    def withdraw(self, asked_id: int) -> Response:
        """Close a link nobody used."""
        row = found(db.session.get(TestimonialInvitation, asked_id))
        of_their_store(row, row.store_id)
        with changing("testimonial.uninvite", f"testimonial_invitation:{asked_id}"):
            invitations.withdraw_invitation(row)
        done(_("The link does not open any more."))
        return redirect(f"{HERE}convites", code=303)

    def _page(self, form: TestimonialForm, row: Testimonial | None) -> str:
        return str(
            self.render(
                "admin/testimonials_form.html",
                form=form,
                row=row,
                **picture_facts(row.photo if row else None),
                names=STATE_NAMES,
                wording=consents.wording(covers_image=True),
                asks_revoke=request.args.get("revogar") == "1",
            )
        )

    def _invitations(self, form: InvitationForm) -> str:
        query = within_stores(sa.select(TestimonialInvitation), TestimonialInvitation.store_id)
        listing = Listing(
            query,
            {"data": TestimonialInvitation.created_at},
            default="-data",
            tie=TestimonialInvitation.id.desc(),
        )
        return str(
            self.render(
                "admin/testimonials_invitations.html", form=form, listing=listing, now=now(),
                masked=masked, counts=noun.counts(staff().store_ids),
            )
        )  # fmt: skip


def _form(*data: Any, **values: Any) -> TestimonialForm:
    form = TestimonialForm(*data, **values)
    form.loja.choices = store_choices(form.loja.data)
    return form


def _facts(form: TestimonialForm, row: Testimonial | None) -> TestimonialFacts:
    kept = row.photo if row and not form.tirar_foto.data else None
    return TestimonialFacts(
        text=form.texto.data or "",
        name=form.nome.data or "",
        city=form.cidade.data or "",
        car=form.carro.data or "",
        month=form.mes.data or "",
        video=form.video.data or "",
        photo=chosen_photo("foto", kept),
        store_id=chosen_store(form.loja.data, row.store_id if row else None),
    )


def values_of(row: Testimonial) -> dict[str, Any]:
    """What the form changes, for the mark."""
    return {
        "text": row.text,
        "name": row.name,
        "city": row.city,
        "car": row.car,
        "month": row.month,
        "video": row.youtube,
        "photo": (row.photo or {}).get("stem", ""),
        "store_id": row.store_id,
    }


def _told(row: Testimonial) -> dict[str, Any]:
    """The same for the audit log, which outlives an erasure: under names that it keeps back."""
    values = values_of(row)
    who = [values.pop(name) for name in ("name", "city", "car", "month", "video")]
    words = values.pop("text")
    return {**values, "message": words, "contact": who}


def _row(testimonial_id: int, *, lock: bool = False) -> Testimonial:
    options: dict[str, Any] = {"populate_existing": True} if lock else {}
    row = found(db.session.get(Testimonial, testimonial_id, **options))
    return of_their_store(row, row.store_id)


def masked(email: str) -> str:
    """An address as a list shows it: enough to recognise, not to copy."""
    name, _at, host = email.partition("@")
    return f"{name[:2]}…@{host}" if email else ""


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Testimonials(
            name=_l("Testimonials"),
            category=groups.CONTENT,
            url="/admin/depoimentos",
            endpoint="staff_testimonials",
        )
    ]
