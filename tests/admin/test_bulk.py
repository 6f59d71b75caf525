"""Many cars at once: preview, apply, undo, and nothing by halves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from inventory import bulk as bulk_module
from inventory.bulk import APPLY, apply_bulk_change, take_step
from inventory.bulk_history import BulkChange, BulkItem
from inventory.editing import revise_vehicle
from inventory.models import PriceChange, Vehicle
from inventory.pricing import PriceRule, PriceRuleRefused, is_big_change
from jobs.models import Job
from tests.factories import make_store, make_vehicle

LOTS = "/admin/estoque/lotes/"
MINUS_5 = {"tipo": "preco", "sentido": "menos", "valor": "5", "unidade": "percent"}


def reread(vehicle: Vehicle) -> Vehicle:
    db.session.rollback()
    return db.session.get_one(Vehicle, vehicle.id)


def prices(cars) -> list[int | None]:
    return [reread(car).price_cents for car in cars]


def draft(person, cars, **rule):
    data = {"carros": ",".join(str(car.id) for car in cars), **rule}
    answer = person.post(f"{LOTS}novo", data)
    assert answer.status_code == 303, answer.text
    return answer.location


def apply(person, cars, **rule) -> str:
    page = draft(person, cars, **rule)
    assert person.post(f"{page}aplicar", {"confirmado": "1"}).status_code == 303
    return page


def change_price(car: Vehicle, cents: int, by: str = "ana@loja.example") -> None:
    with writing():
        revise_vehicle(reread(car), {"price_cents": cents}, by=by)


@pytest.fixture
def cars(app) -> list[Vehicle]:
    return [make_vehicle(price_cents=cents * 100) for cents in (50_000, 60_000, 71_234)]


@pytest.fixture
def small_steps(monkeypatch) -> None:
    """Two cars per transaction: three cars are a job already."""
    monkeypatch.setattr(bulk_module, "STEP", 2)


# --- the rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (PriceRule(percent=Decimal(-5)), 100_000_00, 95_000_00),
        (PriceRule(amount_cents=1_500_00), 100_000_00, 101_500_00),
        (PriceRule(percent=Decimal(-5), rounding="100"), 71_234_00, 67_700_00),
        (PriceRule(percent=Decimal(-5), rounding="990"), 71_234_00, 67_990_00),
        (PriceRule(rounding="990"), 71_234_00, 70_990_00),
        (PriceRule(percent=Decimal(-5), floor_cents=98_000_00), 100_000_00, 98_000_00),
        (PriceRule(percent=Decimal("2.5")), 99_99, 102_49),
    ],
)
def test_a_rule_makes_a_price(rule, old, new):
    assert rule.new_price(old) == new
    assert PriceRule.from_json(rule.as_json()) == rule


@pytest.mark.parametrize(
    ("rule", "old"),
    [
        (PriceRule(amount_cents=-10_000_00), 9_000_00),
        (PriceRule(percent=Decimal(-1), floor_cents=50_000_00), 40_000_00),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(rule, old):
    with pytest.raises(PriceRuleRefused):
        rule.new_price(old)


def test_a_big_change_is_more_than_15_percent():
    assert not is_big_change(100_000, 85_000)
    assert is_big_change(100_000, 84_999)
    assert is_big_change(100_000, 115_001)
    assert not is_big_change(None, 5)


# --- preview -------------------------------------------------------------------------------------


def test_a_preview_shows_old_and_new_and_names_what_stays_out(sign_in, cars):
    priceless = make_vehicle(price_cents=None, state="draft", make="Fiat", model="Uno")
    owner = sign_in()
    page = owner.get(draft(owner, [*cars, priceless], **MINUS_5)).text
    for words in ("R$\xa050.000", "R$\xa047.500", "Fiat Uno", "Ainda não tem preço"):
        assert words in page
    assert prices(cars) == [50_000_00, 60_000_00, 71_234_00]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"tipo": "<script>"},
        {"tipo": "preco"},
        {**MINUS_5, "valor": "muito"},
        {**MINUS_5, "valor": "99"},
        {**MINUS_5, "arredondar": "7"},
        {**MINUS_5, "minimo": "x"},
        {"tipo": "promocao", "promo": "inicio", "desconto": "5"},
        {"tipo": "promocao", "promo": "inicio", "desconto": "5", "ate": "2020-01-01"},
        {"tipo": "promocao", "promo": "inicio", "ate": "2099-01-01"},
        {"tipo": "loja", "nova-loja": "marte"},
        {"tipo": "situacao", "nova-situacao": "roubado"},
    ],
)
def test_a_rule_that_makes_no_sense_is_422_with_what_was_typed(sign_in, cars, rule):
    answer = sign_in().post(f"{LOTS}novo", {"carros": str(cars[0].id), **rule})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    if rule.get("valor"):
        assert f'value="{rule["valor"]}"' in answer.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BulkChange)) == 0


def test_nothing_chosen_is_said(sign_in):
    owner = sign_in()
    assert owner.get(f"{LOTS}novo").status_code == 303
    assert owner.post(f"{LOTS}novo", {"carros": "999", **MINUS_5}).status_code == 422
    assert "Nenhuma alteração em lote ainda" in owner.get(LOTS).text


def test_all_that_match_a_filter_are_meant(sign_in, cars):
    other = make_vehicle(make="Fiat", model="Uno")
    owner = sign_in()
    assert owner.get(f"{LOTS}novo?tudo=1&q=onix").status_code == 200
    answer = owner.post(f"{LOTS}novo", {"filtro": "q=onix", **MINUS_5})
    owner.post(f"{answer.location}aplicar")
    assert prices([*cars, other]) == [47_500_00, 57_000_00, 67_672_30, 69_900_00]


# --- applying ------------------------------------------------------------------------------------


def test_prices_change_with_one_row_and_before_values(sign_in, cars):
    owner = sign_in()
    page = apply(owner, cars, **MINUS_5)
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]
    bulk = db.session.scalars(sa.select(BulkChange)).one()
    items = db.session.scalars(sa.select(BulkItem).order_by(BulkItem.vehicle_id)).all()
    assert (bulk.state, bulk.actor, bulk.total) == ("done", "owner@loja.example", 3)
    assert [item.before["price_cents"] for item in items] == [50_000_00, 60_000_00, 71_234_00]
    assert "47.500" in owner.get(page).text
    assert "− 5%" in owner.get(LOTS).text


def test_applying_twice_applies_once(sign_in, cars):
    owner = sign_in()
    page = apply(owner, cars, **MINUS_5)
    assert owner.post(f"{page}aplicar").status_code == 303
    assert prices(cars)[0] == 47_500_00


def test_prices_far_from_the_old_are_asked_about_twice(sign_in, cars):
    owner = sign_in()
    page = draft(owner, cars, **{**MINUS_5, "valor": "20"})
    answer = owner.post(f"{page}aplicar")
    assert answer.status_code == 409
    assert "15%" in answer.text
    assert prices(cars)[0] == 50_000_00
    owner.post(f"{page}aplicar", {"confirmado": "1"})
    assert prices(cars)[0] == 40_000_00


def test_a_car_changed_since_the_preview_stays_out_and_is_named(sign_in, cars):
    owner = sign_in()
    page = draft(owner, cars, **MINUS_5)
    change_price(cars[1], 61_000_00)
    owner.post(f"{page}aplicar")
    assert prices(cars) == [47_500_00, 61_000_00, 67_672_30]
    assert "ana@loja.example" in owner.get(page).text


def test_one_refused_car_does_not_stop_the_others(sign_in, cars):
    draft_car = make_vehicle(state="draft", price_cents=None)
    ready = make_vehicle(state="draft")
    page = apply(owner := sign_in(), [draft_car, ready], tipo="situacao",
                 **{"nova-situacao": "published"})  # fmt: skip
    assert reread(draft_car).state == "draft"
    assert reread(ready).state == "published"
    assert "error-text" in owner.get(f"{page}?so=refused").text


def test_a_price_that_a_cars_own_text_contradicts_stays_out(sign_in, cars):
    with writing():
        texts = {"description": "Por R$ 60.000 à vista."}
        revise_vehicle(reread(cars[1]), texts, by="ana@loja.example")
    owner = sign_in()
    page = draft(owner, cars, **MINUS_5)
    assert "Lei 10.962" in owner.get(page).text
    owner.post(f"{page}aplicar")
    assert prices(cars) == [47_500_00, 60_000_00, 67_672_30]


def test_promotions_highlights_stores_and_states_change_and_come_back(sign_in, cars):
    other = make_store()
    owner = sign_in()
    last = today() + timedelta(days=10)
    rules = [
        {"tipo": "promocao", "promo": "inicio", "desconto": "10", "ate": last.isoformat()},
        {"tipo": "destaque", "realce": "sim"},
        {"tipo": "loja", "nova-loja": other.slug},
        {"tipo": "situacao", "nova-situacao": "archived"},
    ]
    fields = ("promo_price_cents", "promo_until", "highlight_rank", "store_id", "state")
    before = [[getattr(reread(car), name) for name in fields] for car in cars]
    pages = [apply(owner, cars, **rule) for rule in rules]
    car = reread(cars[0])
    assert (car.promo_price_cents, car.promo_until) == (45_000_00, last)
    assert (car.highlight_rank is not None, car.store_id, car.state) == (True, other.id, "archived")
    for page in reversed(pages):
        owner.post(f"{page}desfazer")
    assert [[getattr(reread(car), name) for name in fields] for car in cars] == before


def test_ending_a_promotion(sign_in):
    car = make_vehicle(promo_price_cents=60_000_00, promo_until=today())
    apply(sign_in(), [car], tipo="promocao", promo="fim")
    assert reread(car).promo_price_cents is None


# --- undoing -------------------------------------------------------------------------------------


def test_undo_restores_what_nobody_changed_and_names_the_rest(sign_in, cars):
    owner = sign_in()
    page = apply(owner, cars, **MINUS_5)
    change_price(cars[1], 59_000_00)
    for _again in range(2):
        assert owner.post(f"{page}desfazer").status_code == 303
    assert prices(cars) == [50_000_00, 59_000_00, 71_234_00]
    kept = owner.get(f"{page}?so=kept").text
    assert "ana@loja.example" in kept


def test_undo_ends_after_seven_days(sign_in, cars):
    owner = sign_in()
    page = apply(owner, cars, **MINUS_5)
    with writing() as session:
        bulk = session.scalars(sa.select(BulkChange)).one()
        bulk.finished_at -= timedelta(days=8)
    owner.post(f"{page}desfazer")
    assert prices(cars)[0] == 47_500_00
    assert "7 dias" in owner.get(page).text


# --- as a job ------------------------------------------------------------------------------------


def run_job() -> None:
    job = db.session.scalars(sa.select(Job).where(Job.kind == APPLY)).one()
    payload = job.payload
    db.session.rollback()
    apply_bulk_change(payload)


def start_big(person, cars) -> str:
    return apply(person, cars, **MINUS_5)


def test_many_are_a_job_with_progress(sign_in, cars, small_steps):
    owner = sign_in()
    page = start_big(owner, cars)
    assert prices(cars)[0] == 50_000_00
    assert "<progress" in owner.get(page).text
    run_job()
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]
    assert "<progress" not in owner.get(page).text


def one_step() -> None:
    with writing():
        take_step(db.session.scalar(sa.select(BulkChange.id)))


def test_a_worker_killed_half_way_is_followed_by_one_that_finishes(sign_in, cars, small_steps):
    start_big(sign_in(), cars)
    one_step()  # and then the worker dies
    assert prices(cars) == [47_500_00, 57_000_00, 71_234_00]
    run_job()
    run_job()
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]
    changes = db.session.scalar(sa.select(sa.func.count()).select_from(PriceChange))
    assert changes == 3


def test_a_step_that_fails_leaves_nothing_of_itself(sign_in, cars, small_steps):
    start_big(sign_in(), cars)

    def die_half_way() -> None:
        with writing():
            take_step(db.session.scalar(sa.select(BulkChange.id)))
            raise SystemExit

    with pytest.raises(SystemExit):
        die_half_way()
    assert prices(cars) == [50_000_00, 60_000_00, 71_234_00]
    run_job()
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]


def test_stopping_half_way_undoes_exactly_what_was_done(sign_in, cars, small_steps):
    owner = sign_in()
    page = start_big(owner, cars)
    one_step()
    assert owner.post(f"{page}desfazer").status_code == 303
    bulk_id = db.session.scalar(sa.select(BulkChange.id))
    db.session.rollback()
    apply_bulk_change({"bulk_id": bulk_id})
    assert prices(cars) == [50_000_00, 60_000_00, 71_234_00]
    states = db.session.scalars(sa.select(BulkItem.state).order_by(BulkItem.vehicle_id)).all()
    assert states == ["undone", "undone", "skipped"]
    assert db.session.scalar(sa.select(BulkChange.state)) == "undone"


def test_a_change_whose_job_died_says_so_and_goes_on_where_it_stopped(sign_in, cars, small_steps):
    owner = sign_in()
    page = start_big(owner, cars)
    one_step()
    with writing() as session:
        job = session.scalars(sa.select(Job).where(Job.kind == APPLY)).one()
        job.state, job.last_error = "dead", "O processo parou duas vezes."
    told = owner.get(page).text
    assert "O processo parou duas vezes." in told
    assert "2 de 3 carros" in told
    for _click in range(2):
        assert owner.post(f"{page}retomar").status_code == 303
    assert "Tentar de novo" not in owner.get(page).text
    run_job()
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]


def test_a_job_for_what_is_gone_ends(app):
    apply_bulk_change({"bulk_id": 12345})


# --- who may -------------------------------------------------------------------------------------


def test_other_roles_and_other_stores_get_404(sign_in, cars):
    mine = make_store()
    owner, seller = sign_in(), sign_in("seller")
    supervisor = sign_in("supervisor", stores=[mine])
    page = apply(owner, cars, **MINUS_5)
    for person in (seller, supervisor):
        for path in (page, f"{page}aplicar", f"{page}desfazer"):
            answer = person.get(path) if path == page else person.post(path)
            assert answer.status_code == 404, path
    assert seller.get(LOTS).status_code == 404
    assert seller.post(f"{LOTS}novo", MINUS_5).status_code == 404
    assert "− 5%" not in supervisor.get(LOTS).text


def test_cars_of_other_stores_are_never_among_the_chosen(sign_in, cars):
    mine = make_store()
    own = make_vehicle(store=mine)
    supervisor = sign_in("supervisor", stores=[mine])
    apply(supervisor, [*cars, own], **MINUS_5)
    answer = supervisor.post(f"{LOTS}novo", {"filtro": "q=onix", **MINUS_5})
    supervisor.post(f"{answer.location}aplicar", {"confirmado": "1"})
    assert prices(cars) == [50_000_00, 60_000_00, 71_234_00]
    assert prices([own])[0] < 69_900_00


def test_nobody_applies_anothers_preview(sign_in, cars):
    page = draft(sign_in(), cars, **MINUS_5)
    other = sign_in("supervisor")
    assert other.post(f"{page}aplicar", {"confirmado": "1"}).status_code == 404
    assert prices(cars)[0] == 50_000_00


def test_hostile_names_come_out_as_text(sign_in):
    car = make_vehicle(trim="<script>alert(1)</script>", price_cents=50_000_00)
    owner = sign_in()
    page = draft(owner, [car], **MINUS_5)
    texts = owner.get(page).text
    owner.post(f"{page}aplicar")
    assert "<script>alert" not in texts + owner.get(page).text


# --- several at once ---------------------------------------------------------------------------


def together(app, *calls) -> list[object]:
    """Run the calls at the same moment, each in a thread with a session of its own."""
    ready = Barrier(len(calls))

    def run(call):
        with app.app_context():
            ready.wait()
            return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [job.result() for job in [pool.submit(run, call) for call in calls]]


def test_two_who_apply_the_same_preview_at_once_apply_it_once(app, sign_in, cars):
    owner = sign_in()
    page = draft(owner, cars, **MINUS_5)
    again = partial(owner_post, app, owner, f"{page}aplicar")
    assert together(app, again, again) == [303, 303]
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]


def owner_post(app, owner, path: str) -> int:
    """The same session in another browser window."""
    client = app.test_client()
    for cookie in owner.client._cookies.values():
        client._cookies[cookie._storage_key] = cookie
    return client.post(path, data={"confirmado": "1"}, headers={"X-CSRF-Token": owner.token}
                       ).status_code  # fmt: skip


def test_two_workers_on_one_change_take_turns(app, sign_in, cars, small_steps):
    start_big(sign_in(), cars)
    bulk_id = db.session.scalar(sa.select(BulkChange.id))
    db.session.rollback()
    work = partial(apply_bulk_change, {"bulk_id": bulk_id})
    together(app, work, work)
    assert prices(cars) == [47_500_00, 57_000_00, 67_672_30]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PriceChange)) == 3


def test_applying_and_stopping_at_once_ends_in_one_of_both(app, sign_in, cars, small_steps):
    owner = sign_in()
    page = start_big(owner, cars)
    bulk_id = db.session.scalar(sa.select(BulkChange.id))
    db.session.rollback()
    work = partial(apply_bulk_change, {"bulk_id": bulk_id})
    stop = partial(owner_post, app, owner, f"{page}desfazer")
    together(app, work, stop)
    apply_bulk_change({"bulk_id": bulk_id})
    assert prices(cars) == [50_000_00, 60_000_00, 71_234_00]
