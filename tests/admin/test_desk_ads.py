"""A lead that a portal brought shows the ad it came by, and warns where the ad is not true."""

from datetime import timedelta

import pytest

from core.clock import now
from core.db import db, writing
from dealership.staff import find_staff
from integrators import accounts
from integrators.models import Listing
from inventory.editing import revise_vehicles
from inventory.models import Vehicle
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.models import Lead
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import happen

DESK, ADDRESS = "/admin/atendimento/", "https://www.olx.com.br/vi/909"


@pytest.fixture
def ana(app, sign_in):
    make_store()
    return sign_in("attendant", email="ana@loja.example")


def account_at_olx() -> int:
    with writing():
        row, _token = accounts.register("olx", "OLX Centro", {"access_token": "t"})
        return row.id


def advertise(account_id: int, car: Vehicle, number: str) -> None:
    with writing() as session:
        session.add(
            Listing(
                account_id=account_id, vehicle_id=car.id, key=f"V{car.public_id}", desired="live",
                external_id=number, url=f"https://www.olx.com.br/vi/{number}", remote="online",
                price_cents=car.price_cents, basis="b", pushed_basis=f"{car.stock_seq}.b",
            )
        )  # fmt: skip


def lead_by(account_id: int, ana, *, ad: str = "", car: Vehicle | None = None) -> int:
    """A lead that the account brought, about that ad or car, taken by Ana."""
    arrival = Arrival(source="olx", idem_key=f"{account_id}:{ad}", payload={}, kind="test")
    with writing():
        insert(arrival)
        asked = Asked(
            source="olx", kind="interest", name="Rui", phone="+5519987654321",
            details={"ad": ad} if ad else {}, vehicle_id=car.id if car else None,
            actor="portal:olx",
        )  # fmt: skip
        lead_id = enter(asked, arrival.id).lead_id
    happen(db.session.get_one(Lead, lead_id), "claimed", ana.email, owner_id=member_id(ana))
    return lead_id


def member_id(client) -> int:
    return find_staff(client.email).id


def alter(car: Vehicle, **values: object) -> None:
    with writing() as session:
        row = session.get_one(Vehicle, car.id)
        for name, value in values.items():
            setattr(row, name, value)


def test_the_ad_is_named_and_found_by_its_number_or_its_car(ana):
    account_id, car = account_at_olx(), make_vehicle()
    other = make_vehicle()
    advertise(account_id, car, "909")
    advertise(account_id, other, "910")
    page = ana.get(f"{DESK}{lead_by(account_id, ana, ad='909', car=other)}/").text
    assert "Anúncio: OLX Centro" in page
    assert ADDRESS in page
    assert "/vi/910" not in page
    assert "O anúncio" not in page  # it is true


def test_who_asks_about_a_sold_car_gets_others_offered_and_the_ad_is_called_untrue(ana):
    account_id, car = account_at_olx(), make_vehicle()
    for _turn in range(2):
        make_vehicle()
    advertise(account_id, car, "909")
    lead_id = lead_by(account_id, ana, car=car)
    alter(car, state="sold", state_changed_at=now() - timedelta(hours=1))
    page = ana.get(f"{DESK}{lead_id}/").text
    assert "O anúncio ainda mostra este carro" in page
    assert 'href="#alike-h"' in page
    assert "/admin/portais/verdade/" not in page  # an attendant looks after no portal


def test_another_price_in_the_ad_is_told_with_the_right_one(ana):
    account_id, car = account_at_olx(), make_vehicle(price_cents=90_000_00)
    advertise(account_id, car, "909")
    lead_id = lead_by(account_id, ana, car=car)
    with writing() as session:
        revise_vehicles([(session.get_one(Vehicle, car.id), {"price_cents": 85_000_00})], by="x@y")
    page = ana.get(f"{DESK}{lead_id}/").text
    assert "O anúncio" not in page  # changed a moment ago: it is on its way
    with writing() as session:
        for change in session.get_one(Vehicle, car.id).price_changes:
            change.at -= timedelta(hours=1)
    page = ana.get(f"{DESK}{lead_id}/").text.replace("\xa0", " ")
    assert "O anúncio diz R$ 90.000. O preço certo é R$ 85.000" in page


def test_a_lead_whose_ad_nobody_knows_asks_nothing_more(ana, statements):
    account_id, car = account_at_olx(), make_vehicle()
    advertise(account_id, car, "909")
    lead = lead_by(account_id, ana)  # a portal's, and neither car nor ad are known
    statements.clear()
    page = ana.get(f"{DESK}{lead}/").text
    assert "Anúncio:" not in page
    assert not [one for one in statements if "advertiser" in one]
