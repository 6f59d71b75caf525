"""What every adapter must do, each against the simulator of its portal.

The dealer's own ads stand beside ours in all of these, and none may be touched.
"""

import json
from dataclasses import replace

import pytest

from core.clock import now
from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.every import PORTALS
from integrators.portals.portal import (
    NOBODY_KNOWS,
    CallFailed,
    HoldOn,
    Incomplete,
    Locked,
    NotSent,
    Outcome,
    Remote,
    Step,
    Unclear,
    Verb,
)
from tests.integrators.portals.cars import MOTORCYCLE, PLATE, Matched, car
from tests.integrators.portals.stand import CREATE, GOOD, LISTED_BY, LISTS, Stand, plain, text_of
from tests.simulators.every import SIMULATORS
from tests.simulators.faults import ANSWER_LOST, Fault

pytestmark = pytest.mark.sqlite_only  # about portals and no database
KEY = "v1-k3p9"
KINDS = sorted(set(PORTALS) & set(SIMULATORS))
CAN_PAUSE = [kind for kind in KINDS if PORTALS[kind].limits.can_pause]
# What of an ad as a portal keeps it another price may change.
PRICES = {"price", "value", "PrecoReal", "PrecoVenda", "CodigoAnuncio"}
CAN_EXPIRE = [kind for kind in KINDS if SIMULATORS[kind].can_expire]
SHOW_PRICE = [kind for kind in KINDS if PORTALS[kind].limits.shows_price]


@pytest.fixture
def stand(request, register):
    """The adapter of the kind, an account, and the portal with two ads of the dealer's own."""
    kind = request.param
    with SIMULATORS[kind]() as sim:
        before = {ad.external_id: (ad.state, ad.price_cents) for ad in sim.hand_made}
        account = register(kind, base_url=sim.url, **sim.settings).account
        stand = Stand(PORTALS[kind], sim, account)
        yield stand
        stand.close()
        after = {ad.external_id: (ad.state, ad.price_cents) for ad in sim.hand_made}
        assert sim.foreign_touched == 0
        assert before.items() <= after.items()


every = pytest.mark.parametrize("stand", KINDS, indirect=True)


# --- what is told ----------------------------------------------------------------------------


@every
def test_the_same_car_is_told_the_same_and_a_price_is_a_part_of_its_own(stand):
    told = stand.digests()
    assert stand.digests() == told
    cheaper = stand.digests(price_cents=5_990_000)
    changed = {name for name in told | cheaper if told.get(name) != cheaper.get(name)}
    assert changed
    assert all("price" in name.lower() for name in changed)
    assert stand.draft(car(price_cents=5_990_000)).price_cents == 5_990_000
    assert not stand.sim.requests  # a draft asks nobody


@every
def test_nothing_private_is_told_beyond_what_the_manual_demands(stand):
    told = text_of(stand.parts())
    assert PLATE.vin not in told
    assert stand.portal.needs_plate or PLATE.plate not in told
    without = stand.portal.draft(car(), stand.account, Matched({}), replace(PLATE, vin=""))
    assert PLATE.vin not in text_of(dict(without.parts))


@every
def test_a_word_nobody_knows_holds_the_car_back_with_the_field_to_mend(stand):
    made = stand.portal.draft(car(), stand.account, Matched({}), PLATE)
    for problem in made.problems:
        assert problem.words
        assert problem.field
    takes_names = stand.kind == "mercadolivre"
    assert takes_names or NOBODY_KNOWS in {problem.code for problem in made.problems}


@every
def test_a_car_without_a_picture_is_held_back_with_the_field_to_mend(stand):
    made = stand.portal.draft(car(photos=0), stand.account, Matched({}), PLATE)
    assert any(problem.field == "photos" and problem.words for problem in made.problems)


# --- a life ----------------------------------------------------------------------------------


@every
def test_what_is_put_up_is_seen_and_found(stand):
    made = stand.put_up(KEY)
    assert stand.sim.online() == {KEY: 6_490_050 if stand.kind in SHOW_PRICE else 6_490_000}
    seen = stand.observe()
    (ours,) = [ad for ad in seen if ad.key == KEY]
    assert ours.external_id
    assert ours.remote in GOOD
    assert made.external_id == ours.external_id
    assert len(seen) == 1 + len(stand.sim.hand_made)  # the dealer's own are told, as not ours
    for found in (stand.look(KEY), stand.look(KEY, made.external_id)):
        assert [ad.external_id for ad in found] == [made.external_id]
    assert stand.look("v9-nobody") == []


@every
def test_another_price_is_one_write_and_nothing_else(stand):
    made = stand.put_up(KEY)
    before = {name: value for name, value in stand.sim.ads[KEY].data.items()
              if name not in PRICES}  # fmt: skip
    writes = stand.sim.writes
    parts = stand.parts(price_cents=5_990_000)
    changed = frozenset(name for name in parts if "price" in name.lower())
    result = stand.one(Step(Verb.UPDATE, KEY, made.external_id, parts, changed))
    assert result.outcome is Outcome.DONE
    assert stand.sim.online() == {KEY: 5_990_000}
    assert stand.sim.writes == writes + 1
    after = {name: value for name, value in stand.sim.ads[KEY].data.items()
             if name not in PRICES}  # fmt: skip
    assert after == before


@pytest.mark.parametrize("stand", CAN_PAUSE, indirect=True)
def test_what_is_paused_is_hidden_until_it_goes_on(stand):
    made = stand.put_up(KEY)
    step = Step(Verb.PAUSE, KEY, made.external_id, stand.parts())
    assert stand.one(step).outcome is Outcome.DONE
    assert stand.sim.online() == {}
    (seen,) = stand.look(KEY, made.external_id)
    assert seen.remote is Remote.PAUSED
    assert stand.one(replace(step, verb=Verb.RESUME)).outcome is Outcome.DONE
    assert KEY in stand.sim.online()


@every
def test_what_is_closed_is_gone_and_closing_it_again_changes_nothing(stand):
    made = stand.put_up(KEY)
    step = Step(Verb.CLOSE, KEY, made.external_id)
    assert stand.one(step).outcome in {Outcome.DONE, Outcome.GONE}
    assert stand.sim.ads == {}
    over = {Remote.OFFLINE, Remote.NONE}
    assert all(ad.remote in over for ad in stand.look(KEY, made.external_id))
    assert all(ad.remote in over for ad in stand.observe() if ad.key == KEY)
    again = stand.one(step)
    assert again.outcome in {Outcome.DONE, Outcome.GONE}
    assert again.problem is None


@pytest.mark.parametrize("stand", CAN_EXPIRE, indirect=True)
def test_what_ran_out_is_put_on_again(stand):
    made = stand.put_up(KEY)
    stand.sim.expire(KEY)
    assert stand.sim.online() == {}
    parts = stand.parts()
    step = Step(Verb.RELIST, KEY, made.external_id, parts, frozenset(parts))
    result = stand.one(step)
    assert result.outcome is Outcome.DONE, result
    assert KEY in stand.sim.online()
    assert stand.sim.doubles == []
    (live,) = [ad for ad in stand.look(KEY) if ad.remote in GOOD]
    assert live.external_id == (result.external_id or made.external_id)


@every
def test_what_somebody_took_down_there_is_noticed(stand):
    made = stand.put_up(KEY)
    stand.sim.close_by_hand(KEY)
    assert not [ad for ad in stand.observe() if ad.key == KEY and ad.remote in GOOD]
    parts = stand.parts(price_cents=5_990_000)
    result = stand.one(Step(Verb.UPDATE, KEY, made.external_id, parts, frozenset({"price"})))
    # Forgotten and made anew, or brought back by the same call.
    assert result.outcome is Outcome.GONE or KEY in stand.sim.online()


@every
def test_an_update_leaves_what_a_new_ad_would_be(stand):
    made = stand.put_up(KEY)
    changes = {"price_cents": 5_990_000, "mileage_km": 40_100, "description": "Outro texto.",
               "features": ("abs",), "video_url": "", "history": {}, "doors": 2}  # fmt: skip
    before, after = stand.digests(), stand.digests(**changes)
    parts = stand.parts(**changes)
    changed = frozenset(name for name in before | after if before.get(name) != after.get(name))
    step = Step(Verb.UPDATE, KEY, made.external_id, parts, changed)
    assert stand.one(step).outcome is Outcome.DONE
    stand.put_up("v2-k3p9", **changes)
    ads = stand.sim.ads
    assert plain(ads[KEY].data) == plain(ads["v2-k3p9"].data)


# --- answers that get lost -------------------------------------------------------------------


@every
@pytest.mark.parametrize("fault", sorted(ANSWER_LOST))
def test_a_lost_answer_is_unclear_and_the_ad_is_found_again(stand, fault):
    stand.observe()  # a token is at hand
    stand.sim.faults.force(fault, *CREATE[stand.kind])
    with pytest.raises(Unclear), stand.calls() as calls:
        list(stand.portal.send(calls, [stand.create(KEY)]))
    found = [ad for ad in stand.look(KEY) if ad.remote in GOOD]
    assert len(found) == 1
    if stand.portal.repeat_is_edit:
        assert stand.one(stand.create(KEY)).outcome is Outcome.DONE
    assert set(stand.sim.online()) == {KEY}
    assert stand.sim.doubles == []


@every
def test_a_reset_before_the_work_leaves_nothing(stand):
    stand.observe()
    stand.sim.faults.force(Fault.RESET, *CREATE[stand.kind])
    with pytest.raises(Unclear), stand.calls() as calls:
        list(stand.portal.send(calls, [stand.create(KEY)]))
    assert stand.look(KEY) == []
    stand.put_up(KEY)


@every
def test_of_one_call_that_made_two_both_are_found(stand):
    stand.observe()
    stand.sim.faults.force(Fault.TWICE, *CREATE[stand.kind])
    stand.put_up(KEY)
    found = [ad for ad in stand.look(KEY) if ad.remote in GOOD]
    assert len(found) == len(stand.sim.standing(KEY))
    assert len({ad.external_id for ad in found}) == len(found)


@every
def test_a_list_that_is_not_whole_decides_nothing(stand):
    stand.put_up(KEY)
    stand.sim.fill(210)  # more than one page everywhere
    assert len(stand.observe()) == 1 + len(stand.sim.hand_made)
    method = LISTED_BY.get(stand.kind, "GET")
    for shape in LISTS[stand.kind]:
        for times in (1, 2):
            stand.sim.faults.force(Fault.SHORT, method, shape, times=times)
            if stand.kind == "olx" and times == 1:
                continue  # its first page is always whole
            with pytest.raises(Incomplete):
                stand.observe()
            stand.sim.faults.quiet()
        stand.sim.faults.force(Fault.CUT, method, shape)
        with pytest.raises((Incomplete, NotSent)):
            stand.observe()
        stand.sim.faults.quiet()


# --- patience, tokens, contract --------------------------------------------------------------


@every
@pytest.mark.parametrize(("fault", "reason"), [(Fault.BUSY, "limit"), (Fault.AWAY, "down")])
def test_who_asks_for_patience_gets_it(stand, fault, reason):
    stand.observe()
    stand.sim.faults.retry_after = 7
    stand.sim.faults.force(fault, *CREATE[stand.kind])
    with stand.calls() as calls:
        with pytest.raises(HoldOn) as held:
            list(stand.portal.send(calls, [stand.create(KEY)]))
        assert (held.value.seconds, held.value.reason) == (7, reason)
        asked = stand.sim.requests
        with pytest.raises(HoldOn):
            list(stand.portal.observe(calls))
    assert stand.sim.requests == asked
    assert stand.sim.ads == {}


@every
def test_a_worn_token_is_renewed_once_and_then_a_person_must_help(stand):
    stand.put_up(KEY)
    if stand.sim.has_expiry:
        stand.sim.end_tokens()
        assert KEY in {ad.key for ad in stand.observe()}
    stand.sim.lock_out()
    asked = stand.sim.requests
    with pytest.raises(Locked) as locked:
        stand.observe()
    assert locked.value.words
    assert locked.value.needs_person
    assert stand.sim.requests - asked <= 3  # the worn one, a new one, at most once more


@every
def test_a_portal_that_is_not_there_is_not_reached(stand):
    gone = replace(stand.account, base_url="http://127.0.0.1:9")
    with pytest.raises(NotSent), PortalCalls(gone, Pace(5000.0, 5000.0)) as calls:
        token = {"issued_token": "t", "issued_until": now().timestamp() + 999}
        calls.account = replace(gone, secrets={**gone.secrets, **token})
        list(stand.portal.send(calls, [stand.create(KEY)]))


@every
def test_the_contract_is_read_and_a_full_one_is_no_error(stand):
    stand.sim.slots = stand.sim.holds() + 1
    stand.put_up(KEY)
    with stand.calls() as calls:
        used = stand.portal.usage(calls)
    assert (used.total, used.used) == (stand.sim.slots, stand.sim.slots)
    result = stand.one(stand.create("v2-k3p9"))
    assert result.outcome is Outcome.NO_SLOT, result
    assert set(stand.sim.online()) == {KEY}


@every
@pytest.mark.parametrize("names_culprits", [True, False])
def test_an_ad_that_can_never_be_taken_refuses_only_itself(stand, names_culprits):
    stand.sim.names_culprits = names_culprits
    poison = stand.create("v2-veneno", trim="VENENO 1.0", description="VENENO puro")
    good = [stand.create(f"v{number}-k3p9") for number in (1, 3, 4)]
    steps = [good[0], poison, *good[1:]]
    size = stand.portal.limits.batch
    portions = [steps[start : start + size] for start in range(0, len(steps), size)]
    results = {}
    for portion in portions:
        results |= stand.send(*portion)
    assert results.pop("v2-veneno").outcome is Outcome.REFUSED
    assert {one.outcome for one in results.values()} == {Outcome.DONE}
    assert set(stand.sim.online()) == {step.key for step in good}
    problem = stand.one(poison).problem
    assert problem.code
    assert problem.words


@every
def test_what_a_person_there_refuses_is_told(stand):
    method, shape = CREATE[stand.kind]
    found = next(one for one, _pattern in stand.sim._routes
                 if (one.method, one.shape) == (method, shape))  # fmt: skip
    if Fault.MODERATED not in found.can:
        return  # nobody looks at ads there
    stand.observe()
    stand.sim.faults.force(Fault.MODERATED, method, shape)
    result = stand.one(stand.create(KEY))
    assert result.remote in {Remote.REJECTED, Remote.IN_REVIEW}
    assert stand.sim.online() == {}
    (seen,) = [ad for ad in stand.observe() if ad.key == KEY]
    assert seen.remote in {Remote.REJECTED, Remote.IN_REVIEW}


@every
def test_its_own_lists_are_read_from_the_root(stand):
    if not stand.portal.term_lists:
        return
    with stand.calls() as calls:
        makes = list(stand.portal.terms(calls, stand.portal.term_lists[0], ""))
    assert {"FIAT", "CHEVROLET"} <= {term.name.upper() for term in makes}
    assert all(term.code for term in makes)


@every
def test_a_portal_that_breaks_raises_what_has_a_name(stand):
    """Whatever befalls a read or a write, it is one of the failures of a call."""
    made = stand.put_up(KEY)
    stand.sim.faults.hold = stand.sim.faults.slow = 0.0
    stand.sim.faults.share = 1.0
    failed = 0
    for _round in range(6):
        try:
            stand.observe()
            stand.one(Step(Verb.CLOSE, KEY, made.external_id))
        except CallFailed:
            failed += 1
    assert failed
    stand.sim.faults.quiet()


# --- all sorts of cars -----------------------------------------------------------------------

SORTS = {
    "motorcycle": MOTORCYCLE,
    "truck": {"body": "truck", "make": "Volvo", "make_slug": "volvo", "model_name": "FH 460",
              "model_slug": "fh-460", "trim": "", "fuel": "diesel", "doors": 2},
    "brand_new": {"condition": "new", "mileage_km": 0, "built_year": 2026, "model_year": 2027},
    "electric": {"fuel": "electric", "transmission": "automatic", "engine": "", "power_hp": 150},
    "old": {"built_year": 1978, "model_year": 1978, "fuel": "gasoline", "power_hp": None},
    "bare": {"description": "", "legal_text": "", "video_url": "", "features": (), "history": {},
             "trim": "", "engine": "", "power_hp": None},
    "unknown": {"fuel": None, "transmission": None, "body": None, "color": None, "doors": None,
                "mileage_km": None, "built_year": None},
    "long": {"description": "Palavra comprida e mais uma. " * 900, "trim": "Versão " * 12},
    "hostile": {"description": "<script>x</script> ]]> \u2028 &amp; 🚗 <b>gratuita</b>",
                "trim": "<b> & \"aspas\" 🚗"},
    "dear": {"price_cents": 123_456_789_00},
    "cheap": {"price_cents": 1},
    "free": {"price_cents": 0},
}  # fmt: skip


class Guessed:
    """Knows a number for everything."""

    def code(self, list_name: str, *ours: str) -> str:
        return "7" if all(ours) else ""


@every
@pytest.mark.parametrize("sort", SORTS)
def test_what_is_not_held_back_is_taken(stand, sort):
    """An ad that the portal refuses by rules we know wastes a request and everybody's time."""
    stand.sim.any_term = True
    wanted = car(photos=40, **SORTS[sort])
    made = stand.portal.draft(wanted, stand.account, Guessed(), PLATE)
    assert all(problem.words and problem.code for problem in made.problems)
    json.dumps(dict(made.parts))
    if made.problems:
        return
    parts = dict(made.parts)
    result = stand.one(Step(Verb.CREATE, KEY, parts=parts, changed=frozenset(parts)))
    assert (result.outcome, result.problem) == (Outcome.DONE, None)
    assert KEY in stand.sim.online()
