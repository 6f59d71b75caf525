"""`/admin/lojas/`: addresses, numbers and opening hours."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups, store_forms
from admin.door import (
    StaffView,
    answer,
    at,
    changing,
    done,
    found,
    is_sure,
    staff,
    within_stores,
)
from admin.meanwhile import Meanwhile, meanwhile
from admin.store_forms import StoreForm, form_of
from content import media
from content.media import MediaRefused
from core.db import db
from core.errors import DomainError
from dealership import editing
from dealership.editing import ChangedMeanwhile, SettingRefused, StoreFacts, check_mark, mark_of
from dealership.identity import StoreProfile, profile_of
from dealership.models import Store
from dealership.roles import Permission
from inventory import stores as stock_of_stores

HERE: Final = "/admin/lojas/"
EDIT: Final = Permission.EDIT_STORES
Answer = str | Response | tuple[str, int]


class StoresView(StaffView):
    """The stores: list, data, week, special days, departments."""

    icon = "store"

    @at("/", EDIT)
    def index(self) -> Answer:
        """Every store of who is signed in, in the site's order."""
        query = (
            within_stores(sa.select(Store), Store.id)
            .options(
                selectinload(Store.opening_intervals),
                selectinload(Store.special_days),
                selectinload(Store.departments),
            )
            .order_by(Store.position, Store.id)
        )
        rows = db.session.scalars(query).all()
        return str(
            self.render(
                "admin/stores.html",
                stores=[(store, profile_of(store)) for store in rows],
                counts=stock_of_stores.cars_by_store(),
                is_group=staff().store_ids is None,
                lacks=lacking,
            )
        )

    @at("/nova", EDIT)
    def new(self) -> Answer:
        """An empty form."""
        _only_for_the_group()
        return self._data(None, form_of(StoreFacts()))

    @at("/nova", EDIT, methods=("POST",))
    def create(self) -> Answer:
        """A new store at the end of the list."""
        _only_for_the_group()
        form = StoreForm(request.form)
        if request.form.get("do") == "preview":
            return self._data_preview(None, form)
        try:
            with changing("store.create") as change:
                store = editing.open_store(form.facts())
                _set_photo(store)
                stock_of_stores.store_changed(store.id)
                change.subject, change.label = f"store:{store.id}", store.name
                store_id = store.id
        except SettingRefused as refusal:
            form.show_problems(refusal.problems)
            return self._data(None, form), 422
        except MediaRefused as refusal:
            return self._data(None, form, photo_problem=str(refusal)), 422
        done(_("The store is there. Say now when it is open."))
        return redirect(f"{HERE}{store_id}/horarios", code=303)

    @at("/<int:store_id>/", EDIT)
    def show(self, store_id: int) -> Answer:
        """The store's data."""
        store = store_of(store_id)
        return self._data(store, form_of(editing.facts_of(store)))

    @at("/<int:store_id>/", EDIT, methods=("POST",))
    def save(self, store_id: int) -> Answer:
        """Change the store's data, or show how it would look."""
        store, form = store_of(store_id), StoreForm(request.form)
        if request.form.get("do") == "preview":
            return self._data_preview(store, form)
        subject = f"store:{store_id}"
        try:
            with changing("store.change", subject, store_id=store_id) as change:
                store = held(store_id)
                before = editing.facts_of(store)
                check_mark(request.form.get("visto", ""), before)
                editing.change_store(store, form.facts())
                _set_photo(store)
                stock_of_stores.store_changed(store_id)
                change.label = store.name
                change.before, change.after = before.__dict__, editing.facts_of(store).__dict__
        except SettingRefused as refusal:
            form.show_problems(refusal.problems)
            return self._data(store_of(store_id), form), 422
        except MediaRefused as refusal:
            return self._data(store_of(store_id), form, photo_problem=str(refusal)), 422
        except ChangedMeanwhile:
            store = store_of(store_id)
            rows = store_forms.differing(form, editing.facts_of(store))
            return self._data(store, form, conflict=meanwhile(subject, rows)), 409
        done(_("Saved. The site shows it now."))
        return redirect(f"{HERE}{store_id}/", code=303)

    # --- order, closing ---

    @at("/<int:store_id>/subir", EDIT, methods=("POST",))
    def move_up(self, store_id: int) -> Answer:
        """One place nearer to the beginning: the first one is the main store."""
        _only_for_the_group()
        store = store_of(store_id)
        rows = list(db.session.scalars(sa.select(Store).order_by(Store.position, Store.id)))
        place = rows.index(store)
        if place:
            with changing("store.order", f"store:{store_id}", label=store.name):
                editing.order_stores(rows[place - 1], store)
            done(_("The order is saved."))
        return redirect(HERE, code=303)

    @at("/<int:store_id>/fechar", EDIT, methods=("POST",))
    def close(self, store_id: int) -> Answer:
        """Take the store off the site; asked for once more without a script."""
        _only_for_the_group()
        store = store_of(store_id)
        if not is_sure() and not stock_of_stores.cars_in(store_id):
            return self.ask_first(
                _("Take %(name)s off the site?", name=store.name),
                _("It leaves the site and its forms. Leads, visits and sold cars are kept, and you "
                  "can open it again."),
                yes=_("Close this store"),
                back=f"{HERE}{store_id}/",
                back_words=store.name,
            )  # fmt: skip
        try:
            with changing("store.close", f"store:{store_id}", label=store.name, store_id=store_id):
                stock_of_stores.close_store(held(store_id))
        except DomainError as error:
            return answer(error, f"{HERE}{store_id}/")
        done(_("The store is closed and off the site."), undo=f"{HERE}{store_id}/reabrir")
        return redirect(HERE, code=303)

    @at("/<int:store_id>/reabrir", EDIT, methods=("POST",))
    def reopen(self, store_id: int) -> Answer:
        """Bring a closed store back."""
        _only_for_the_group()
        store = store_of(store_id)
        with changing("store.reopen", f"store:{store_id}", label=store.name, store_id=store_id):
            editing.reopen_store(store)
            stock_of_stores.store_changed(store_id)
        done(_("The store is back."))
        return redirect(HERE, code=303)

    # --- pages ---

    def _data(
        self,
        store: Store | None,
        form: StoreForm,
        *,
        photo_problem: str = "",
        conflict: Meanwhile | None = None,
        preview: StoreProfile | None = None,
    ) -> str:
        is_sent = request.method == "POST"
        return self._page(
            "admin/stores_data.html",
            store,
            preview or (profile_of(store) if store else None),
            form=form,
            seen=mark_of(editing.facts_of(store)) if store else "",
            photo=request.form.get("photo", "") if is_sent else (store.photo if store else None),
            photo_problem=photo_problem,
            conflict=conflict,
            is_dirty=is_sent,
            is_group=staff().store_ids is None,
            cars=stock_of_stores.cars_in(store.id) if store else 0,
        )

    def _data_preview(self, store: Store | None, form: StoreForm) -> Answer:
        try:
            with db.session.no_autoflush:
                preview = profile_of(editing.draft_store(form.facts(), store))
        except SettingRefused as refusal:
            form.show_problems(refusal.problems)
            return self._data(store, form), 422
        return self._data(store, form, preview=preview)

    def _page(
        self, template: str, store: Store | None, preview: StoreProfile | None, **values: Any
    ) -> str:
        return str(
            self.render(
                template, store=store, preview=preview, lacks=lacking(store) if store else [],
                **values,
            )
        )  # fmt: skip


# --- what the views share --------------------------------------------------------------------


def store_of(store_id: int) -> Store:
    """The store, or 404 where it is none of this person's."""
    found(store_id, store_id)
    store: Store = found(db.session.get(Store, store_id))
    return store


def held(store_id: int) -> Store:
    """The store, held until the end of `changing()`: two saves of it queue here."""
    return db.session.get_one(Store, store_id, with_for_update=True, populate_existing=True)


def _only_for_the_group() -> None:
    """Opening, ordering and closing stores is nothing for people of one store."""
    if staff().store_ids is not None:
        abort(404)


def _set_photo(store: Store) -> None:
    if "photo" not in request.form:
        return
    item = media.picked(request.form["photo"])
    store.photo = item.as_photo() if item else {}


_LACKS: Final[tuple[tuple[Callable[[Store], bool], str], ...]] = (
    (lambda store: not store.is_complete and not store.closed_at, _l("the address")),
    (lambda store: not store.opening_intervals, _l("opening hours")),
    (lambda store: not store.whatsapp, _l("a WhatsApp number")),
    (lambda store: not store.phone, _l("a telephone number")),
    (lambda store: store.latitude is None, _l("its point on the map")),
)


def lacking(store: Store) -> list[str]:
    """What the store's page still lacks, in words."""
    return [str(words) for lacks, words in _LACKS if lacks(store)]


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        StoresView(
            name=_l("Stores"),
            category=groups.SETTINGS,
            url="/admin/lojas",
            endpoint="staff_stores",
        )
    ]
