"""Mercado Livre: classified ads of vehicles, leads, questions, and tokens that work once.

developers.mercadolivre.com.br/pt_br/: autenticacao-e-autorizacao, publicacao-de-automoveis,
automovel-gerenciamento-de-pacotes, pessoas-interessadas. Where the manual is silent we chose: how
a contract without room says so (400, `pack_quota_exceeded`), and that a scroll that has run out
of time is a 400.
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.simulators import mercadolivre_rules as rules
from tests.simulators.ads import Ad
from tests.simulators.faults import Fault, Faults
from tests.simulators.mercadolivre_rules import refuse
from tests.simulators.mercadolivre_service import Service
from tests.simulators.oauth import Codes
from tests.simulators.routes import Refusal, route
from tests.simulators.server import Answer, Request, said

MOST_IDS, PAGE, LAST_OFFSET = 20, 100, 1000


@dataclass
class Issued:
    """The tokens that are good now. An empty refresh token: whichever comes first."""

    refresh: str
    access: str = ""
    number: int = 0
    until: float = 0.0


@dataclass
class _Scroll:
    ids: list[str]
    until: float
    at: int = 0


class MercadoLivre(Service):
    """One seller's account. `closed` is final; the key is `seller_custom_field`."""

    kind: ClassVar[str] = "mercadolivre"
    live_states = frozenset({"active"})
    held_states = frozenset({"active", "paused", "under_review", "payment_required", "inactive"})
    settings = {"client_id": "5503910054141466", "client_secret": "s", "refresh_token": "r0",
                "user_id": "468424240"}  # fmt: skip

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.user_id = "468424240"
        self.issued = Issued("r0")
        self.used: list[str] = []  # refresh tokens, as they came
        self.life_seconds = 21_600
        self.slow_seconds = 0.0  # how long a token takes
        self.index_lag = 0.0  # how long the search does not know a new ad
        self.scroll_seconds = 300.0
        self.deletion_seconds = 0.0  # how long after closing an ad cannot be deleted
        self.needs_whatsapp = True
        self.codes = Codes()
        self._scrolls: dict[str, _Scroll] = {}
        self._plated: defaultdict[str, list[Ad]] = defaultdict(list)
        super().__init__(faults, port=port)

    def seed(self) -> None:
        ad = self.add_by_hand("Fiat Uno Mille 1.0 2008", 1_000_000)
        ad.data["seller_custom_field"] = "crm-77"  # another system's
        self.rename(ad, "crm-77")
        self.add_by_hand("Reboque de dois eixos", 500_000)

    # --- tokens -----------------------------------------------------------------------------

    @route("GET", "/authorization", never_lost=True)
    def authorize(self, request: Request) -> Answer:
        """Nobody is asked: the seller agrees at once."""
        return self.codes.give(request.query)

    @route("POST", "/oauth/token", writes=False, never_lost=True)
    def token(self, request: Request) -> Answer:
        time.sleep(self.slow_seconds)
        form = request.form
        if form.get("grant_type") == "authorization_code":
            if not self.codes.take(form):
                return said({"error": "invalid_grant", "status": 400}, 400)
        else:
            self.used.append(form.get("refresh_token", ""))
            if self.issued.refresh not in {"", form.get("refresh_token")}:
                return said({"error": "invalid_grant", "status": 400}, 400)
        number = self.issued.number + 1
        until = time.monotonic() + self.life_seconds
        self.issued = Issued(f"r{number}", f"a{number}", number, until)
        return said(
            {
                "access_token": self.issued.access,
                "token_type": "bearer",
                "expires_in": self.life_seconds,
                "scope": "offline_access read write",
                "user_id": int(self.user_id),
                "refresh_token": self.issued.refresh,
            }
        )

    def expire_token(self, request: Request) -> None:
        self.issued.access = ""

    def _sign_in(self, request: Request, user: str = "") -> None:
        good = self.issued.access and time.monotonic() < self.issued.until
        if not good or request.bearer != self.issued.access:
            raise Refusal(said({"message": "invalid access token", "error": "unauthorized",
                                "status": 401}, 401))  # fmt: skip
        if user and user != self.user_id:
            raise Refusal(said({"message": "not the owner", "error": "forbidden",
                                "status": 403}, 403))  # fmt: skip

    @route("GET", "/users/me")
    def me(self, request: Request) -> Answer:
        self._sign_in(request)
        return said({"id": int(self.user_id), "nickname": "LOJA_EXEMPLO",
                     "user_type": "car_dealer", "tags": ["normal"]})  # fmt: skip

    # --- ads --------------------------------------------------------------------------------

    @route("POST", "/items", can=(Fault.TWICE, Fault.MODERATED))
    def create(self, request: Request, *, moderated: bool) -> Answer:
        self._sign_in(request)
        body = request.table
        rules.check_new(body, needs_whatsapp=self.needs_whatsapp)
        self._check_plate(body, "")
        self._check_room()
        ad = self._put_up(body)
        if moderated:
            self.moderate(ad)
        return said(self.shown(ad), 201)

    def _put_up(self, body: dict[str, Any], *, is_foreign: bool = False) -> Ad:
        number = f"MLB{4_000_000_000 + self.number()}"
        item = {name: value for name, value in body.items() if name != "status"}
        item["attributes"] = rules.kept(body.get("attributes", []))
        ad = self.keep(
            Ad(
                number,
                str(body.get("seller_custom_field") or rules.attribute(item, "SELLER_SKU")),
                "active",
                round(body["price"] * 100),
                item,
                is_foreign=is_foreign,
                url=f"https://carro.mercadolivre.com.br/{number}",
            )
        )
        self._remember_plate(ad)
        return ad

    def _remember_plate(self, ad: Ad) -> None:
        if (plate := rules.attribute(ad.data, "LICENSE_PLATE")) and all(
            one is not ad for one in self._plated[plate]
        ):
            self._plated[plate].append(ad)

    def _check_room(self) -> None:
        if self.slots is not None and self.holds() >= self.slots:
            raise refuse("The package has no available listings: pack_quota_exceeded", 1003,
                         error="pack_quota_exceeded", field="item.listing_type_id")  # fmt: skip

    def _check_plate(self, body: dict[str, Any], own: str) -> None:
        plate = rules.attribute(body, "LICENSE_PLATE") if body.get("attributes") else ""
        for ad in self._plated.get(plate, ()):
            if ad.external_id != own and ad.state in self.held_states:
                raise refuse("LICENSE_PLATE stands in another ad", 150, field="item.attributes")

    def moderate(self, ad: Ad) -> None:
        """A person there takes it off."""
        ad.state, ad.substate = "under_review", "forbidden"
        self.moderated.add(ad.key)

    def shown(self, ad: Ad) -> dict[str, Any]:
        """An item as its calls answer it."""
        titles = " ".join((ad.data.get("title", ""), ad.data.get("description", "")))
        return {
            "id": ad.external_id,
            "seller_id": int(self.user_id),
            "permalink": ad.url,
            "status": ad.state,
            "sub_status": [ad.substate] if ad.substate else [],
            "health": 1,
            "warnings": [],
            "date_created": f"2026-11-01T00:00:00.{ad.number:06d}Z",
            "tags": ["misplaced_personal_data"] if rules.is_personal(titles) else [],
            **{name: value for name, value in ad.data.items() if name != "description"},
            "price": ad.price_cents / 100,
        }

    def _ad(self, item: str) -> Ad:
        if item not in self.everything:
            raise Refusal(said({"message": f"Item {item} not found", "error": "not_found",
                                "status": 404, "cause": []}, 404))  # fmt: skip
        return self.everything[item]

    @route("GET", "/items", can=(Fault.SHORT,))
    def several(self, request: Request, *, short: bool) -> Answer:
        self._sign_in(request)
        ids = [one for one in request.query.get("ids", "").split(",") if one]
        if not 0 < len(ids) <= MOST_IDS:
            raise refuse("between 1 and 20 ids", "ids", error="bad_request")
        wanted = [one for one in request.query.get("attributes", "").split(",") if one]
        found = []
        for item in ids[: -1 if short else None]:
            if item in self.everything:
                body = self.shown(self.everything[item])
                if wanted:
                    body = {name: body[name] for name in wanted if name in body}
                found.append({"code": 200, "body": body})
            else:
                found.append({"code": 404, "body": {"id": item, "error": "not_found"}})
        return said(found)

    @route("GET", "/items/<item>")
    def one(self, request: Request, item: str) -> Answer:
        self._sign_in(request)
        return said(self.shown(self._ad(item)))

    @route("PUT", "/items/<item>")
    def change(self, request: Request, item: str) -> Answer:
        self._sign_in(request)
        ad, body = self._ad(item), request.table
        self.touch(ad)
        unknown = set(body) - rules.CHANGEABLE
        if unknown or not body:
            code = "body.invalid_fields"
            raise refuse(f"The fields {sorted(unknown)} are invalid", code, error=code)
        if ad.state == "closed":
            return self._delete(ad, body)
        rules.check_changes(body)
        self._check_plate(body, item)
        status = body.get("status", ad.state)
        if status != ad.state and status not in {"active", "paused", "closed"}:
            raise refuse("status is not one", "item.status.invalid", field="item.status")
        if ad.state == "under_review" and status in {"active", "paused"} and "status" in body:
            raise refuse("the item is under review", "item.status.invalid", field="item.status")
        self._apply(ad, body, status)
        return said(self.shown(ad))

    def _apply(self, ad: Ad, body: dict[str, Any], status: str) -> None:
        if status == "closed":
            ad.made_at = time.monotonic()
        ad.state = status
        if "price" in body:
            ad.price_cents = round(body["price"] * 100)
        if "seller_custom_field" in body:
            self.rename(ad, body["seller_custom_field"] or "")
        sent = body.get("attributes", [])
        gone = rules.taken_away(sent)
        known = [one for one in ad.data.get("attributes", []) if one["id"] not in gone]
        attributes = {one["id"]: one for one in [*known, *rules.kept(sent)]}
        changed = {name: value for name, value in body.items() if name != "status"}
        ad.data = {**ad.data, **changed, "attributes": list(attributes.values())}
        self._remember_plate(ad)

    def _delete(self, ad: Ad, body: dict[str, Any]) -> Answer:
        """Of a closed ad nothing can be changed; it can be thrown away after a while."""
        if str(body.get("deleted", "")).lower() != "true":
            raise refuse("Cannot update item: status is closed", "item.status.not_modifiable",
                         field="item.status")  # fmt: skip
        if time.monotonic() < ad.made_at + self.deletion_seconds:
            raise refuse("Wait some seconds", "conflict", status=409, error="conflict")
        del self.everything[ad.external_id]
        self.by_key[ad.key].remove(ad)
        return said({**self.shown(ad), "sub_status": ["deleted"]})

    @route("POST", "/items/<item>/relist", can=(Fault.TWICE,))
    def relist(self, request: Request, item: str) -> Answer:
        self._sign_in(request)
        old = self._ad(item)
        self.touch(old)
        if old.state != "closed":
            raise refuse("only a closed item is relisted", "item.relist.invalid")
        self._check_room()
        changed = {name: value for name, value in request.table.items() if name == "price"}
        rules.check_changes(changed)
        price = changed.get("price", old.price_cents / 100)
        new = self._put_up({**old.data, "price": price, "seller_custom_field": old.key},
                           is_foreign=old.is_foreign)  # fmt: skip
        return said({**self.shown(new), "parent_item_id": old.external_id}, 201)

    @route("GET", "/items/<item>/description")
    def description(self, request: Request, item: str) -> Answer:
        self._sign_in(request)
        text = self._ad(item).data.get("description")
        if text is None:
            return said({"error": "not_found", "status": 404}, 404)
        return said({"plain_text": text})

    @route("POST", "/items/<item>/description")
    def describe(self, request: Request, item: str) -> Answer:
        return self._describe(request, item, is_first=True)

    @route("PUT", "/items/<item>/description")
    def describe_anew(self, request: Request, item: str) -> Answer:
        return self._describe(request, item, is_first=False)

    def _describe(self, request: Request, item: str, *, is_first: bool) -> Answer:
        self._sign_in(request)
        ad, text = self._ad(item), request.table.get("plain_text")
        self.touch(ad)
        if is_first == ("description" in ad.data):
            raise refuse("description exists" if is_first else "there is no description",
                         "item.description.invalid")  # fmt: skip
        if not isinstance(text, str) or len(text) > rules.LONGEST_DESCRIPTION or "<" in text:
            raise refuse("plain_text is not plain", "item.description.type.invalid",
                         field="item.description")  # fmt: skip
        rules.check_changes({"description": text})
        if ad.state == "closed":
            raise refuse("status is closed", "item.status.not_modifiable", field="item.status")
        ad.data["description"] = text
        return said({"plain_text": text}, 201 if is_first else 200)

    # --- lists ------------------------------------------------------------------------------

    @route("GET", "/users/<user>/items/search", can=(Fault.SHORT,))
    def search(self, request: Request, user: str, *, short: bool) -> Answer:
        self._sign_in(request, user)
        asked = request.query
        try:
            limit, offset = int(asked.get("limit", 50)), int(asked.get("offset", 0))
        except ValueError:
            raise refuse("limit and offset are numbers", "search", error="bad_request") from None
        if not 0 < limit <= PAGE or offset < 0 or offset + limit > LAST_OFFSET + PAGE:
            raise refuse("limit ≤ 100, offset ≤ 1000", "search", error="bad_request")
        if asked.get("search_type") == "scan":
            return self._scan(asked, limit, short=short)
        ids = self._found(asked)
        page = ids[offset : offset + limit]
        return said(
            {
                "seller_id": self.user_id,
                "results": page[: -1 if short and page else None],
                "paging": {"limit": limit, "offset": offset, "total": len(ids)},
            }
        )

    def _found(self, asked: dict[str, str]) -> list[str]:
        known = time.monotonic() - self.index_lag
        sku = asked.get("sku") or asked.get("seller_sku")
        among = list(self.everything.values())
        if sku:
            among = self.by_key.get(sku, [])
        return [
            ad.external_id
            for ad in among
            if (ad.is_foreign or ad.made_at <= known)
            and asked.get("status") in {None, "", ad.state}
        ]

    def _scan(self, asked: dict[str, str], limit: int, *, short: bool) -> Answer:
        name = asked.get("scroll_id", "")
        if not name:
            name = f"scroll-{self.number()}"
            self._scrolls[name] = _Scroll(self._found(asked), 0.0)
        elif name not in self._scrolls or time.monotonic() > self._scrolls[name].until:
            raise refuse("scroll_id is not valid or has expired", "scroll", error="bad_request")
        scroll = self._scrolls[name]
        scroll.until = time.monotonic() + self.scroll_seconds
        page = scroll.ids[scroll.at : scroll.at + limit]
        scroll.at += limit
        return said(
            {
                "seller_id": self.user_id,
                "results": page[: -1 if short and page else None],
                "paging": {"limit": limit, "total": len(scroll.ids)},
                "scroll_id": name if page else None,
            }
        )

    def lose_scrolls(self) -> None:
        """All lists under way are forgotten."""
        self._scrolls.clear()

    # --- the dealer's hands -----------------------------------------------------------------

    def add_by_hand(self, title: str, cents: int) -> Ad:
        item = {"title": title, "category_id": "MLB1744", "price": cents / 100, "attributes": []}
        return self._put_up(item, is_foreign=True)

    def lock_out(self) -> None:
        self.issued = Issued("another")

    def end_tokens(self) -> None:
        self.issued.access = ""

    def close_by_hand(self, key: str) -> None:
        self._by_hand(key).state = "closed"

    def pause_by_hand(self, key: str) -> None:
        """Somebody pauses the ad there."""
        self._by_hand(key).state = "paused"

    def expire(self, key: str) -> None:
        ad = self._by_hand(key)
        ad.state, ad.substate = "closed", "expired"
