"""The demo's ads: three portals and a feed as they look after some weeks. Nothing is sent anywhere:
the accounts are paused, and their addresses lead to this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.listings.rules import Rules, advertiser_of
from integrators.listings.terms import terms_version
from integrators.listings.wanted import key_prefix, salt_of, wishes
from integrators.models import FeedPull, Listing, ListingEvent, PortalAccount
from integrators.portals.every import PORTALS
from inventory.models import Vehicle
from inventory.offers import price_now_cents
from inventory.stock_version import current
from leads.models import Lead

NOWHERE: Final = "http://127.0.0.1:9"  # the discard port: nobody answers
SECRET: Final = "segredo-de-demonstracao"  # noqa: S105 - of accounts that connect to nothing
PAUSED: Final = "Só demonstração: nada é enviado a este portal."
FEED_NAME: Final = "Feed para portais (demonstração)"
PULLERS: Final = ("LeitorDeEstoque/2.1", "PortalRegional-Import")
MOST_CARS: Final = 60
DAYS: Final = 21


@dataclass(frozen=True)
class _Shown:
    """One account of the demo: of ten cars in a row, how each stands (see `_STANDS`)."""

    kind: str
    name: str
    settings: dict[str, str]
    cost_cents: int
    is_full: bool  # its contract has no place left
    plan: str
    pattern: str
    ad_path: str
    number_begins: str = ""  # of an ad


# l: on air, r: under review, s: being sent, c: being changed, w: waits for a place, and three
# problems: n (nobody knows the version there), p (too few photos), d (a phone in the text).
_PORTALS: Final = (
    _Shown("olx", "OLX (demonstração)", {"access_token": SECRET}, 1_490_00, True, "Plano Lojista",
           "lllllllrlcllllwllnlplldlls", "https://www.olx.com.br/vi/"),
    _Shown("chavesnamao", "Chaves na Mão (demonstração)", {"access_token": SECRET}, 690_00, False,
           "", "lllllllllllclllnllllllll", "https://www.chavesnamao.com.br/carro/id-"),
    _Shown("mercadolivre", "Mercado Livre (demonstração)",
           {"client_id": "0", "client_secret": SECRET, "refresh_token": SECRET, "user_id": "0"},
           1_190_00, False, "Pacote Profissional", "llllllllcllllllllpllllnlllll",
           "https://carro.mercadolivre.com.br/MLB-", "MLB"),
)  # fmt: skip
_PROBLEMS: Final = {
    "n": ("unknown_term", "Ninguém disse ainda como esta versão se chama no portal.", "terms"),
    "p": ("no_photo", "Coloque pelo menos uma foto.", "photos"),
    "d": ("contact_in_text", "O portal não aceita telefone na descrição. Tire-o do texto.",
          "description"),
}  # fmt: skip


def load_portals() -> None:
    """The accounts with their ads, unless they are there. Outside `writing()`."""
    for shown in _PORTALS:
        if _is_there(shown.name):
            continue
        with writing():
            row = _account(shown.kind, shown.name, shown.settings, shown.cost_cents)
            advertiser = advertiser_of(row.id)
            advertiser.is_on, advertiser.rules = True, Rules(photos_min=1).stored()
            advertiser.plan_name = shown.plan
            advertiser.good_at = advertiser.observed_at = now() - timedelta(minutes=4)
            listed = _list_cars(row, shown)
            if shown.is_full:
                advertiser.slots_total = advertiser.slots_used = listed
                advertiser.slots_at = now() - timedelta(minutes=4)
            _list_sold(row, shown)
    if not _is_there(FEED_NAME):
        with writing():
            _pull(_account("generic", FEED_NAME, {}, 0))
    accounts.forget_copies()


def _is_there(name: str) -> bool:
    statement = sa.select(PortalAccount.id).where(PortalAccount.name == name)
    return db.session.scalar(statement) is not None


def _account(kind: str, name: str, settings: dict[str, str], cost_cents: int) -> PortalAccount:
    row, _token = accounts.register(kind, name, settings, base_url=NOWHERE)
    if kind != "generic":
        row.state, row.problem = "paused", PAUSED
    advertiser_of(row.id).monthly_cost_cents = cost_cents
    return row


def _cars(kind: str, state: str) -> Sequence[Vehicle]:
    """Those that somebody asked about there, then the newest."""
    asked = sa.select(Lead.vehicle_id).where(Lead.source == kind, Lead.vehicle_id.is_not(None))
    statement = (
        sa.select(Vehicle)
        .where(Vehicle.state == state)
        .order_by(Vehicle.id.not_in(asked), Vehicle.id.desc())
        .limit(MOST_CARS)
    )
    return db.session.scalars(statement).all()


def _list_cars(row: PortalAccount, shown: _Shown) -> int:
    """Ads of cars on the site; how many have a place."""
    drawn, prefix = Random(shown.name), key_prefix(row)
    bases = _bases(row)
    stands = [
        (car, shown.pattern[place % len(shown.pattern)])
        for place, car in enumerate(_cars(row.kind, "published"))
    ]
    for car, letter in stands:
        moment = now() - timedelta(minutes=drawn.randrange(40, DAYS * 24 * 60))
        values = _values(letter, shown, car, drawn, moment, bases[car.id])
        listing = _listing(row, car, prefix, moment, basis=bases[car.id], **values)
        _tell(listing, letter, moment, drawn)
    return sum(letter in "lrc" for _car, letter in stands)


def _bases(row: PortalAccount) -> dict[int, str]:
    """What the ads were made from, as a pass would find it: nothing is to be done about them."""
    portal, advertiser = PORTALS[row.kind], advertiser_of(row.id)
    salt = salt_of(advertiser, portal.mapping_version, terms_version(row.kind))
    told = wishes(accounts.seen(row), Rules.of(advertiser.rules), salt=salt)
    return {wish.vehicle_id: wish.basis for wish in told}


def _values(
    letter: str, shown: _Shown, car: Vehicle, drawn: Random, moment: datetime, basis: str
) -> dict[str, Any]:
    """How the listing stands, by its letter."""
    if letter == "w":
        return {"desired": "absent", "reason": "slot"}
    if letter == "s":
        return {"intent": "create", "intent_at": now(), "is_unclear": False, "remote": "processing"}
    if letter in _PROBLEMS:
        code, words, field = _PROBLEMS[letter]
        told = {"error_code": code, "error": words, "error_field": field}
        return {**told, "refused_basis": basis}
    number = f"{drawn.randrange(10**9):09d}"
    told_cents = price_now_cents(car) or 0
    if letter == "c":
        told_cents += 1_000_00  # what changed is the price: that ad is not true now
    return {
        "remote": "in_review" if letter == "r" else "online",
        "pushed_basis": "before" if letter == "c" else basis,
        "price_cents": told_cents,
        "seen_price_cents": told_cents,
        "external_id": f"{shown.number_begins}{number}",
        "url": f"{shown.ad_path}{number}",
        "pushed_at": moment,
        "visible_at": moment,
        "checked_at": now() - timedelta(minutes=4),
    }


def _list_sold(row: PortalAccount, shown: _Shown) -> None:
    """Ads of sold cars, gone within the minute."""
    drawn, prefix = Random(shown.kind), key_prefix(row)
    for car in _cars(row.kind, "sold")[:20]:
        moment = now() - timedelta(minutes=drawn.randrange(60, DAYS * 24 * 60))
        seconds = drawn.uniform(4, 50)
        gone = moment + timedelta(seconds=seconds)
        listing = _listing(row, car, prefix, moment, desired="absent", reason="sold",
                           remote="offline", gone_at=gone)  # fmt: skip
        _note(listing, "close", moment)
        _note(listing, "gone", gone, seconds=seconds)


def _listing(
    row: PortalAccount, car: Vehicle, prefix: str, moment: datetime, **values: Any
) -> Listing:
    standing = {"desired": "live", "desired_at": moment, **values}
    listing = Listing(
        account_id=row.id,
        vehicle_id=car.id,
        source_id=car.source_id,
        key=f"{prefix}{car.public_id}",
        created_at=moment,
        **standing,
    )
    db.session.add(listing)
    db.session.flush()
    return listing


def _tell(listing: Listing, letter: str, moment: datetime, drawn: Random) -> None:
    """What happened to it so far."""
    if letter == "w":
        return
    if letter in _PROBLEMS:
        _note(listing, "refused", moment, listing.error)
        return
    _note(listing, "create", moment)
    if letter == "s":
        return
    seconds = drawn.lognormvariate(3.6, 0.7)
    _note(listing, "accepted", moment + timedelta(seconds=seconds / 4))
    _note(listing, "visible", moment + timedelta(seconds=seconds), seconds=seconds)


def _note(
    listing: Listing, what: str, at: datetime, words: str = "", seconds: float | None = None
) -> None:
    db.session.add(
        ListingEvent(
            account_id=listing.account_id,
            listing_id=listing.id,
            at=at,
            what=what,
            words=words,
            seconds=seconds,
        )
    )


def _pull(row: PortalAccount) -> None:
    """Two readers that come every few hours."""
    drawn, cars = (
        Random(3),
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Vehicle).where(Vehicle.state == "published")
        ),
    )
    for hours in range(1, 60, 4):
        is_same = drawn.random() < 0.4
        db.session.add(
            FeedPull(
                account_id=row.id,
                name="estoque.xml",
                at=now() - timedelta(hours=hours, minutes=drawn.randrange(60)),
                status=304 if is_same else 200,
                bytes_sent=0 if is_same else 2100 * (cars or 0),
                vehicles=cars or 0,
                stock_version=current(),
                agent=PULLERS[hours % 8 > 4],
            )
        )
