"""Mercado Livre beside the ads: people who ask, the contract, the lists of values.

developers.mercadolivre.com.br/pt_br/: pessoas-interessadas, produto-receba-notificacoes,
automovel-gerenciamento-de-pacotes, categorias-e-atributos-veiculos.
"""

from typing import Any

from tests.integrators import events
from tests.simulators import mercadolivre_rules as rules
from tests.simulators.faults import Faults
from tests.simulators.routes import route
from tests.simulators.server import Answer, Request, said
from tests.simulators.simulator import Simulator


class Service(Simulator):
    """What a seller has besides ads."""

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.leads: dict[str, dict[str, Any]] = {"0b1c2d3e": events.mercadolivre_lead()}
        self.questions: dict[str, dict[str, Any]] = {}
        self.buyers: list[dict[str, Any]] = []
        self.missed: list[dict[str, Any]] = []
        super().__init__(faults, port=port)

    def _sign_in(self, request: Request, user: str = "") -> None:
        raise NotImplementedError

    @route("GET", "/vis/users/<user>/leads/buyers")
    def list_buyers(self, request: Request, user: str) -> Answer:
        self._sign_in(request, user)
        start, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 10))
        paging = {"total": len(self.buyers), "offset": start, "limit": size}
        return said({"results": self.buyers[start : start + size], "paging": paging})

    @route("GET", "/vis/leads/<lead>")
    @route("GET", "/leads/<lead>/details")
    def lead(self, request: Request, lead: str) -> Answer:
        self._sign_in(request)
        return _found(self.leads.get(lead))

    @route("GET", "/questions/<question>")
    def question(self, request: Request, question: str) -> Answer:
        self._sign_in(request)
        return _found(self.questions.get(question))

    @route("POST", "/answers")
    def answer_question(self, request: Request) -> Answer:
        self._sign_in(request)
        body = request.table
        asked = self.questions.get(str(body.get("question_id")))
        if asked is None:
            return _found(None)
        if asked.get("status") == "ANSWERED" or not str(body.get("text") or "").strip():
            return said({"message": "cannot be answered", "error": "not_unanswered_question",
                         "status": 400}, 400)  # fmt: skip
        asked["status"] = "ANSWERED"
        asked["answer"] = {"text": body["text"], "status": "ACTIVE"}
        return said(asked)

    @route("GET", "/missed_feeds")
    def missed_feeds(self, request: Request) -> Answer:
        self._sign_in(request)
        return said({"messages": self.missed})

    # --- contract and lists -----------------------------------------------------------------

    @route("GET", "/users/<user>/classifieds_promotion_packs")
    def packs(self, request: Request, user: str) -> Answer:
        self._sign_in(request, user)
        if self.slots is None:
            total, left, kind = 9999, 9999 - self.holds(), "unlimited"
        else:
            total, left, kind = self.slots, max(0, self.slots - self.holds()), "rotating"
        return said(
            [
                {
                    "id": "MLB-pack-1",
                    "description": "Pacote Ouro",
                    "status": "active",
                    "package_type": kind,
                    "engagement_type": "monthly",
                    "date_expires": "2027-11-01T00:00:00.000Z",
                    "listing_details": [
                        {
                            "listing_type_id": "silver",
                            "available_listings": total,
                            "used_listings": self.holds(),
                            "remaining_listings": left,
                        }
                    ],
                }
            ]
        )

    @route("GET", "/users/<user>/classifieds_promotion_packs/<listing_type>/available")
    def pack_available(self, request: Request, user: str, listing_type: str) -> Answer:
        self._sign_in(request, user)
        has_room = self.slots is None or self.holds() < self.slots
        return said({"listing_type_id": listing_type,
                     "has_available_listings": has_room and listing_type == "silver"})  # fmt: skip

    @route("GET", "/categories/<category>/classifieds_promotion_packs")
    def packs_on_offer(self, request: Request, category: str) -> Answer:
        self._sign_in(request)
        return said([{"id": "MLB-pack-1", "description": "Pacote Ouro", "category_id": category}])

    @route("POST", "/catalog_domains/<domain>/attributes/<name>/top_values", writes=False)
    def top_values(self, request: Request, domain: str, name: str) -> Answer:
        self._sign_in(request)
        known = {
            str(one.get("id")): str(one.get("value_id"))
            for one in request.table.get("known_attributes", [])
        }
        found = rules.VALUES.get(name, {})
        if name == "MODEL":
            found = rules.MODELS.get(known.get("BRAND", ""), {})
        if name == "TRIM":
            trims = rules.TRIMS.get(known.get("MODEL", ""), ())
            found = {f"{known.get('MODEL')}{number}": trim for number, trim in enumerate(trims, 1)}
        return said([{"id": code, "name": label, "metric": 1} for code, label in found.items()])

    @route("GET", "/categories/<category>/attributes")
    def category_attributes(self, request: Request, category: str) -> Answer:
        self._sign_in(request)
        required = {"BRAND", "MODEL", "VEHICLE_YEAR", "TRIM"}
        names = [*rules.VALUES, "MODEL", "VEHICLE_YEAR", "TRIM", "KILOMETERS", "DOORS"]
        return said(
            [
                {
                    "id": name,
                    "tags": {"required": True} if name in required else {},
                    "value_type": "list" if name in rules.VALUES else "string",
                    "values": [
                        {"id": code, "name": label}
                        for code, label in rules.VALUES.get(name, {}).items()
                    ],
                }
                for name in dict.fromkeys(names)
            ]
        )


def _found(data: dict[str, Any] | None) -> Answer:
    return said(data) if data else said({"error": "not_found", "status": 404}, 404)
