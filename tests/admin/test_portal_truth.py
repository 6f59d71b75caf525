"""The panel of untrue ads: the number, the places, what puts them right."""

import re
from datetime import timedelta

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from integrators import accounts
from integrators.listings import untruths
from integrators.models import Advertiser, FeedPull, Listing, PublicCheck, PublicRound
from inventory import stock_version
from inventory.models import StateChange, Vehicle
from jobs.models import Job
from landing import stickers
from tests.admin.test_portal_ads import connect, list_car
from tests.factories import make_store, make_vehicle

HERE = "/admin/portais/verdade/"
AN_HOUR_AGO = now() - timedelta(hours=1)


def sold_an_hour_ago(car: Vehicle) -> None:
    with writing() as session:
        row = session.get_one(Vehicle, car.id)
        row.state, row.state_changed_at = "sold", AN_HOUR_AGO
        row.updated_at, row.stock_seq = AN_HOUR_AGO, stock_version.advance()
        session.add(
            StateChange(
                vehicle_id=row.id,
                actor="test",
                from_state="published",
                to_state="sold",
                at=AN_HOUR_AGO,
            )
        )


def shown(account: int, car: Vehicle, **values) -> Listing:
    url = f"https://olx.example/{car.public_id}"
    return list_car(account, car, price_cents=car.price_cents, url=url, **values)


def number_in(page: str) -> str:
    found = re.search(r'class="truth-number"><strong>(\S+)</strong>', page)
    return found[1] if found else "0"


def jobs() -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(sa.select(Job.kind, Job.priority).where(Job.state == "ready"))
    return {row[0]: row[1] for row in rows}


def test_one_number_for_every_place_and_what_puts_it_right(app, sign_in):
    owner, account = sign_in("owner"), connect(name="Meu OLX")
    feed = connect("generic", name="Outro portal")
    onix, argo = make_vehicle(model="Onix"), make_vehicle(make="Fiat", model="Argo")
    with writing():
        stickers.add_for_offer(onix.public_id, "a7")
        for car in (onix, argo):
            car.stock_seq = 0
    shown(account, onix)
    shown(account, argo)
    with writing() as session:
        session.add(
            FeedPull(
                account_id=feed,
                name="estoque.xml",
                status=200,
                stock_version=stock_version.current(),
                at=now() - timedelta(hours=2),
            )
        )
        session.add(
            PublicCheck(
                place="page",
                vehicle_id=argo.id,
                what="price",
                said_cents=59_900_00,
                true_cents=69_900_00,
                url=f"/oferta/fiat-argo-{argo.public_id}",
            )
        )
    sold_an_hour_ago(onix)

    page = owner.get(HERE).text
    assert number_in(page) == "4"
    for words in (
        "Meu OLX", "Outro portal", "Nosso site", "Etiquetas impressas", "À venda por R$\xa069.900",
        "R$\xa059.900", "Vendido", f"https://olx.example/{onix.public_id}",
        f"/oferta/fiat-argo-{argo.public_id}",
    ):  # fmt: skip
        assert words in page, words
    home = owner.get("/admin/").text
    assert re.search(
        r'<span class="num">4</span>\s*<span class="home-words">lugares públicos', home
    )
    assert "4 lugares públicos" in owner.get("/admin/portais/").text

    one = re.search(r'name="o-que" value="(portal[^"]*)"', page)
    assert one
    assert owner.post(f"{HERE}corrigir", {"o-que": one[1]}).status_code == 303
    assert jobs() == {"sync_portal": 10}
    assert owner.post(f"{HERE}corrigir").status_code == 303
    assert jobs().keys() == {"sync_portal", "refresh_feed", "read_own_places"}
    assert "peça ao portal" in owner.get(HERE).text
    assert db.session.get_one(Advertiser, account).observe_at is not None
    told = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert told.count("portal.mend") == 2


def test_when_all_is_true_it_says_so_and_when_it_was_looked_at(app, sign_in):
    owner, account = sign_in("owner"), connect()
    car = make_vehicle()
    shown(account, car, pushed_basis=f"{car.stock_seq}.x")
    assert "ainda vai acontecer" in owner.get(HERE).text
    with writing() as session:
        session.add(PublicRound(at=now() - timedelta(days=1), pages=9, untrue=3))
        session.add(PublicRound(pages=9))
    page = owner.get(HERE).text
    assert "Tudo o que está publicado é verdade" in page
    assert '<dd class="truth-said">3</dd>' in page
    assert owner.post(f"{HERE}conferir").status_code == 303
    assert jobs().keys() == {"sync_portal", "read_own_places"}
    assert untruths.count() == 0
    assert owner.post(f"{HERE}corrigir", {"o-que": "portal.1.1.sold.x"}).status_code == 303
    assert "já voltou a ser verdade" in owner.get(HERE).text


def test_each_store_sees_and_mends_its_own(app, sign_in):
    here, there = make_store(), make_store()
    mine, theirs = make_vehicle(store=here), make_vehicle(store=there)
    shown(connect(name="Daqui", store=here), mine)
    shown(connect(name="De lá", store=there), theirs)
    with writing() as session:
        for car in (mine, theirs):
            session.add(PublicCheck(place="page", vehicle_id=car.id, what="sold", url="/oferta/x"))
    for car in (mine, theirs):
        sold_an_hour_ago(car)
    keeper = sign_in("supervisor", stores=[here])
    page = keeper.get(HERE).text
    assert number_in(page) == "2"
    assert "Daqui" in page
    assert "De lá" not in page
    keeper.post(f"{HERE}corrigir")
    db.session.rollback()
    rows = {row.vehicle_id: row for row in db.session.scalars(sa.select(Listing))}
    assert rows[mine.id].pushed_basis == ""
    assert rows[theirs.id].pushed_basis == "b"


def test_what_a_removed_account_left_on_its_portal_is_still_told(app, sign_in):
    store = make_store()
    car = make_vehicle(store=store)
    account = connect(store=store)
    shown(account, car)
    sold_an_hour_ago(car)
    with writing():
        accounts.archive(accounts.locked(account))
    for person in (sign_in("owner"), sign_in("supervisor", stores=[store])):
        page = person.get(HERE).text
        assert number_in(page) == "1"
        assert "/admin/portais/#removidas" in page
        assert f"/admin/portais/{account}/" not in page
