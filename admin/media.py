"""`/admin/midia/`: every picture that is not a car's, with its description."""

from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.datastructures import FileStorage
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.lists import Listing
from content import media
from content.media import MediaItem, MediaRefused
from core.db import db
from core.errors import DomainError
from core.storage import StorageFailed
from core.text import clean_line
from dealership.roles import Permission
from inventory.renditions import BYTES_MAX, PhotoRefused, RenderInterrupted

MOST_AT_ONCE = 12
HERE = "/admin/midia/"
EDIT = Permission.EDIT_CONTENT


class MediaView(StaffView):
    """The library: upload, describe, find, replace, delete."""

    icon = "picture"

    @at("/", EDIT)
    def index(self) -> str:
        """All pictures, newest first."""
        return self._list()

    @at("/enviar", EDIT, methods=("POST",))
    def upload(self) -> Response | tuple[str, int]:
        """Take in what was chosen; each file stands or falls alone."""
        files = [file for file in request.files.getlist("arquivos") if file.filename]
        refusals = [
            (file_name(file), _("Send at most %(n)s pictures at once.", n=MOST_AT_ONCE))
            for file in files[MOST_AT_ONCE:]
        ]
        items: list[MediaItem] = []
        for file in files[:MOST_AT_ONCE]:
            try:
                items.append(self._take_in(file))
            except (PhotoRefused, StorageFailed, RenderInterrupted) as error:
                refusals.append((file_name(file), str(error)))
        if not files:
            refusals.append(("", _("Choose at least one picture.")))
        if items:
            done(ngettext("One picture is here. Describe it now.",
                          "%(num)s pictures are here. Describe them now.", len(items)))  # fmt: skip
        if refusals:
            return self._list(refusals=refusals), 422
        only = len(items) == 1
        return redirect(f"{HERE}{items[0].id}/" if only else f"{HERE}?falta=1", code=303)

    @at("/<int:item_id>/", EDIT)
    def show(self, item_id: int) -> str:
        """One picture, where it is used, and its description."""
        return self._one(_item(item_id))

    @at("/<int:item_id>/descrever", EDIT, methods=("POST",))
    def describe(self, item_id: int) -> Response | tuple[str, int]:
        """Save title and description."""
        item = _item(item_id)
        typed = {"title": request.form.get("title", ""), "alt": request.form.get("alt", "")}
        try:
            with changing("media.describe", f"media:{item.id}") as change:
                change.before = {"title": item.title, "alt": item.alt}
                media.describe_media(item, **typed)
                change.after, change.label = {"title": item.title, "alt": item.alt}, item.title
        except MediaRefused as refusal:
            return self._one(_item(item_id), typed, problem=str(refusal)), 422
        done(_("Saved. The picture can be used."))
        return redirect(_next_after(item), code=303)

    @at("/<int:item_id>/trocar", EDIT, methods=("POST",))
    def replace(self, item_id: int) -> Response:
        """Show another picture wherever this one is shown."""
        item = _item(item_id)
        file = request.files.get("arquivo")
        try:
            if not file or not file.filename:
                raise MediaRefused(_("Choose at least one picture."))
            prepared = media.prepare_media(file.read(BYTES_MAX + 1))
            with changing("media.replace", f"media:{item_id}") as change:
                item = _item(item_id)
                media.replace_media(item, prepared)
                change.label = item.title
        except (DomainError, StorageFailed) as error:
            return answer(error, f"{HERE}{item_id}/")
        done(_("Replaced, also where it is shown."))
        return redirect(f"{HERE}{item_id}/", code=303)

    @at("/<int:item_id>/apagar", EDIT, methods=("POST",))
    def delete(self, item_id: int) -> Response:
        """Put it away, if nothing shows it."""
        item = _item(item_id)
        try:
            with changing("media.delete", f"media:{item.id}", label=item.title):
                media.delete_media(item)
        except MediaRefused as refusal:
            return answer(refusal, f"{HERE}{item_id}/")
        done(_("Picture deleted."), undo=f"{HERE}{item_id}/restaurar")
        return redirect(HERE, code=303)

    @at("/<int:item_id>/restaurar", EDIT, methods=("POST",))
    def restore(self, item_id: int) -> Response:
        """Undo a deletion."""
        item = found(db.session.get(MediaItem, item_id))
        with changing("media.restore", f"media:{item.id}", label=item.title):
            media.restore_media(item)
        done(_("The picture is back."))
        return redirect(f"{HERE}{item_id}/", code=303)

    @at("/escolher", Permission.SEE_STOCK)
    def choose(self) -> str:
        """The pictures of a picker for `q`, as a part of a page."""
        name = clean_line(request.args.get("campo", ""), 60)
        items = media.choices(request.args.get("q", ""))
        return render_template("admin/media_choices.html", items=items, name=name)

    def _take_in(self, file: FileStorage) -> MediaItem:
        prepared = media.prepare_media(file.read(BYTES_MAX + 1))
        with changing("media.upload") as change:
            title = file_name(file).rpartition(".")[0]
            item = media.record_media(prepared, title=title, by=staff().email)
            change.subject, change.label = f"media:{item.id}", item.title
        return item

    def _list(self, refusals: list[tuple[str, str]] | None = None) -> str:
        text = request.args.get("q", "")
        lacks = request.args.get("falta") == "1"
        query = media.find_media(text, is_described=False if lacks else None)
        listing = Listing(
            query, {"nova": MediaItem.id, "nome": MediaItem.title}, default="-nova",
            tie=MediaItem.id, page_size=48,
        )  # fmt: skip
        return str(
            self.render(
                "admin/media.html", listing=listing, text=text, lacks=lacks,
                refusals=refusals or [], most=MOST_AT_ONCE,
            )
        )  # fmt: skip

    def _one(
        self, item: MediaItem, typed: dict[str, Any] | None = None, *, problem: str = ""
    ) -> str:
        typed = typed or {"title": item.title, "alt": item.alt}
        uses = media.used_by(item)
        return str(
            self.render("admin/media_item.html", item=item, typed=typed, problem=problem, uses=uses)
        )


def _item(item_id: int) -> MediaItem:
    item: MediaItem = found(db.session.get(MediaItem, item_id))
    return found(None) if item.archived_at is not None else item


def _next_after(item: MediaItem) -> str:
    """To the next picture that lacks its words, while there is one."""
    query = media.find_media(is_described=False).order_by(MediaItem.id.desc()).limit(1)
    waiting = db.session.scalars(query).first()
    return f"{HERE}{waiting.id}/" if waiting else f"{HERE}{item.id}/"


def file_name(file: FileStorage) -> str:
    """What the person calls the file, fit to show; browsers may send a whole path."""
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    return clean_line(name, 160) or _("file")


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        MediaView(
            name=_l("Pictures"),
            category=groups.CONTENT,
            url="/admin/midia",
            endpoint="staff_media",
        )
    ]
