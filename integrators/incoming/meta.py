"""Meta Lead Ads: an event names leads; what people typed is fetched with the page's token.

Rules: developers.facebook.com, marketing API, lead ads. Events may hold several leads and come
late or out of order; leads stay readable for about ninety days.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from flask import Response
from flask_babel import gettext as _

from core.clock import now
from integrators.accounts import Account, turn_off
from integrators.calling import Call, CallRefused, TryLater, ask
from integrators.incoming.fields import (
    details,
    find_vehicle,
    fingerprint,
    instant,
    json_object,
    json_or_nothing,
    phone,
    rows,
    store_for,
    table,
    text,
)
from integrators.incoming.proofs import is_same, is_signed_by_meta
from integrators.incoming.source import PLAIN, Post, Reading, Source
from leads.attribution import clean
from leads.intake import Asked

LOOK_BACK_DAYS: Final = 2
MOST_PAGES: Final = 20
FIELDS: Final = (
    "id,created_time,field_data,ad_id,ad_name,adset_name,campaign_id,campaign_name,form_id,"
    "is_organic,platform,retailer_item_id,vehicle"
)
_ID: Final = re.compile(r"[0-9]{1,32}\Z")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
# Codes of the Graph API: the token is dead or lacks a right; too many calls.
_NOT_LET_IN: Final = frozenset({10, 102, 190, 200})
_TOO_MANY: Final = frozenset({1, 2, 4, 17, 32, 341, 613, 80005})
_NAMES: Final = {
    "name": ("full_name", "nome_completo", "nome", "name"),
    "email": ("email", "e-mail", "work_email"),
    "phone": ("phone_number", "phone", "telefone", "celular", "whatsapp", "whatsapp_number",
              "work_phone_number"),
    "message": ("message", "mensagem", "comments"),
    "vehicle": ("vehicle", "veiculo", "retailer_item_id"),
}  # fmt: skip
_PLATFORMS: Final = {"fb": "facebook", "ig": "instagram"}


class MetaPost(Source):
    """What Meta's webhooks share: posts signed with the app's secret, opened by a handshake."""

    headers = ("x-hub-signature-256",)

    def refusal(self, post: Post, account: Account) -> str:
        is_good = is_signed_by_meta(post, account.get("app_secret"))
        return "" if is_good else "signature does not match"

    def greeting(self, post: Post, account: Account) -> Response:
        """`GET …?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`: the challenge, as plain
        text, to whoever knows the word."""
        try:
            pairs = parse_qs(post.query, max_num_fields=20).items()
            query = {key: values[0] for key, values in pairs}
        except ValueError:  # too many of them
            query = {}
        word, challenge = account.get("verify_token"), query.get("hub.challenge", "")
        is_right = bool(word) and is_same(query.get("hub.verify_token", ""), word)
        if query.get("hub.mode") != "subscribe" or not is_right or not _CHALLENGE.match(challenge):
            return Response("not proven\n", 403, mimetype=PLAIN)
        return Response(challenge, mimetype=PLAIN)


class Meta(MetaPost):
    kind = "meta"

    def event_key(self, post: Post) -> str:
        event = json_or_nothing(post.body)
        if post.is_polled:
            return f"polled:{text(event.get('id'))}"
        named = [text(value.get("leadgen_id")) for value in _values(event)]
        return fingerprint(*sorted(named)) if named and all(named) else ""

    def read(self, post: Post, account: Account) -> Reading:
        event = json_object(post.body)
        reading = Reading()
        if post.is_polled:
            reading.add(_asked(account, event, {}))
            return reading
        for part, value in enumerate(_values(event)):
            number = text(value.get("leadgen_id"))
            if not _ID.match(number):
                reading.problems.append(_("A lead of this event has no number."))
                continue
            try:
                lead = table(_get(account, f"/{number}", {"fields": FIELDS}))
            except TryLater as error:
                reading.again = error
            except CallRefused as error:
                reading.problems.append(
                    _("Lead %(number)s cannot be read: %(reason)s",
                      number=number, reason=str(error))
                )  # fmt: skip
            else:
                reading.add(_asked(account, {"id": number, **lead}, value, part))
        return reading

    def poll(self, account: Account) -> Iterator[Post]:
        since = int((now() - timedelta(days=LOOK_BACK_DAYS)).timestamp())
        after = [{"field": "time_created", "operator": "GREATER_THAN", "value": since}]
        for form in account.get("form_ids").replace(" ", "").split(","):
            if not _ID.match(form):
                continue
            cursor = ""
            for _page in range(MOST_PAGES):
                params = {"fields": FIELDS, "limit": "100", "filtering": json.dumps(after)}
                if cursor:
                    params["after"] = cursor
                answer = table(_get(account, f"/{form}/leads", params))
                for lead in rows(answer.get("data")):
                    if _ID.match(text(lead.get("id"))):
                        yield Post(json.dumps(lead).encode(), is_polled=True)
                paging = table(answer.get("paging"))
                cursor = text(table(paging.get("cursors")).get("after"))
                if not cursor or not paging.get("next"):
                    break


def _values(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        table(change.get("value"))
        for entry in rows(event.get("entry"))
        for change in rows(entry.get("changes"))
        if change.get("field") == "leadgen"
    ]


def _get(account: Account, path: str, params: dict[str, str]) -> Any:
    headers = {"Authorization": f"Bearer {account.secret('page_token')}"}
    try:
        return ask(Call(f"{account.base_url}{path}", params=params, headers=headers))
    except CallRefused as error:
        code = table(error.data.get("error")).get("code")
        if code in _TOO_MANY:
            raise TryLater(f"error {code}") from None
        if error.status == 401 or code in _NOT_LET_IN:
            turn_off(
                account.id,
                _("%(service)s no longer lets us in (%(said)s): connect the account again.",
                  service="Meta", said=code or error.status),
            )  # fmt: skip
        raise


def _asked(account: Account, lead: dict[str, Any], value: dict[str, Any], part: int = 0) -> Asked:
    typed = {
        text(row.get("name")).lower(): ", ".join(text(one) for one in row.get("values") or [])
        for row in rows(lead.get("field_data"))
        if isinstance(row.get("values") or [], list)
    }

    def pick(name: str) -> str:
        return next((typed[alias] for alias in _NAMES[name] if typed.get(alias)), "")

    name = pick("name") or f"{typed.get('first_name', '')} {typed.get('last_name', '')}".strip()
    vehicle = find_vehicle(
        text(lead.get("retailer_item_id")), text(lead.get("vehicle")), pick("vehicle")
    )
    store = store_for(account, vehicle)
    known = {alias for aliases in _NAMES.values() for alias in aliases}
    questions = {f"field_{key[:40]}": answer for key, answer in typed.items() if key not in known}
    platform = text(lead.get("platform")).lower()
    campaign = text(lead.get("campaign_name"))
    return Asked(
        source="meta",
        kind="interest",
        name=name,
        phone=phone(pick("phone"), store),
        email=pick("email"),
        message=pick("message"),
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=campaign or text(lead.get("form_id")) or text(value.get("form_id")),
        external_id=text(lead.get("id")),
        details={
            **questions,
            **details(
                ad=lead.get("ad_name") or lead.get("ad_id") or value.get("ad_id"),
                campaign=campaign,
                form=lead.get("form_id") or value.get("form_id"),
                platform=platform,
                reference=pick("vehicle"),
            ),
        },
        touch=clean(
            {
                "source": _PLATFORMS.get(platform, "facebook"),
                "medium": "lead_ad",
                "campaign": campaign,
                "content": text(lead.get("ad_name")),
            }
        ),
        at=instant(lead.get("created_time")) or instant(value.get("created_time")),
        part=part,
        actor="portal:meta",
    )


SOURCE: Final = Meta()
