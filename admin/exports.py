"""`/admin/exportar/`: the stock and the leads as files that open safely."""

from dataclasses import replace
from datetime import datetime, time
from tempfile import SpooledTemporaryFile
from typing import Final

from flask import abort, jsonify, request, send_file
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups, tries
from admin.door import StaffView, answer, at, changing, done, found, may, staff
from admin.export_writing import FORMATS, Wanted, write
from core.clock import DEFAULT_ZONE, today
from core.errors import DomainError
from core.storage import NoSuchFile, storage
from core.text import group_thousands
from dealership.export_files import ExportFile, StillWriting, ask_for_file, files_of, find_file
from dealership.passwords import password_matches
from dealership.roles import Permission
from jobs.queue import enqueue

HERE: Final = "/admin/exportar/"
AT_ONCE_ROWS: Final = 5_000
IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
PERMISSIONS: Final = {"stock": Permission.EXPORT_STOCK, "leads": Permission.EXPORT_LEADS}
FILE_NAMES: Final = {"stock": "estoque", "leads": "leads"}


class ExportRefused(DomainError):
    """What was typed asks for no export; the sentence says why."""


class ExportsView(StaffView):
    """Stock and leads as CSV and XLSX: small ones at once, large ones in the background."""

    icon = "export"

    @at("/", Permission.EXPORT_STOCK)
    def index(self) -> str:
        """The forms, and one's own files of the last day."""
        return self._page()

    @at("/estoque", Permission.EXPORT_STOCK, methods=("POST",))
    def stock(self) -> Response | tuple[str, int]:
        """The stock; with documents for who may see them."""
        is_private = request.form.get("documentos") == "1"
        if is_private and not may(Permission.SEE_DOCUMENTS):
            abort(404)
        return self._deliver("stock", is_private=is_private)

    @at("/leads", Permission.EXPORT_LEADS, methods=("POST",))
    def leads(self) -> Response | tuple[str, int]:
        """The leads: personal data, so the password is asked again."""
        return self._deliver("leads")

    @at("/arquivo/<file_id>", Permission.EXPORT_STOCK)
    def fetch(self, file_id: str) -> Response:
        """One's own finished file, within its day."""
        asked = _mine(file_id)
        try:
            file = storage().open(found(asked.file_key or None), public=False)
        except NoSuchFile:
            abort(404)
        with changing(f"{asked.kind}.export_fetched", f"export:{asked.id}", label=asked.file_name):
            pass
        mimetype = FORMATS[asked.options["format"]]
        return send_file(file, mimetype, as_attachment=True, download_name=asked.file_name)

    @at("/arquivo/<file_id>/andamento", Permission.EXPORT_STOCK)
    def progress(self, file_id: str) -> Response:
        """How far it is, as JSON for the script."""
        asked = _mine(file_id)
        return jsonify(busy=asked.state == "writing", done=asked.rows_done, total=asked.rows_total)

    def _deliver(self, kind: str, *, is_private: bool = False) -> Response | tuple[str, int]:
        try:
            wanted = replace(_typed(kind), is_private=is_private)
            if kind == "leads":
                _prove_oneself()
        except DomainError as refusal:
            return self._page(kind, str(refusal)), 422
        rows = wanted.count()
        if not rows:
            return self._page(kind, _("There is nothing to export.")), 422
        name = f"{FILE_NAMES[kind]}-{today():%Y-%m-%d}.{wanted.format}"
        return _later(wanted, name, rows) if rows > AT_ONCE_ROWS else _at_once(wanted, name)

    def _page(self, kind: str = "", problem: str = "") -> str:
        return str(
            self.render(
                "admin/exports.html", files=files_of(staff().email), kind=kind, problem=problem,
                typed=request.form, at_once=group_thousands(AT_ONCE_ROWS),
            )
        )  # fmt: skip


def _typed(kind: str) -> Wanted:
    form = request.form
    if form.get("formato", "csv") not in FORMATS:
        raise ExportRefused(_("Choose CSV or Excel."))
    ids = staff().store_ids
    return Wanted(
        kind=kind,
        format=form.get("formato", "csv"),
        is_brazilian=form.get("numeros", "br") == "br",
        since=_since(form.get("desde", "")) if kind == "leads" else None,
        store_ids=None if ids is None else tuple(ids),
    )


def _since(text: str) -> datetime | None:
    if not text.strip():
        return None
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            day = datetime.strptime(text.strip(), pattern).date()  # noqa: DTZ007 - only the day
        except ValueError:
            continue
        return datetime.combine(day, time(), DEFAULT_ZONE)
    raise ExportRefused(_("This is not a date such as 31/12/2026: %(text)s", text=text[:40]))


def _prove_oneself() -> None:
    """The password again: an open browser left alone must not carry the people's data away."""
    member = staff()
    if wait := tries.seconds_to_wait("own password", member.email):
        raise ExportRefused(tries.wait_words(wait))
    if not password_matches(member.password, request.form.get("current", "")):
        tries.failed("own password")
        raise ExportRefused(_("This is not your present password."))
    tries.succeeded("own password", member.email)


def _at_once(wanted: Wanted, name: str) -> Response:
    file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - sent, then closed
    rows = write(wanted, file)
    with changing(f"{wanted.kind}.export", label=name) as change:
        change.after = {"rows": rows, **wanted.as_options()}
    file.seek(0)
    return send_file(file, FORMATS[wanted.format], as_attachment=True, download_name=name)


def _later(wanted: Wanted, name: str, rows: int) -> Response:
    try:
        with changing(f"{wanted.kind}.export_asked", label=name) as change:
            asked = ask_for_file(
                wanted.kind, wanted.as_options(), file_name=name, rows_total=rows, by=staff().email
            )
            enqueue("write_export", {"file_id": asked.id}, dedup_key=asked.id, max_attempts=3)
            change.subject, change.after = f"export:{asked.id}", {"rows": rows}
    except StillWriting as refusal:
        return answer(refusal, HERE)
    done(_("The file is being written. It appears below when it is ready."))
    return redirect(HERE, code=303)


def _mine(file_id: str) -> ExportFile:
    asked: ExportFile = found(find_file(file_id, staff().email))
    return asked if may(PERMISSIONS[asked.kind]) else found(None)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        ExportsView(
            name=_l("Export"),
            category=groups.STOCK,
            url="/admin/exportar",
            endpoint="staff_exports",
        )
    ]
