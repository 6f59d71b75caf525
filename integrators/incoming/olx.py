"""OLX: leads, chat messages and what became of ads, each sent once and never again.

Rules: developers.olx.com.br/lead/leads.html, /chat and /webhooks/notifications_ad_status.html. Any
2xx within five seconds is delivery and there is no second try, so nothing that carries the right
address is ever turned away.
"""

from functools import partial
from typing import Any, Final

from flask import Response, jsonify

from integrators.accounts import Account
from integrators.incoming.fields import (
    details,
    find_vehicle,
    fingerprint,
    instant,
    json_object,
    json_or_nothing,
    phone,
    portal_touch,
    store_for,
    table,
    text,
)
from integrators.incoming.proofs import bearer, is_same
from integrators.incoming.source import Post, Reading, Source
from integrators.listings.noticing import noticed
from integrators.portals.olx_answers import ad_status
from leads.intake import Asked

ACTOR: Final = "portal:olx"


class Olx(Source):
    kind = "olx"
    headers = ("authorization",)

    def refusal(self, post: Post, account: Account) -> str:
        """The token is ours, given with the address; without one the address alone proves it."""
        token = account.get("lead_token")
        return "token does not match" if token and not is_same(token, bearer(post)) else ""

    def event_key(self, post: Post) -> str:
        lead = json_or_nothing(post.body)
        if _is_chat(lead):
            return f"chat:{text(lead.get('messageId'))}" if text(lead.get("messageId")) else ""
        if "topic" in lead:
            return f"notification:{text(lead.get('id'))}" if text(lead.get("id")) else ""
        return f"lead:{_lead_key(lead)}" if lead else ""

    def answer(self, post: Post, account: Account, receipt_id: str) -> Response:
        """They keep our answer for questions later on: it names what we keep."""
        return jsonify(responseId=receipt_id)

    def read(self, post: Post, account: Account) -> Reading:
        lead = json_object(post.body)
        reading = Reading()
        if _is_chat(lead):
            if text(lead.get("origin")).lower() != "seller":
                reading.add(_chat(lead, account))
        elif "topic" not in lead:
            reading.add(_lead(lead, account))
        elif ad := ad_status(lead):
            reading.effects = (partial(noticed, account.id, ad, post.received_at),)
        return reading


def _is_chat(lead: dict[str, Any]) -> bool:
    return "chatId" in lead


def _lead_key(lead: dict[str, Any]) -> str:
    """Their own id; it is optional, so else what tells one lead from another."""
    own = text(lead.get("externalId"))
    if own:
        return own[:150]
    names = ("listId", "adId", "email", "phone", "message", "createdAt")
    return fingerprint(*(text(lead.get(name)) for name in names))


def _lead(lead: dict[str, Any], account: Account) -> Asked:
    ad = table(lead.get("adsInfo"))
    reference = text(lead.get("adId"))
    vehicle = find_vehicle(reference, text(ad.get("subject")), text(lead.get("message")))
    store = store_for(account, vehicle)
    channel = text(lead.get("source")).lower()
    return Asked(
        source="olx",
        kind="financing" if channel == "financing" else "interest",
        name=text(lead.get("name")),
        phone=phone(lead.get("phone"), store),
        email=text(lead.get("email")),
        message=text(lead.get("message")),
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=text(lead.get("listId")) or reference,
        external_id=_lead_key(lead),
        details=details(
            channel=channel,
            ad=reference,
            ad_address=lead.get("linkAd"),
            ad_title=ad.get("subject"),
        ),
        touch=portal_touch("olx"),
        at=instant(lead.get("createdAt")),
        actor=ACTOR,
    )


def _chat(message: dict[str, Any], account: Account) -> Asked:
    """One message of a conversation; the conversation's id tells the person."""
    written = text(message.get("message"))
    vehicle = find_vehicle(text(message.get("adId")), written)
    store = store_for(account, vehicle)
    chat = text(message.get("chatId"))
    own = text(message.get("messageId"))
    return Asked(
        source="olx",
        kind="contact",
        name=text(message.get("name")),
        phone=phone(message.get("phone"), store),
        email=text(message.get("email")),
        message=written,
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=text(message.get("listId")),
        external_id=f"chat:{own}" if own else "",
        details=details(channel="chat", chat=chat),
        touch=portal_touch("olx"),
        keys=(("olx_chat", chat),) if chat else (),
        at=instant(message.get("messageTimestamp")),
        is_message=True,
        actor=ACTOR,
    )


SOURCE: Final = Olx()
