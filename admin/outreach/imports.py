"""`/admin/carteiras/importar/`: contacts from a file, on a legal basis, tried before they count."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app, jsonify, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.imports import typed_columns
from admin.lists import Listing
from admin.media import file_name
from admin.outreach.lists import FIRST_STEP_DAYS, HERE, own_list
from admin.outreach.words import KINDS, read_day
from core.clock import today
from core.db import db, writing
from core.errors import DomainError
from core.storage import StorageFailed
from core.text import row_number
from dealership.roles import Permission
from inventory.importing import ImportRefused, history
from inventory.importing.bad_rows import kept_bad_rows
from inventory.importing.history import NotNow
from leads.outreach import contact_import as noun
from leads.outreach import contact_writing, lists
from leads.outreach.bases import BASES, Basis
from leads.outreach.contact_rows import FACTS
from leads.outreach.contact_writing import UNDO_DAYS
from leads.outreach.entries import next_facts
from leads.outreach.models import ContactImport

WIZARD: Final = f"{HERE}importar/"
IMPORT: Final = Permission.SUPERVISE_LEADS
STATE_WORDS: Final[Mapping[str, Any]] = {
    "new": _l("To be mapped"), "trying": _l("Being tried"), "tried": _l("Tried, not imported"),
    "running": _l("Being imported"), "done": _l("Imported"), "failed": _l("Refused"),
    "undone": _l("Undone"),
}  # fmt: skip
COUNTED: Final = (
    ("new_people", _l("New people")), ("known_people", _l("People we knew")),
    ("new_companies", _l("New companies")), ("new_entries", _l("Onto the list")),
    ("already_listed", _l("On it before")), ("stopped", _l("Want no contact")),
    ("left_out", _l("Asked to be erased")), ("rejected_count", _l("Rejected rows")),
)  # fmt: skip


class ContactImports(StaffView):
    """Send a file, say what it holds and why we may hold it, see what would happen, bring it in."""

    in_menu = False

    @at("/", IMPORT)
    def index(self) -> str:
        """The form and what was imported before."""
        return self._list()

    @at("/enviar", IMPORT, methods=("POST",))
    def upload(self) -> Response | tuple[str, int]:
        """Keep the file; nobody is stored yet."""
        file = request.files.get("arquivo")
        if file is None or not file.filename:
            return self._list(_("Choose a file: CSV or XLSX.")), 422
        try:
            data = file.read()
            key = history.keep_file(data)
            with changing("contacts.import_sent", label=file_name(file)) as change:
                one = noun.record_import(file_name(file), key, len(data), by=staff().email)
                change.subject = f"contacts:{one.id}"
            noun.preview_of(one)
        except ImportRefused as refusal:
            return self._list(str(refusal)), 422
        except StorageFailed as failure:
            return self._list(str(failure)), 503
        onto = request.form.get("lista", "")
        query = f"?lista={onto}" if onto.isascii() and onto.isdigit() else ""
        return redirect(f"{WIZARD}{one.id}/{query}", code=303)

    @at("/<int:contacts_id>/", IMPORT)
    def show(self, contacts_id: int) -> str:
        """Where one import stands."""
        one = _own(contacts_id)
        is_busy = one.state in noun.BUSY
        if one.state == "new" or (request.args.get("colunas") and not is_busy):
            return self._columns(one)
        return self._report(one)

    @at("/<int:contacts_id>/andamento", IMPORT)
    def progress(self, contacts_id: int) -> Response:
        """How far it is, as JSON for the script."""
        one = _own(contacts_id)
        is_busy = one.state in noun.BUSY and noun.halt_of(one) is None
        return jsonify(busy=is_busy, done=one.rows_done, total=one.rows_total)

    @at("/<int:contacts_id>/testar", IMPORT, methods=("POST",))
    def try_out(self, contacts_id: int) -> Response | tuple[str, int]:
        """The first click: what would happen."""
        one, form = _own(contacts_id), request.form
        number = row_number(form.get("lista", ""))
        onto = own_list(number) if number is not None else None
        basis = Basis(
            form.get("base", ""), form.get("origem", ""), form.get("prova", ""),
            read_day(form.get("desde")),
        )  # fmt: skip
        try:
            facts = (
                next_facts(form.get("proximo", ""), read_day(form.get("quando"))) if onto else {}
            )
            preview = noun.preview_of(one)
            with changing("contacts.import_trial", f"contacts:{contacts_id}", label=one.file_name):
                noun.choose(
                    one, preview, typed_columns(preview), basis,
                    onto=onto, next_facts=facts, by=staff().email,
                )  # fmt: skip
        except NotNow as late:
            return answer(late, f"{WIZARD}{contacts_id}/")
        except DomainError as refusal:
            return self._columns(_own(contacts_id), problem=str(refusal)), 422
        if one.size_bytes <= noun.QUICK_BYTES:
            _try_now(contacts_id)
        return redirect(f"{WIZARD}{contacts_id}/", code=303)

    @at("/<int:contacts_id>/aplicar", IMPORT, methods=("POST",))
    def apply(self, contacts_id: int) -> Response:
        """The second click: now they come in."""
        one = _own(contacts_id)
        try:
            with changing("contacts.import", f"contacts:{contacts_id}", label=one.file_name) as ch:
                noun.start(one)
                ch.after = {"basis": one.basis, "source": one.source, "list": one.list_id}
        except NotNow:
            return redirect(f"{WIZARD}{contacts_id}/", code=303)  # the second of two clicks
        done(_("The import has begun."))
        return redirect(f"{WIZARD}{contacts_id}/", code=303)

    @at("/<int:contacts_id>/retomar", IMPORT, methods=("POST",))
    def try_again(self, contacts_id: int) -> Response:
        """Go on with one whose work stopped half way."""
        one = _own(contacts_id)
        try:
            with changing("contacts.import_again", f"contacts:{contacts_id}", label=one.file_name):
                noun.try_again(one)
        except NotNow:
            return redirect(f"{WIZARD}{contacts_id}/", code=303)
        done(_("It goes on. You may leave this page."))
        return redirect(f"{WIZARD}{contacts_id}/", code=303)

    @at("/<int:contacts_id>/desfazer", IMPORT, methods=("POST",))
    def undo(self, contacts_id: int) -> Response:
        """Take away what it brought and nobody touched since."""
        one = _own(contacts_id)
        try:
            with changing("contacts.import_undo", f"contacts:{contacts_id}") as change:
                change.label = one.file_name
                change.after = contact_writing.undo(one)
        except DomainError as refusal:
            return answer(refusal, f"{WIZARD}{contacts_id}/")
        done(_("Undone. Whoever wrote, was worked with or was known before stays."))
        return redirect(f"{WIZARD}{contacts_id}/", code=303)

    @at("/<int:contacts_id>/recusadas.csv", IMPORT)
    def bad_rows(self, contacts_id: int) -> Response:
        """The rejected rows with their reasons, to mend and send again."""
        data = found(kept_bad_rows(_own(contacts_id).bad_rows_key))
        headers = {"Content-Disposition": f'attachment; filename="recusadas-{contacts_id}.csv"'}
        return Response(data, content_type="text/csv; charset=utf-8", headers=headers)

    def _list(self, problem: str = "") -> str:
        imports = sa.select(ContactImport)
        if staff().store_ids is not None:
            imports = imports.where(ContactImport.created_by == staff().email)
        listing = Listing(
            imports, {"quando": ContactImport.id}, default="-quando", tie=ContactImport.id
        )
        return str(
            self.render(
                "admin/contacts.html", listing=listing, problem=problem, states=STATE_WORDS,
                onto=request.args.get("lista", ""),
            )
        )  # fmt: skip

    def _columns(self, one: ContactImport, problem: str = "") -> str:
        try:
            preview = noun.preview_of(one)
        except ImportRefused as refusal:
            return self._report(one, problem=str(refusal))
        layout = noun.layout_of(preview)
        me = staff()
        typed: Mapping[str, Any] = request.form if problem else {
            "base": one.basis, "origem": one.source, "prova": one.proof,
            "desde": one.obtained_on or "", "proximo": one.next_step or _("First contact"),
            "quando": one.next_on or today() + timedelta(days=FIRST_STEP_DAYS),
            "lista": str(one.list_id or request.args.get("lista", "")),
        }  # fmt: skip
        columns = one.columns or (layout.columns if layout else preview.guess)
        return str(
            self.render(
                "admin/contacts_columns.html", one=one, preview=preview, facts=FACTS,
                columns=typed_columns(preview) if problem else columns,
                layout=layout, typed=typed, problem=problem, bases=BASES, kinds=KINDS,
                lists=lists.lists_for(me.id, me.store_ids, sees_all=True),
            )
        )  # fmt: skip

    def _report(self, one: ContactImport, problem: str = "") -> str:
        return str(
            self.render(
                "admin/contacts_report.html", one=one, report=one.report, problem=problem,
                states=STATE_WORDS, halt=noun.halt_of(one), counted=COUNTED, bases=BASES,
                is_busy=one.state in noun.BUSY, can_undo=contact_writing.can_be_undone(one),
                undo_days=UNDO_DAYS,
            )
        )  # fmt: skip


def _own(contacts_id: int) -> ContactImport:
    """One's own import; who works for all stores sees everybody's."""
    one: ContactImport = found(db.session.get(ContactImport, contacts_id))
    if staff().store_ids is not None and one.created_by != staff().email:
        found(None)
    return one


def _try_now(contacts_id: int) -> None:
    """What the worker would do, in a context of its own: a trial empties its session, and this
    request's still holds who is signed in."""
    db.session.rollback()
    with current_app.app_context():
        record = noun.try_contacts({"import_id": contacts_id})
        if record is not None:
            with writing():
                record()


def views() -> Sequence[StaffView]:
    return [
        ContactImports(
            name=_l("Import contacts"), url="/admin/carteiras/importar", endpoint="staff_contacts"
        )
    ]
