"""Chaves na Mão: every write is queued and done in the order of entry.

github.com/chavesnamao/vehicle-api-documentation. Where the manual is silent we chose: a reference
that exists is a 422, so is what nobody may publish, and brands, models and trims are plain lists.
"""

import dataclasses
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.simulators import chavesnamao_rules as rules
from tests.simulators.ads import Ad
from tests.simulators.catalogue import Catalogue
from tests.simulators.faults import Fault, Faults
from tests.simulators.routes import Refusal, route
from tests.simulators.server import Answer, Request, said
from tests.simulators.simulator import Simulator

PAGE = 50
RANKS = {"reference": lambda ad: ad.key, "value": lambda ad: ad.price_cents}


@dataclass
class Work:
    """One queued write."""

    number: int
    due: float
    what: str
    reference: str
    body: dict[str, Any]

    @property
    def shown(self) -> dict[str, Any]:
        return {"jobId": f"{self.what}-{self.number}", "messageType": self.what,
                "endpoint": f"/vehicles/{self.reference}",
                "timestamp": "2026-11-20T12:00:00.000Z"}  # fmt: skip


class ChavesNaMao(Simulator):
    """One client. The key is `reference`."""

    kind: ClassVar[str] = "chavesnamao"
    live_states = frozenset({"published"})
    held_states = frozenset({"published", "unpublished"})
    slot_states = frozenset({"published"})
    settings = {"access_token": "cnm-token"}

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.access_token = "cnm-token"
        self.delay = 0.0  # seconds until a write is done
        self.catalogue = Catalogue.of(rules.CATALOGUE)
        self.any_term = False  # trims and accessories are not looked up
        self.highlights = 2
        self._tokens: set[str] = set()
        self._queue: list[Work] = []
        self._sorted: tuple[Any, list[Ad]] = (None, [])
        super().__init__(faults, port=port)

    def seed(self) -> None:
        self._put_up({"reference": "crm-77", "value": 49_900}, is_foreign=True)
        self.add_by_hand("Fiat Uno", 800_000)

    # --- client -----------------------------------------------------------------------------

    @route("GET", "/clients/jwt", never_lost=True)
    def jwt(self, request: Request) -> Answer:
        if request.headers.get("token") != self.access_token:
            return said(_error(401, "Unauthorized"), 401)
        token = f"jwt-{self.number()}"
        self._tokens.add(token)
        return said({"token": token, "expiration": "1d"})

    def expire_token(self, request: Request) -> None:
        self._tokens.discard(request.bearer)

    def end_tokens(self) -> None:
        self._tokens.clear()

    def lock_out(self) -> None:
        self.access_token = "another"
        self._tokens.clear()

    def _sign_in(self, request: Request) -> None:
        if request.bearer not in self._tokens:
            raise Refusal(said(_error(401, "Unauthorized"), 401))

    @route("GET", "/clients/plan")
    def plan(self, request: Request) -> Answer:
        self._sign_in(request)
        total = self.slots if self.slots is not None else 9999
        return said(
            {
                "currentPlan": {"name": "Plano Ouro", "pictureQuantity": 16, "adsQuantity": total,
                                "highlightsQuantity": self.highlights},
                "available": {"adsQuantity": max(0, total - self.holds()),
                              "highlightsQuantity": self.highlights},
            }
        )  # fmt: skip

    def dress(self, answer: Answer) -> Answer:
        limit = str(int(self.faults.rate or 1000))
        own = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": str(self.faults.left),
               "x-ratelimit-reset": "1"}  # fmt: skip
        return dataclasses.replace(answer, headers={**own, **answer.headers})

    # --- vehicles ---------------------------------------------------------------------------

    @route("POST", "/vehicles", can=(Fault.TWICE,))
    def create(self, request: Request) -> Answer:
        self._sign_in(request)
        body = request.table
        self._check(body)
        reference = body["reference"]
        if self._is_expected(reference):
            raise Refusal(said(_error(422, f"reference {reference} already exists"), 422))
        return self._queue_up("create_vehicle", reference, body)

    @route("PUT", "/vehicles/<reference>")
    def change(self, request: Request, reference: str) -> Answer:
        self._sign_in(request)
        self._expect(reference)
        body = {"reference": reference, **request.table}
        self._check(body)
        if body["reference"] != reference:
            raise Refusal(said(_error(400, "reference cannot change"), 400))
        return self._queue_up("update_vehicle", reference, body)

    @route("DELETE", "/vehicles/<reference>")
    def drop(self, request: Request, reference: str) -> Answer:
        return self._change_state(request, reference, "delete_vehicle")

    @route("GET", "/vehicles/<reference>")
    def show(self, request: Request, reference: str) -> Answer:
        self._sign_in(request)
        return self._show(reference, lambda ad: self.shown(ad))

    @route("GET", "/vehicles", can=(Fault.SHORT,))
    def listed(self, request: Request, *, short: bool) -> Answer:
        self._sign_in(request)
        asked = request.query
        try:
            limit, page = int(asked.get("limit", 10)), int(asked.get("page", 1))
        except ValueError:
            return said(_error(400, "limit and page must be numbers"), 400)
        if not 1 <= limit <= PAGE or page < 1:
            return said(_error(400, "limit must be 50 at most"), 400)
        found = self._found(asked.get("sortBy", "updatedAt:ASC"), asked.get("search", ""))
        shown = [self.shown(ad) for ad in found[(page - 1) * limit : page * limit]]
        return said(
            {
                "data": shown[: -1 if short and shown else None],
                "meta": {"itemsPerPage": limit, "totalItems": len(found), "currentPage": page,
                         "totalPages": -(-len(found) // limit),
                         "sortBy": [asked.get("sortBy", "updatedAt:ASC").split(":")]},
                "links": {"current": f"{self.url}/vehicles?page={page}&limit={limit}"},
            }
        )  # fmt: skip

    def _found(self, sort_by: str, search: str) -> list[Ad]:
        """The vehicles in order, kept until something changes: a long list is read in many
        pages."""
        wanted = (sort_by, search, self.changes)
        if self._sorted[0] != wanted:
            found = [ad for ad in self.everything.values()
                     if ad.state in self.held_states and search in ad.key]  # fmt: skip
            field, _colon, order = sort_by.partition(":")
            if field in RANKS:  # else as they came
                found.sort(key=RANKS[field])
            if order == "DESC":
                found.reverse()
            self._sorted = (wanted, found)
        return self._sorted[1]

    def shown(self, ad: Ad) -> dict[str, Any]:
        """A vehicle as its calls answer it."""
        body = ad.data
        trim = str(body.get("trimId"))
        model = self.catalogue.model_of(trim)
        make = self.catalogue.make_of(model)
        label, kind = self.catalogue.makes.get(make, ("?", "C"))
        fuel = "ALCOHOL" if body.get("fuel") == "ETHANOL" else body.get("fuel")
        return {
            **body,
            "fuel": fuel,
            "value": ad.price_cents / 100,
            "brandNew": body.get("mileage") == 0,
            "active": ad.state == "published",
            "updatedAt": f"2026-11-20T12:00:00.{ad.number:06d}Z",
            "trim": {
                "id": body.get("trimId"),
                "modelId": int(model or 0),
                "name": self.catalogue.trims.get(trim, ("?", ""))[0],
            },
            "brand": {"id": int(make or 0), "name": label, "vehicleType": kind},
            "url": ad.url,
            "accessories": [
                {"id": one, "name": rules.ACCESSORIES.get(one, "")}
                for one in body.get("accessories", [])
            ],
            "pictures": [
                {"originalUrl": one["source"], "order": place, "source": one["source"]}
                for place, one in enumerate(body.get("pictures", []))
            ],
            "publication": _publication(ad),
        }

    def _check(self, body: dict[str, Any]) -> None:
        if wrong := rules.wrongs(body, self.catalogue, any_term=self.any_term):
            raise Refusal(said(_error(400, wrong), 400))
        if rules.is_poison(body):
            raise Refusal(said(_error(422, "description holds words that are not allowed"), 422))

    # --- publications -----------------------------------------------------------------------

    @route("GET", "/publications/<reference>")
    def publication(self, request: Request, reference: str) -> Answer:
        self._sign_in(request)
        return self._show(reference, _publication)

    @route("POST", "/publications/<reference>")
    def publish(self, request: Request, reference: str) -> Answer:
        if self._standing(reference) and not self._has_room():
            self._sign_in(request)
            return said(_error(422, "the plan has no room for another ad"), 422)
        return self._change_state(request, reference, "publish_vehicle")

    @route("DELETE", "/publications/<reference>")
    def unpublish(self, request: Request, reference: str) -> Answer:
        return self._change_state(request, reference, "unpublish_vehicle")

    @route("PUT", "/publications/<reference>")
    def highlight(self, request: Request, reference: str) -> Answer:
        if request.table.get("highlighted") and not self.highlights:
            return said(_error(422, "the plan has no room for another highlight"), 422)
        return self._change_state(request, reference, "update_vehicle_publication", request.table)

    def _change_state(
        self, request: Request, reference: str, what: str, body: dict[str, Any] | None = None
    ) -> Answer:
        self._sign_in(request)
        self._expect(reference)
        return self._queue_up(what, reference, body or {})

    def _has_room(self) -> bool:
        return self.slots is None or self.holds() < self.slots

    # --- the queue --------------------------------------------------------------------------

    def _queue_up(self, what: str, reference: str, body: dict[str, Any]) -> Answer:
        if (ad := self._standing(reference)) is not None:
            self.touch(ad)
        work = Work(self.number(), time.monotonic() + self.delay, what, reference, body)
        self._queue.append(work)
        self.pass_time()
        return said({"message": "accepted"}, 202, x_status_queue=json.dumps([work.shown]))

    def pass_time(self) -> None:
        while self._queue and self._queue[0].due <= time.monotonic():
            self._do_work(self._queue.pop(0))

    def _do_work(self, work: Work) -> None:
        self.changes += 1
        ad = self._standing(work.reference)
        if ad is None:
            if work.what == "create_vehicle":
                self._put_up(work.body)
            return
        if work.what == "update_vehicle":
            ad.data, ad.price_cents = work.body, round(work.body["value"] * 100)
        elif work.what == "delete_vehicle":
            ad.state = "deleted"
        elif work.what == "publish_vehicle" and self._has_room():
            ad.state = "published"
        elif work.what == "unpublish_vehicle":
            ad.state = "unpublished"
        elif work.what == "update_vehicle_publication":
            ad.substate = "highlighted" if work.body.get("highlighted") else ""

    def _put_up(self, body: dict[str, Any], *, is_foreign: bool = False) -> Ad:
        number = str(700_000 + self.number())
        state = "published" if self._has_room() else "unpublished"
        return self.keep(
            Ad(number, body["reference"], state, round(body["value"] * 100), body,
               is_foreign=is_foreign, url=f"https://www.chavesnamao.com.br/carro/{number}")
        )  # fmt: skip

    def _standing(self, reference: str) -> Ad | None:
        found = [ad for ad in self.by_key.get(reference, ()) if ad.state in self.held_states]
        return found[-1] if found else None

    def _is_expected(self, reference: str) -> bool:
        """Whether it will be there once all that is queued is done."""
        expected = self._standing(reference) is not None
        for work in self._queue:
            if work.reference == reference and work.what == "create_vehicle":
                expected = True
            elif work.reference == reference and work.what == "delete_vehicle":
                expected = False
        return expected

    def _expect(self, reference: str) -> None:
        if not self._is_expected(reference):
            raise Refusal(said(_error(404, "vehicle not found"), 404))

    def _show(self, reference: str, view: Any) -> Answer:
        queue = [work.shown for work in self._queue if work.reference == reference]
        ad = self._standing(reference)
        if ad is None:
            status = 202 if self._is_expected(reference) else 404
            return said(_error(status, "not there"), status, x_status_queue=json.dumps(queue))
        return said(view(ad), x_status_queue=json.dumps(queue))

    # --- lists ------------------------------------------------------------------------------

    @route("GET", "/vehicles/accessories")
    def accessories(self, request: Request) -> Answer:
        return self._list(request, rules.ACCESSORIES.items())

    @route("GET", "/vehicles/otherinfo")
    def other_infos(self, request: Request) -> Answer:
        return self._list(request, rules.OTHER_INFOS.items())

    @route("GET", "/vehicles/brands")
    def brands(self, request: Request) -> Answer:
        self._sign_in(request)
        kind = request.query.get("type") or request.query.get("vehicleType")
        return said([{"id": int(code), "name": name, "vehicleType": one}
                     for code, (name, one) in self.catalogue.makes.items()
                     if kind in {None, one}])  # fmt: skip

    @route("GET", "/vehicles/brands/<brand>/models")
    def models(self, request: Request, brand: str) -> Answer:
        return self._list(request, self.catalogue.models_of(brand))

    @route("GET", "/vehicles/models/<model>/trims")
    def trims(self, request: Request, model: str) -> Answer:
        return self._list(request, self.catalogue.trims_of(model))

    def _list(self, request: Request, entries: Iterable[tuple[Any, str]]) -> Answer:
        self._sign_in(request)
        return said([{"id": int(code), "name": name} for code, name in entries])

    # --- the dealer's hands -----------------------------------------------------------------

    def add_by_hand(self, title: str, cents: int) -> Ad:
        reference = f"feito-a-mao-{self.number()}"
        body = {"reference": reference, "title": title, "value": cents / 100}
        return self._put_up(body, is_foreign=True)

    def close_by_hand(self, key: str) -> None:
        self._by_hand(key).state = "deleted"

    def expire(self, key: str) -> None:
        """Nothing expires here: somebody takes it off the page, and it stays in the account."""
        self._by_hand(key).state = "unpublished"


def _publication(ad: Ad) -> dict[str, Any] | None:
    return {"highlighted": ad.substate == "highlighted"} if ad.state == "published" else None


def _error(status: int, message: Any) -> dict[str, Any]:
    return {"statusCode": status, "message": message}
