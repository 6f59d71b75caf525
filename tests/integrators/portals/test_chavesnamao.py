"""What Chaves na Mão is told of a car, and what its answers mean."""

import dataclasses
import threading
import time

import pytest

from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.chavesnamao import ChavesNaMao
from integrators.portals.chavesnamao_draft import body
from integrators.portals.portal import (
    Incomplete,
    Locked,
    Outcome,
    Remote,
    Step,
    Unclear,
    Verb,
    Waiting,
    part_digest,
)
from tests.integrators.portals.cars import MOTORCYCLE, PLATE, Matched, car
from tests.simulators.chavesnamao import ChavesNaMao as Simulated
from tests.simulators.chavesnamao_rules import wrongs
from tests.simulators.faults import Fault

PORTAL = ChavesNaMao()
TERMS = Matched(
    {
        ("trim", "fiat", "argo", "drive-1-0"): "1111",
        ("moto_trim", "honda", "cg-160", "titan"): "2111",
    }
)


def draft(one=None, secrets=PLATE):
    return PORTAL.draft(one or car(), None, TERMS, secrets)


@pytest.fixture
def service():
    with Simulated() as simulated:
        yield simulated


class Told(Pace):
    """Remembers for how long nobody was to ask."""

    rested = 0.0

    def rest(self, seconds: float) -> None:
        self.rested = seconds


@pytest.fixture
def calls(register, service):
    account = register("chavesnamao", base_url=service.url, **service.settings).account
    with PortalCalls(account, Told(1000, 1000)) as calls:
        yield calls


def step(verb=Verb.CREATE, key="v1-a", **offer):
    return Step(verb, key, "", draft(car(**offer)).parts)


def send(calls, *steps):
    return {result.key: result for result in PORTAL.send(calls, steps)}


def poll(calls, verb, *keys):
    waiting = [Waiting(key, key, verb, "") for key in keys]
    return {result.key: result for result in PORTAL.poll(calls, waiting)}


# --- what is told ------------------------------------------------------------------------------


def test_a_used_car_in_their_words(app):
    told = draft()
    assert not told.problems
    assert told.price_cents == 6_490_050
    ad = body("v1-k3p9", told.parts)
    assert ad == {
        "reference": "v1-k3p9",
        "type": "C",
        "value": 64900.5,
        "deposit": 0,
        "amountPerInstallment": 0,
        "amountOfInstallments": 0,
        "trimId": 1111,
        "color": "METALLIC_WHITE",
        "gearbox": "MANUAL",
        "fuel": "FLEX",
        "mileage": 38500,
        "doors": 4,
        "manufacturedYear": 2021,
        "modelYear": 2022,
        "licensePlate": "ABC1D23",
        "title": "Fiat Argo Drive 1.0 Firefly 2022",
        "description": "Revisado.\n\nEquipamentos: Vidros elétricos, Ar-condicionado, Ar digital, "
        "Apple CarPlay.\n\nTexto legal.",
        "pictures": [
            {"source": "https://loja.example/m/1.jpg"},
            {"source": "https://loja.example/m/2.jpg"},
        ],
        "accessories": [],
        "videoUrl": "https://youtu.be/abc123XYZ_0",
        "acceptExchange": False,
    }
    assert wrongs(ad, any_term=False) == []


def test_a_new_motorcycle_has_no_doors_and_no_plate(app):
    new = {**MOTORCYCLE, "condition": "new", "mileage_km": None}
    told = draft(car(trim_slug="titan", **new), secrets=dataclasses.replace(PLATE, plate=""))
    assert not told.problems
    assert (told.parts["type"], told.parts["trimId"], told.parts["mileage"]) == ("M", 2111, 0)
    assert not {"doors", "licensePlate", "videoUrl"} & told.parts.keys()
    assert wrongs(body("a", told.parts), any_term=False) == []


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"body": "truck"}, "category_not_taken", "body"),
        ({"price_cents": 0}, "no_price", "price"),
        ({"photos": 0}, "no_photo", "photos"),
        ({"mileage_km": None}, "no_mileage", "mileage"),
        ({"trim_slug": "", "trim": ""}, "no_trim", "trim"),
        ({"trim_slug": "other"}, "unknown_term", "terms"),
        ({"color": None}, "no_color", "color"),
        ({"transmission": None}, "no_gearbox", "transmission"),
        ({"fuel": None}, "no_fuel", "fuel"),
        ({"doors": None}, "no_doors", "doors"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(app, change, code, field):
    problems = draft(car(**change)).problems
    assert [(one.code, one.field) for one in problems] == [(code, field)]
    assert problems[0].words


@pytest.mark.parametrize(("plate", "code"), [("", "no_plate"), ("AB1", "bad_plate")])
def test_a_driven_car_goes_with_its_plate(app, plate, code):
    problems = draft(secrets=dataclasses.replace(PLATE, plate=plate)).problems
    assert [(one.code, one.field) for one in problems] == [(code, "license_plate")]


def test_a_part_changes_by_itself(app):
    before, after = draft().parts, draft(car(price_cents=6_000_000)).parts
    changed = [name for name in before if part_digest(before[name]) != part_digest(after[name])]
    assert changed == ["price"]


# --- what is done ------------------------------------------------------------------------------


def test_an_ad_from_its_first_day_to_its_last(calls, service):
    assert send(calls, step())["v1-a"].outcome is Outcome.QUEUED
    done = poll(calls, Verb.CREATE, "v1-a")["v1-a"]
    assert (done.outcome, done.remote) == (Outcome.DONE, Remote.ONLINE)
    assert done.url == service.ads["v1-a"].url
    send(calls, step(Verb.UPDATE, price_cents=6_000_000))
    assert service.online() == {"v1-a": 6_000_000}
    assert poll(calls, Verb.UPDATE, "v1-a")["v1-a"].remote is Remote.ONLINE
    send(calls, Step(Verb.PAUSE, "v1-a"))
    assert poll(calls, Verb.PAUSE, "v1-a")["v1-a"].remote is Remote.PAUSED
    assert service.online() == {}
    send(calls, Step(Verb.RESUME, "v1-a"))
    assert poll(calls, Verb.RESUME, "v1-a")["v1-a"].remote is Remote.ONLINE
    assert send(calls, Step(Verb.CLOSE, "v1-a"))["v1-a"].outcome is Outcome.QUEUED
    gone = poll(calls, Verb.CLOSE, "v1-a")["v1-a"]
    assert (gone.outcome, gone.remote) == (Outcome.DONE, Remote.OFFLINE)
    assert send(calls, Step(Verb.CLOSE, "v1-a"))["v1-a"].outcome is Outcome.DONE
    assert service.foreign_touched == 0


def test_what_is_queued_is_not_done(calls, service):
    send(calls, step(key="v1-b"))
    service.delay = 60
    send(calls, step(), step(Verb.UPDATE, "v1-b"))
    assert poll(calls, Verb.CREATE, "v1-a")["v1-a"].outcome is Outcome.QUEUED
    assert poll(calls, Verb.UPDATE, "v1-b")["v1-b"].outcome is Outcome.QUEUED
    send(calls, Step(Verb.CLOSE, "v1-b"))
    assert poll(calls, Verb.CLOSE, "v1-b")["v1-b"].outcome is Outcome.QUEUED


def test_what_was_queued_and_forgotten_is_unclear(calls, service):
    send(calls, step())
    assert poll(calls, Verb.CREATE, "v1-z")["v1-z"].outcome is Outcome.UNCLEAR
    assert poll(calls, Verb.CLOSE, "v1-a")["v1-a"].outcome is Outcome.UNCLEAR
    assert poll(calls, Verb.UPDATE, "v1-z")["v1-z"].outcome is Outcome.GONE


def test_a_lost_answer_is_unclear_and_repeating_edits(calls, service):
    send(calls, step(key="v1-b"))  # a token is there
    service.trouble = ["lost"]
    with pytest.raises(Unclear):
        send(calls, step())
    assert send(calls, step(price_cents=6_000_000))["v1-a"].outcome is Outcome.QUEUED
    assert service.doubles == []
    assert service.online()["v1-a"] == 6_000_000


def test_what_they_refuse_comes_with_the_field(calls, service):
    wrong = {**draft().parts, "licensePlate": "ABC-1D23"}
    refused = send(calls, Step(Verb.CREATE, "v1-a", "", wrong))["v1-a"]
    assert (refused.outcome, refused.problem.field) == (Outcome.REFUSED, "license_plate")
    assert "licensePlate must match" in refused.problem.words
    refused = send(calls, step(description="VENENO"))["v1-a"]
    assert (refused.outcome, refused.problem.field) == (Outcome.REFUSED, "description")
    assert send(calls, step(Verb.UPDATE, "v1-z"))["v1-z"].outcome is Outcome.GONE


def test_a_full_plan_is_a_wait_and_no_error(calls, service):
    service.slots = 3  # two are the dealer's own
    send(calls, step(key="v1-a"), step(key="v1-b"))
    results = poll(calls, Verb.CREATE, "v1-a", "v1-b")
    assert results["v1-a"].outcome is Outcome.DONE
    assert (results["v1-b"].outcome, results["v1-b"].remote) == (Outcome.NO_SLOT, Remote.NO_SLOTS)
    assert send(calls, Step(Verb.RESUME, "v1-b"))["v1-b"].outcome is Outcome.NO_SLOT
    usage = PORTAL.usage(calls)
    assert (usage.total, usage.used, usage.plan_name) == (3, 3, "Plano Ouro")


def test_many_are_asked_for_by_the_pages_of_the_list(calls, service):
    keys = [f"v1-{number:03}" for number in range(120)]
    send(calls, *(step(key=key) for key in keys))
    before = calls.count
    results = poll(calls, Verb.CREATE, *keys)
    assert {result.outcome for result in results.values()} == {Outcome.DONE}
    assert results.keys() == set(keys)
    assert calls.count - before == 3
    service.delay = 60
    send(calls, *(Step(Verb.CLOSE, key) for key in keys))
    before = calls.count
    results = poll(calls, Verb.CLOSE, *keys)
    assert [result.outcome for result in results.values()] == [Outcome.QUEUED] * 120
    assert calls.count - before == 3 + 20


# --- what is there -----------------------------------------------------------------------------


def test_the_list_holds_ours_and_the_dealers_own(calls, service):
    send(calls, step(), step(key="v1-b"), Step(Verb.PAUSE, "v1-b"))
    found = {ad.key: ad for ad in PORTAL.observe(calls)}
    assert found.keys() == {"v1-a", "v1-b", *(ad.key for ad in service.hand_made)}
    assert (found["v1-a"].remote, found["v1-a"].price_cents) == (Remote.ONLINE, 6_490_050)
    assert found["v1-b"].remote is Remote.PAUSED
    assert PORTAL.look(calls, "v1-a", "") == [found["v1-a"]]
    assert PORTAL.look(calls, "v1-z", "") == []
    service.delay = 60
    send(calls, step(key="v1-c"))
    assert [ad.remote for ad in PORTAL.look(calls, "v1-c", "")] == [Remote.PROCESSING]


def test_a_list_that_breaks_off_decides_nothing(calls, service):
    send(calls, *(step(key=f"v1-{number:03}") for number in range(60)))
    for trouble in (404, 500):
        listing = PORTAL.observe(calls)
        next(listing)
        service.trouble = [trouble]
        with pytest.raises(Incomplete):
            list(listing)


def test_a_list_that_is_too_short_decides_nothing(calls, service, monkeypatch):
    send(calls, step())
    whole = Simulated.shown
    monkeypatch.setattr(Simulated, "shown", lambda self, ad: {**whole(self, ad), "reference": "x"})
    with pytest.raises(Incomplete):  # one reference twice: another was not seen
        list(PORTAL.observe(calls))


def test_the_lists_of_cars_and_motorcycles(calls, service):
    makes = {term.name: term.code for term in PORTAL.terms(calls, "make", "")}
    assert makes["FIAT"] == "11"
    assert "HONDA" not in makes
    assert [term.name for term in PORTAL.terms(calls, "moto_make", "")] == ["HONDA"]
    assert [term.code for term in PORTAL.terms(calls, "model", "11")] == ["111"]
    assert [term.code for term in PORTAL.terms(calls, "trim", "11/111")] == ["1111", "1112"]
    with pytest.raises(ValueError, match="no list"):
        PORTAL.terms(calls, "trim", "11/..")


# --- the token ---------------------------------------------------------------------------------


def test_the_token_of_the_day_is_bought_once_and_kept(calls, service):
    account = calls.account
    list(PORTAL.observe(calls))
    list(PORTAL.observe(calls))
    assert service.counts["GET /clients/jwt"] == 1
    assert account.get("issued_token") == ""
    assert calls.account.get("issued_token").startswith("jwt-")
    assert float(calls.account.get("issued_until")) > time.time() + 60_000


def test_a_worn_token_is_renewed_once_by_whoever_comes_first(calls, service):
    list(PORTAL.observe(calls))
    service.end_tokens()

    def ask():
        calls.inside(lambda: PORTAL.look(calls, "v1-a", ""))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.counts["GET /clients/jwt"] == 2


def test_a_new_token_may_end_before_it_is_used(calls, service):
    service.faults.force(Fault.EXPIRED, "GET", "/vehicles", times=2)
    assert {ad.key for ad in PORTAL.observe(calls)} == {ad.key for ad in service.hand_made}
    service.faults.force(Fault.EXPIRED, "GET", "/vehicles", times=5)
    with pytest.raises(Locked):
        list(PORTAL.observe(calls))


def test_a_wrong_integration_token_needs_a_person(register, service):
    account = register("chavesnamao", base_url=service.url, access_token="other").account
    with PortalCalls(account, Pace(1000, 1000)) as calls, pytest.raises(Locked) as caught:
        list(PORTAL.observe(calls))
    assert caught.value.needs_person


def test_their_own_count_of_requests_is_heeded(calls, service, monkeypatch):
    list(PORTAL.observe(calls))
    assert calls.pace.rested == 0
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}
    monkeypatch.setattr(
        Simulated, "dress", lambda _self, answer: dataclasses.replace(answer, headers=used_up)
    )
    list(PORTAL.observe(calls))
    assert calls.pace.rested == 7
    used_up["x-ratelimit-reset"] = str(int(time.time()) + 30)
    list(PORTAL.observe(calls))
    assert 25 < calls.pace.rested <= 30
