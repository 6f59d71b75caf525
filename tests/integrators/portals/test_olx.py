"""What OLX is told of a car, and what its answers mean."""

from dataclasses import replace

import pytest

from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.olx import Olx
from integrators.portals.olx_answers import ad_status, codes_of, refusal
from integrators.portals.olx_draft import insert, model_year
from integrators.portals.portal import (
    HoldOn,
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
from tests.simulators.olx import Olx as Simulated
from tests.simulators.olx_rules import wrongs
from tests.simulators.server import said

PORTAL = Olx()
TERMS = Matched(
    {
        ("make", "fiat"): "21",
        ("model", "fiat", "argo"): "55",
        ("trim", "fiat", "argo", "drive-1-0"): "7",
        ("moto_make", "honda"): "3",
        ("moto_model", "honda", "cg-160"): "31",
        ("moto_trim", "honda", "cg-160", "titan"): "302",
        ("moto_cubiccms", "160"): "17",
    }
)


def draft(one=None, terms=TERMS, secrets=PLATE):
    return PORTAL.draft(one or car(), None, terms, secrets)


@pytest.fixture
def service():
    with Simulated() as simulated:
        yield simulated


@pytest.fixture
def calls(register, service):
    account = register("olx", base_url=service.url, **service.settings).account
    with PortalCalls(account, Pace(1000, 1000)) as calls:
        yield calls


def step(verb=Verb.CREATE, key="v1-a", external_id="", **offer):
    return Step(verb, key, external_id, draft(car(**offer)).parts)


def send(calls, *steps):
    return {result.key: result for result in PORTAL.send(calls, steps)}


def put_up(calls, service, *keys):
    """Ads that stand there, and their numbers."""
    send(calls, *(step(key=key) for key in keys))
    return {key: service.ads[key].external_id for key in keys}


# --- what is told ------------------------------------------------------------------------------


def test_a_used_car_in_olx_words(app):
    told = draft()
    assert not told.problems
    assert told.price_cents == 6_490_050
    ad = insert("v1-k3p9", told.parts)
    assert ad == {
        "id": "v1-k3p9",
        "operation": "insert",
        "category": 2020,
        "type": "s",
        "subject": "Fiat Argo Drive 1.0 Firefly 2022",
        "body": "Revisado.\n\nEquipamentos: Vidros elétricos, Ar-condicionado, Ar digital, "
        "Apple CarPlay.\n\nTexto legal.",
        "phone": 1633330000,
        "zipcode": "14000000",
        "price": 64900,
        "params": {
            "regdate": "2022", "mileage": 38500, "gearbox": "1", "fuel": "3", "exchange": "2",
            "owner": "1", "vehicle_brand": "21", "vehicle_model": "55", "vehicle_version": "7",
            "vehicle_tag": "ABC1D23", "cartype": "9", "doors": "2", "motorpower": "1",
            "car_features": ["1", "3", "10"], "carcolor": "2", "financial": ["2"],
        },
        "images": ["https://loja.example/m/1.jpg", "https://loja.example/m/2.jpg"],
        "videos": ["https://youtu.be/abc123XYZ_0"],
    }  # fmt: skip
    assert wrongs(ad, any_term=False) == []


def test_a_motorcycle_has_other_fuels_and_lists(app):
    told = draft(car(trim_slug="titan", **{**MOTORCYCLE, "fuel": "diesel"}))
    assert not told.problems
    assert told.parts["category"] == 2060
    assert told.parts["params"] == {
        "regdate": "2022", "mileage": 38500, "gearbox": "1", "fuel": "4", "exchange": "2",
        "owner": "1", "vehicle_brand": "3", "vehicle_model": "31", "vehicle_version": "302",
        "cubiccms": "17", "carcolor": "2", "financial": ["2"], "moto_features": ["1", "6"],
    }  # fmt: skip
    assert wrongs(insert("a", told.parts), any_term=False) == []


def test_a_truck_needs_no_make_and_may_run_on_gas(app):
    told = draft(car(body="truck", fuel="cng"), Matched({}))
    assert not told.problems
    assert told.parts["params"] == {
        "regdate": "2022", "mileage": 38500, "gearbox": "1", "fuel": "4",
        "truck_features": ["1", "2", "4"],
    }  # fmt: skip
    assert wrongs(insert("a", told.parts), any_term=False) == []


def test_what_is_not_known_is_left_out(app):
    bare = car(
        condition="new", mileage_km=None, fuel="cng", transmission=None, body=None, color=None,
        doors=None, engine="", features=(), history={}, description="", legal_text="",
        video_url="https://vimeo.com/1",
    )  # fmt: skip
    told = draft(bare, secrets=replace(PLATE, plate=""))
    assert not told.problems
    assert told.parts["params"] == {
        "regdate": "2022", "mileage": 0, "gnv_kit": "1", "zero_km": "1",
        "vehicle_brand": "21", "vehicle_model": "55", "vehicle_version": "7",
    }  # fmt: skip
    assert told.parts["text"]["body"] == "Fiat Argo Drive 1.0 Firefly 2022"
    assert wrongs(insert("a", told.parts), any_term=False) == []


@pytest.mark.parametrize(
    ("year", "listed"), [(2022, "2022"), (1980, "1980"), (1979, "1975"), (1931, "1950")]
)
def test_old_cars_have_every_fifth_year(year, listed):
    assert model_year(year) == listed


@pytest.mark.parametrize(
    ("engine", "code"),
    [("1.0 Turbo", "1"), ("1.1", None), ("2.0 16V", "10"), ("3.6 V6", "11"), ("6.2", "12")],
)
def test_engines_by_litres(app, engine, code):
    assert draft(car(engine=engine)).parts["params"].get("motorpower") == code


def test_the_text_is_cut_and_the_law_is_not(app):
    body = draft(car(description="Palavra " * 2000, extra_text="Entrega em todo o Brasil."))
    body = body.parts["text"]["body"]
    assert len(body) <= 6000
    assert body.endswith("Texto legal.\n\nEntrega em todo o Brasil.")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"price_cents": 0}, "no_price", "price"),
        ({"photos": 0}, "no_photo", "photos"),
        ({"mileage_km": None}, "no_mileage", "mileage"),
        ({"store": {"phone": "", "whatsapp": "+351912345678"}}, "no_phone", "store"),
        ({"store": {"postal_code": ""}}, "no_postal_code", "store"),
        ({"trim_slug": "", "trim": ""}, "no_trim", "trim"),
        ({"trim_slug": "other"}, "unknown_term", "terms"),
        ({"make_slug": "other"}, "unknown_term", "terms"),
        ({**MOTORCYCLE, "trim_slug": "titan", "engine": ""}, "no_engine", "engine"),
        ({**MOTORCYCLE, "trim_slug": "titan", "fuel": None}, "no_fuel", "fuel"),
        ({**MOTORCYCLE, "trim_slug": "titan", "fuel": "cng"}, "fuel_not_taken", "fuel"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(app, change, code, field):
    problems = draft(car(**change)).problems
    assert [(one.code, one.field) for one in problems] == [(code, field)]
    assert problems[0].words


@pytest.mark.parametrize(("plate", "code"), [("", "no_plate"), ("AB1", "bad_plate")])
def test_a_used_car_goes_with_its_plate(app, plate, code):
    problems = draft(secrets=replace(PLATE, plate=plate)).problems
    assert [(one.code, one.field) for one in problems] == [(code, "license_plate")]


def test_a_part_changes_by_itself(app):
    before, after = draft().parts, draft(car(price_cents=6_000_000)).parts
    changed = [name for name in before if part_digest(before[name]) != part_digest(after[name])]
    assert changed == ["price"]


# --- imports -----------------------------------------------------------------------------------


def test_an_import_is_queued_and_then_asked_for(calls, service):
    results = send(calls, step(key="v1-a"), step(key="v1-b"))
    tokens = {result.token for result in results.values()}
    assert {result.outcome for result in results.values()} == {Outcome.QUEUED}
    assert len(tokens) == 1
    assert service.writes == 1
    token = tokens.pop()
    waiting = [Waiting(key, "", Verb.CREATE, token) for key in ("v1-a", "v1-b")]
    for result in PORTAL.poll(calls, waiting):
        ad = service.ads[result.key]
        assert (result.outcome, result.remote) == (Outcome.DONE, Remote.ONLINE)
        assert (result.external_id, result.url) == (ad.external_id, ad.url)
    assert calls.count == 2


def test_an_import_that_olx_forgot_is_unclear(calls, service):
    waiting = [Waiting("v1-a", "", Verb.CREATE, "nothing")]
    assert [one.outcome for one in PORTAL.poll(calls, waiting)] == [Outcome.UNCLEAR]


def test_what_is_worked_on_stays_queued(calls, service):
    service.delay = 60
    result = send(calls, step())["v1-a"]
    found = next(iter(PORTAL.poll(calls, [Waiting("v1-a", "", Verb.CREATE, result.token)])))
    assert (found.outcome, found.token) == (Outcome.QUEUED, result.token)


def test_a_person_there_refuses_an_ad(calls, service, monkeypatch):
    answered = {"autoupload_status": "done", "ads": {
        "a": {"status": "refused", "operation": "insert", "list_id": 7,
              "message": ["REFUSED_SUSPECT_PRICE"]},
        "b": {"status": "error", "operation": "insert", "message": ["NOT_ENOUGH_AD_SLOTS"]},
        "c": {"status": "refused", "operation": "edit", "message": [{"category": "X"}]},
        "d": {"status": "error", "operation": "delete", "message": ["UNDEFINED_AD_ID"]},
    }}  # fmt: skip
    monkeypatch.setattr(Simulated, "show_import", lambda *_args, **_more: said(answered))
    waiting = [Waiting(key, "", Verb.CREATE, "t") for key in "abc"]
    waiting += [Waiting("d", "", Verb.CLOSE, "t"), Waiting("e", "", Verb.CLOSE, "t")]
    found = {one.key: one for one in PORTAL.poll(calls, waiting)}
    assert (found["a"].outcome, found["a"].remote) == (Outcome.REFUSED, Remote.REJECTED)
    assert found["a"].problem.field == "price"
    assert found["b"].outcome is Outcome.NO_SLOT
    assert (found["c"].outcome, found["c"].remote) == (Outcome.REFUSED, None)
    assert found["d"].outcome is Outcome.GONE
    assert found["e"].outcome is Outcome.UNCLEAR


def test_a_named_culprit_is_refused_and_the_others_go_again(calls, service):
    steps = [step(key=f"v1-{number}") for number in range(5)]
    steps[3] = step(key="v1-3", description="VENENO")
    results = send(calls, *steps)
    assert results.pop("v1-3").outcome is Outcome.REFUSED
    assert {result.outcome for result in results.values()} == {Outcome.NOT_YET}


def test_an_unnamed_culprit_is_found_by_halves(calls, service):
    service.names_culprits = False
    steps = [step(key=f"v1-{number}") for number in range(16)]
    steps[5] = step(key="v1-5", description="VENENO")
    results = send(calls, *steps)
    assert results.pop("v1-5").outcome is Outcome.REFUSED
    assert len(results) == 15
    assert {result.outcome for result in results.values()} == {Outcome.QUEUED}
    assert service.counts["PUT /autoupload/import"] == 9  # 1 + 2 for each of four halvings


@pytest.mark.parametrize(
    ("status", "error", "seconds"), [(-1, HoldOn, 60), (-2, HoldOn, 600), (-5, HoldOn, 60)]
)
def test_patience_that_is_asked_for_with_200(calls, service, status, error, seconds):
    service.next_statuses = [status]
    with pytest.raises(error) as caught:
        send(calls, step())
    assert caught.value.seconds == seconds


def test_a_plan_without_integration_is_no_bad_password(calls, service):
    service.has_plan = False
    with pytest.raises(Locked) as caught:
        send(calls, step())
    assert not caught.value.needs_person
    assert "Empresa" in caught.value.words


def test_a_token_that_is_turned_away_needs_a_person(register, service):
    account = register("olx", base_url=service.url, access_token="other").account
    with PortalCalls(account, Pace(1000, 1000)) as calls:
        for ask in (lambda: send(calls, step()), lambda: list(PORTAL.observe(calls))):
            with pytest.raises(Locked) as caught:
                ask()
            assert caught.value.needs_person


def test_places_run_short(calls, service):
    service.slots = 4  # two are the dealer's own
    results = send(calls, *(step(key=f"v1-{number}") for number in range(3)))
    assert [results[f"v1-{n}"].outcome for n in range(3)] == [
        Outcome.QUEUED, Outcome.QUEUED, Outcome.NO_SLOT,
    ]  # fmt: skip
    assert send(calls, step(key="v1-9"))["v1-9"].outcome is Outcome.NO_SLOT
    assert service.online_keys() == {"v1-0", "v1-1"}


def test_closing_what_nobody_knows_is_done(calls, service):
    result = send(calls, Step(Verb.CLOSE, "v1-a"))["v1-a"]
    assert (result.outcome, result.remote) == (Outcome.DONE, Remote.OFFLINE)
    put_up(calls, service, "v1-a")
    send(calls, Step(Verb.CLOSE, "v1-a"))
    assert service.ads == {}


def test_an_import_stays_below_a_megabyte(calls, service):
    long = "É longo. " * 650  # 6 kB and more in UTF-8
    steps = [step(key=f"v1-{number}", description=long) for number in range(200)]
    results = send(calls, *steps)
    assert {result.outcome for result in results.values()} == {Outcome.QUEUED}
    assert service.counts["PUT /autoupload/import"] == 2


def test_a_lost_answer_is_unclear_and_repeating_edits(calls, service):
    service.trouble = ["lost"]
    with pytest.raises(Unclear):
        send(calls, step())
    send(calls, step())
    assert service.doubles == []
    assert service.insertions == 1


# --- what is there -----------------------------------------------------------------------------


def test_the_list_holds_ours_and_the_dealers_own(calls, service, monkeypatch):
    monkeypatch.setattr("integrators.portals.olx.PAGE", 2)
    numbers = put_up(calls, service, "v1-a", "v1-b", "v1-c")
    found = {ad.key: ad for ad in PORTAL.observe(calls)}
    assert found.keys() == {"", "crm-77", "v1-a", "v1-b", "v1-c"}
    assert {found[key].external_id for key in numbers} == set(numbers.values())
    assert found["v1-a"].remote is Remote.ONLINE
    assert service.counts["GET /autoupload/v1/published"] == 3


def test_of_two_ads_with_one_key_the_standing_one_is_told(calls, service):
    put_up(calls, service, "v1-a")
    send(calls, Step(Verb.CLOSE, "v1-a"))
    newer = put_up(calls, service, "v1-a")["v1-a"]
    assert [ad.external_id for ad in PORTAL.observe(calls) if ad.key == "v1-a"] == [newer]


def test_a_list_that_breaks_off_decides_nothing(calls, service, monkeypatch):
    monkeypatch.setattr("integrators.portals.olx.PAGE", 2)
    put_up(calls, service, "v1-a", "v1-b", "v1-c")
    listing = PORTAL.observe(calls)
    next(listing)
    service.trouble = [404]
    with pytest.raises(Incomplete):
        list(listing)


def test_one_ad_is_looked_at_by_number_or_found_by_key(calls, service):
    number = put_up(calls, service, "v1-a")["v1-a"]
    for external_id in (number, ""):
        (ad,) = PORTAL.look(calls, "v1-a", external_id)
        assert (ad.external_id, ad.key, ad.remote) == (number, "v1-a", Remote.ONLINE)
    assert PORTAL.look(calls, "v1-z", "") == []
    assert PORTAL.look(calls, "v1-z", "999") == []


def test_expired_ads_are_renewed_under_their_number(calls, service):
    number = put_up(calls, service, "v1-a")["v1-a"]
    service.expire("v1-a")
    assert [ad.remote for ad in PORTAL.look(calls, "v1-a", number)] == [Remote.EXPIRED]
    parts = draft(car(price_cents=6_000_000)).parts
    results = send(
        calls,
        Step(Verb.RELIST, "v1-a", number, parts, frozenset({"price"})),
        Step(Verb.RELIST, "v1-b", "999", parts),
    )
    assert results["v1-a"].outcome is Outcome.QUEUED  # renewed, and its new price is under way
    assert results["v1-b"].outcome is Outcome.GONE
    assert service.online() == {"v1-a": 6_000_000}
    assert service.ads["v1-a"].external_id == number


def test_the_contract_and_the_lists(calls, service):
    service.slots = 10
    usage = PORTAL.usage(calls)
    assert (usage.total, usage.used, usage.plan_name) == (10, 2, "Plano Plus Empresa")
    makes = {term.name: term.code for term in PORTAL.terms(calls, "make", "")}
    assert makes["FIAT"] == "21"
    models = {term.name: term.code for term in PORTAL.terms(calls, "model", "21")}
    assert models["ARGO"] == "55"
    trims = [term.code for term in PORTAL.terms(calls, "trim", "21/55")]
    assert trims == ["7", "8"]
    assert "HONDA" in [term.name for term in PORTAL.terms(calls, "moto_make", "")]
    assert "250" in [term.name for term in PORTAL.terms(calls, "moto_cubiccms", "")]
    with pytest.raises(ValueError, match="no list"):
        PORTAL.terms(calls, "trim", "21/../55")


# --- words -------------------------------------------------------------------------------------


def test_a_refusal_says_what_to_do(app):
    problem = refusal(codes_of([{"category": "ERROR_VEHICLE_TAG_INVALID"}]))
    assert (problem.code, problem.field) == ("ERROR_VEHICLE_TAG_INVALID", "license_plate")
    assert "placa" in problem.words
    unknown = refusal(["ERROR_SOMETHING_NEW"])
    assert (unknown.code, unknown.field) == ("ERROR_SOMETHING_NEW", "")
    assert "ERROR_SOMETHING_NEW" in unknown.words


@pytest.mark.parametrize(
    ("status", "remote"),
    [
        ("published", Remote.ONLINE), ("published_pending_review", Remote.ONLINE),
        ("accepted", Remote.IN_REVIEW), ("pending_pay", Remote.NO_SLOTS),
        ("refused", Remote.REJECTED), ("expired", Remote.EXPIRED), ("deleted_sold", Remote.OFFLINE),
    ],
)  # fmt: skip
def test_a_notice_of_an_ads_state(app, status, remote):
    ad = ad_status(notice(status))
    assert (ad.key, ad.external_id, ad.remote) == ("v1-a", "1400000001", remote)
    assert ad.url == "https://www.olx.com.br/vi/1400000001.htm"
    assert bool(ad.words) is (status == "refused")


def test_other_posts_are_no_notices(app):
    assert ad_status(notice("teleported")) is None
    assert ad_status({"topic": "AD_STATUS", "data": []}) is None
    assert ad_status({"source": "olx", "adId": "v1-a"}) is None


def notice(status, key="v1-a"):
    return {
        "id": "b7f0c0de-0000-4000-8000-000000000001",
        "topic": "AD_STATUS",
        "created_at": "2026-11-20T12:00:00.123",
        "data": {
            "ad": {"id": key, "list_id": 1400000001, "category": 2020, "status": status,
                   "operation": "INSERT", "reason_tag": "REFUSED_SUSPECT_PRICE",
                   "message": "Suspeita no preço"},
            "actions": {"view": "https://www.olx.com.br/vi/1400000001.htm"},
        },
    }  # fmt: skip
