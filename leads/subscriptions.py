"""What people asked to be told: that one car got cheaper, and the newsletter.

A price alert ends with its car: the last mail says so and shows three similar ones. The
newsletter begins only when its reader pressed the button behind the link in a first mail (double
opt-in). Every one of these mails carries a way out that mail programs press for their reader
(RFC 8058) and a link to the page of everything the person gets. Leaving is never refused.

DomainError
└── NoSuchSubscription    no subscription has that token
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload

from core import mail
from core.clock import now
from core.config import current
from core.db import db, writing
from core.errors import DomainError
from core.money import format_brl
from dealership.identity import identity
from inventory import search
from inventory.availability import Availability, availability
from inventory.models import Vehicle
from inventory.offers import Offer, price_now_cents
from jobs.queue import ORDINARY, SOON, enqueue
from jobs.worker import Record
from leads import consent, letters
from leads.models import Enquiry, Lead, LeadEvent, Person, Subscription

PRICE_ALERT: Final = "price_alert"
NEWSLETTER: Final = "newsletter"
KINDS: Final = frozenset({PRICE_ALERT, NEWSLETTER})

SIMILAR: Final = 3
BATCH: Final = 200
MOST_BATCHES: Final = 50  # a pass looks at 10,000 alerts that have news; the rest wait 5 minutes
_TOKEN_BYTES: Final = 24
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,43}")
_OVER: Final = ("sold", "archived")  # states in which the car is not coming back soon


class NoSuchSubscription(DomainError):
    """No subscription has that token: the link is incomplete, or its owner was erased."""


# --- joining and leaving -----------------------------------------------------------------------


def subscribe(person: Person, kind: str, *, vehicle: Vehicle | None = None) -> Subscription | None:
    """`person` wants to be told `kind` (a member of KINDS). Inside `writing()`; asking again
    returns the one that is there.

    An alert needs its `vehicle` and starts from the price shown now; without one there is nothing
    to watch, and None comes back. The newsletter waits for its confirmation. After a suspicious
    post nothing is mailed and an alert stays unconfirmed: the address may be somebody else's.
    """
    if kind == PRICE_ALERT and vehicle is None:
        return None
    about = vehicle.public_id if kind == PRICE_ALERT and vehicle else ""
    price_cents = price_now_cents(vehicle) if about and vehicle else None
    is_trusted = not _came_suspicious(person, kind)
    found = _insert(
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        kind=kind,
        about=about,
        person_id=person.id,
        vehicle_id=vehicle.id if about and vehicle else None,
        price_cents=price_cents,
        confirmed_at=now() if kind == PRICE_ALERT and is_trusted else None,
    )
    if price_cents and is_trusted:
        found.price_cents = price_cents  # what the page says as they ask again
        found.confirmed_at = found.confirmed_at or now()
    db.session.flush()
    if is_trusted and person.email and (kind == PRICE_ALERT or not found.confirmed_at):
        _ask("alert_set" if kind == PRICE_ALERT else "newsletter_confirm", found.id)
    return found


def _insert(**values: Any) -> Subscription:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Subscription).values(created_at=now(), end_reason="", **values)
    made = db.session.scalars(
        statement.on_conflict_do_nothing().returning(Subscription)
    ).one_or_none()
    if made is not None:
        return made
    return db.session.scalars(
        sa.select(Subscription)
        .where(Subscription.person_id == values["person_id"])
        .where(Subscription.kind == values["kind"], Subscription.about == values["about"])
        .where(Subscription.ended_at.is_(None))
    ).one()


def _came_suspicious(person: Person, kind: str) -> bool:
    """Whether the post that asks for this was marked."""
    newest = sa.select(Enquiry.is_suspect).where(
        Enquiry.person_id == person.id, Enquiry.kind == kind
    )
    return bool(db.session.scalar(newest.order_by(Enquiry.id.desc()).limit(1)))


def find(token: str) -> Subscription:
    """The subscription, live or ended. Raises NoSuchSubscription."""
    found = None
    if _TOKEN.fullmatch(token):  # PostgreSQL takes no NUL even in a question
        found = db.session.scalars(
            sa.select(Subscription).where(Subscription.token == token)
        ).one_or_none()
    if found is None:
        raise NoSuchSubscription(_("This link is incomplete or no longer valid."))
    return found


def confirm(token: str, *, mark: str = "", network: str = "") -> Subscription:
    """The reader pressed the button: from now on it counts, with its proof. Inside `writing()`.

    `mark` names the wording shown (leads.consent), `network` is a shortened address. A second
    time changes nothing; an ended subscription stays ended. Raises NoSuchSubscription.
    """
    found = find(token)
    if found.ended_at or found.confirmed_at:
        return found
    found.confirmed_at = now()
    wording = consent.shown_text(consent.NEWSLETTER, mark) or consent.current_text(
        consent.NEWSLETTER
    )
    person = db.session.get_one(Person, found.person_id)
    consent.record(
        person, found.kind, True, wording, channel="mail", page="/novidades", network=network
    )
    db.session.flush()
    return found


def end(token: str, *, network: str = "") -> Subscription:
    """Stop what `token` stands for. Inside `writing()`; twice is as good as once.

    Raises NoSuchSubscription.
    """
    found = find(token)
    if found.ended_at is None:
        _end(found, "person")
        person = db.session.get_one(Person, found.person_id)
        consent.withdraw(person, found.kind, channel="mail", network=network)
    return found


def end_everything(token: str, *, network: str = "") -> None:
    """Stop all that the owner of `token` gets, and withdraw the yes to offers. Inside
    `writing()`. Raises NoSuchSubscription."""
    owner = find(token).person_id
    for one in _live(owner):
        _end(one, "person")
    person = db.session.get_one(Person, owner)
    for purpose in consent.PURPOSES:
        consent.withdraw(person, purpose, channel="mail", network=network)


def _end(subscription: Subscription, reason: str) -> None:
    subscription.ended_at = now()
    subscription.end_reason = reason
    db.session.flush()


def _live(person_id: int) -> Sequence[Subscription]:
    return db.session.scalars(
        sa.select(Subscription)
        .where(Subscription.person_id == person_id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    ).all()


# --- what a person gets, for their own page ----------------------------------------------------


@dataclass(frozen=True)
class Received:
    """One thing a person gets: `token` stops it, `offer` is the car of an alert, if it is here."""

    token: str
    kind: str
    offer: Offer | None
    is_confirmed: bool


@dataclass(frozen=True)
class Preferences:
    """Everything the owner of a link gets. The link may have been forwarded: no name, and of the
    address only what its owner recognises."""

    address_hint: str
    received: tuple[Received, ...]
    allows_offers: bool  # ticked the box under a form


def preferences(token: str) -> Preferences:
    """What the owner of `token` gets. Raises NoSuchSubscription."""
    person = db.session.get_one(Person, find(token).person_id)
    live = _live(person.id)
    cars = [one.vehicle_id for one in live if one.vehicle_id]
    offers = {offer.id: offer for offer in search.find_offers(cars)}
    return Preferences(
        address_hint=hint_of(person.email),
        received=tuple(
            Received(
                one.token, one.kind, offers.get(one.vehicle_id or 0), one.confirmed_at is not None
            )
            for one in live
        ),
        allows_offers=consent.is_allowed(person.id, consent.MARKETING),
    )


def hint_of(email: str) -> str:
    """ "ana.lima@example.com" -> "a•••@example.com"."""
    local, at, host = email.rpartition("@")
    return f"{local[:1]}•••@{host}" if local and at else ""


# --- mails -------------------------------------------------------------------------------------


def unsubscribe_path(token: str) -> str:
    return f"/descadastrar/{token}"


def preferences_path(token: str) -> str:
    return f"/preferencias/{token}"


def confirm_path(token: str) -> str:
    return f"/novidades/{token}"


def way_out(token: str) -> dict[str, str]:
    """The headers with which a mail program unsubscribes its reader by itself (RFC 8058)."""
    return {
        "List-Unsubscribe": f"<{current().base_url}{unsubscribe_path(token)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _ask(kind: str, subscription_id: int) -> None:
    enqueue(
        "compose_subscription_mail",
        {"kind": kind, "subscription_id": subscription_id},
        dedup_key=f"{kind}:{subscription_id}",
        priority=SOON,
    )


def compose_subscription_mail(payload: dict[str, Any]) -> Record | None:
    """Handler: the first mail of a subscription. The same one is not written twice a day, so that
    nobody fills another's mailbox with it."""
    found = db.session.get(Subscription, payload["subscription_id"])
    if found is None or found.ended_at:
        return None
    person = db.session.get_one(Person, found.person_id)
    key = f"{payload['kind']}:{found.id}:{now():%Y-%m-%d}"
    to = person.email
    if not mail.is_address(to) or letters.is_posted(key) or letters.is_flooded(to):
        return None
    name, person_id, token = person.name, person.id, found.token
    offer = search.find_offer(found.about) if found.about else None
    db.session.rollback()
    if payload["kind"] == "newsletter_confirm":
        subject = _("Confirm that you want our news")
        values: dict[str, Any] = {"address": f"{current().base_url}{confirm_path(token)}"}
    elif offer is not None and (offer.is_available or offer.is_reserved):
        subject = _("We will tell you when the %(car)s gets cheaper", car=offer.title)
        values = {"offer": offer}
    else:
        return None
    of = payload["subscription_id"]
    letter = _letter(payload["kind"], key, subject, to, token, person_id, of, name=name, **values)
    return lambda: letters.post(letter)


def _letter(
    kind: str, key: str, subject: str, to: str, token: str, person_id: int, of: int, **values: Any
) -> letters.Letter:
    """The mail, of the subscription `of`: whoever ends that before it goes out gets none."""
    subject = letters.subject(subject)
    first_name = letters.greeting_name(str(values.pop("name", "")))
    text, html = letters.render(
        kind,
        subject=subject,
        name=first_name,
        leave_address=f"{current().base_url}{unsubscribe_path(token)}",
        manage_address=f"{current().base_url}{preferences_path(token)}",
        **values,
    )
    reply_to = identity().email
    return letters.Letter(
        key=key,
        kind=kind,
        to=to,
        reply_to=reply_to if mail.is_address(reply_to) else "",
        subject=subject,
        text=text,
        html=html,
        headers=way_out(token),
        person_id=person_id,
        subscription_id=of,
    )


# --- news of a car -----------------------------------------------------------------------------


def price_alerts(_payload: dict[str, Any]) -> None:
    """Handler, every five minutes: finds the alerts with news and has each one told. One
    statement for 200 of them; without news one statement altogether."""
    last_id = 0
    for _batch in range(MOST_BATCHES):
        rows = _with_news(last_id)
        due = [one.id for one, vehicle in rows if _news(one, vehicle)]
        last_id = rows[-1][0].id if rows else 0
        db.session.rollback()
        if due:
            with writing():
                for subscription_id in due:
                    enqueue(
                        "tell_price",
                        {"subscription_id": subscription_id},
                        dedup_key=str(subscription_id),
                    )
        if len(rows) < BATCH:
            return


def _with_news(after_id: int) -> list[tuple[Subscription, Vehicle | None]]:
    """Live alerts that may have news, by id: the database sees prices, not when promotions end."""
    told = Subscription.price_cents
    rows = db.session.execute(
        sa.select(Subscription, Vehicle)
        .outerjoin(Vehicle, Vehicle.id == Subscription.vehicle_id)
        .options(joinedload(Vehicle.store))
        .where(Subscription.kind == PRICE_ALERT, Subscription.ended_at.is_(None))
        .where(Subscription.confirmed_at.is_not(None), Subscription.id > after_id)
        .where(
            sa.or_(
                Vehicle.id.is_(None),
                Vehicle.state.in_(_OVER),
                Vehicle.price_cents < told,
                Vehicle.promo_price_cents < told,
            )
        )
        .order_by(Subscription.id)
        .limit(BATCH)
    )
    return [(one, vehicle) for one, vehicle in rows]


def _news(subscription: Subscription, vehicle: Vehicle | None) -> str:
    """ "gone" (nothing is left to say), "sold", "cheaper", or nothing."""
    if vehicle is None:
        return "gone"
    if vehicle.state in _OVER:
        return "sold"
    if availability(vehicle) is Availability.HIDDEN:
        return ""
    price_cents = price_now_cents(vehicle)
    is_cheaper = price_cents and subscription.price_cents and price_cents < subscription.price_cents
    return "cheaper" if is_cheaper else ""


def tell_price(payload: dict[str, Any]) -> Record | None:
    """Handler: tell one person what became of their car, by mail or, without an address, by a
    note for whoever calls them."""
    subscription_id = payload["subscription_id"]
    row = db.session.execute(
        sa.select(Subscription, Vehicle, Person)
        .join(Person, Person.id == Subscription.person_id)
        .outerjoin(Vehicle, Vehicle.id == Subscription.vehicle_id)
        .options(joinedload(Vehicle.store))
        .where(Subscription.id == subscription_id, Subscription.ended_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    found, vehicle, person = row
    news = _news(found, vehicle)
    if not news:
        return None
    if news == "gone" or person.erased_at:
        return lambda: _told(subscription_id, None, is_over=True)
    assert vehicle is not None
    price_cents = price_now_cents(vehicle)
    if not mail.is_address(person.email):
        note = {
            "vehicle": vehicle.public_id,
            "told_cents": found.price_cents,
            "price_cents": price_cents,
        }
        kind = "price_drop" if news == "cheaper" else "alert_sold"
        vehicle_id, person_id = vehicle.id, person.id

        def remind() -> None:
            if _told(subscription_id, price_cents, is_over=news == "sold"):
                _note(person_id, vehicle_id, kind, note)

        return remind
    letter = _news_letter(found, vehicle, person, news)
    if letter is None:
        return lambda: _told(subscription_id, None, is_over=True)

    def post() -> None:
        if _told(subscription_id, price_cents, is_over=news == "sold"):
            letters.post(letter, priority=ORDINARY)

    return post


def _news_letter(
    found: Subscription, vehicle: Vehicle, person: Person, news: str
) -> letters.Letter | None:
    """The mail; None when the car cannot be shown any more. Ends the reading transaction."""
    offer = search.find_offer(vehicle.public_id)
    if offer is None:
        return None
    told_cents, price_cents = found.price_cents or 0, offer.price_cents
    name, to, token, person_id = person.name, person.email, found.token, person.id
    others = search.find_offers(search.similar(vehicle.id, SIMILAR)) if news == "sold" else []
    subscription_id = found.id
    db.session.rollback()
    if news == "sold":
        return _letter(
            "car_sold",
            f"car_sold:{subscription_id}",
            _("The %(car)s has been sold", car=offer.title)
            if offer.is_sold
            else _("The %(car)s has left our stock", car=offer.title),
            to,
            token,
            person_id,
            subscription_id,
            name=name,
            offer=offer,
            others=others,
        )
    drop = format_brl(told_cents - price_cents)
    return _letter(
        "price_drop",
        f"price_drop:{subscription_id}:{price_cents}",
        _("The %(car)s got %(drop)s cheaper", car=offer.title, drop=drop),
        to,
        token,
        person_id,
        subscription_id,
        name=name,
        offer=offer,
        drop=drop,
        told_cents=told_cents,
    )


def _told(subscription_id: int, price_cents: int | None, *, is_over: bool) -> bool:
    """Mark what the person knows now; False when somebody else told them, or they left. Inside
    `writing()`."""
    found = db.session.get(
        Subscription, subscription_id, with_for_update=True, populate_existing=True
    )
    if found is None or found.ended_at:
        return False
    if is_over:
        _end(found, "sold")
        return True
    if not price_cents or (found.price_cents or 0) <= price_cents:
        return False
    found.price_cents = price_cents
    db.session.flush()
    return True


def _note(person_id: int, vehicle_id: int, kind: str, data: Mapping[str, Any]) -> None:
    """A note on the person's open lead in sales, or on a new one: somebody calls them."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    instant = now()
    opened = insert(Lead).values(
        person_id=person_id,
        department="sales",
        source="alert",
        source_ref="",
        vehicle_id=vehicle_id,
        message="",
        is_suspect=False,
        first_touch={},
        last_touch={},
        created_at=instant,
        updated_at=instant,
    )
    db.session.execute(opened.on_conflict_do_nothing())
    lead_id = db.session.scalars(
        sa.select(Lead.id)
        .where(Lead.person_id == person_id, Lead.department == "sales")
        .where(Lead.closed_at.is_(None))
    ).one()
    event = LeadEvent(lead_id=lead_id, kind=kind, actor="site", at=instant, data=dict(data))
    db.session.add(event)
    db.session.flush()


JOBS = {
    "compose_subscription_mail": compose_subscription_mail,
    "price_alerts": price_alerts,
    "tell_price": tell_price,
}
