"""`/admin/webhooks/`: other systems that hear of what happens here."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, is_sure, staff
from admin.stock_scope import own_stores, store_name
from core.clock import now
from core.db import db
from core.errors import DomainError
from core.fetch import FetchRefused
from dealership.editing import check_mark, mark_of
from dealership.roles import Permission
from integrators.outgoing import endpoints, forwarding, sending
from integrators.outgoing.endpoints import KINDS, PERSON_ERASED, TEST, EndpointRefused
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint

HERE: Final = "/admin/webhooks/"
EDIT: Final = Permission.EDIT_PORTALS
MOST_SHOWN: Final = 50
AGAIN_DAYS: Final = {"1": _l("Last day"), "3": _l("Last 3 days"), "30": _l("Last 30 days")}
EVENT_NAMES: Final = {
    "lead.created": _l("Lead came in"),
    "lead.activity": _l("Lead moved"),
    "vehicle.changed": _l("Car changed"),
    PERSON_ERASED: _l("Person erased"),
    TEST: _l("Test"),
}
Answer = str | Response | tuple[str, int]


class Webhooks(StaffView):
    """Endpoints: connect, look how they are doing, send again."""

    icon = "plug"

    @at("/", EDIT)
    def index(self) -> Answer:
        """Every endpoint with how it is doing; what needs a person first."""
        rows = endpoints.everyone(staff().store_ids)
        rows.sort(key=lambda row: (row.state != "gone", row.failing_since is None))
        return str(
            self.render(
                "admin/webhooks.html",
                rows=rows,
                counts=endpoints.counts_of([row.id for row in rows]),
                names=EVENT_NAMES,
                stores=_stores(),
            )
        )

    @at("/novo", EDIT, methods=("GET", "POST"))
    def new(self) -> Answer:
        """Connect one, and show its secret for the only time."""
        if request.method == "GET":
            return self._form(None)
        try:
            store_id = _typed_store()
            with changing("webhook.create", store_id=store_id) as change:
                row, secret = endpoints.create_endpoint(
                    **_typed(), store_id=store_id, by=staff().email
                )
                change.subject, change.label = f"webhook:{row.id}", row.name
                change.after = _facts(row)
                endpoint_id = row.id
        except (EndpointRefused, FetchRefused) as error:
            return self._form(None, _problems(error)), 422
        return self._secret(endpoint_id, secret, _("It hears of everything from now on."))

    @at("/<int:endpoint_id>/", EDIT)
    def show(self, endpoint_id: int) -> Answer:
        """One endpoint: how it is doing, its settings, what it was told last."""
        return self._form(_endpoint(endpoint_id))

    @at("/<int:endpoint_id>/", EDIT, methods=("POST",))
    def save(self, endpoint_id: int) -> Answer:
        """Name, address, events, personal data."""
        _endpoint(endpoint_id)
        try:
            with changing("webhook.change", f"webhook:{endpoint_id}") as change:
                row = _endpoint(endpoint_id, lock=True)
                change.before, change.label = _facts(row), row.name
                endpoints.describe(row, **_typed())
                change.after = _facts(row)
        except (EndpointRefused, FetchRefused) as error:
            return self._form(_endpoint(endpoint_id), _problems(error)), 422
        done(_("Saved."))
        return redirect(f"{HERE}{endpoint_id}/", code=303)

    @at("/<int:endpoint_id>/testar", EDIT, methods=("POST",))
    def send_test(self, endpoint_id: int) -> Answer:
        """Tell it something that says only that it is a test."""
        row = _endpoint(endpoint_id)
        with changing("webhook.test", f"webhook:{endpoint_id}", label=row.name):
            forwarding.add_test(_endpoint(endpoint_id, lock=True), now())
        done(_("The test is on its way. Reload in a moment to see what was answered."))
        return redirect(f"{HERE}{endpoint_id}/#entregas", code=303)

    @at("/<int:endpoint_id>/novo-segredo", EDIT, methods=("POST",))
    def rotate(self, endpoint_id: int) -> Answer:
        """A new secret; the one of today signs too for a week."""
        row = _endpoint(endpoint_id)
        words = _("For 7 days everything is signed with both. A secret before today's stops now.")
        if not is_sure():
            return self._sure(row, _("Make a new secret?"), words)
        try:
            with changing("webhook.rotate", f"webhook:{endpoint_id}", label=row.name):
                row = _endpoint(endpoint_id, lock=True)
                # A second click would end the secret that the other side has.
                check_mark(request.form.get("segredo", ""), _secret_fact(row))
                secret = endpoints.rotate(row)
        except DomainError as error:
            return answer(error, f"{HERE}{endpoint_id}/")
        return self._secret(endpoint_id, secret, _("The new secret is ready."))

    @at("/<int:endpoint_id>/pausar", EDIT, methods=("POST",))
    def pause(self, endpoint_id: int) -> Answer:
        """Send nothing; what happens waits."""
        row = _endpoint(endpoint_id)
        with changing("webhook.pause", f"webhook:{endpoint_id}", label=row.name):
            endpoints.pause(_endpoint(endpoint_id, lock=True))
        done(_("Paused. What happens waits for it."), undo=f"{HERE}{endpoint_id}/continuar")
        return redirect(f"{HERE}{endpoint_id}/", code=303)

    @at("/<int:endpoint_id>/continuar", EDIT, methods=("POST",))
    def go_on(self, endpoint_id: int) -> Answer:
        """Send again, what waited first."""
        row = _endpoint(endpoint_id)
        with changing("webhook.go_on", f"webhook:{endpoint_id}", label=row.name):
            endpoints.go_on(_endpoint(endpoint_id, lock=True))
        done(_("It goes on. What waited is sent now."))
        return redirect(f"{HERE}{endpoint_id}/", code=303)

    @at("/<int:endpoint_id>/remover", EDIT, methods=("POST",))
    def remove(self, endpoint_id: int) -> Answer:
        """Take it away with what was sent to it."""
        row = _endpoint(endpoint_id)
        words = _("It hears of nothing any more. The list of what it was told goes too.")
        if not is_sure():
            return self._sure(row, _("Remove %(name)s?", name=row.name), words)
        with changing("webhook.remove", f"webhook:{endpoint_id}", label=row.name):
            endpoints.remove(_endpoint(endpoint_id, lock=True))
        done(_("It was removed."))
        return redirect(HERE, code=303)

    @at("/<int:endpoint_id>/reenviar", EDIT, methods=("POST",))
    def send_failed_again(self, endpoint_id: int) -> Answer:
        """Everything once more that was not taken in the last days."""
        row = _endpoint(endpoint_id)
        days = request.form.get("dias", "3")
        since = now() - timedelta(days=int(days) if days in AGAIN_DAYS else 3)
        with changing("webhook.send_again", f"webhook:{endpoint_id}", label=row.name):
            count = sending.send_failed_again(_endpoint(endpoint_id, lock=True), since)
        done(
            ngettext("%(num)s delivery is sent again.", "%(num)s deliveries are sent again.", count)
        )
        return redirect(f"{HERE}{endpoint_id}/#entregas", code=303)

    @at("/<int:endpoint_id>/entregas/<int:delivery_id>/reenviar", EDIT, methods=("POST",))
    def send_again(self, endpoint_id: int, delivery_id: int) -> Answer:
        """One thing once more, whatever became of it."""
        row = _endpoint(endpoint_id)
        with changing("webhook.send_again", f"webhook:{endpoint_id}", label=row.name):
            delivery = db.session.get(WebhookDelivery, delivery_id, with_for_update=True)
            if delivery is None or delivery.endpoint_id != endpoint_id:
                return found(None)
            sending.send_again(delivery)
        done(_("It is sent again, under the same id: the other side knows a repeat by it."))
        return redirect(f"{HERE}{endpoint_id}/#entregas", code=303)

    # --- pages ---

    def _form(self, row: WebhookEndpoint | None, problems: dict[str, str] | None = None) -> str:
        typed = request.form if request.method == "POST" else None
        return str(
            self.render(
                "admin/webhooks_endpoint.html",
                row=row,
                counts=endpoints.counts_of([row.id])[row.id] if row else {},
                deliveries=_deliveries(row) if row else [],
                most=MOST_SHOWN,
                kinds=KINDS,
                names=EVENT_NAMES,
                days=AGAIN_DAYS,
                name=typed.get("nome", "") if typed else (row.name if row else ""),
                url=typed.get("endereco", "") if typed else (row.url if row else ""),
                chosen=typed.getlist("eventos") if typed else (row.kinds if row else list(KINDS)),
                with_personal="pessoais" in typed
                if typed
                else bool(row and row.with_personal_data),
                stores=_stores(),
                is_group=staff().store_ids is None,
                problems=problems or {},
                secret_seen=mark_of(_secret_fact(row)) if row else "",
            )
        )

    def _secret(self, endpoint_id: int, secret: str, words: str) -> str:
        row = _endpoint(endpoint_id)
        return str(self.render("admin/webhooks_secret.html", row=row, secret=secret, words=words))

    def _sure(self, row: WebhookEndpoint, question: str, words: str) -> str:
        return self.ask_first(
            question,
            words,
            yes=_("Yes, do it"),
            back=f"{HERE}{row.id}/",
            back_words=row.name,
            fields={"segredo": mark_of(_secret_fact(row))},
        )


# --- rows ------------------------------------------------------------------------------------


def _endpoint(endpoint_id: int, *, lock: bool = False) -> WebhookEndpoint:
    """That endpoint, or 404: those of the whole group are the group's people's."""
    row: WebhookEndpoint = found(
        db.session.get(WebhookEndpoint, endpoint_id, with_for_update=lock or None)
    )
    ids = staff().store_ids
    return row if ids is None or row.store_id in ids else found(None)


def _deliveries(row: WebhookEndpoint) -> list[WebhookDelivery]:
    newest = (
        sa.select(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == row.id)
        .order_by(WebhookDelivery.id.desc())
        .limit(MOST_SHOWN)
    )
    return list(db.session.scalars(newest))


def _stores() -> dict[int, str]:
    return {store.id: store_name(store) for store in own_stores(closed_too=True)}


def _secret_fact(row: WebhookEndpoint) -> str:
    """What differs after a rotation; sealed, and only its mark goes out."""
    return row.credentials.decode()


def _facts(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "name": row.name,
        "url": row.url,
        "kinds": ", ".join(row.kinds),
        "with_personal_data": row.with_personal_data,
    }


# --- what was typed --------------------------------------------------------------------------


def _typed() -> dict[str, Any]:
    return {
        "name": request.form.get("nome", ""),
        "url": request.form.get("endereco", ""),
        "kinds": request.form.getlist("eventos"),
        "with_personal_data": "pessoais" in request.form,
    }


def _typed_store() -> int | None:
    text = request.form.get("loja", "")
    if not text and staff().store_ids is None:
        return None
    if text not in {str(store_id) for store_id in _stores()}:
        raise EndpointRefused("loja", _("Choose a store from the list."))
    return int(text)


def _problems(error: DomainError) -> dict[str, str]:
    field = error.field if isinstance(error, EndpointRefused) else "endereco"
    return {field: str(error)}


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Webhooks(
            name=_l("Webhooks"),
            category=groups.PORTALS,
            url="/admin/webhooks",
            endpoint="staff_webhooks",
        )
    ]
