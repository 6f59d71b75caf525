"""What Mercado Livre is told of a car, and what its answers mean."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.mercadolivre import MercadoLivre
from integrators.portals.mercadolivre_refusals import problem_of
from integrators.portals.portal import (
    Car,
    HoldOn,
    Incomplete,
    Locked,
    Outcome,
    Remote,
    Reply,
    Secrets,
    Step,
    StoreContact,
    Verb,
)
from inventory.availability import Availability
from inventory.offers import Offer, OfferStore
from tests.simulators.faults import Fault
from tests.simulators.mercadolivre import MercadoLivre as Simulated

INSTANT = datetime(2026, 11, 20, tzinfo=UTC)
PORTAL = MercadoLivre()
STORE = StoreContact(
    "Loja Exemplo", "Av. Exemplo, 100", "Centro", "Ribeirão Preto", "SP", "14000000",
    -21.17, -47.81, "+551633330000", "+5516999990000", "contato@exemplo.com.br",
)  # fmt: skip
OFFER = Offer(
    id=1, public_id="k3p9", slug="fiat-argo", availability=Availability.AVAILABLE,
    make="Fiat", make_slug="fiat", model_name="Argo", model_slug="argo", trim="Drive 1.0 Flex",
    condition="used", built_year=2021, model_year=2022, price_cents=6_490_000,
    previous_price_cents=None, promo_until=None, mileage_km=38_500, fuel="flex",
    transmission="manual", body="hatch", color="white", doors=5, engine="1.0", power_hp=77,
    plate_final_digit="3", fipe_code=None, fipe_price_cents=None, fipe_month=None,
    features=("air_conditioning", "digital_ac", "power_steering", "carplay"),
    history={"single_owner": True, "accepts_trade": False},
    description="<p>Revisado.</p> Ligue (16) 3333-0000 e agende.\nVenha à Av. Exemplo, 100!",
    legal_text="", video_url="https://youtu.be/abc123",
    store=OfferStore(1, "l", "Loja", "Ribeirão Preto", "SP"), photos=(),
    published_at=INSTANT, updated_at=INSTANT, state_changed_at=INSTANT,
    highlight_rank=None,
)  # fmt: skip
CAR = Car(OFFER, STORE, "https://loja.example/oferta/x", ("https://loja.example/m/1.jpg",))


class Nobody:
    """Terms of a portal whose lists nobody has read yet."""

    def code(self, list_name: str, *ours: str) -> str:
        return ""


class Known:
    """Terms that know the Argo."""

    def code(self, list_name: str, *ours: str) -> str:
        return {("make", "fiat"): "m1", ("model", "fiat", "argo"): "m2"}.get((list_name, *ours), "")


def draft(car: Car = CAR, terms=None):
    return PORTAL.draft(car, None, terms or Nobody(), Secrets(plate="ABC1D23"))


@pytest.fixture
def service():
    with Simulated() as simulated:
        yield simulated


@pytest.fixture
def calls(register, service):
    account = register("mercadolivre", base_url=service.url, **service.settings).account
    with PortalCalls(account, Pace(500, 500)) as calls:
        yield calls


def do(calls, verb, *, external_id="", changed=(), car=CAR, key="v1-k3p9"):
    parts = {} if verb in {Verb.PAUSE, Verb.RESUME, Verb.CLOSE} else draft(car).parts
    step = Step(verb, key, external_id, parts, frozenset(changed))
    (result,) = PORTAL.send(calls, [step])
    return result


# --- the draft -------------------------------------------------------------------------------


def test_a_car_is_told_in_the_portals_own_values(app):
    told = draft()
    assert told.problems == ()
    assert told.price_cents == 6_490_000
    assert told.parts == {
        "title": "Fiat Argo Drive 1.0 Flex 2022",
        "category_id": "MLB1744",
        "price": 64900,
        "pictures": [{"source": "https://loja.example/m/1.jpg"}],
        "video_id": "abc123",
        "location": {
            "address_line": "Av. Exemplo, 100",
            "zip_code": "14000000",
            "neighborhood": {"name": "Centro"},
            "city": {"name": "Ribeirão Preto"},
            "state": {"id": "BR-SP"},
            "country": {"id": "BR"},
            "latitude": -21.17,
            "longitude": -47.81,
        },
        "seller_contact": {
            "contact": "Loja Exemplo",
            "country_code": "55",
            "area_code": "16",
            "phone": "33330000",
            "country_code2": "55",
            "phone2": "16999990000",
            "email": "contato@exemplo.com.br",
        },
        "attributes": [
            {"id": "BRAND", "value_id": "67781"},
            {"id": "MODEL", "value_name": "Argo"},
            {"id": "TRIM", "value_name": "Drive 1.0 Flex"},
            {"id": "VEHICLE_YEAR", "value_name": "2022"},
            {"id": "ITEM_CONDITION", "value_id": "2230581"},
            {"id": "KILOMETERS", "value_name": "38500 km"},
            {"id": "FUEL_TYPE", "value_id": "372591"},
            {"id": "TRANSMISSION", "value_id": "370877"},
            {"id": "VEHICLE_BODY_TYPE", "value_id": "479344"},
            {"id": "COLOR", "value_id": "52055"},
            {"id": "DOORS", "value_name": "5"},
            {"id": "ENGINE", "value_name": "1.0"},
            {"id": "STEERING", "value_id": "370873"},
            {"id": "SINGLE_OWNER", "value_id": "242085"},
            {"id": "SALE_WITH_EXCHANGE", "value_id": "242084"},
            {"id": "HAS_AIR_CONDITIONING", "value_id": "242085"},
        ],
        "description": told.parts["description"],
    }
    # Of what staff wrote, the sentences with a phone or an address stay at home.
    words, equipment = told.parts["description"].split("\n\n")
    assert words == "Revisado."
    assert "Apple CarPlay" in equipment


def test_the_portals_own_codes_go_before_ours(app):
    attributes = draft(terms=Known()).parts["attributes"]
    assert attributes[:2] == [{"id": "BRAND", "value_id": "m1"}, {"id": "MODEL", "value_id": "m2"}]


def test_other_vehicles_go_by_name(app):
    parts = draft(replace(CAR, offer=replace(OFFER, body="motorcycle"))).parts
    assert parts["category_id"] == "MLB1763"
    assert {"id": "BRAND", "value_name": "Fiat"} in parts["attributes"]
    assert {"id": "COLOR", "value_name": "Branco"} in parts["attributes"]
    assert not any("HAS_" in one["id"] for one in parts["attributes"])
    assert draft(replace(CAR, offer=replace(OFFER, body="truck"))).parts["category_id"] == "MLB5839"


def test_a_long_title_keeps_whole_words_and_the_year(app):
    offer = replace(OFFER, trim="Limited Edition 2.0 Turbo Diesel 4x4 Automático Zap 16 99999-0000")
    title = draft(replace(CAR, offer=offer)).parts["title"]
    assert title == "Fiat Argo 2022" or (len(title) <= 60 and title.endswith(" 2022"))
    assert "99999" not in title


@pytest.mark.parametrize(
    ("car", "code"),
    [
        (replace(CAR, photos=()), "no_photo"),
        (replace(CAR, offer=replace(OFFER, price_cents=0)), "no_price"),
        (replace(CAR, store=replace(STORE, postal_code="")), "no_postal_code"),
        (replace(CAR, store=replace(STORE, phone="", whatsapp="")), "no_phone"),
    ],
)
def test_what_is_missing_is_said_with_its_place(app, car, code):
    (problem,) = draft(car).problems
    assert problem.code == code
    assert problem.words
    assert problem.field


# --- its life --------------------------------------------------------------------------------


def test_an_ad_is_put_up_changed_paused_and_closed(calls, service):
    made = do(calls, Verb.CREATE)
    assert (made.outcome, made.remote, made.missing) == (Outcome.DONE, Remote.ONLINE, frozenset())
    ad = service.everything[made.external_id]
    assert (ad.key, ad.price_cents) == ("v1-k3p9", 6_490_000)
    assert ad.data["description"].startswith("Revisado.")
    assert service.shown(ad)["tags"] == []

    before = service.requests
    cheaper = replace(CAR, offer=replace(OFFER, price_cents=6_290_050))
    do(calls, Verb.UPDATE, external_id=ad.external_id, changed={"price"}, car=cheaper)
    assert service.requests == before + 1  # a price is one request
    assert service.everything[ad.external_id].price_cents == 6_290_050

    for verb, remote in ((Verb.PAUSE, Remote.PAUSED), (Verb.RESUME, Remote.ONLINE),
                         (Verb.CLOSE, Remote.OFFLINE), (Verb.CLOSE, Remote.OFFLINE)):  # fmt: skip
        done = do(calls, verb, external_id=ad.external_id)
        assert (done.outcome, done.remote) == (Outcome.DONE, remote)
    assert do(calls, Verb.UPDATE, external_id=ad.external_id).outcome is Outcome.GONE
    assert do(calls, Verb.PAUSE, external_id="MLB1").outcome is Outcome.GONE


def test_a_lost_description_is_owed_and_no_second_ad_is_made(calls, service):
    service.faults.force(Fault.BROKEN, "POST", "/items/<item>/description")
    step = Step(Verb.CREATE, "v1-k3p9", "", draft().parts)
    results = PORTAL.send(calls, [step])
    made = next(iter(results))
    assert (made.outcome, made.missing) == (Outcome.DONE, frozenset({"description"}))
    do(calls, Verb.UPDATE, external_id=made.external_id, changed={"description"})
    assert service.everything[made.external_id].data["description"].startswith("Revisado.")
    assert [ad.external_id for ad in PORTAL.look(calls, "v1-k3p9", "")] == [made.external_id]


def test_an_expired_ad_gets_a_new_id_and_owes_what_changed(calls, service):
    old = do(calls, Verb.CREATE)
    service.expire("v1-k3p9")
    late = do(calls, Verb.UPDATE, external_id=old.external_id, changed={"title"})
    assert (late.remote, late.missing) == (Remote.EXPIRED, frozenset({"title"}))
    new = do(calls, Verb.RELIST, external_id=old.external_id, changed={"title", "price"})
    assert new.external_id != old.external_id
    assert new.missing == {"title", "attributes"}
    found = {ad.external_id: ad.remote for ad in PORTAL.look(calls, "v1-k3p9", new.external_id)}
    assert found == {old.external_id: Remote.EXPIRED, new.external_id: Remote.ONLINE}


def test_a_car_that_becomes_another_kind_begins_anew(calls, service):
    made = do(calls, Verb.CREATE)
    other = replace(CAR, offer=replace(OFFER, body="motorcycle"))
    done = do(calls, Verb.UPDATE, external_id=made.external_id, changed={"category_id"}, car=other)
    assert done.outcome is Outcome.GONE
    assert service.everything[made.external_id].state == "closed"


def test_all_ads_are_seen_those_made_by_hand_too(calls, service):
    made = do(calls, Verb.CREATE)
    seen = {ad.external_id: ad for ad in PORTAL.observe(calls)}
    assert len(seen) == 3
    assert seen[made.external_id].key == "v1-k3p9"
    assert seen[made.external_id].price_cents == 6_490_000
    assert not any(
        ad.key.startswith("v1-") for name, ad in seen.items() if name != made.external_id
    )


@pytest.mark.parametrize("shape", ["/users/<user>/items/search", "/items"])
def test_a_list_that_is_not_whole_decides_nothing(calls, service, shape):
    service.faults.force(Fault.SHORT, "GET", shape)
    with pytest.raises(Incomplete):
        list(PORTAL.observe(calls))


def test_the_contract_and_the_lists(calls, service):
    assert PORTAL.usage(calls).total is None
    service.slots = 0
    usage = PORTAL.usage(calls)
    assert (usage.total, usage.plan_name) == (0, "Pacote Ouro")
    assert do(calls, Verb.CREATE).outcome is Outcome.NO_SLOT
    makes = {term.name: term.code for term in PORTAL.terms(calls, "make", "")}
    assert makes["Fiat"] == "67781"
    assert [term.name for term in PORTAL.terms(calls, "model", makes["Fiat"])] == ["Argo", "Mobi"]


# --- no --------------------------------------------------------------------------------------


def test_a_dead_token_is_renewed_once_and_then_a_person_is_asked(calls, service):
    do(calls, Verb.CREATE)
    service.issued.access = "another"
    assert PORTAL.usage(calls)
    assert service.used == ["r0", "r1"]
    service.issued.access, service.issued.refresh = "another", "another"
    with pytest.raises(Locked):
        PORTAL.usage(calls)


def test_patience_is_passed_on(calls, service):
    service.faults.force(Fault.BUSY)
    with pytest.raises(HoldOn):
        PORTAL.usage(calls)


@pytest.mark.parametrize(
    ("code", "references", "message", "field"),
    [
        (173, ["item.pictures"], "LTP_PICTURE_REQUIRED", "photos"),
        (122, ["item.price"], "price must be greater than 0", "price_cents"),
        (147, ["item.attributes"], "Attributes [TRIM] are required", "features"),
        ("item.title.length", [], "too long", "trim"),
        (181, ["item.seller_contact"], "phone2 is required", "store"),
        ("anything", None, "who knows", ""),
    ],
)
def test_refusals_name_the_field(app, code, references, message, field):
    cause = [
        {"type": "warning", "code": 1, "message": "price", "references": ["item.price"]},
        {"type": "error", "code": code, "message": message, "references": references},
    ]
    problem = problem_of(Reply(400, {"message": "Validation error", "cause": cause}))
    assert problem.field == field
    assert message in problem.words


def test_a_refused_ad_says_why(calls, service):
    bad = replace(CAR, offer=replace(OFFER, price_cents=-100))
    result = do(calls, Verb.CREATE, car=bad)
    assert (result.outcome, result.problem.field) == (Outcome.REFUSED, "price_cents")


def test_a_refusal_nobody_can_read_may_mean_that_the_package_is_full(calls, service):
    PORTAL.usage(calls)  # the token is at hand
    service.slots = 0
    service.trouble = [418]
    assert do(calls, Verb.CREATE).outcome is Outcome.NO_SLOT
    service.slots = None
    service.trouble = [418]
    assert do(calls, Verb.CREATE).outcome is Outcome.REFUSED


def test_nobody_asks_for_a_token_before_the_time_they_named(calls, service):
    service.faults.force(Fault.BUSY, "POST", "/oauth/token")
    with pytest.raises(HoldOn):
        PORTAL.usage(calls)
    calls.held = None  # another pass
    assert PORTAL.usage(calls)
    assert service.impatient == 0
