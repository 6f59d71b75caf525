"""Chaves na Mão: leads by post. Rules: github.com/chavesnamao/lead-documentation.

Times carry no zone. Years and mileage are text and, like the message, may be null.
"""

from typing import Any, Final

from flask import Response, jsonify

from integrators.accounts import Account
from integrators.incoming.fields import (
    details,
    find_vehicle,
    instant,
    json_object,
    json_or_nothing,
    phone,
    portal_touch,
    store_for,
    table,
    text,
)
from integrators.incoming.proofs import basic, is_same
from integrators.incoming.source import Post, Reading, Source
from leads.intake import Asked


class ChavesNaMao(Source):
    kind = "chavesnamao"
    headers = ("authorization",)

    def refusal(self, post: Post, account: Account) -> str:
        name, password = basic(post)
        token = account.get("lead_token") or account.get("access_token")
        email = account.get("email").lower()
        is_right_name = not email or is_same(name.lower(), email)
        if not (token and is_same(password, token) and is_right_name):
            return "e-mail or token does not match"
        return ""

    def event_key(self, post: Post) -> str:
        return text(json_or_nothing(post.body).get("id"))

    def answer(self, post: Post, account: Account, receipt_id: str) -> Response:
        return jsonify(id=receipt_id)

    def read(self, post: Post, account: Account) -> Reading:
        lead = json_object(post.body)
        reading = Reading()
        reading.add(_asked(lead, account))
        return reading


def _asked(lead: dict[str, Any], account: Account) -> Asked:
    ad = table(lead.get("ad"))
    reference = text(ad.get("reference"))
    vehicle = find_vehicle(reference, text(lead.get("message")))
    store = store_for(account, vehicle)
    return Asked(
        source="chavesnamao",
        kind="interest",
        name=text(lead.get("name")),
        phone=phone(lead.get("phone"), store),
        email=text(lead.get("email")),
        message=text(lead.get("message")),
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=text(ad.get("id")) or reference,
        external_id=text(lead.get("id")),
        details=details(
            proposal=lead.get("proposeTypeName"),
            ad=reference,
            ad_address=ad.get("url"),
            ad_title=ad.get("title"),
        ),
        touch=portal_touch("chavesnamao"),
        at=instant(lead.get("createdAt")),
        actor="portal:chavesnamao",
    )


SOURCE: Final = ChavesNaMao()
