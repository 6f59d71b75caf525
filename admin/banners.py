"""`/admin/banners/`: the promises on the home page, with window and order."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField

from admin import groups
from admin.content_forms import (
    ContentForm,
    MomentField,
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
from admin.door import StaffView, at, changing, done, found, within_stores
from content import banners
from content.banners import BannerFacts, Standing
from content.media import shown
from content.refusals import ContentRefused
from content.targets import Target, live_now, register_target
from core.clock import now
from core.db import db
from dealership.models import Banner
from dealership.roles import Permission
from landing.editing import find_live

HERE = "/admin/banners/"
EDIT = Permission.EDIT_CONTENT
STANDINGS = {
    Standing.RUNNING: (_l("On the site"), "good"),
    Standing.STEPPED_BACK: (_l("Off the site for now"), "hold"),
    Standing.COMING: (_l("Coming"), ""),
    Standing.ENDED: (_l("Ended"), ""),
    Standing.ARCHIVED: (_l("Archived"), ""),
}


class BannerForm(ContentForm):
    """What a banner says and where it leads."""

    titulo = StringField(_l("Title"), description=_l("Up to 80 characters."))
    texto = StringField(_l("Text"), description=_l("One sentence, up to 160 characters."))
    botao = StringField(
        _l("Words on the button"), description=_l("Say what opens: “See the SUVs”.")
    )
    destino = StringField(
        _l("Where it leads"), description=_l("An address of this site: copy it from the browser.")
    )
    inicio = MomentField(_l("Shown from"))
    fim = MomentField(_l("Shown until"), description=_l("Empty: until you archive it."))
    loja = SelectField(_l("Store"), coerce=str, validate_choice=False)

    @classmethod
    def for_staff(cls, *data: Any, **values: Any) -> "BannerForm":
        """With the stores that this person may choose."""
        form = cls(*data, **values)
        form.loja.choices = store_choices(form.loja.data)
        return form


class BannerView(StaffView):
    """Banners: list, edit, order, archive."""

    icon = "flag"

    @at("/", EDIT)
    def index(self) -> str:
        """Those on the site and those to come; `arquivo=1`: the archived ones."""
        archived = request.args.get("arquivo") == "1"
        query = within_stores(sa.select(Banner), Banner.store_id)
        is_archived = Banner.archived_at.is_not(None)
        query = query.where(is_archived if archived else ~is_archived)
        rows = db.session.scalars(query.order_by(Banner.position, Banner.id)).all()
        targets = {path: live_now(path) for path in {row.path for row in rows}}
        return str(
            self.render(
                "admin/banners.html",
                rows=[_row(row, targets[row.path]) for row in rows],
                archived=archived,
            )
        )

    @at("/novo", EDIT, methods=("GET", "POST"))
    def new(self) -> str | Response | tuple[str, int]:
        """A new banner."""
        form = BannerForm.for_staff(request.form or None)
        if request.method == "GET":
            form.process(inicio=now(), loja=own_store(), destino="/estoque")
            return self._form(form, None)
        try:
            facts = self._facts(form, None)
            with changing("banner.create") as change:
                banner = banners.create_banner(facts)
                change.subject, change.label = f"banner:{banner.id}", banner.title
                change.after = values_of(banner)
        except ContentRefused as refusal:
            form.refuse(refusal)
            return self._form(form, None), 422
        done(_("Banner created: %(title)s.", title=banner.title))
        return redirect(HERE, code=303)

    @at("/<int:banner_id>/", EDIT)
    def edit(self, banner_id: int) -> str:
        """One banner, its preview and its fields."""
        banner = _banner(banner_id)
        form = BannerForm.for_staff(
            titulo=banner.title, texto=banner.text, botao=banner.action, destino=banner.path,
            inicio=banner.starts_at, fim=banner.ends_at, loja=str(banner.store_id or ""),
            marca=mark_of(values_of(banner)),
        )  # fmt: skip
        return self._form(form, banner)

    @at("/<int:banner_id>/", EDIT, methods=("POST",))
    def save(self, banner_id: int) -> Response | tuple[str, int]:
        """Keep the fields, unless a colleague changed them meanwhile."""
        banner = _banner(banner_id)
        form = BannerForm.for_staff(request.form)
        try:
            facts = self._facts(form, banner)
            with changing("banner.change", f"banner:{banner_id}") as change:
                banner = _banner(banner_id, lock=True)
                refuse_stale(form, values_of(banner))
                change.before = values_of(banner)
                banners.revise_banner(banner, facts)
                change.after, change.label = values_of(banner), banner.title
        except ContentRefused as refusal:
            banner = _banner(banner_id)
            status = refused(form, refusal, mark_of(values_of(banner)))
            return self._form(form, banner), status
        done(_("Saved: %(title)s.", title=banner.title))
        return redirect(HERE, code=303)

    @at("/<int:banner_id>/arquivar", EDIT, methods=("POST",))
    def archive(self, banner_id: int) -> Response:
        """Take it off the site."""
        banner = _banner(banner_id)
        with changing("banner.archive", f"banner:{banner.id}", label=banner.title):
            banners.archive_banner(banner)
        done(_("Banner archived."), undo=f"{HERE}{banner_id}/restaurar")
        return redirect(HERE, code=303)

    @at("/<int:banner_id>/restaurar", EDIT, methods=("POST",))
    def restore(self, banner_id: int) -> Response:
        """Back from the archive."""
        banner = _banner(banner_id)
        with changing("banner.restore", f"banner:{banner.id}", label=banner.title):
            banners.restore_banner(banner)
        done(_("The banner is back."))
        return redirect(HERE, code=303)

    @at("/<int:banner_id>/mover", EDIT, methods=("POST",))
    def move(self, banner_id: int) -> Response:
        """One place up or down."""
        banner = _banner(banner_id)
        with changing("banner.move", f"banner:{banner.id}", label=banner.title):
            banners.move_banner(banner, up=request.form.get("para") == "cima")
        return redirect(f"{HERE}#banner-{banner_id}", code=303)

    def _facts(self, form: BannerForm, banner: Banner | None) -> BannerFacts:
        """What was typed. Raises ContentRefused."""
        if not form.validate():
            raise ContentRefused(_("Look at the marked fields."))
        return BannerFacts(
            title=form.titulo.data or "",
            text=form.texto.data or "",
            action=form.botao.data or "",
            path=form.destino.data or "",
            photo=chosen_photo("foto", banner.photo if banner else None),
            starts_at=form.inicio.data,
            ends_at=form.fim.data,
            store_id=chosen_store(form.loja.data, banner.store_id if banner else None),
        )

    def _form(self, form: BannerForm, banner: Banner | None) -> str:
        return str(
            self.render(
                "admin/banners_form.html",
                form=form,
                banner=banner,
                **picture_facts(banner.photo if banner else None),
                row=_row(banner, live_now(banner.path)) if banner else None,
            )
        )


def _row(banner: Banner, target: Target) -> dict[str, Any]:
    state = banners.standing(banner, target)
    words, kind = STANDINGS[state]
    return {
        "banner": banner,
        "target": target,
        "state": state.value,
        "words": words,
        "kind": kind,
        "picture": shown(banner.photo) if banner.photo else None,
    }


def values_of(banner: Banner) -> dict[str, Any]:
    """What the form changes, for the audit log and the mark."""
    return {
        "title": banner.title,
        "text": banner.text,
        "action": banner.action,
        "path": banner.path,
        "photo": (banner.photo or {}).get("stem", ""),
        "starts_at": banner.starts_at,
        "ends_at": banner.ends_at,
        "store_id": banner.store_id,
    }


def _banner(banner_id: int, *, lock: bool = False) -> Banner:
    """The banner, if it is of this person's store; the group's are for who has all stores."""
    options: dict[str, Any] = {"with_for_update": True, "populate_existing": True} if lock else {}
    banner = found(db.session.get(Banner, banner_id, **options))
    return of_their_store(banner, banner.store_id)


def _campaign(arguments: Mapping[str, Any], path: str) -> Target | None:
    """A landing page as the target of a link: one whose window is open."""
    live = find_live(str(arguments["slug"]), now())
    if live is None:
        return None
    page = live[0]
    is_open = page.state == "published" and not (page.ends_at and page.ends_at <= now())
    return Target(path, None, "" if is_open else _("The campaign page is not on the site."))


register_target("landing.landing_page", _campaign)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        BannerView(
            name=_l("Banners"),
            category=groups.CONTENT,
            url="/admin/banners",
            endpoint="staff_banners",
        )
    ]
