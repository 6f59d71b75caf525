"""OLX Brasil: imports that are worked off later, the published list, renewals, leads, chat.

developers.olx.com.br/anuncio/api/: import.html, publishing_status.html, published_ads.html,
ads.html; /lead/leads.html; /webhooks/; /chat/. Where the manual is silent we chose: every answer of
an import comes with 200, an import of nothing but unknown deletes is -3, `expired` is said in the
lists as it is in the webhook, and renewals take our ids as well as theirs.
"""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.simulators import olx_rules as rules
from tests.simulators.ads import Ad
from tests.simulators.catalogue import Catalogue
from tests.simulators.faults import Fault, Faults
from tests.simulators.oauth import Codes
from tests.simulators.olx_service import Service
from tests.simulators.routes import Refusal, route
from tests.simulators.server import Answer, Request, said

MOST_BYTES = 1_000_000
PAGE = 200
MOST_RENEWALS = 100
_ASK_LATER = {-1: "Unexpected error", -2: "Too many requests", -5: "Service unavailable"}


@dataclass
class Import:
    """One import: what was sent, when it is worked off, what became of it."""

    token: str
    due: float
    wanted: list[dict[str, Any]]
    moderated: bool = False
    results: dict[str, dict[str, Any]] | None = None


class Olx(Service):
    """One advertiser on a company plan. The key is `id`."""

    kind: ClassVar[str] = "olx"
    live_states = frozenset({"published"})
    held_states = frozenset({"published", "pending_review"})
    has_expiry = False  # nothing renews its token but the dealer
    settings = {"access_token": "olx-token"}

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        self.access_token = "olx-token"
        self.delay = 0.0  # seconds until an import is worked off
        self.late = 0.2  # seconds after which a reordered insert lands
        self.has_plan = True
        self.takes_part = True  # -8 (some are taken) rather than -7 (none) when slots run short
        self.names_culprits: bool | None = True  # of a poisoned batch; None: now and then
        self.catalogue = Catalogue.of(rules.CATALOGUE)
        self.any_term = False  # makes, models and versions are not looked up
        self.next_statuses: list[int] = []  # statusCodes that answer the next imports: -1, -2, -5
        self.insertions = 0  # paid ones
        self.codes = Codes()
        self._imports: dict[str, Import] = {}
        self._queue: list[Import] = []
        self._list: tuple[Any, list[Ad]] = (None, [])
        super().__init__(faults, port=port)

    def seed(self) -> None:
        self.add_by_hand("Fiat Uno", 1_250_000)
        self._put_up({"id": "crm-77", "price": 49_900, "category": 2020}, is_foreign=True)

    # --- import -----------------------------------------------------------------------------

    @route(
        "PUT", "/autoupload/import",
        can=(Fault.TWICE, Fault.MODERATED, Fault.LOST_TOKEN, Fault.REORDERED),
    )  # fmt: skip
    def take_import(
        self, request: Request, *, moderated: bool, lost_token: bool, reordered: bool
    ) -> Answer:
        body = request.table
        self._sign_in(str(body.get("access_token", "")))
        if len(request.body) > MOST_BYTES:
            return said({"error": "PAYLOAD_TOO_LARGE"}, 413)
        if self.next_statuses:
            status = self.next_statuses.pop(0)
            return _status(status, _ASK_LATER.get(status, ""))
        ads = body.get("ad_list")
        if not isinstance(ads, list):
            return _status(-1, "ad_list is missing")
        if not self.has_plan:
            return _status(-6, "No permission: the plan does not include the integration")
        for ad in ads:
            self._touch_id(ad)
        if (wrong := self._wrong(ads)) is not None:
            return _status(-4, "Invalid ads", errors=wrong)
        if not [ad for ad in ads if ad["operation"] == "insert" or self._standing(ad["id"])]:
            return _status(-3, "Nothing to do")
        return self._queue_up(ads, moderated=moderated, lost=lost_token, reordered=reordered)

    def _wrong(self, ads: list[Any]) -> list[dict[str, Any]] | None:
        """The errors of a batch that is cancelled whole; empty when nobody is named; None: it is
        good."""
        found: dict[str, list[str]] = {}
        seen: set[str] = set()
        for ad in ads:
            table = ad if isinstance(ad, dict) else {}
            key = str(table.get("id"))
            codes = rules.wrongs(table, self.catalogue, any_term=self.any_term)
            old = self._standing(key)
            if key in seen or (old and old.data["category"] != table.get("category", 0) != 0):
                codes.append("UNDEFINED_AD_ID" if key in seen else "ERROR_CATEGORY_INVALID")
            seen.add(key)
            if codes:
                found[key] = codes
        poisoned = [ad["id"] for ad in ads if isinstance(ad, dict) and rules.is_poison(ad)]
        names = self.names_culprits
        if names is None:
            names = self.faults.chance(0.5)
        if poisoned and not found and not names:
            return []
        found.update((key, found.get(key, ["ERROR_BODY_INVALID"])) for key in poisoned)
        errors = [
            {"id": key, "status": "error", "messages": [{"category": code} for code in codes]}
            for key, codes in found.items()
        ]
        return errors or None

    def _queue_up(
        self, ads: list[dict[str, Any]], *, moderated: bool, lost: bool, reordered: bool
    ) -> Answer:
        left = self._room()
        new = [ad for ad in ads if ad["operation"] == "insert" and not self._standing(ad["id"])]
        over = new[max(0, left) :] if left is not None else []
        if over and (len(over) == len(new) or not self.takes_part):
            return _status(-7, f"Not enough slots: {left} remain")
        ignored = {ad["id"] for ad in over}
        token = f"import-{self.number()}"
        due = time.monotonic() + self.delay
        wanted = [ad for ad in ads if ad["id"] not in ignored]
        one = Import(token, due, wanted, moderated)
        self._queue.append(one)
        if not lost:
            self._imports[token] = one
        if reordered:
            self._repeat_late(ads, due)
        self.pass_time()
        if ignored:
            return _status(-8, f"Ignored by the limit: {', '.join(sorted(ignored))}", token)
        return _status(0, "The ads were received and will be processed", token)

    def _repeat_late(self, ads: list[dict[str, Any]], due: float) -> None:
        """What was inserted once of what is deleted now lands again, after the delete."""
        again = [
            {**old.data, "operation": "insert"}
            for ad in ads
            if ad["operation"] == "delete" and (old := self._standing(ad["id"]))
        ]
        if again:
            self._queue.append(Import(f"late-{self.number()}", due + self.late, again))

    def _room(self) -> int | None:
        if self.slots is None:
            return None
        waiting = {
            ad["id"]
            for one in self._queue
            for ad in one.wanted
            if ad["operation"] == "insert" and not self._standing(ad["id"])
        }
        return self.slots - self.holds() - len(waiting)

    @route("POST", "/autoupload/import/<token>", writes=False)
    def show_import(self, request: Request, token: str) -> Answer:
        self._sign_in(str(request.table.get("access_token", "")))
        one = self._imports.get(token)
        if one is None:
            return said({"error": "NOT_FOUND"}, 404)
        waiting = {
            ad["id"]: {"status": "pending", "operation": ad["operation"], "message": []}
            for ad in one.wanted
        }
        return said({"autoupload_status": "pending" if one.results is None else "done",
                     "token": token, "ads": one.results or waiting})  # fmt: skip

    def pass_time(self) -> None:
        """Imports are worked off in the order they came, once their time has come."""
        while self._queue and (first := min(self._queue, key=lambda one: one.due)).due <= (
            time.monotonic()
        ):
            self._queue.remove(first)
            first.results = {ad["id"]: self._process(ad, first) for ad in first.wanted}

    def _process(self, ad: dict[str, Any], one: Import) -> dict[str, Any]:
        self.changes += 1
        old = self._standing(ad["id"])
        if ad["operation"] == "delete":
            if old:
                self.touch(old)
                old.state = "deleted"
            return {"status": "accepted", "operation": "delete", "message": []}
        if old:
            old.data, old.price_cents = ad, ad["price"] * 100
            self.moderated.discard(old.key)
            return _taken("accept", "edit", old)
        found = self._put_up(ad)
        if one.moderated:
            one.moderated = False
            found.state, found.substate = "refused", "REFUSED_SUSPECT_PRICE"
            self.moderated.add(found.key)
            return {"status": "refused", "operation": "insert", "list_id": int(found.external_id),
                    "message": [found.substate]}  # fmt: skip
        return _taken("accepted", "insert", found)

    def _put_up(self, ad: dict[str, Any], *, is_foreign: bool = False) -> Ad:
        self.insertions += not is_foreign
        number = str(1_400_000_000 + self.number())
        self.moderated.discard(ad["id"])
        # One of that id that was over is replaced.
        for older in self.by_key.get(ad["id"], ()) if ad["id"] else ():
            if older.state in {"refused", "expired"}:
                older.state = "deleted"
        return self.keep(
            Ad(number, ad["id"], "published", ad["price"] * 100, ad, is_foreign=is_foreign,
               url=f"https://www.olx.com.br/vi/{number}")
        )  # fmt: skip

    def _standing(self, key: str) -> Ad | None:
        found = [ad for ad in self.by_key.get(key, ()) if key and ad.state in self.held_states]
        return found[-1] if found else None

    def _touch_id(self, ad: Any) -> None:
        if isinstance(ad, dict) and (old := self._standing(str(ad.get("id")))) and old.is_foreign:
            self.touch(old)

    # --- lists ------------------------------------------------------------------------------

    @route("GET", "/autoupload/v1/published", can=(Fault.SHORT,))
    def published(self, request: Request, *, short: bool) -> Answer:
        """`short`: the place in the list is forgotten in the middle of it."""
        self._sign_in(request.bearer)
        asked = request.query
        try:
            size, start = int(asked.get("fetch_size", PAGE)), int(asked.get("page_token") or 0)
        except ValueError:
            return said({"error": "INVALID_PAGE_TOKEN"}, 400)
        if not 0 < size <= PAGE or (short and start):
            return said({"error": "INVALID_PAGE_TOKEN"}, 400)
        found = self._listed(asked.get("ads_status", ""))
        page = found[start : start + size]
        following = str(start + size) if start + size < len(found) else None
        return said(
            {
                "data": [
                    {"id": ad.key, "list_id": int(ad.external_id), "status": ad.state}
                    for ad in page
                ],
                "current_token": asked.get("page_token"),
                "next_token": following,
            }
        )

    def _listed(self, status: str) -> list[Ad]:
        """All ads, or those of one status, kept until something changes: a long list is read in
        many pages."""
        if self._list[0] != (status, self.changes):
            found = [ad for ad in self.everything.values() if status in {"", ad.state}]
            self._list = ((status, self.changes), found)
        return self._list[1]

    @route("GET", "/autoupload/ads/<list_id>")
    def ad_status(self, request: Request, list_id: str) -> Answer:
        self._sign_in(request.bearer)
        ad = self.everything.get(list_id)
        if ad is None:
            return said({"error": "NOT_FOUND"}, 404)
        words = {"published": "accepted", "pending_review": "pending"}
        return said({"id": ad.key, "list_id": int(list_id), "url": ad.url,
                     "status": words.get(ad.state, ad.state), "last_update": "2026-11-20T12:00:00",
                     "message": [ad.substate] if ad.substate else []})  # fmt: skip

    @route("PATCH", "/autoupload/ads/renewals")
    def renew(self, request: Request) -> Answer:
        self._sign_in(request.bearer)
        ids = request.table.get("ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_RENEWALS:
            return said({"error": "INVALID_IDS"}, 400)
        results: dict[str, dict[str, Any]] = {str(one): self._renew(str(one)) for one in ids}
        success = sum("renewed" in one for one in results.values())
        meta = {"success": success, "failed": len(results) - success}
        return said({"results": results, "meta": meta})

    def _renew(self, name: str) -> dict[str, Any]:
        for ad in reversed(self.everything.values()):
            if ad.state == "expired" and name in {ad.key, ad.external_id}:
                self.touch(ad)
                self.changes += 1
                ad.state = "published"
                return {"renewed": True}
        return {"reason": "AD_NOT_FOUND"}

    @route("GET", "/autoupload/balance")
    def balance(self, request: Request) -> Answer:
        self._sign_in(request.bearer)
        total = self.slots if self.slots is not None else 9999
        return said({"name": "Plano Plus Empresa", "next_renew_date": "2026-12-01",
                     "bumps": {"performed": 0, "available": 0, "total": 0},
                     "ads": {"performed": self.holds(), "available": max(0, total - self.holds()),
                             "total": total}})  # fmt: skip

    # --- the dealer's hands -----------------------------------------------------------------

    def add_by_hand(self, title: str, cents: int) -> Ad:
        ad = {"id": "", "subject": title, "price": cents // 100, "category": 2020}
        return self._put_up(ad, is_foreign=True)

    def lock_out(self) -> None:
        self.access_token = "another"

    def close_by_hand(self, key: str) -> None:
        self._by_hand(key).state = "deleted"

    def expire(self, key: str) -> None:
        self._by_hand(key).state = "expired"

    def _sign_in(self, token: str) -> None:
        if token != self.access_token:
            raise Refusal(said({"error": "ACCESS_DENIED"}, 401))


def _taken(status: str, operation: str, ad: Ad) -> dict[str, Any]:
    return {"status": status, "operation": operation, "message": [], "url": ad.url,
            "list_id": int(ad.external_id)}  # fmt: skip


def _status(
    code: int, message: str, token: str | None = None, errors: list[dict[str, Any]] | None = None
) -> Answer:
    return said({"token": token, "statusCode": code, "statusMessage": message,
                 "errors": errors or []})  # fmt: skip
