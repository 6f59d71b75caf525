"""The portal's own lists, read over HTTP, and what becomes of our words."""

import json
from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from werkzeug import Request, Response

from core.clock import now
from core.db import db, writing
from integrators.listings.rules import advertiser_of
from integrators.listings.term_sync import KEPT, keep_list, sync_terms
from integrators.listings.terms import (
    NoSuchMatch,
    NoSuchTerm,
    TermBook,
    candidates,
    confirm,
    open_words,
    search_terms,
    stock_words,
    terms_of,
    terms_version,
    unconfirm,
    want,
)
from integrators.models import PortalTerm, PortalTermList, TermMatch
from integrators.portals.every import PORTALS
from integrators.portals.portal import HoldOn, Limits, Portal, Term
from jobs.models import Job
from tests.factories import make_vehicle

LISTS = ("make", "model", "trim", "color", "moto_cc")


class ByPath(Portal):
    """A portal whose lists are JSON at addresses of their own."""

    kind = "generic"
    term_lists = LISTS
    limits = Limits(calls_per_second=1000)

    def terms(self, calls, list_name, parent):
        answer = calls.ask("GET", f"/{list_name}", params={"of": parent})
        return [Term(code, name) for code, name in answer.table.items()]


class Service:
    """What the portal answers with: {(list, parent): {code: name}}, or a status."""

    def __init__(self, server) -> None:
        self.lists: dict[tuple[str, str], dict[str, str] | int] = {
            ("make", ""): {"21": "FIAT", "22": "FORD", "80": "VOLVO"},
            ("model", "21"): {"5": "ARGO", "6": "MOBI"},
            ("trim", "21/5"): {"100": "DRIVE 1.0 FLEX MANUAL", "101": "DRIVE 1.3 FLEX MANUAL"},
            ("color", ""): {"w": "Branco", "p": "Prata"},
            ("moto_cc", ""): {"7": "150", "8": "200"},
        }
        self.asked: list[tuple[str, str]] = []
        for name in LISTS:
            server.expect_request(f"/{name}").respond_with_handler(self.answer)
        self.url = server.url_for("").rstrip("/")

    def answer(self, request: Request) -> Response:
        wanted = (request.path[1:], request.args["of"])
        self.asked.append(wanted)
        found = self.lists.get(wanted, {})
        if isinstance(found, int):
            return Response("{}", status=found, headers={"Retry-After": "7"})
        return Response(json.dumps(found), content_type="application/json")


@pytest.fixture
def service(httpserver, monkeypatch) -> Service:
    monkeypatch.setitem(PORTALS, "generic", ByPath())
    return Service(httpserver)


@pytest.fixture
def account(register, service):
    made = register("generic", base_url=service.url).account
    with writing():
        advertiser_of(made.id).is_on = True
    return made


@pytest.fixture
def stock(app):
    return [
        make_vehicle(make="Fiat", model="Argo", trim="Drive 1.0"),
        make_vehicle(make="Fiat", model="Argo", trim="Trekking"),
        make_vehicle(make="Fiat", model="Argo", trim="Trekking", color="silver"),
        make_vehicle(make="Fiat", model="Mobi", trim="Like", state="sold"),
        make_vehicle(make="Fusca Kits", model="Buggy", trim=""),
    ]


def book() -> TermBook:
    db.session.rollback()
    return TermBook("generic")


def match(list_name: str, ours: str) -> TermMatch:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(
        sa.select(TermMatch).where(TermMatch.list == list_name, TermMatch.ours == ours)
    ).one()


def grow_old() -> None:
    with writing():
        db.session.execute(sa.update(PortalTermList).values(read_at=now() - KEPT * 2))


def test_only_what_we_have_is_asked_for_and_once_a_week(account, service, stock):
    sync_terms(account.id)
    whole = [("make", ""), ("model", "21"), ("trim", "21/5"), ("color", ""), ("moto_cc", "")]
    assert service.asked == whole
    assert (sync_terms(account.id).read, service.asked) == (0, whole)
    grow_old()
    assert sync_terms(account.id).read == len(whole)


def test_sure_ones_are_taken_and_the_others_wait(account, service, stock):
    sync_terms(account.id)
    known = book()
    assert known.code("make", "fiat") == "21"
    assert known.code("model", "fiat", "argo") == "5"
    assert known.code("trim", "fiat", "argo", "drive-1-0") == "100"
    assert (known.code("color", "white"), known.code("color", "silver")) == ("w", "p")
    assert known.code("trim", "fiat", "argo", "") == ""
    assert known.wanted == set()
    assert known.code("trim", "fiat", "argo", "trekking") == ""
    assert known.wanted == {("trim", "fiat/argo/trekking")}
    waiting = [(one.match.ours, one.cars) for one in open_words(PORTALS["generic"])]
    assert waiting == [("fusca-kits", 1), ("fiat/argo/trekking", 2)]


def test_wanted_words_are_remembered_once(account, service, stock):
    with writing():
        wanted = {("feature", "sunroof"), ("make", "fiat"), ("moto_cc", "150"), ("moto_cc", "160")}
        assert want("generic", wanted) == 4
    with writing():
        assert want("generic", {("feature", "sunroof")}) == 0
    assert terms_version("generic") == "0"
    sync_terms(account.id)
    known = book()
    assert known.code("make", "fiat") == "21"
    # A list that only the adapter knows: the same is taken, the nearest is not.
    assert (known.code("moto_cc", "150"), known.code("moto_cc", "160")) == ("7", "")
    assert "160" in {one.match.ours for one in open_words(PORTALS["generic"])}


def test_a_pass_reads_all_codes_in_one_statement(account, service, stock, statements):
    sync_terms(account.id)
    db.session.rollback()
    statements.clear()
    known = TermBook("generic")
    for _ in range(1000):
        known.code("trim", "fiat", "argo", "drive-1-0")
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


def test_a_person_chooses_and_nothing_overwrites_it(account, service, stock):
    sync_terms(account.id)
    before = terms_version("generic")
    row = match("trim", "fiat/argo/trekking")
    best = candidates(row)
    assert {one.term.code for one in best} == {"100", "101"}
    with writing(), pytest.raises(NoSuchTerm):
        confirm(row.id, "999", "ana@loja.example")
    with writing():
        confirm(row.id, "101", "ana@loja.example")
    assert book().code("trim", "fiat", "argo", "trekking") == "101"
    assert terms_version("generic") != before
    service.lists["trim", "21/5"]["102"] = "TREKKING"
    grow_old()
    sync_terms(account.id)
    assert match("trim", "fiat/argo/trekking").code == "101"
    with writing():
        unconfirm(row.id, "ana@loja.example")
    grow_old()
    sync_terms(account.id)
    assert match("trim", "fiat/argo/trekking").code == ""
    with writing(), pytest.raises(NoSuchMatch):
        unconfirm(10**6, "ana@loja.example")


def test_what_left_the_portals_list_is_asked_again(account, service, stock):
    sync_terms(account.id)
    service.lists["trim", "21/5"] = {"101": "DRIVE 1.3 FLEX MANUAL"}
    grow_old()
    before = terms_version("generic")
    sync_terms(account.id)
    row = match("trim", "fiat/argo/drive-1-0")
    assert (row.code, terms_version("generic") != before) == ("", True)
    gone = db.session.scalars(sa.select(PortalTerm).where(PortalTerm.code == "100")).one()
    assert gone.gone_at is not None
    assert [term.code for term in search_terms(terms_of("generic", "trim", "21/5"), "drive")] == [
        "101"
    ]


def test_a_list_that_lost_much_at_once_is_believed_when_it_comes_again(app):
    def read(codes: Iterable[int]) -> set[str]:
        with writing():
            keep_list("generic", "trim", "1", [Term(str(code), f"V{code}") for code in codes])
        return {term.code for term in terms_of("generic", "trim", "1")}

    def names(*codes: int) -> set[str]:
        return {str(code) for code in codes}

    assert read(range(40)) == names(*range(40))
    assert read(range(35)) == names(*range(35))  # a few left: that happens
    assert read(range(20)) == names(*range(35))
    assert read(range(35)) == names(*range(35))  # it was cut off
    assert read(range(20)) == names(*range(35))
    assert read(range(20)) == names(*range(20))  # it is so


def test_a_code_that_means_something_else_now_takes_all_below_it_along(account, service, stock):
    sync_terms(account.id)
    service.lists["make", ""] = {"21": "FORD", "22": "FIAT"}
    service.lists["model", "22"] = {"9": "ARGO"}
    service.lists["trim", "22/9"] = {"7": "DRIVE 1.0"}
    grow_old()
    sync_terms(account.id)
    known = book()
    assert known.code("make", "fiat") == "22"
    assert known.code("model", "fiat", "argo") == "9"
    assert known.code("trim", "fiat", "argo", "drive-1-0") == "7"


@pytest.mark.parametrize("answer", [500, {}])
def test_a_list_that_fails_takes_nothing_away(account, service, stock, answer):
    sync_terms(account.id)
    before = terms_version("generic")
    service.lists["model", "21"] = service.lists["make", ""] = answer
    service.lists["trim", "21/5"]["102"] = "TREKKING"
    grow_old()
    sync_terms(account.id)
    assert book().code("model", "fiat", "argo") == "5"
    assert book().code("trim", "fiat", "argo", "trekking") == "102"  # the others were read
    assert terms_version("generic") != before


def test_where_the_portal_asks_for_patience_the_rest_is_read_later(account, service, stock):
    service.lists["trim", "21/5"] = 429
    with pytest.raises(HoldOn):
        sync_terms(account.id)
    assert book().code("model", "fiat", "argo") == "5"
    service.lists["trim", "21/5"] = {"100": "DRIVE 1.0"}
    service.asked.clear()
    sync_terms(account.id)
    assert service.asked == [("trim", "21/5"), ("color", ""), ("moto_cc", "")]


def test_choosing_a_make_reads_what_hangs_below_it(account, service, stock):
    sync_terms(account.id)
    with writing():
        confirm(match("make", "fusca-kits").id, "80", "ana@loja.example")
    job = db.session.scalars(sa.select(Job).where(Job.kind == "sync_terms")).one()
    assert job.payload == {"account_id": account.id}
    service.asked.clear()
    sync_terms(account.id)
    assert service.asked == [("model", "80")]


def test_motorcycles_are_apart_where_the_portal_parts_them(app):
    make_vehicle(make="Honda", model="CG 160", trim="", body="motorcycle")
    make_vehicle(make="Honda", model="Fit", trim="")
    make_vehicle(make="Honda", model="Truck", trim="", body="truck")
    parting = ByPath()
    parting.term_lists = ("make", "model", "moto_make", "moto_model")
    words = stock_words(parting)
    assert set(words["model"]) == {"honda/fit"}
    assert set(words["moto_model"]) == {"honda/cg-160"}
    assert set(stock_words(ByPath())["model"]) == {"honda/fit", "honda/cg-160"}
    cars_only = ByPath()
    cars_only.term_categories = frozenset({"car"})
    assert set(stock_words(cars_only)["model"]) == {"honda/fit"}
