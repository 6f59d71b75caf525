"""The stock through the API."""

from core.db import writing
from inventory.models import Vehicle
from inventory.stock_version import touch
from tests.factories import make_store, make_vehicle
from tests.integrators.api.programs import make_program, make_staff


def everything(program, query=""):
    """All items, page by page, each once."""
    items, cursor = [], ""
    while True:
        page = program.get(f"/vehicles?limit=2{query}{cursor}").json
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


def test_every_car_comes_once_whatever_changes_meanwhile(client, app):
    program = make_program(client, make_staff("ana@loja.example"))
    made = [make_vehicle().public_id for _ in range(5)]
    make_vehicle(state="archived")
    first = program.get("/vehicles?limit=2").json
    with writing() as session:
        touch([session.get(Vehicle, one.id) for one in session.query(Vehicle).all()])
    rest = program.get(f"/vehicles?limit=100&cursor={first['next_cursor']}").json
    assert [one["id"] for one in first["items"] + rest["items"]] == made
    assert [one["id"] for one in everything(program)] == made


def test_filters(client, app):
    here = make_store()
    program = make_program(client, make_staff("ana@loja.example"))
    fiat = make_vehicle(make="Fiat", model="Argo", store=here)
    sold = make_vehicle(state="sold", store=make_store())
    away = make_vehicle(state="archived", store=here)
    ids = lambda query: [one["id"] for one in everything(program, query)]  # noqa: E731
    assert ids("&make=fiat") == [fiat.public_id]
    assert ids("&state=sold") == [sold.public_id]
    assert ids("&state=archived") == [away.public_id]
    assert ids(f"&store={here.slug}") == [fiat.public_id]
    assert ids("&since=2999-01-01T00:00:00Z") == []
    assert ids("&since=2000-01-01T00:00:00-03:00") == [fiat.public_id, sold.public_id]


def test_nothing_private_leaves(client, app):
    secret = {"license_plate": "ABC1D23", "renavam": "00123456789", "vin": "9BWZZZ377VT004251"}
    vehicle = make_vehicle(**secret, cost_cents=11_111_11)
    program = make_program(client, make_staff("ana@loja.example"))
    text = program.get(f"/vehicles/{vehicle.public_id}").text
    assert not [value for value in (*secret.values(), "1111111") if value in text]
    assert '"plate_final_digit":"3"' in text


def test_an_unchanged_stock_is_not_sent_again(client, app):
    vehicle = make_vehicle()
    program = make_program(client, make_staff("ana@loja.example"))
    for path in ("/vehicles", f"/vehicles/{vehicle.public_id}"):
        first = program.get(path)
        again = program.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        with writing() as session:
            session.merge(vehicle).price_cents += 100_00
        changed = program.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        assert "private" in changed.headers["Cache-Control"]


def test_a_page_costs_the_same_whatever_it_holds(client, app, statements):
    program = make_program(client, make_staff("ana@loja.example"))
    counts = []
    for _ in range(2):
        for _car in range(3):
            make_vehicle(store=make_store())
        program.get("/vehicles")
        statements.clear()
        program.get("/vehicles")
        counts.append(len(statements))
    assert counts[0] == counts[1]
