"""WhatsApp Cloud API: messages people send us. What becomes of ours (statuses) opens no lead.

Rules: developers.facebook.com, WhatsApp, webhooks. Deliveries repeat and come out of order; a
contact may come without a phone and is then known by `user_id` alone; `referral` comes once, with
the first message after an advertisement.
"""

from collections.abc import Callable
from typing import Any, Final

from flask_babel import gettext as _

from core.db import db
from integrators.accounts import Account
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
from integrators.incoming.meta import MetaPost
from integrators.incoming.source import Post, Reading
from inventory.models import Vehicle
from leads.attribution import clean
from leads.clicks import find_click
from leads.intake import Asked
from leads.models import ContactClick, Enquiry

# A thumb on a message, a number that changed, a text taken back: nobody asks anything.
_SILENT: Final = frozenset({"reaction", "system", "revoke"})
_PICTURED: Final = frozenset({"image", "video", "audio", "document", "sticker"})


class WhatsApp(MetaPost):
    kind = "whatsapp"

    def event_key(self, post: Post) -> str:
        ids = []
        for value in _values(json_or_nothing(post.body)):
            ids += [text(message.get("id")) for message in rows(value.get("messages"))]
            ids += [
                f"{text(status.get('id'))} {text(status.get('status'))}"
                for status in rows(value.get("statuses"))
            ]
        return fingerprint(*sorted(ids)) if ids and all(ids) else ""

    def read(self, post: Post, account: Account) -> Reading:
        reading = Reading()
        part = 0
        for value in _values(json_object(post.body)):
            people = rows(value.get("contacts"))
            for message in rows(value.get("messages")):
                if text(message.get("type")) in _SILENT:
                    continue
                if not text(message.get("id")):
                    reading.problems.append(_("A message of this event has no id."))
                    continue
                asked, after = _asked(account, value, _sender(message, people), message, part)
                reading.add(asked, after)
                part += 1
        # Within one delivery, the order in which they were written.
        reading.items.sort(key=lambda item: (item.asked.at is None, item.asked.at))
        return reading


def _values(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        table(change.get("value"))
        for entry in rows(event.get("entry"))
        for change in rows(entry.get("changes"))
        if change.get("field") == "messages"
    ]


def _sender(message: dict[str, Any], people: list[dict[str, Any]]) -> dict[str, Any]:
    """The contact that wrote `message`: by number or user id, or the only one there is."""
    wanted = {text(message.get("from")), text(message.get("from_user_id"))} - {""}
    for person in people:
        if wanted & {text(person.get("wa_id")), text(person.get("user_id"))}:
            return person
    return people[0] if len(people) == 1 else {}


def _asked(
    account: Account,
    value: dict[str, Any],
    person: dict[str, Any],
    message: dict[str, Any],
    part: int,
) -> tuple[Asked, Callable[[Enquiry], None] | None]:
    written = _words(message)
    referral = table(message.get("referral"))
    click = find_click(written)
    vehicle = db.session.get(Vehicle, click.vehicle_id) if click and click.vehicle_id else None
    vehicle = vehicle or find_vehicle(written, text(referral.get("headline")))
    store = store_for(account, vehicle)
    number = text(person.get("wa_id")) or text(message.get("from"))
    asked = Asked(
        source="whatsapp",
        kind="contact" if vehicle is None else "interest",
        name=text(table(person.get("profile")).get("name")),
        phone=phone(f"+{number}" if number.isdigit() else number, store),
        message=written,
        vehicle_id=vehicle.id if vehicle else None,
        store_id=(click.store_id if click else None) or (store.id if store else None),
        source_ref=text(referral.get("source_id")) or (click.code if click else ""),
        external_id=text(message.get("id")),
        details=details(
            type=message.get("type"),
            number=table(value.get("metadata")).get("display_phone_number"),
            ad=referral.get("source_id"),
            ad_title=referral.get("headline"),
            ad_address=referral.get("source_url"),
            ctwa_clid=referral.get("ctwa_clid"),
            username=table(person.get("profile")).get("username"),
            click=click.code if click else "",
        ),
        touch=_touch(click, referral),
        keys=_keys(person, message),
        at=instant(message.get("timestamp")),
        part=part,
        is_message=True,
        channel="whatsapp",
        actor="portal:whatsapp",
    )
    return asked, (_joins(click.id) if click else None)


def _keys(person: dict[str, Any], message: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The business's own id of the person, else the number, which the phone then tells too."""
    own = text(person.get("user_id")) or text(message.get("from_user_id"))
    number = text(person.get("wa_id")) or text(message.get("from"))
    return tuple(("whatsapp", one) for one in (own, number) if one)[:1]


def _touch(click: ContactClick | None, referral: dict[str, Any]) -> dict[str, str]:
    """Where the conversation began: the visit that was tapped in, or the advertisement."""
    if click is not None and click.touch:
        return clean(click.touch)
    if referral:
        return clean(
            {
                "source": "meta",
                "medium": text(referral.get("source_type")) or "ad",
                "campaign": text(referral.get("headline")),
                "content": text(referral.get("source_id")),
            }
        )
    return {"source": "whatsapp", "medium": "message"}


def _joins(click_id: int) -> Callable[[Enquiry], None]:
    def join(enquiry: Enquiry) -> None:
        click = db.session.get(ContactClick, click_id)
        if click is not None and click.lead_id is None:
            click.lead_id = enquiry.lead_id

    return join


def _words(message: dict[str, Any]) -> str:
    """What the message says; of what says nothing in words, what it is."""
    kind = text(message.get("type"))
    body = table(message.get(kind))
    if kind == "text":
        return text(body.get("body"))
    if kind == "button":
        return text(body.get("text"))
    if kind == "interactive":
        reply = table(body.get(text(body.get("type"))))
        return text(reply.get("title")) or _("(an answer by button)")
    if kind in _PICTURED:
        return (
            text(body.get("caption"))
            or text(body.get("filename"))
            or _("(sent a file: %(type)s)", type=kind)
        )
    if kind == "location":
        return _("(sent a place: %(place)s)", place=text(body.get("name")) or text(
            body.get("address")) or f"{text(body.get('latitude'))}, {text(body.get('longitude'))}"
        )  # fmt: skip
    return _("(a message of a kind that is not shown here)")


SOURCE: Final = WhatsApp()
