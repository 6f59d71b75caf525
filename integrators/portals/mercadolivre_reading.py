"""Asking Mercado Livre, and reading what it holds: ads by the hundred, packages.

Facts: developers.mercadolivre.com.br, "autenticação e autorização", "itens e buscas" (lists that
are scrolled through; several ads in one request), "gerenciamento de pacotes".
"""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from flask_babel import gettext as _

from core.clock import now
from integrators import accounts
from integrators.calling import TryLater
from integrators.listings.calls import hold_seconds
from integrators.mercadolivre_token import access_token
from integrators.portals.mercadolivre_refusals import locked
from integrators.portals.portal import (
    Calls,
    HoldOn,
    Incomplete,
    Locked,
    NotSent,
    Remote,
    RemoteAd,
    Reply,
    Usage,
)
from jobs.queue import PermanentFailure

PAGE: Final = 100  # ids in one page of a list
AT_ONCE: Final = 20  # ads in one GET /items
# A token may end in the hands of another thread between two of our requests.
TOKENS_TRIED: Final = 5
SHOWN: Final = "id,status,sub_status,price,permalink,date_created,seller_custom_field"
SKU: Final = "SELLER_SKU"
_REMOTES: Final = {
    "active": Remote.ONLINE,
    "paused": Remote.PAUSED,
    "under_review": Remote.IN_REVIEW,
    "inactive": Remote.IN_REVIEW,
    "payment_required": Remote.NO_SLOTS,
    "closed": Remote.OFFLINE,
}


def ask(calls: Calls, method: str, path: str, **options: Any) -> Reply:
    """One request with a token that works. Raises Locked when the account is turned away."""
    token = ""
    for number in range(TOKENS_TRIED):
        time.sleep(random.random() * number / 4)  # the others are at it, too
        token = _token(calls, worn=token)
        reply = calls.ask(method, path, headers=_bearer(token), **options)
        if reply.status != 401:
            break
    else:
        raise Locked(_("Mercado Livre turns a new token away: connect the account again."))
    if reply.status == 403:
        raise locked(reply)
    return reply


def _token(calls: Calls, *, worn: str = "") -> str:
    """The token at hand while it lives; a new one is asked for by one at a time."""
    account = calls.account
    token = account.get("issued_token")
    if token and token != worn and float(account.get("issued_until") or 0) > now().timestamp():
        return token
    try:
        token = access_token(account.id, worn=worn)
    except PermanentFailure as error:
        raise Locked(str(error)) from None
    except TryLater as error:
        if error.retry_after is not None:
            seconds = hold_seconds({"retry-after": error.retry_after})
            raise calls.hold(HoldOn(str(error), seconds)) from None
        raise NotSent(str(error)) from None
    calls.account = accounts.loaded(account.id)
    return token


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def user_of(calls: Calls) -> str:
    return calls.account.get("user_id")


# --- what is there ---------------------------------------------------------------------------


def all_ids(calls: Calls) -> Iterable[str]:
    """The ids of all ads of the seller, however many. Raises Incomplete."""
    ids: dict[str, None] = {}
    params = {"search_type": "scan", "limit": str(PAGE)}
    total = 0
    while True:
        page = _page(calls, params)
        rows = [str(one) for one in page.get("results") or []]
        total = max(total, _total(page))
        ids |= dict.fromkeys(rows)
        if not rows or len(ids) >= total:
            break
        if scroll := text_of(page.get("scroll_id")):
            params = {"search_type": "scan", "limit": str(PAGE), "scroll_id": scroll}
        else:  # no scroll was opened: page by page
            params = {"limit": str(PAGE), "offset": str(len(ids))}
    if len(ids) < total:
        raise Incomplete(f"{len(ids)} of {total} ads")
    return ids


def found_by_key(calls: Calls, key: str) -> list[str]:
    """The ids of the ads that carry `key`, which are few. Raises Incomplete."""
    page = _page(calls, {"seller_sku": key})
    rows = [str(one) for one in page["results"]]
    if len(rows) < _total(page):
        raise Incomplete(f"{len(rows)} of {_total(page)} ads")
    return rows


def _page(calls: Calls, params: dict[str, str]) -> dict[str, Any]:
    reply = ask(calls, "GET", f"/users/{user_of(calls)}/items/search", params=params)
    if not reply.is_good or not isinstance(reply.table.get("results"), list):
        raise Incomplete(f"a list of ads answered {reply.status}")
    return reply.table


def _total(page: dict[str, Any]) -> int:
    total = table_of(page.get("paging")).get("total")
    if not isinstance(total, int):
        raise Incomplete("a list that does not say how long it is")
    return total


def ads_of(calls: Calls, ids: Sequence[str]) -> Iterator[RemoteAd]:
    """The ads of these ids, without those that do not exist. Raises Incomplete."""
    for start in range(0, len(ids), AT_ONCE):
        bodies = _bodies(calls, ids[start : start + AT_ONCE], SHOWN)
        # Where the field of our own is empty the attribute tells, which is too much to read of
        # every ad: those made by hand are few.
        unnamed = [
            text_of(body["id"])
            for body in bodies
            if not body.get("seller_custom_field") and body.get("status") != "closed"
        ]
        more = _bodies(calls, unnamed, "id,attributes") if unnamed else []
        named = {text_of(body["id"]): body.get("attributes") for body in more}
        for body in bodies:
            yield ad_of({"attributes": named.get(text_of(body["id"])), **body})


def _bodies(calls: Calls, ids: Sequence[str], shown: str) -> list[dict[str, Any]]:
    """What the portal shows of these ads, twenty at most. Raises Incomplete."""
    reply = ask(calls, "GET", "/items", params={"ids": ",".join(ids), "attributes": shown})
    rows = rows_of(reply.data)
    if not reply.is_good or len(rows) != len(ids):
        raise Incomplete(f"{len(rows)} of {len(ids)} ads were told")
    bodies = [table_of(row.get("body")) for row in rows if row.get("code") != 404]
    if any(row.get("code") not in {200, 404} for row in rows) or not all(
        body.get("id") for body in bodies
    ):
        raise Incomplete("an ad was not told")
    return bodies


def ad_of(item: dict[str, Any]) -> RemoteAd:
    """An item of the portal in our words."""
    remote, substate = _standing(item)
    price = item.get("price")
    skus = [
        row.get("value_name") for row in rows_of(item.get("attributes")) if row.get("id") == SKU
    ]
    return RemoteAd(
        external_id=text_of(item.get("id")),
        key=text_of(item.get("seller_custom_field")) or text_of(skus[0] if skus else ""),
        remote=remote,
        substate=substate,
        url=text_of(item.get("permalink")),
        price_cents=round(price * 100) if isinstance(price, int | float) else None,
        age=text_of(item.get("date_created")),
        words=substate if remote is Remote.REJECTED else "",
    )


def _standing(item: dict[str, Any]) -> tuple[Remote, str]:
    """How the ad stands, and how the portal itself puts it."""
    said = item.get("sub_status")
    substates = [str(one) for one in said] if isinstance(said, list) else []
    status = text_of(item.get("status"))
    remote = _REMOTES.get(status, Remote.IN_REVIEW)
    if status == "closed" and "expired" in substates:
        remote = Remote.EXPIRED
    elif status == "under_review" and "forbidden" in substates:  # a person there has decided
        remote = Remote.REJECTED
    return remote, ",".join([status, *substates])[:60]


# --- the contract ----------------------------------------------------------------------------


def usage_of(packs: Sequence[dict[str, Any]]) -> Usage:
    """Places of the contract's active packages: silver ones are ads, the others better places."""
    active = [pack for pack in packs if pack.get("status") == "active"]
    plain: list[dict[str, Any]] = []
    better: list[dict[str, Any]] = []
    for pack in active:
        for row in rows_of(pack.get("listing_details")):
            (plain if row.get("listing_type_id") == "silver" else better).append(row)
    is_endless = any(pack.get("package_type") == "unlimited" for pack in active)
    names = dict.fromkeys(text_of(pack.get("description")) for pack in active)
    return Usage(
        total=None if is_endless else _sum(plain, "available"),
        used=_sum(plain, "used"),
        plan_name=", ".join(name for name in names if name)[:80],
        highlights_total=_sum(better, "available") if better else None,
        highlights_used=_sum(better, "used") if better else None,
    )


def _sum(rows: Sequence[dict[str, Any]], what: str) -> int:
    found = [row.get(f"{what}_listings") for row in rows]
    return sum(one for one in found if isinstance(one, int))


# --- reading ---------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    return "" if value is None else str(value)


def table_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def rows_of(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
