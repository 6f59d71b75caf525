"""What was fetched ahead is a visit when it is read, once, and of a buyer only."""

from core.db import db
from dealership.sessions import HOUSE_COOKIE
from inventory.visits import visit_counter, visits_of
from tests.factories import make_vehicle

PERSON = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/150.0 Mobile",
    "Accept-Language": "pt-BR",
}


def counted(car_id: int) -> int:
    visit_counter().write()
    db.session.rollback()  # what another connection wrote is seen by a new transaction
    return visits_of([car_id]).get(car_id, 0)


def test_a_page_fetched_ahead_counts_when_it_is_read(client):
    car = make_vehicle()
    path = client.get(f"/oferta/x-{car.public_id}", headers=PERSON).location
    page = client.get(path, headers={**PERSON, "Sec-Purpose": "prefetch"})
    told = page.headers["Speculation-Rules"].strip('"')
    before = counted(car.id)
    assert counted(car.id) == before
    assert client.post(f"/vistos/{car.public_id}", headers=PERSON).status_code == 204
    assert counted(car.id) == before + 1
    client.post(f"/vistos/{car.public_id}", headers={**PERSON, "User-Agent": "curl/8"})
    client.set_cookie(HOUSE_COOKIE, "1")
    client.post(f"/vistos/{car.public_id}", headers=PERSON)
    assert counted(car.id) == before + 1
    assert client.post("/vistos/zzzzzzzz", headers=PERSON).status_code == 404
    rules = client.get(told)
    assert rules.mimetype == "application/speculationrules+json"
    assert "immutable" in rules.headers["Cache-Control"]
    assert client.get("/proximas-000000000000.json").status_code == 404
