"""What became of leads, by what they share; how the queue was worked. Numbers against a count by
hand over the same events."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from leads.figures import Window
from leads.models import Lead, LeadEvent
from leads.pipeline import team_figures
from leads.pipeline.conversion import By, Steps, by_week, by_weekday_hour, conversion, total
from leads.pipeline.log import undo
from leads.pipeline.stages import Stage
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import happen, make_lead, make_staff

CALL = {"channel": "phone", "evidence": "call"}


def window(days: int = 30, store_ids=None) -> Window:
    return Window(now() - timedelta(days=days), now() + timedelta(hours=1), store_ids)


def test_every_step_is_counted_by_every_group_from_events_that_stand(app, statements):
    store = make_store()
    ana, car = make_staff(), make_vehicle(store=store)
    facts = {"store_id": store.id, "vehicle_id": car.id}
    sold = make_lead(source="landing", source_ref="feirao", **facts)
    asked = make_lead(source="olx", **facts)
    make_lead(source="olx", is_test=True)
    make_lead(source="olx", is_suspect=True)
    make_lead(source="olx", at=now() - timedelta(days=40))
    happen(make_lead(source="olx"), "marked_invalid", reason="spam")
    for lead in (sold, asked):
        happen(lead, "claimed", ana.email, owner_id=ana.id)
        happen(lead, "talked", ana.email, **CALL)
        happen(lead, "booked", ana.email, appointment_id=1, starts_at=now().isoformat())
        happen(lead, "visited", ana.email)
    happen(sold, "proposal_sent", ana.email, price_cents=1)
    happen(sold, "won", ana.email, price_cents=1)
    only_said = make_lead(source="olx")
    happen(only_said, "claimed", ana.email, owner_id=ana.id)
    happen(only_said, "talked", ana.email, grade="declared", **CALL)
    slip = happen(asked, "proposal_sent", ana.email, price_cents=1)
    with writing():
        undo(db.session.merge(asked), slip, ana.email)

    statements.clear()
    found = conversion(window())
    assert len(statements) == 1
    won, came, said = Steps(1, 1, 1, 1, 1, 1), Steps(1, 1, 1, 1), Steps(1)
    assert found[By.SOURCE] == {"landing": won, "olx": came + said}
    assert found[By.CAMPAIGN] == found[By.PAGE] == {"feirao": won, "": came + said}
    assert found[By.MODEL] == {str(car.car_model_id): won + came, "": said}
    assert found[By.ATTENDANT] == {str(ana.id): won + came + said}
    assert total(found[By.HOUR]) == won + came + said
    assert conversion(window(store_ids=[store.id]), [By.SOURCE]) == {
        By.SOURCE: {"landing": won, "olx": came}
    }


def test_weeks_and_hours_are_those_of_the_store(app):
    acre, paulista = make_store(zone="America/Rio_Branco"), make_store()
    at = datetime(2026, 8, 3, 4, 10, tzinfo=UTC)  # Monday at one in São Paulo, Sunday night in Acre
    for store in (acre, paulista):
        make_lead(at=at, store_id=store.id)
    span = Window(at - timedelta(days=9), at + timedelta(days=1))
    hours = conversion(span, [By.HOUR])[By.HOUR]
    zones = {one.id: ZoneInfo(one.zone) for one in (acre, paulista)}
    assert [str(day) for day in by_week(hours, zones)] == ["2026-07-27", "2026-08-03"]
    assert set(by_weekday_hour(hours, zones)) == {(6, 23), (0, 1)}


def test_losses_age_and_moves_are_counted_once(app):
    ana, bia = make_staff(), make_staff()
    reasons = ["price", "price", "credit"]
    for reason in reasons:
        lead = make_lead()
        happen(lead, "claimed", ana.email, owner_id=ana.id)
        happen(lead, "lost", ana.email, reason=reason)
    back = make_lead()
    happen(back, "lost", ana.email, reason="credit")
    happen(back, "reopened", ana.email, reason="sampled")
    make_lead(at=now() - timedelta(days=5))
    assert team_figures.losses(window()) == [("price", 2), ("credit", 1)]
    assert team_figures.ageing(None) == {Stage.WAITING: [1, 0, 1, 0, 0]}
    moves = team_figures.moves(window())
    assert (moves["reopened", "sampled"], team_figures.of_kind(moves, "claimed")) == (1, 3)
    lead = make_lead()
    happen(lead, "claimed", bia.email, owner_id=bia.id)
    happen(lead, "booked", bia.email, appointment_id=1, starts_at=now().isoformat())
    happen(lead, "no_show", bia.email, appointment_id=1)
    assert team_figures.rescued(window()) == 0
    happen(lead, "booked", bia.email, appointment_id=2, starts_at=now().isoformat())
    assert team_figures.rescued(window()) == 1
    with writing():
        slip = db.session.scalars(sa.select(LeadEvent).order_by(LeadEvent.id.desc())).first()
        undo(db.session.get_one(Lead, lead.id), slip.id, bia.email)
    assert team_figures.rescued(window()) == 0  # a slip rescued nobody
    (share,) = team_figures.shares(window())
    assert share.counts == {ana.id: 3, bia.id: 1}
    assert (share.gap, share.gini) == (0.5, 0.25)
    assert team_figures.privacy(window()) == team_figures.PrivacyRow(0, 0, 0, 0, 0)


def test_gini_is_what_its_definition_gives():
    rng = random.Random(3)
    for _turn in range(50):
        numbers = [rng.randrange(20) for _ in range(rng.randint(1, 9))]
        whole = sum(numbers)
        pairs = sum(abs(one - two) for one in numbers for two in numbers)
        expected = pairs / (2 * len(numbers) * whole) if whole else 0
        assert abs(team_figures.gini(numbers) - expected) < 1e-9


def test_conversion_is_what_a_count_by_hand_gives(app):
    rng, ana = random.Random(5), make_staff()
    steps = Counter()
    for _number in range(25):
        lead = make_lead(source=rng.choice(["olx", "landing"]))
        happen(lead, "claimed", ana.email, owner_id=ana.id)
        if rng.random() < 0.7:
            happen(lead, "talked", ana.email, **CALL)
        if rng.random() < 0.5:
            happen(lead, "booked", ana.email, appointment_id=1, starts_at=now().isoformat())
    for lead_id, kind in {(e.lead_id, e.kind) for e in db.session.query(LeadEvent)}:
        steps[kind] += bool(lead_id)
    whole = total(conversion(window(), [By.SOURCE])[By.SOURCE])
    assert whole == Steps(25, steps["talked"], steps["booked"])
