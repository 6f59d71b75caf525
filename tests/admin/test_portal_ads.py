"""Ads on portals as staff see and steer them: by real requests, with real rows."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from integrators import accounts
from integrators.listings.overview import causes
from integrators.listings.rules import Rules, advertiser_of
from integrators.listings.switches import set_switch
from integrators.listings.wanted import key_prefix
from integrators.models import Advertiser, Listing, ListingEvent, PortalAccount, PortalTermList
from jobs.models import Job
from tests.factories import make_store, make_vehicle


def connect(kind: str = "olx", *, name: str = "Meu OLX", store=None, is_on: bool = True) -> int:
    with writing():
        row, _token = accounts.register(kind, name, {}, store_id=store.id if store else None)
        advertiser_of(row.id).is_on = is_on
        return row.id


def list_car(row: int, car, **values) -> Listing:
    told = {"desired": "live", "basis": "b", "remote": "online", "pushed_basis": "b", **values}
    with writing() as session:
        held = session.get_one(PortalAccount, row)
        listing = Listing(
            account_id=held.id,
            vehicle_id=car.id,
            source_id=car.source_id,
            key=f"{key_prefix(held)}{car.public_id}",
            **told,
        )
        session.add(listing)
    return listing


def refuse(row: int, car, code: str = "no_photo", field: str = "photos", **values) -> Listing:
    told = {"error_code": code, "error": "Coloque uma foto.", "error_field": field, **values}
    return list_car(row, car, remote="none", pushed_basis="", refused_basis="b", **told)


def advertiser(row: int) -> Advertiser:
    db.session.rollback()
    return db.session.get_one(Advertiser, row, populate_existing=True)


def told() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def passes() -> int:
    db.session.rollback()
    return db.session.scalar(
        sa.select(sa.func.count()).select_from(Job).where(Job.kind == "sync_portal")
    )


def path(row: int, page: str = "") -> str:
    return f"/admin/portais/{row}/{page}"


def test_each_ad_says_where_it_stands_and_what_to_do(app, sign_in):
    owner, row = sign_in("owner"), connect()
    list_car(row, make_vehicle(model="Onix"), price_cents=69_900_00, url="https://olx.example/1")
    list_car(row, make_vehicle(model="Cruze"), desired="absent", reason="slot", remote="none")
    list_car(row, make_vehicle(model="Spin"), remote="processing")
    list_car(row, make_vehicle(model="S10", state="sold"), desired="absent", reason="sold")
    bad = refuse(row, make_vehicle(model="Tracker"))
    page = owner.get(path(row, "anuncios")).text
    for words in ("No ar 1", "Enviando 2", "Esperando vaga 1", "Com problema 1", "Saindo do ar"):
        assert words in page
    assert "Coloque uma foto." in page
    assert f"/admin/fotos/{bad.vehicle_id}/" in page
    assert "https://olx.example/1" in page
    only = owner.get(path(row, "anuncios?situacao=problem")).text
    assert "Tracker" in only
    assert "Cruze" not in only
    found = owner.get(path(row, "anuncios?q=cruze")).text
    assert "Cruze" in found
    assert "Tracker" not in found
    card = owner.get("/admin/portais/").text
    assert "Corrigir 1 anúncio" in card


def test_all_is_in_order_only_when_nothing_is_missing(app, sign_in):
    owner, row = sign_in("owner"), connect()
    list_car(row, make_vehicle())

    def told_of(**values) -> str:
        with writing() as session:
            one = session.get_one(Advertiser, row)
            for name, value in {"good_at": now(), **values}.items():
                setattr(one, name, value)
        return owner.get(path(row, "anuncios")).text

    assert "Tudo em dia" in told_of()
    assert "não terminou" in told_of(looks_failed=1)
    later = now() + timedelta(hours=1)
    assert "não responde desde" in told_of(hold_reason="down", hold_until=later)
    list_car(row, make_vehicle(), remote="processing")
    refuse(row, make_vehicle())
    page = told_of(looks_failed=0, hold_until=None)
    assert "Agora: 1 a caminho, 1 parado." in page
    assert "Tudo em dia" not in page


def test_an_address_that_is_none_of_the_webs_leads_nowhere(app, sign_in):
    owner, row = sign_in("owner"), connect()
    car = make_vehicle()
    list_car(row, car, url="javascript:alert(1)", error="<script>alert(2)</script>")
    for page in (path(row, "anuncios"), f"/admin/veiculo/{car.id}/"):
        text = owner.get(page).text
        assert "javascript:" not in text
        assert "<script>alert" not in text


def test_an_ad_that_outlived_its_car_is_still_told_of(app, sign_in):
    owner, row = sign_in("owner"), connect()
    listing = list_car(row, make_vehicle(), desired="absent", reason="deleted")
    with writing():
        db.session.get_one(Listing, listing.id).vehicle_id = None
    page = owner.get(path(row, "anuncios")).text
    assert "Um carro que não existe mais" in page
    assert "Saindo do ar" in page


def test_problems_are_grouped_and_tried_again_together(app, sign_in):
    owner, row = sign_in("owner"), connect()
    rows = [refuse(row, make_vehicle()) for _turn in range(3)]
    same_code = refuse(row, make_vehicle(model="Spin"), error="A foto está borrada.")
    with writing() as session:
        session.add(PortalTermList(portal="olx", list="make"))
    names = [
        refuse(row, make_vehicle(), "unknown_term", "terms", error=f"Ninguém disse: {turn}")
        for turn in range(2)
    ]
    key = {cause.words: cause.key for cause in causes(row)}["Coloque uma foto."]
    page = owner.get(path(row, f"problemas?causa={key}")).text
    assert "3 carros estão parados." in page
    assert "A foto está borrada." in page
    assert "Spin" not in page
    assert "2 carros com nomes a decidir" in page
    assert 'href="/admin/portais/termos/?portal=olx"' in page
    owner.post(path(row, "de-novo"), {"causa": key})
    owner.post(path(row, "de-novo"), {"causa": key})  # a double click
    db.session.rollback()
    kept = {one.id: one.refused_basis for one in db.session.scalars(sa.select(Listing))}
    held = {one.id: "b" for one in (same_code, *names)}
    assert kept == {**{one.id: "" for one in rows}, **held}
    assert passes() == 1
    assert told().count("portal.retry_ads") == 2


def test_rules_are_kept_only_after_their_difference_was_shown(app, sign_in):
    owner, row = sign_in("owner"), connect()
    cheap, dear = make_vehicle(price_cents=30_000_00), make_vehicle(price_cents=90_000_00)
    list_car(row, dear)
    sent = {"preco_max": "50.000", "fotos": "0", "ordem": "dearest"}
    shown = owner.post(path(row, "regras"), sent)
    assert shown.status_code == 200
    assert "Estes saem primeiro" in shown.text
    assert advertiser(row).rules == {}
    owner.post(path(row, "regras"), {**sent, "confirmado": "1"})
    assert advertiser(row).rules["price_max_cents"] == 50_000_00
    assert advertiser(row).stock_version == 0
    assert passes() == 1
    assert told().count("portal.rules") == 1
    assert cheap.id != dear.id


@pytest.mark.parametrize(
    "sent",
    [
        {"preco_min": "nada"},
        {"preco_min": "90.000", "preco_max": "10.000"},
        {"fotos": "-1"},
        {"vagas": "9" * 40},
        {"fotos": "٣"},
        {"texto": "a" * 700},
    ],
)
def test_rules_that_cannot_be_are_refused_in_words(app, sign_in, sent):
    owner, row = sign_in("owner"), connect()
    answer = owner.post(path(row, "regras"), {**sent, "confirmado": "1"})
    assert answer.status_code == 422
    assert "Nada foi salvo" in answer.text
    assert advertiser(row).rules == {}


def test_rules_that_somebody_else_changed_meanwhile_stay(app, sign_in):
    owner, row = sign_in("owner"), connect()
    old = {"visto": "0" * 16, "fotos": "3", "confirmado": "1"}
    assert owner.post(path(row, "regras"), old).status_code == 303
    assert advertiser(row).rules == {}


def test_beginning_stopping_and_leaving(app, sign_in):
    owner, row = sign_in("owner"), connect(is_on=False)
    car = make_vehicle()
    page = owner.get(path(row, "comecar")).text
    assert "1 carro sobe" in page
    owner.post(path(row, "comecar"))
    assert advertiser(row).is_on
    assert passes() == 1
    list_car(row, car)
    owner.post(path(row, "parar"))
    assert not advertiser(row).is_on
    asked = owner.post(path(row, "tirar-tudo"))
    assert asked.status_code == 200
    assert "1 anúncios saem" in asked.text
    owner.post(path(row, "tirar-tudo"), {"confirmado": "1"})
    assert advertiser(row).is_on
    assert Rules.of(advertiser(row).rules).takes_all_down
    owner.post(path(row, "comecar"))
    assert not Rules.of(advertiser(row).rules).takes_all_down
    assert {"portal.advertise", "portal.stop", "portal.leave"} <= set(told())


def test_after_a_restored_backup_a_person_looks_first(app, sign_in):
    owner, row = sign_in("owner"), connect()
    with writing():
        db.session.get_one(Advertiser, row).is_wary = True
    assert "Backup restaurado" in owner.get(path(row, "anuncios")).text
    assert "portal parado até alguém olhar" in owner.get("/admin/").text
    owner.post(path(row, "conferido"))
    assert not advertiser(row).is_wary


def test_home_tells_of_ads_that_are_held_back_and_of_nothing_else(app, sign_in):
    owner, row = sign_in("owner"), connect()
    list_car(row, make_vehicle())
    assert "anúncio parado" not in owner.get("/admin/").text
    refuse(row, make_vehicle())
    assert "anúncio parado" in owner.get("/admin/").text


def test_switches_of_chosen_cars_and_of_one(app, sign_in):
    owner, row = sign_in("owner"), connect()
    cars = [make_vehicle() for _turn in range(2)]
    list_car(row, cars[0])
    ids = [str(car.id) for car in cars] + ["99999999", "x", "-1"]
    owner.post(path(row, "chave"), {"ids": ids, "chave": "never"})
    owner.post(path(row, "chave"), {"ids": ids, "chave": "never"})
    db.session.rollback()
    rows = db.session.scalars(sa.select(Listing).order_by(Listing.vehicle_id)).all()
    assert {one.vehicle_id: one.switch for one in rows} == {car.id: "never" for car in cars}
    assert all(one.key.endswith(car.public_id) for one, car in zip(rows, cars, strict=True))
    assert owner.post(path(row, "chave"), {"ids": ids, "chave": "talvez"}).status_code == 303
    page = owner.get(f"/admin/veiculo/{cars[1].id}/").text
    assert 'id="portais"' in page
    assert "Meu OLX" in page
    owner.post(path(row, f"carro/{cars[1].id}"), {"chave": "always"})
    db.session.rollback()
    switched = sa.select(Listing.switch).where(Listing.vehicle_id == cars[1].id)
    assert db.session.scalar(switched) == "always"


def test_people_of_one_store_see_and_steer_only_its_accounts(app, sign_in):
    mine, other = make_store(), make_store()
    theirs, group = connect(name="Da outra", store=other), connect(name="Do grupo")
    own = connect(name="Da minha", store=mine)
    manager = sign_in("supervisor", stores=[mine])
    for page in ("anuncios", "problemas", "regras", "previa", "plano", "resultado", "historico"):
        assert manager.get(path(own, page)).status_code == 200, page
        assert manager.get(path(theirs, page)).status_code == 404, page
        assert manager.get(path(group, page)).status_code == 404, page
    foreign = make_vehicle(store=other)
    manager.post(path(own, "chave"), {"ids": [str(foreign.id)], "chave": "never"})
    answer = manager.post(path(own, f"carro/{foreign.id}"), {"chave": "never"})
    assert answer.status_code == 404
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Listing)) == 0


def test_what_is_sent_and_how_a_feed_stands_can_be_read(app, sign_in):
    owner, row = sign_in("owner"), connect()
    car = make_vehicle(license_plate="ABC1D23")
    page = owner.get(path(row, f"previa?carro={car.id}")).text
    assert "Exatamente o que é enviado" in page or "Só é enviado depois" in page
    feed = connect("generic", name="Meu feed")
    page = owner.get(path(feed, "anuncios")).text
    assert f"/feeds/feed-{feed}-" in page
    assert "Para o catálogo do Facebook e do Instagram" in page
    assert "chassis=1" in page
    piece = owner.get(path(feed, f"previa?carro={car.id}")).text
    assert "estoque.xml" in piece
    assert "ABC1D23" not in piece
    for page in ("problemas", "plano", "historico", "comecar"):
        assert owner.get(path(feed, page)).status_code == 404


def test_speed_cost_and_history(app, sign_in):
    owner, row = sign_in("owner"), connect()
    listing = list_car(row, make_vehicle())
    with writing() as session:
        for seconds, days in ((10.0, 1), (30.0, 2), (300.0, 20)):
            session.add(ListingEvent(account_id=row, listing_id=listing.id, what="visible",
                                     seconds=seconds, at=now() - timedelta(days=days)))  # fmt: skip
    page = owner.get(path(row, "resultado")).text
    assert "20 s" in page
    assert "5 min" in page
    owner.post(path(row, "custo"), {"custo": "1.490,00"})
    assert advertiser(row).monthly_cost_cents == 1_490_00
    assert owner.post(path(row, "custo"), {"custo": "muito"}).status_code == 303
    assert advertiser(row).monthly_cost_cents == 1_490_00
    other = list_car(row, make_vehicle(model="Tracker"))
    with writing() as session:
        session.add(ListingEvent(account_id=row, listing_id=other.id, what="drift", words="Mudou."))
    cells = {
        query: owner.get(path(row, f"historico{query}")).text.partition("<tbody")[2]
        for query in ("", "?tipo=drift", "?q=tracker", "?tipo=visible&q=tracker", "?tipo=%3C")
    }
    assert "Visto no ar" in cells[""]
    assert "Mudou." in cells[""]
    for query in ("?tipo=drift", "?q=tracker"):
        assert "Mudou." in cells[query]
        assert "Visto no ar" not in cells[query]
    assert cells["?tipo=visible&q=tracker"] == ""
    assert "Visto no ar" in cells["?tipo=%3C"]


def test_hostile_questions_are_answered_in_peace(app, sign_in):
    owner, row = sign_in("owner"), connect()
    list_car(row, make_vehicle())
    for query in ("anuncios?situacao=%27%3B--&q=%00%25%5F", "problemas?causa=%3Cscript%3E",
                  "previa?carro=999999999999999999999", "previa?carro=%C2%B2", "previa?q=%00",
                  "anuncios?pagina=99999999&ordem=senha"):  # fmt: skip
        answer = owner.get(path(row, query))
        assert answer.status_code == 200, query
        assert "<script>" not in answer.text.partition("<main")[2], query


def test_the_screens_ask_as_often_for_many_ads_as_for_few(app, sign_in, statements):
    owner, row = sign_in("owner"), connect()
    pages = ("", "anuncios", "problemas?causa=no_photo", "plano", "resultado", "historico",
             "regras", "comecar", "previa")  # fmt: skip

    def cost() -> dict[str, int]:
        found = {}
        for page in pages:
            db.session.remove()
            statements.clear()
            assert owner.get(path(row, page)).status_code == 200
            found[page] = len([one for one in statements if "stock_version" not in one])
        return found

    def fill(count: int) -> None:
        for _turn in range(count):
            listing = list_car(row, make_vehicle())
            refuse(row, make_vehicle())
            list_car(row, make_vehicle(), desired="absent", reason="slot", remote="none")
            with writing() as session:
                session.add(ListingEvent(account_id=row, listing_id=listing.id, what="create"))

    fill(1)
    few = cost()
    fill(8)
    many = cost()
    assert all(many[page] <= few[page] for page in pages), (few, many)


def test_the_way_to_the_portal_and_back(app, sign_in):
    owner = sign_in("owner")
    with writing():
        made, _token = accounts.register(
            "olx", "Meu OLX", {"client_id": "7", "client_secret": "s"},
            base_url="http://127.0.0.1:9",
        )  # fmt: skip
        row = made.id
    page = owner.post(path(row, "conectar")).text
    assert 'href="http://127.0.0.1:9/oauth?' in page
    assert "client_id=7" in page
    back = owner.get("/admin/portais/retorno?code=x&state=forged")
    assert "Mais um toque" in back.text
    answer = owner.post("/admin/portais/retorno", {"code": "x", "state": "forged"})
    assert answer.status_code == 303
    assert "outra tentativa" in owner.get("/admin/portais/").text
    assert "Ninguém começou" in owner.get("/admin/portais/retorno?code=x").text


def test_switching_a_car_back_to_the_rules_makes_no_row(app):
    row, car = connect(), make_vehicle()
    with writing():
        assert set_switch(db.session.get_one(PortalAccount, row), [car.id], "rules") == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Listing)) == 0
