"""What Webmotors is told of a car, what its codes mean, and its lists in our words."""

import pytest

from core.db import db
from integrators import accounts
from integrators.listings.calls import Pace, PortalCalls
from integrators.listings.term_sync import sync_terms
from integrators.listings.terms import TermBook
from integrators.portals.portal import HoldOn, NotSent, Outcome, Secrets, Step, Verb
from integrators.portals.webmotors import Webmotors
from integrators.portals.webmotors_draft import ORDER, advertisement, key_in
from integrators.portals.webmotors_refusals import problem_of
from integrators.portals.webmotors_service import SERVICE, service_of
from integrators.portals.webmotors_soap import STOCK, NotSoap, envelope, read
from tests.factories import make_vehicle
from tests.integrators.portals.cars import MOTORCYCLE, PLATE, Matched, car
from tests.integrators.portals.stand import CODES
from tests.simulators import webmotors_rules as rules
from tests.simulators.faults import Fault
from tests.simulators.webmotors import Webmotors as Simulated

PORTAL = Webmotors()
TERMS = Matched(CODES["webmotors"])
PHOTOS = frozenset({"photos"})


def draft(one=None, secrets=PLATE):
    return PORTAL.draft(one or car(), None, TERMS, secrets)


@pytest.fixture
def service():
    with Simulated() as simulated:
        yield simulated


@pytest.fixture
def account(register, service):
    return register("webmotors", base_url=service.url, **service.settings).account


@pytest.fixture
def calls(account):
    with PortalCalls(account, Pace(1000, 1000)) as calls:
        yield calls


def put_up(calls, **offer) -> str:
    (made,) = PORTAL.send(calls, [Step(Verb.CREATE, "v1-a", parts=draft(car(**offer)).parts)])
    assert made.outcome is Outcome.DONE
    return made.external_id


def photos_of(service) -> list[str]:
    return [address for _number, address in service.ads["v1-a"].data["fotos"]]


# --- what is told ----------------------------------------------------------------------------


def test_an_ad_is_told_in_the_one_order_that_is_read():
    made = draft()
    assert made.problems == ()
    fields = advertisement("v1-a", "0", "11", made.parts)
    names = [name for name, _value in fields]
    assert names == [name for name in ORDER if name in names]
    told = dict(fields)
    assert told["TipoAnuncio"] == "U"
    assert (told["UnicoDono"], told["NaoAceitaTroca"], told["Blindado"]) == ("S", "S", "S")
    assert "Leilao" not in told  # nobody said so: "N" would be a claim
    assert told["PrecoVenda"] == "64900.50"
    assert key_in(told["Observacao"]) == "v1-a"
    assert len(told["Observacao"]) <= 1500
    assert "3333" not in told["Observacao"]


def test_a_long_text_leaves_room_for_our_key():
    parts = draft(car(description="Muito bem cuidado. " * 200)).parts
    told = dict(advertisement("v1-0123456789abcdef", "0", "11", parts))
    assert len(told["Observacao"]) <= 1500
    assert key_in(told["Observacao"]) == "v1-0123456789abcdef"


@pytest.mark.parametrize(
    ("offer", "secrets", "code", "field"),
    [
        (MOTORCYCLE, PLATE, "category_not_taken", "body"),
        ({"color": None}, PLATE, "no_color", "color"),
        ({"transmission": None}, PLATE, "no_gearbox", "transmission"),
        ({"mileage_km": None}, PLATE, "no_mileage", "mileage"),
        ({}, Secrets(), "no_plate", "license_plate"),
        ({}, Secrets(plate="ABC-1D23"), "bad_plate", "license_plate"),
        ({"make_slug": "lada"}, PLATE, "unknown_term", "terms"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(offer, secrets, code, field):
    found = {(one.code, one.field) for one in draft(car(**offer), secrets).problems}
    assert (code, field) in found


def test_text_cannot_break_out_of_the_envelope():
    body = envelope(STOCK, "IncluirCarro", [("Observacao", "</x><y> & \x07 “ç”")])
    assert "&lt;/x&gt;&lt;y&gt; &amp;  “ç”".encode() in body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>oi</html>",
        b"<a><AbcResult><CodigoRetorno>500",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a><AbcResult>&b;</AbcResult></a>',
    ],
)
def test_what_is_no_whole_answer_is_none(body):
    with pytest.raises(NotSoap):
        read(body, "Abc")


def test_codes_are_sentences_with_the_field_to_mend():
    assert problem_of("43|107").field == "mileage"
    assert problem_of("43|41").field == "terms"
    assert "43|12" in problem_of("43|12").words
    assert "77|7" in problem_of("77|7").words


# --- what is done ----------------------------------------------------------------------------


def test_photos_are_told_one_by_one_and_all_anew_when_one_changes(calls, service):
    number = put_up(calls)
    assert photos_of(service) == list(car().photos)
    parts = {**draft().parts, "photos": ["https://loja.example/m/9.jpg", car().photos[0]]}
    list(PORTAL.send(calls, [Step(Verb.UPDATE, "v1-a", number, parts, PHOTOS)]))
    assert photos_of(service) == parts["photos"]


def test_an_ad_whose_photos_are_lost_is_there_and_owes_them(calls, service):
    put_up(calls)  # signed in, the kind of ad is known
    service.faults.force(Fault.BUSY, "POST", "IncluirFotoUrl")
    results = iter(PORTAL.send(calls, [Step(Verb.CREATE, "v2-a", parts=draft().parts)]))
    result = next(results)
    assert (result.outcome, result.missing) == (Outcome.DONE, PHOTOS)
    with pytest.raises(HoldOn):
        next(results)


def test_a_session_and_the_kind_of_ad_are_asked_for_once(calls, service, account):
    put_up(calls)
    db.session.rollback()
    kept = accounts.loaded(account.id)
    assert kept.get("chosen_modality") == rules.MODALITY
    assert kept.get("issued_token")
    asked = service.requests
    with PortalCalls(kept, Pace(1000, 1000)) as again:
        parts = draft(car(price_cents=100_00)).parts
        step = Step(Verb.CREATE, "v3-a", parts={**parts, "photos": []})
        list(PORTAL.send(again, [step]))
    assert service.requests == asked + 1


def test_mileage_that_shrinks_is_refused_in_words(calls, service):
    number = put_up(calls)
    parts = draft(car(mileage_km=10)).parts
    step = Step(Verb.UPDATE, "v1-a", number, parts, frozenset({"facts"}))
    (result,) = PORTAL.send(calls, [step])
    assert (result.outcome, result.problem.field) == (Outcome.REFUSED, "mileage")


def test_the_stock_has_an_address_of_its_own(register):
    assert service_of(register("webmotors", name="a").account) == SERVICE
    assert (
        service_of(register("webmotors", name="b", base_url="http://127.0.0.1:9").account)
        != SERVICE
    )


# --- its lists -------------------------------------------------------------------------------


def test_our_words_find_their_numbers_in_its_lists(account, service):
    make_vehicle(make="Fiat", model="Argo", trim="Drive 1.0 Firefly", color="white")
    make_vehicle(make="Fiat", model="Argo", trim="Precision 1.8", color="pink")
    done = sync_terms(account.id)
    assert done.failed == 0
    book = TermBook("webmotors")
    assert book.code("make", "fiat") == "3"
    assert book.code("model", "fiat", "argo") == "31"
    assert book.code("trim", "fiat", "argo", "drive-1-0-firefly") == "311"
    assert book.code("trim", "fiat", "argo", "precision-1-8") == ""
    assert (book.code("color", "white"), book.code("color", "pink")) == ("1", "")
    assert (book.code("transmission", "automatic"), book.code("fuel", "flex")) == ("2", "4")
    assert book.code("feature", "alloy_wheels") == "8"


def test_versions_carry_the_years_they_exist_for(calls, service):
    names = [term.name for term in PORTAL.terms(calls, "trim", "3/31")]
    assert names[0] == f"1.0 FIREFLY FLEX DRIVE MANUAL ({rules.YEARS[0]}–{rules.YEARS[-1]})"
    service.faults.force(Fault.CUT, "POST", "ObterMarca")
    with pytest.raises(NotSent):
        list(PORTAL.terms(calls, "make", ""))
