"""Mercado Livre: one request an ad, a description in a call of its own, ids that are theirs.

Facts: developers.mercadolivre.com.br, "publicação de automóveis", "sincronização de publicações",
"gerenciamento de pacotes", and "itens e buscas" for lists. The portal has no reference of ours that
it would keep from being doubled: our key stands in `seller_custom_field` and in the attribute
SELLER_SKU, and an ad is looked for by it before one is created again. An ad whose description did
not arrive is there: it is told as done and owing that part.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from integrators.accounts import Account
from integrators.portals import mercadolivre_ad, mercadolivre_refusals
from integrators.portals.mercadolivre_ad import CATEGORIES, OPTIONAL, OPTIONAL_ELSEWHERE
from integrators.portals.mercadolivre_reading import (
    SHOWN,
    SKU,
    ad_of,
    ads_of,
    all_ids,
    ask,
    found_by_key,
    rows_of,
    text_of,
    usage_of,
    user_of,
)
from integrators.portals.portal import (
    CallFailed,
    Calls,
    Car,
    Draft,
    Incomplete,
    Limits,
    Outcome,
    Portal,
    Remote,
    RemoteAd,
    Reply,
    Result,
    Secrets,
    Step,
    Term,
    Terms,
    Unclear,
    Usage,
    Verb,
)

DOMAIN: Final = "MLB-CARS_AND_VANS"
_DESCRIPTION: Final = "description"
_BASIC: Final = {
    "currency_id": "BRL",
    "available_quantity": 1,
    "buying_mode": "classified",
    "listing_type_id": "silver",  # better places are upgrades of an ad that is there
    "channels": ["marketplace"],
}
_STATUSES: Final = {Verb.PAUSE: "paused", Verb.RESUME: "active", Verb.CLOSE: "closed"}
_TAKES_ROOM: Final = {Verb.CREATE, Verb.RELIST, Verb.RESUME}
_LISTS: Final = {"make": "BRAND", "model": "MODEL"}


class MercadoLivre(Portal):
    kind = "mercadolivre"
    limits = Limits(
        calls_per_second=10.0,
        at_once=4,
        photos=mercadolivre_ad.PHOTOS,
        photo_px=1200,
        description=mercadolivre_ad.DESCRIPTION,
        can_pause=True,
        shows_price=True,
        expires_days=180,
    )
    # The version is free text there, and a make or model without a code goes by its name.
    term_lists = ("make", "model")
    term_categories = frozenset({"car"})  # the lists are those of cars; others go by name
    later_parts = frozenset({_DESCRIPTION})

    def draft(self, car: Car, account: Account, terms: Terms, secrets: Secrets) -> Draft:  # noqa: ARG002
        return mercadolivre_ad.draft_of(car, terms)

    def observe(self, calls: Calls) -> Iterator[RemoteAd]:
        yield from ads_of(calls, list(all_ids(calls)))

    def look(self, calls: Calls, key: str, external_id: str) -> list[RemoteAd]:
        """Found by key in their index, which may lag behind; the ads themselves are read."""
        ids = [external_id] if external_id else []
        if key:
            ids += [one for one in found_by_key(calls, key) if one != external_id]
        ads = ads_of(calls, ids)
        return [ad for ad in ads if ad.external_id == external_id or (key and ad.key == key)]

    def send(self, calls: Calls, steps: Sequence[Step]) -> Iterator[Result]:
        for step in steps:
            if step.verb is Verb.CREATE:
                yield from _create(calls, step)
            elif step.verb is Verb.UPDATE:
                yield from _update(calls, step)
            elif step.verb is Verb.RELIST:
                yield _relist(calls, step)
            else:
                yield _told(calls, step)

    def usage(self, calls: Calls) -> Usage | None:
        path = f"/users/{user_of(calls)}/classifieds_promotion_packs"
        reply = ask(calls, "GET", path, params={"package_content": "ALL"})
        return usage_of(rows_of(reply.data)) if reply.is_good else None

    def terms(self, calls: Calls, list_name: str, parent: str) -> Iterable[Term]:
        attribute = _LISTS.get(list_name)
        if attribute is None:
            return ()
        known = [{"id": "BRAND", "value_id": parent}] if parent else []
        reply = ask(
            calls,
            "POST",
            f"/catalog_domains/{DOMAIN}/attributes/{attribute}/top_values",
            params={"limit": "1000"},
            json={"known_attributes": known} if known else {},
            is_write=False,
        )
        if not reply.is_good:
            raise Incomplete(f"{list_name}: answered {reply.status}")
        return [Term(str(row["id"]), text_of(row.get("name"))) for row in rows_of(reply.data)
                if row.get("id")]  # fmt: skip


# --- what is done ----------------------------------------------------------------------------


def _item(step: Step) -> str:
    return f"/items/{step.external_id}"


def _create(calls: Calls, step: Step) -> Iterator[Result]:
    """The ad, then its description. Once the first call is answered the ad is there."""
    told = {name: value for name, value in _body(step, frozenset(step.parts)).items() if value}
    body = {**_BASIC, "category_id": step.parts["category_id"], **told}
    reply = ask(calls, "POST", "/items", json=body)
    if not reply.is_good:
        yield _refused(calls, step, reply)
        return
    made = _done(step, reply, "")
    try:
        is_described = _describe(calls, made.external_id, step, is_new=True).is_good
    except CallFailed:
        yield replace(made, missing=frozenset({_DESCRIPTION}))
        raise
    yield made if is_described else replace(made, missing=frozenset({_DESCRIPTION}))


def _update(calls: Calls, step: Step) -> Iterator[Result]:
    """The changed parts in one call, a changed description in another."""
    changed = step.changed or frozenset(step.parts)
    if "category_id" in changed and _category(calls, step) != step.parts["category_id"]:
        # No ad changes its category: this one ends, and another one begins.
        ended = _told(calls, replace(step, verb=Verb.CLOSE))
        is_over = ended.outcome in {Outcome.DONE, Outcome.GONE}
        yield replace(ended, outcome=Outcome.GONE) if is_over else ended
        return
    result = Result(step.key, Outcome.DONE, step.external_id)
    if body := _body(step, changed):
        reply = ask(calls, "PUT", _item(step), json=body)
        if not reply.is_good:
            yield _refused(calls, step, reply)
            return
        result = _done(step, reply, step.external_id)
    if _DESCRIPTION in changed:
        try:
            reply = _describe(calls, step.external_id, step, is_new=False)
        except CallFailed:
            if body:
                yield replace(result, missing=frozenset({_DESCRIPTION}))
            raise
        if not reply.is_good:
            result = _refused(calls, step, reply)
    yield result


def _describe(calls: Calls, external_id: str, step: Step, *, is_new: bool) -> Reply:
    """Give the ad its words: POST the first time, PUT from then on. Which one it is, is not always
    known: an earlier answer may have been lost."""
    path = f"/items/{external_id}/description"
    body = {"plain_text": step.parts[_DESCRIPTION]}
    methods = ("POST", "PUT") if is_new else ("PUT", "POST")
    reply = ask(calls, methods[0], path, json=body)
    if reply.status in {400, 404, 409} and not mercadolivre_refusals.is_about_words(reply):
        other = ask(calls, methods[1], path, json=body)
        return other if other.is_good or reply.status == 404 else reply
    return reply


def _relist(calls: Calls, step: Step) -> Result:
    """The ad anew, under another id, as it was when it ended: the rest is an update's. Our key is
    told again with the attributes."""
    body = {"price": step.parts["price"], "quantity": 1, "listing_type_id": "silver"}
    reply = ask(calls, "POST", f"{_item(step)}/relist", json=body)
    if not reply.is_good:
        return _refused(calls, step, reply)
    owed = (step.changed | {"attributes"}) - {"price", "category_id"}
    return replace(_done(step, reply, ""), missing=frozenset(owed))


def _told(calls: Calls, step: Step) -> Result:
    reply = ask(calls, "PUT", _item(step), json={"status": _STATUSES[step.verb]})
    return _done(step, reply, step.external_id) if reply.is_good else _refused(calls, step, reply)


def _done(step: Step, reply: Reply, external_id: str) -> Result:
    """Raises Unclear when a new ad has no id."""
    ad = ad_of(reply.table)
    if not (ad.external_id or external_id):
        raise Unclear("an ad without an id")
    return Result(
        step.key,
        Outcome.DONE,
        external_id or ad.external_id,
        ad.url,
        ad.remote if reply.table.get("status") else None,
        ad.substate,
    )


def _refused(calls: Calls, step: Step, reply: Reply) -> Result:
    """What a "no" to `step` means."""
    if reply.status == 404:
        return Result(step.key, Outcome.GONE, step.external_id)
    if reply.status == 409:
        return Result(step.key, Outcome.NOT_YET, step.external_id)
    if mercadolivre_refusals.is_about_room(reply):
        return Result(step.key, Outcome.NO_SLOT, step.external_id)
    about_status = step.external_id and mercadolivre_refusals.is_about_status(reply)
    if about_status and (ended := _ended(calls, step)):
        return ended
    problem = mercadolivre_refusals.problem_of(reply)
    if not problem.field and step.verb in _TAKES_ROOM and not _has_room(calls, step):
        return Result(step.key, Outcome.NO_SLOT, step.external_id)
    return Result(step.key, Outcome.REFUSED, step.external_id, problem=problem)


def _has_room(calls: Calls, step: Step) -> bool:
    """Whether the contract has a place left: with which code a full one is told is not known."""
    path = f"/users/{user_of(calls)}/classifieds_promotion_packs/silver/available"
    category = text_of(step.parts.get("category_id")) or CATEGORIES["car"]
    reply = ask(calls, "GET", path, params={"categoryId": category})
    return reply.table.get("has_available_listings") is not False


def _ended(calls: Calls, step: Step) -> Result | None:
    """What a step means for an ad that has ended meanwhile; None when it has not."""
    reply = ask(calls, "GET", _item(step), params={"attributes": SHOWN})
    if reply.status == 404:
        return Result(step.key, Outcome.GONE, step.external_id)
    ad = ad_of(reply.table)
    if not reply.is_good or ad.remote not in {Remote.OFFLINE, Remote.EXPIRED}:
        return None
    if step.verb is Verb.CLOSE:
        return Result(step.key, Outcome.DONE, ad.external_id, ad.url, ad.remote, ad.substate)
    if ad.remote is Remote.OFFLINE:
        return Result(step.key, Outcome.GONE, step.external_id, remote=ad.remote)
    # It ran out: what was to be changed is still owed once it is put on again.
    owed = step.changed or frozenset(step.parts)
    return Result(step.key, Outcome.DONE, ad.external_id, ad.url, ad.remote, ad.substate,
                  missing=owed)  # fmt: skip


def _category(calls: Calls, step: Step) -> str:
    """The category the ad stands in; the wanted one where the portal does not say."""
    reply = ask(calls, "GET", _item(step), params={"attributes": "id,category_id"})
    return text_of(reply.table.get("category_id")) or text_of(step.parts["category_id"])


def _body(step: Step, names: frozenset[str]) -> dict[str, Any]:
    """The parts of these names as the portal takes them, our key with the attributes. An attribute
    that the car no longer has is taken away by an empty value."""
    body = {
        name: value
        for name, value in step.parts.items()
        if name in names and name not in {"category_id", _DESCRIPTION}
    }
    if "video_id" in body:
        body["video_id"] = body["video_id"] or None
    if "attributes" in body:
        told = list(body["attributes"])
        if step.verb is not Verb.CREATE:
            known = {row["id"] for row in told}
            is_car = step.parts["category_id"] == CATEGORIES["car"]
            told += [
                {"id": name, "value_id": None, "value_name": None}
                for name in (OPTIONAL if is_car else OPTIONAL_ELSEWHERE)
                if name not in known
            ]
        body["attributes"] = [*told, {"id": SKU, "value_name": step.key}]
        body["seller_custom_field"] = step.key
    return body
