"""`/w/<where>` and `/ligar/<where>`: counted on our side, then on to WhatsApp or the telephone.

`where` names what the person was looking at, never an address to go to:
    oferta-<public id>              a vehicle: its store's number, a message that names it
    loja-<slug>                     a store
    vendas|oficina|pecas|frotas-<slug>   a department of a store
    geral                           the group
`?lp=<slug>` says which landing page it stood on. A plain link, so it works without a script; and
nothing that happens to the count may stop the jump. Whoever only fetches the address, as a link
checker does, is shown where it leads, and not sent on to a telephone that it does not have.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

import structlog
from flask import Response, abort, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from core.db import db
from core.money import format_brl
from core.text import format_phone, whatsapp_link
from dealership.identity import Identity, StoreProfile, identity, last_known_identity
from inventory import search
from inventory.availability import Availability
from inventory.offers import Offer
from leads import flood
from leads.attribution import Touch, touch_of_address, touch_of_request
from leads.audience import is_by_a_person
from leads.clicks import Tap, count
from showroom import seo

DEPARTMENTS: Final = {
    "vendas": "sales",
    "oficina": "service",
    "pecas": "parts",
    "frotas": "fleet",
}
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_SLUG: Final = re.compile(r"[a-z0-9-]{1,80}")
_VISITOR: Final = re.compile(r"[0-9a-f]{32}")  # of an experiment: what a tap is counted for
_MOST_KNOWN: Final = 500
MOST_TAPS: Final = "120 per minute"  # of one address; more are not counted, and jump all the same

log = structlog.get_logger("vitrine.clicks")


@dataclass(frozen=True)
class Contact:
    """Whom a link reaches. Numbers in E.164, empty when there is none; `message` is what
    WhatsApp opens with."""

    whatsapp: str
    phone: str
    message: str
    store_id: int | None = None
    vehicle_id: int | None = None
    store_slug: str = ""


class _Known:
    """The offers that were asked for last, for when the database is gone. Bounded, per process."""

    def __init__(self) -> None:
        self._contacts: OrderedDict[str, Contact] = OrderedDict()
        self._lock = Lock()

    def keep(self, where: str, contact: Contact) -> None:
        with self._lock:
            self._contacts[where] = contact
            self._contacts.move_to_end(where)
            while len(self._contacts) > _MOST_KNOWN:
                self._contacts.popitem(last=False)

    def find(self, where: str) -> Contact | None:
        with self._lock:
            return self._contacts.get(where)


_known = _Known()


def whatsapp_jump(where: str) -> Response:
    """`GET /w/<where>`: 302 to wa.me with a message that names the car and carries the code."""
    contact, is_answering = _contact(where)
    number = contact.whatsapp
    if not number:
        abort(404)
    code = _counted("whatsapp", where, number, contact) if is_answering else ""
    message = f"{contact.message} [{code}]" if code else contact.message
    return _jump(whatsapp_link(number, message), number, contact, is_answering)


def phone_jump(where: str) -> Response:
    """`GET /ligar/<where>`: 302 to tel:. The body says the number and when somebody answers, for
    machines without a telephone."""
    contact, is_answering = _contact(where)
    number = contact.phone
    if not number:
        abort(404)
    if is_answering:
        _counted("phone", where, number, contact)
    return _jump(f"tel:{number}", number, contact, is_answering)


def _contact(where: str) -> tuple[Contact, bool]:
    """Whom `where` reaches, and whether the database answers; 404 for what we never linked to."""
    try:
        contact = contact_of(where, identity())
    except SQLAlchemyError as error:
        db.session.rollback()
        log.warning("contact_from_memory", error=type(error).__name__)
        known = _remembered(where)
        if known is None:
            raise
        return known, False
    if contact is None:
        abort(404)
    _known.keep(where, contact)
    return contact, True


def _remembered(where: str) -> Contact | None:
    """Whom `where` reached when the database last answered; an offer never asked for before
    reaches the group."""
    known, dealer = _known.find(where), last_known_identity()
    if known or dealer is None:
        return known
    return _general(dealer) if where.startswith("oferta-") else contact_of(where, dealer)


def contact_of(where: str, dealer: Identity) -> Contact | None:
    """Whom a link named `where` reaches; None when there is no such thing here."""
    kind, _dash, name = where.partition("-")
    if where == "geral":
        return _general(dealer)
    if kind == "oferta" and name:
        offer = search.find_offer(name.lower())
        return contact_of_offer(dealer, offer) if offer else None
    if kind == "loja" or kind in DEPARTMENTS:
        store = dealer.store(name)
        return _of_store(dealer, store, DEPARTMENTS.get(kind, "")) if store else None
    return None


def _general(dealer: Identity) -> Contact:
    first = dealer.stores[0] if dealer.stores else None
    return Contact(
        whatsapp=_number(dealer.whatsapp, first.whatsapp if first else ""),
        phone=_number(dealer.phone, first.phone if first else ""),
        message=_("Hello! I saw your site."),
        store_slug=first.slug if first else "",
    )


def _of_store(dealer: Identity, store: StoreProfile, department: str) -> Contact:
    """A department's own numbers, then the store's, then the group's; without a department the
    store's come first and its sales team's second."""
    team = [row for row in store.departments if row.kind == (department or "sales")]
    whatsapps = [store.whatsapp, *(row.whatsapp for row in team)]
    phones = [store.phone, *(row.phone for row in team)]
    if department:
        whatsapps.reverse()
        phones.reverse()
    return Contact(
        whatsapp=_number(*whatsapps, dealer.whatsapp),
        phone=_number(*phones, dealer.phone),
        message=_("Hello! I saw your site and want to visit %(store)s.", store=store.name)
        if not department
        else _("Hello! I saw your site and have a question for %(store)s.", store=store.name),
        store_id=store.id,
        store_slug=store.slug,
    )


def contact_of_offer(dealer: Identity, offer: Offer) -> Contact:
    """Whom the links of an offer reach, and with what words."""
    store = dealer.store(offer.store.slug)
    reached = _of_store(dealer, store, "") if store else _general(dealer)
    if offer.availability is Availability.HIDDEN:
        return reached  # a draft is nobody's business
    return replace(reached, message=_message(offer), store_id=offer.store.id, vehicle_id=offer.id)


def _message(offer: Offer) -> str:
    address = seo.absolute(offer.path)
    if offer.is_sold or offer.availability is Availability.GONE:
        return _(
            "Hello! The %(car)s was sold before I came. Do you have a similar one?",
            car=offer.title,
        )
    price = format_brl(offer.price_cents).replace("\xa0", " ")
    if offer.is_reserved:
        return _(
            "Hello! If the reservation of the %(car)s (%(price)s) falls through, I am next: "
            "%(address)s",
            car=offer.title,
            price=price,
            address=address,
        )
    return _(
        "Hello! I want a proposal for the %(car)s (%(price)s): %(address)s",
        car=offer.title,
        price=price,
        address=address,
    )


def _number(*candidates: str) -> str:
    """The first that is a number: what somebody typed into a setting opens no other address."""
    return next((one for one in candidates if _E164.fullmatch(one)), "")


def _counted(channel: str, where: str, number: str, contact: Contact) -> str:
    """Count the tap, if a person made it; its code or empty text."""
    if not (_is_followed() and is_by_a_person(request)):
        return ""
    client = flood.client_of(request.remote_addr or "")
    if not flood.flood().allows(MOST_TAPS, "tap", client):
        return ""
    page = _page()
    tap = Tap(
        channel=channel,
        where=f"{where} {page}",
        number=number,
        store_id=contact.store_id,
        vehicle_id=contact.vehicle_id,
        page=page,
        touch=_touch(page),
    )
    return count(tap, request.headers.get("User-Agent", ""), request.remote_addr or "")


def _is_followed() -> bool:
    """Whether somebody goes there. Browsers of today say so; who says nothing is believed.
    https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header"""
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def _page() -> str:
    """The path of our page that the link stood on, as far as known."""
    landing = request.args.get("lp", "")
    if _SLUG.fullmatch(landing):
        return f"/lp/{landing}"
    return urlsplit(request.referrer).path[:300] if _is_ours(request.referrer) else ""


def _touch(page: str) -> Touch:
    """What the link itself says of a campaign, else the page that it stood on."""
    own = touch_of_request(request)
    before = touch_of_address(request.referrer or "") if _is_ours(request.referrer) else {}
    touch = {**before, **own, "landing": page or before.get("landing", "") or own["landing"]}
    visitor = request.args.get("visitante", "")
    return {**touch, "visitor": visitor} if _VISITOR.fullmatch(visitor) else touch


def _is_ours(address: str | None) -> bool:
    try:
        host = urlsplit(address or "").hostname
    except ValueError:
        return False
    ours = {urlsplit(seo.absolute("/")).hostname, urlsplit(request.host_url).hostname}
    return bool(host) and host in ours


def _jump(address: str, number: str, contact: Contact, is_answering: bool) -> Response:
    """302 to `address`, which we made ourselves, with a page for who is not taken there; the page
    alone for who only fetches it."""
    text = format_phone(number)
    if is_answering:
        store = identity().store(contact.store_slug)
        body = render_template(
            "showroom/contact_jump.html", address=address, number=number, text=text, store=store
        )
    else:
        body = f"<!doctype html><title>{text}</title><p>{text}</p>"
    response = Response(body, mimetype="text/html")
    if _is_followed():
        response.status_code = 302
        response.headers["Location"] = address
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def department_place(kind: str, slug: str) -> str:
    """The `where` of a store's department."""
    for word, code in DEPARTMENTS.items():
        if code == kind:
            return f"{word}-{slug}"
    return f"loja-{slug}"
