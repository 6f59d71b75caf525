"""Mercado Livre: a notification is a hint; the lead is read from the service with our own token.

Notifications carry no signature and no personal data, and a slow or failing receiver is switched
off after a while (200 within 500 ms). What was missed is fetched every fifteen minutes: leads of
the last two days, and notifications they could not deliver. Rules: developers.mercadolivre.com.br,
"pessoas interessadas" and "receba notificações".
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

from flask_babel import gettext as _

from core.clock import today
from integrators.accounts import Account, turn_off
from integrators.calling import Call, CallRefused, TryLater, ask
from integrators.incoming.fields import (
    details,
    find_vehicle,
    instant,
    json_object,
    json_or_nothing,
    phone,
    portal_touch,
    rows,
    store_for,
    table,
    text,
)
from integrators.incoming.source import Post, Reading, Source, Unreadable
from integrators.listings.noticing import noticed_change
from integrators.mercadolivre_token import access_token
from inventory.models import Vehicle
from leads.intake import Asked

LOOK_BACK_DAYS: Final = 2
PAGE: Final = 10  # what the documentation shows; a larger one may be cut without a word
MOST_LEADS: Final = 5000
ITEM_SECONDS: Final = 3.0
_LEAD: Final = re.compile(r"/(?:vis/)?(?:leads|loan)/[A-Za-z0-9_-]{1,64}(?:/details)?\Z")
_QUESTION: Final = re.compile(r"/questions/([0-9]{1,20})\Z")
_AD: Final = re.compile(r"/items/([A-Z]{3}[0-9]{1,20})\Z")
_ITEM: Final = re.compile(r"[A-Z]{3}-?[0-9]{1,20}\Z")
_KINDS: Final = {"credit": "financing", "visit_request": "test_drive"}


class MercadoLivre(Source):
    kind = "mercadolivre"

    def refusal(self, post: Post, account: Account) -> str:
        note = json_or_nothing(post.body)
        is_ours = text(note.get("application_id")) == account.get("client_id") and text(
            note.get("user_id")
        ) == account.get("user_id")
        return "not for this account" if note and not is_ours else ""

    def event_key(self, post: Post) -> str:
        note = json_or_nothing(post.body)
        if post.is_polled:
            return f"polled:{_lead_id(table(note.get('lead')))}"
        own = text(note.get("_id"))
        if own:
            return own
        resource, sent = text(note.get("resource")), text(note.get("sent"))
        return f"{resource} {sent}" if resource and sent else ""

    def read(self, post: Post, account: Account) -> Reading:
        note = json_object(post.body)
        reading = Reading()
        if post.is_polled:
            reading.add(_of_lead(account, table(note.get("lead")), table(note.get("buyer"))))
            return reading
        resource = text(note.get("resource"))
        try:
            if question := _QUESTION.match(resource):
                reading.add(_of_question(account, question[1]))
            elif _LEAD.match(resource):
                reading.add(_of_lead(account, table(_get(account, resource)), {}))
            elif ad := _AD.match(resource):
                reading.effects = (partial(noticed_change, account.id, ad[1]),)
            elif "leads" in text(note.get("topic")):
                raise Unreadable(_("This notification names a lead in a form that is not known."))
        except CallRefused as error:
            raise Unreadable(
                _("%(service)s does not give this lead out: %(reason)s",
                  service="Mercado Livre", reason=str(error))
            ) from None  # fmt: skip
        return reading  # other topics are about what we do not keep

    def poll(self, account: Account) -> Iterator[Post]:
        for found in self._polled_leads(account):
            yield Post(json.dumps(found).encode(), is_polled=True)
        params = {"app_id": account.get("client_id")}
        for note in rows(table(_get(account, "/missed_feeds", params)).get("messages")):
            post = Post(json.dumps(note).encode())
            if not self.refusal(post, account):
                yield post

    def _polled_leads(self, account: Account) -> Iterator[dict[str, Any]]:
        path = f"/vis/users/{account.get('user_id')}/leads/buyers"
        since = today() - timedelta(days=LOOK_BACK_DAYS)
        offset = 0
        while offset < MOST_LEADS:
            params = {
                "offset": str(offset),
                "limit": str(PAGE),
                "date_from": since.isoformat(),
                "date_to": today().isoformat(),
            }
            found = rows(table(_get(account, path, params)).get("results"))
            if not found:
                return
            for buyer in found:
                about = {key: value for key, value in buyer.items() if key != "leads"}
                for lead in rows(buyer.get("leads")):
                    if _lead_id(lead):
                        yield {"buyer": about, "lead": lead}
            offset += len(found)


def _get(account: Account, path: str, params: dict[str, str] | None = None) -> Any:
    """What the service holds at `path`. Raises TryLater, CallRefused, and PermanentFailure when a
    person must connect the account again."""
    token = access_token(account.id)
    try:
        return _ask(account, path, params, token)
    except CallRefused as error:
        if error.status != 401:
            raise
    fresh = access_token(account.id, worn=token)
    try:
        return _ask(account, path, params, fresh)
    except CallRefused as error:
        if error.status == 401:
            turn_off(account.id, _("Mercado Livre turns a new token away: connect the account "
                                   "again."))  # fmt: skip
        raise


def _ask(account: Account, path: str, params: dict[str, str] | None, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return ask(Call(f"{account.base_url}{path}", params=params, headers=headers))


def _of_lead(account: Account, lead: dict[str, Any], buyer: dict[str, Any]) -> Asked:
    channel = text(lead.get("contact_type")).lower()
    item = text(lead.get("item_id")) or text(buyer.get("item_id"))
    # The question that a lead is about is known by its own number: it comes both ways.
    question = text(lead.get("external_id")) if channel == "question" else ""
    asked = _question_text(account, question) if question else ""
    more = table(lead.get("details"))
    return _asked(
        account,
        person={**buyer, **{key: value for key, value in lead.items() if value}},
        item=item,
        message=asked,
        external_id=f"question:{question}" if question else _lead_id(lead),
        kind=_KINDS.get(channel, "interest"),
        buyer_id=text(lead.get("buyer_id")) or (text(buyer.get("id")) if buyer else ""),
        extra=details(
            channel=channel,
            ad=item,
            color=more.get("color"),
            zip_code=more.get("zip_code"),
            dealership=more.get("dealership"),
        ),
        at=lead.get("created_at"),
    )


def _of_question(account: Account, number: str) -> Asked:
    question = table(_get(account, f"/questions/{number}"))
    sender = table(question.get("from"))
    return _asked(
        account,
        person=sender,
        item=text(question.get("item_id")),
        message=text(question.get("text")),
        external_id=f"question:{number}",
        kind="interest",
        buyer_id=text(sender.get("id")),
        extra=details(channel="question", ad=question.get("item_id")),
        at=question.get("date_created"),
    )


def _asked(
    account: Account,
    *,
    person: dict[str, Any],
    item: str,
    message: str,
    external_id: str,
    kind: str,
    buyer_id: str,
    extra: dict[str, str],
    at: Any,
) -> Asked:
    vehicle, title = _car(account, item, message)
    store = store_for(account, vehicle)
    return Asked(
        source="mercadolivre",
        kind=kind,
        name=text(person.get("name")) or text(person.get("nickname")),
        phone=phone(_phone_text(person.get("phone")), store),
        email=text(person.get("email")),
        message=message,
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=item,
        external_id=external_id,
        details={**extra, **details(ad_title=title)},
        touch=portal_touch("mercadolivre"),
        keys=(("mercadolivre", buyer_id),) if buyer_id not in {"", "0"} else (),
        at=instant(at),
        is_message=external_id.startswith("question:"),
        actor="portal:mercadolivre",
    )


def _lead_id(lead: dict[str, Any]) -> str:
    return text(lead.get("uuid")) or text(lead.get("id"))


def _phone_text(value: Any) -> str:
    parts = table(value)
    if parts:
        return f"{text(parts.get('area_code'))} {text(parts.get('number'))}".strip()
    return text(value)


def _question_text(account: Account, number: str) -> str:
    """What was asked; a lead without its question is still a lead."""
    if not number.isdigit():
        return ""
    try:
        return text(table(_get(account, f"/questions/{number}")).get("text"))
    except CallRefused:
        return ""


def _car(account: Account, item: str, message: str) -> tuple[Vehicle | None, str]:
    """The car an ad is of, by the key we gave the ad, and the ad's title. Best effort."""
    vehicle = find_vehicle(item, message)
    if vehicle or not _ITEM.match(item):
        return vehicle, ""
    try:
        token = access_token(account.id)
        call = Call(
            f"{account.base_url}/items/{item}", headers={"Authorization": f"Bearer {token}"}
        )
        ad = table(ask(call, seconds=ITEM_SECONDS))
    except (CallRefused, TryLater):
        return None, ""
    skus = [
        text(row.get("value_name"))
        for row in rows(ad.get("attributes"))
        if row.get("id") == "SELLER_SKU"
    ]
    return find_vehicle(text(ad.get("seller_custom_field")), *skus), text(ad.get("title"))


SOURCE: Final = MercadoLivre()
