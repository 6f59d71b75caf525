"""OLX beside the ads: signing in, catalogue, webhooks' settings, chat, and the posts it sends.

developers.olx.com.br/anuncio/api/oauth.html, car_models.html; /lead/how_to.html; /chat/;
/webhooks/notifications_configuration.html.
"""

import uuid
from typing import Any

from tests.integrators import events
from tests.simulators import olx_rules as rules
from tests.simulators.catalogue import CAR, MOTORCYCLE, Catalogue
from tests.simulators.faults import Faults
from tests.simulators.oauth import Codes
from tests.simulators.routes import route
from tests.simulators.server import Answer, Request, said
from tests.simulators.simulator import Simulator

HOOKS = {"lead": "", "notification": "AD_STATUS"}


class Service(Simulator):
    """What an advertiser has besides ads."""

    codes: Codes
    access_token: str
    catalogue: Catalogue

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.hooks: dict[str, dict[str, Any]] = {}  # by their id
        self.chat_hook = ""
        self.chat_sent: list[dict[str, Any]] = []
        super().__init__(faults, port=port)

    def _sign_in(self, token: str) -> None:
        raise NotImplementedError

    # --- signing in -------------------------------------------------------------------------

    @route("GET", "/oauth", never_lost=True)
    def authorize(self, request: Request) -> Answer:
        """Nobody is asked: the dealer agrees at once."""
        return self.codes.give(request.query)

    @route("POST", "/oauth/token", writes=False, never_lost=True)
    def token(self, request: Request) -> Answer:
        if request.form.get("grant_type") != "authorization_code":
            return said({"error": "unsupported_grant_type"}, 400)
        if not self.codes.take(request.form):
            return said({"error": "invalid_grant"}, 400)
        return said({"access_token": self.access_token, "token_type": "Bearer"})

    @route("POST", "/oauth_api/basic_user_info", writes=False)
    def user_info(self, request: Request) -> Answer:
        self._sign_in(str(request.table.get("access_token", "")))
        return said({"user_name": "Loja Exemplo", "user_email": "contato@exemplo.com.br"})

    # --- catalogue --------------------------------------------------------------------------

    @route("POST", "/autoupload/car_info", writes=False)
    @route("POST", "/autoupload/car_info/<make>", writes=False)
    @route("POST", "/autoupload/car_info/<make>/<model>", writes=False)
    def car_info(self, request: Request, make: str = "", model: str = "") -> Answer:
        return self._catalogue(request, CAR, make, model)

    @route("POST", "/autoupload/moto_info", writes=False)
    @route("POST", "/autoupload/moto_info/<make>", writes=False)
    @route("POST", "/autoupload/moto_info/<make>/<model>", writes=False)
    def moto_info(self, request: Request, make: str = "", model: str = "") -> Answer:
        return self._catalogue(request, MOTORCYCLE, make, model)

    @route("POST", "/autoupload/moto_cubiccms_info", writes=False)
    def cubic_info(self, request: Request) -> Answer:
        self._sign_in(str(request.table.get("access_token", "")))
        return said({"status": "ok", "data": rules.CUBIC})

    def _catalogue(self, request: Request, kind: str, make: str, model: str) -> Answer:
        self._sign_in(str(request.table.get("access_token", "")))
        if model:
            found = self.catalogue.trims_of(model)
        elif make:
            found = self.catalogue.models_of(make)
        else:
            found = self.catalogue.makes_of(kind)
        return said({"status": "ok", "data": {name: int(code) for code, name in found}})

    # --- webhooks' settings, chat -----------------------------------------------------------

    @route("POST", "/autoservice/v1/<name>")
    def set_hook(self, request: Request, name: str) -> Answer:
        self._sign_in(request.bearer)
        body = request.table
        if name == "chat":
            self.chat_hook = str(body.get("webhook", ""))
            return said({"webhook": self.chat_hook}, 201)
        if name not in HOOKS or not body.get("url"):
            return said({"error": "INVALID"}, 400)
        kind = {"type": HOOKS[name]} if HOOKS[name] else {}
        hook = {"id": str(uuid.uuid4()), **body, **kind}
        self.hooks[hook["id"]] = hook
        return said(hook, 201)

    @route("GET", "/autoservice/v1/<name>/<hook>")
    def show_hook(self, request: Request, name: str, hook: str) -> Answer:
        self._sign_in(request.bearer)
        return said(self.hooks[hook]) if hook in self.hooks else said({"error": "NOT_FOUND"}, 404)

    @route("PUT", "/autoservice/v1/<name>/<hook>")
    def change_hook(self, request: Request, name: str, hook: str) -> Answer:
        self._sign_in(request.bearer)
        if hook not in self.hooks:
            return said({"error": "NOT_FOUND"}, 404)
        self.hooks[hook] |= request.table
        return said(self.hooks[hook])

    @route("DELETE", "/autoservice/v1/<name>/<hook>")
    def drop_hook(self, request: Request, name: str, hook: str) -> Answer:
        self._sign_in(request.bearer)
        found = self.hooks.pop(hook, None)
        return Answer(204) if found else said({"error": "NOT_FOUND"}, 404)

    @route("DELETE", "/autoservice/v1/chat")
    def drop_chat(self, request: Request) -> Answer:
        self._sign_in(request.bearer)
        self.chat_hook = ""
        return said({})

    @route("POST", "/autoservice/v1/chat/send")
    def send_chat(self, request: Request) -> Answer:
        self._sign_in(request.bearer)
        body = request.table
        if not all(body.get(name) for name in ("textMessage", "messageId", "chatId")):
            return said({"error": "INVALID"}, 400)
        if body["messageId"] not in {one["messageId"] for one in self.chat_sent}:
            self.chat_sent.append(body)
        return said({})

    # --- what it posts to us ----------------------------------------------------------------

    def status_post(self, key: str, status: str, reason: str = "") -> dict[str, Any]:
        """The notification that our ad of that key is now `status`."""
        with self.lock:
            ad = next(one for one in reversed(self.everything.values()) if one.key == key)
        told = {"reason_tag": reason, "message": "Suspeita no anúncio"} if reason else {}
        return {
            "id": str(uuid.uuid4()),
            "topic": "AD_STATUS",
            "created_at": "2026-11-20T12:00:00.123",
            "data": {
                "ad": {"id": key, "list_id": int(ad.external_id), "category": 2020,
                       "status": status, "operation": "INSERT", **told},
                "actions": {"view": f"{ad.url}.htm"},
            },
        }  # fmt: skip

    def lead_post(self, key: str, **changes: Any) -> dict[str, Any]:
        """The post of a lead on our ad of that key."""
        ad = self.ads[key]
        return events.olx_lead(adId=key, listId=ad.external_id, linkAd=ad.url, **changes)
