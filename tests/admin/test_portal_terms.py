"""Names on portals: to decide, found by themselves, chosen by people."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators import accounts
from integrators.listings.terms import TermBook, want
from integrators.models import Listing, PortalAccount, PortalTerm, PortalTermList, TermMatch
from integrators.portals.every import PORTALS
from integrators.portals.portal import Portal
from inventory.models import Vehicle
from jobs.models import Job
from tests.factories import make_store, make_vehicle

HERE = "/admin/portais/termos/"


class Lists(Portal):
    """A portal with lists of its own."""

    kind = "generic"
    term_lists = ("make", "model", "trim", "color")


@pytest.fixture
def words(app, monkeypatch) -> dict[str, int]:
    """An Argo whose version nobody knows, and what was found by itself; ids by our word."""
    monkeypatch.setitem(PORTALS, "generic", Lists())
    make_vehicle(make="Fiat", model="Argo", trim="Trekking 1.3")
    make_vehicle(make="Fiat", model="Argo", trim="Trekking 1.3")
    with writing() as session:
        accounts.register("generic", "Portal", {})
        rows = [
            TermMatch(list="make", ours="fiat", code="21", confidence=100),
            TermMatch(list="model", ours="fiat/argo", parent="21", code="5", confidence=85),
            TermMatch(list="trim", ours="fiat/argo/trekking-1-3", parent="21/5"),
            TermMatch(list="trim", ours="fiat/argo/sold-out", parent="21/5"),
        ]
        terms = [
            PortalTerm(list="make", code="21", name="FIAT"),
            PortalTerm(list="model", parent="21", code="5", name="ARGO"),
            PortalTerm(list="trim", parent="21/5", code="101", name="TREKKING 1.3 <MANUAL>"),
            PortalTerm(list="trim", parent="21/5", code="102", name="TREKKING 1.3 CVT"),
            PortalTerm(list="trim", parent="21/5", code="103", name="DRIVE 1.0"),
        ]
        for row in (*rows, *terms):
            row.portal = "generic"
            session.add(row)
        session.flush()
        return {row.ours: row.id for row in rows}


def code_of(match_id: int) -> tuple[str, str]:
    db.session.rollback()
    return tuple(
        db.session.execute(
            sa.select(TermMatch.code, TermMatch.confirmed_by).where(TermMatch.id == match_id)
        ).one()
    )


def test_what_nobody_knows_is_chosen_by_one_tap_and_taken_back(sign_in, words):
    owner = sign_in("owner")
    page = owner.get(HERE).text
    assert "Fiat Argo Trekking 1.3" in page
    assert "TREKKING 1.3 &lt;MANUAL&gt;" in page
    assert "2 carros em estoque" in page
    assert "sold-out" not in page
    number = words["fiat/argo/trekking-1-3"]
    answer = owner.post(f"{HERE}{number}/escolher", {"codigo": "101"})
    assert (answer.status_code, code_of(number)) == (303, ("101", "owner@loja.example"))
    assert TermBook("generic").code("trim", "fiat", "argo", "trekking-1-3") == "101"
    assert "owner@loja.example" in owner.get(f"{HERE}?portal=generic&quais=escolhidos").text
    assert "Nada a decidir" in owner.get(HERE).text
    owner.post(f"{HERE}{number}/desfazer")
    assert code_of(number)[0] == ""
    assert "Fiat Argo Trekking 1.3" in owner.get(HERE).text


def test_what_was_found_by_itself_is_said_to_be_right_or_wrong(sign_in, words):
    owner = sign_in("owner")
    page = owner.get(f"{HERE}?quais=automaticos").text
    assert page.index("85%") < page.index("100%")
    owner.post(f"{HERE}{words['fiat/argo']}/escolher", {"codigo": "5"})
    assert code_of(words["fiat/argo"]) == ("5", "owner@loja.example")
    owner.post(f"{HERE}{words['fiat']}/desfazer")
    assert code_of(words["fiat"])[0] == ""
    assert code_of(words["fiat/argo"]) == ("", "")  # what hangs below it goes along


def test_undoing_says_first_which_ads_it_stops(sign_in, words):
    owner = sign_in("owner")
    with writing() as session:
        [account_id] = session.scalars(sa.select(PortalAccount.id))
        for car in session.scalars(sa.select(Vehicle)).all():
            ad = Listing(account_id=account_id, vehicle_id=car.id, key=str(car.id))
            ad.desired, ad.remote = "live", "online"
            session.add(ad)
    assert "2 anúncios no portal deixam" in owner.get(f"{HERE}{words['fiat']}/").text
    assert "2 anúncios no portal deixam" in owner.get(f"{HERE}{words['fiat/argo']}/").text


def test_people_of_one_store_see_and_do_not_decide(sign_in, words):
    manager = sign_in("supervisor", stores=[make_store()])
    number = words["fiat"]
    for page in (f"{HERE}?quais=automaticos", HERE, f"{HERE}{number}/"):
        text = manager.get(page).text
        assert "Vale para todas as lojas" in text
        assert "/escolher" not in text
        assert "/desfazer" not in text
    for page, sent in (
        (f"{number}/escolher", {"codigo": "21"}),
        (f"{number}/desfazer", {}),
        ("ler", {"portal": "generic"}),
    ):
        assert manager.post(f"{HERE}{page}", sent).status_code == 404
    assert code_of(number) == ("21", "")


def test_their_list_is_searched(sign_in, words):
    owner = sign_in("owner")
    page = owner.get(f"{HERE}{words['fiat/argo/trekking-1-3']}/?q=drive").text
    assert "DRIVE 1.0" in page.split("Lista completa")[1]
    assert "CVT" not in page.split("Lista completa")[1]


def test_an_entry_that_is_not_theirs_is_refused_in_words(sign_in, words):
    owner = sign_in("owner")
    number = words["fiat/argo/trekking-1-3"]
    owner.post(f"{HERE}{number}/escolher", {"codigo": "21"})
    assert code_of(number)[0] == ""
    assert "não tem mais" in owner.get(HERE).text
    assert (
        owner.post(f"{HERE}{number}/escolher", {"codigo": "101", "volta": "//x.example"}).location
        == f"{HERE}?portal=generic"
    )


def test_their_lists_are_asked_for(sign_in, words):
    owner = sign_in("owner")
    assert owner.post(f"{HERE}ler", {"portal": "generic"}).status_code == 303
    job = db.session.scalars(sa.select(Job).where(Job.kind == "sync_terms")).one()
    assert job.state == "ready"
    owner.post(f"{HERE}ler", {"portal": "nowhere"})
    assert "Escolha um portal da lista" in owner.get(HERE).text


def test_sellers_have_no_such_page(sign_in, words):
    assert sign_in("seller").get(HERE).status_code == 404


def test_a_long_list_costs_as_many_statements_as_a_short_one(sign_in, words, statements):
    owner = sign_in("owner")

    def count() -> int:
        statements.clear()
        assert owner.get(HERE).status_code == 200
        return len(statements)

    count()
    few = count()
    for number in range(12):
        make_vehicle(make="Fiat", model="Argo", trim=f"Série {number}")
    with writing():
        want("generic", {("trim", f"fiat/argo/série-{number}") for number in range(12)})
        db.session.execute(
            sa.update(TermMatch).where(TermMatch.list == "trim").values(parent="21/5")
        )
    assert count() == few


def test_without_a_portal_the_page_says_what_will_be_here(sign_in):
    assert "Nenhum portal com listas" in sign_in("owner").get(HERE).text


def test_before_the_portals_list_was_read_nobody_is_asked_for_names(app, sign_in):
    owner, car = sign_in("owner"), make_vehicle()
    with writing() as session:
        row = accounts.register("olx", "Meu OLX", {})[0].id
        ad = Listing(account_id=row, vehicle_id=car.id, key="1", desired="live", basis="b")
        ad.refused_basis, ad.error_code, ad.error_field = "b", "unknown_term", "terms"
        ad.error = "Ninguém disse ainda."
        session.add(ad)
    own = f"/admin/portais/{row}/"
    pages = (f"{own}problemas?causa=unknown_term", f"{own}anuncios", f"/admin/veiculo/{car.id}/")
    for page in pages:
        text = owner.get(page).text
        assert "Lendo a lista do portal…" in text, page
        assert "termos/?portal=olx" not in text, page
    with writing() as session:
        session.add(PortalTermList(portal="olx", list="make"))
    for page in pages:
        text = owner.get(page).text
        assert "Lendo a lista do portal…" not in text, page
        assert "termos/?portal=olx" in text, page
