"""Four talks after a delivery, an unhappy one for the supervisor, names of others, thanks once."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from leads import privacy
from leads.models import Lead, LeadEvent
from leads.outreach import catch_ups, referrals
from leads.outreach.catch_ups import CatchUpRefused, answer, not_reached, put_right
from leads.outreach.models import CatchUp, Delivery, Referral
from leads.outreach.referrals import Named, ReferralRefused, ask, refer, reward
from leads.people import find_or_create_person
from leads.pipeline.log import record, undo
from leads.stop_list import Channel, Purpose, Source, may_send, stop
from tests.factories import make_store
from tests.leads.outreach.people import BY, a_sale, a_seller

FRIEND = Named("Bia Lopes", "(11) 98111-2233", "Ana disse que a Bia espera a ligação")


def delivered(**facts) -> Delivery:
    store = make_store()
    a_sale(store, a_seller(store), **facts)
    return db.session.scalars(sa.select(Delivery).order_by(Delivery.id.desc()).limit(1)).one()


def talk(delivery: Delivery, *grades: int) -> None:
    for one, grade in zip(delivery.catch_ups, grades, strict=False):
        with writing():
            answer(one, grade, "conversamos", by=BY)


@pytest.mark.sqlite_only
def test_a_sale_plans_four_talks_on_days_when_the_store_is_open(app):
    delivery = delivered(delivered_on="2026-11-04")  # a Wednesday: three days later is Saturday
    assert delivery.catch_ups[0].due_on == date(2026, 11, 9)
    assert [one.number for one in delivery.catch_ups] == [1, 2, 3, 4]
    assert all(one.due_on.weekday() < 5 for one in delivery.catch_ups)
    assert delivery.staff_id == delivery.lead.owner_id


@pytest.mark.sqlite_only
def test_another_day_of_delivery_moves_what_is_still_to_come(app):
    delivery = delivered(delivered_on="2026-11-04")
    talk(delivery, 5)
    done = delivery.catch_ups[0].due_on
    with writing():
        catch_ups.set_delivery(delivery, today() + timedelta(days=10))
    assert delivery.catch_ups[0].due_on == done
    assert delivery.catch_ups[1].due_on >= today() + timedelta(days=40)


def test_a_sale_that_is_taken_back_cancels_its_talks(app):
    delivery = delivered()
    seller = delivery.staff
    with writing():
        undo(delivery.lead, delivery.won_event_id, seller.email)
    db.session.refresh(delivery)
    assert delivery.cancelled_at is not None
    assert not db.session.scalars(catch_ups.due(seller.id, None, sees_all=True)).all()
    with writing():
        record(delivery.lead, "won", seller.email)
    assert db.session.scalar(sa.select(sa.func.count(Delivery.id))) == 2


@pytest.mark.sqlite_only
def test_a_sale_opened_again_and_an_erased_buyer_have_no_talks_either(app):
    reopened, erased = delivered(), delivered()
    with writing():
        record(reopened.lead, "reopened", BY, reason="by_hand")
        answer(erased.catch_ups[0], 1, "barulho", by=BY)
    with writing():
        privacy.erase(erased.lead.person_id, "asked by the person")
    db.session.expire_all()
    assert reopened.cancelled_at is not None
    assert erased.cancelled_at is not None
    first = erased.catch_ups[0]
    assert (first.words, first.care_state, first.grade) == ("", "", 1)


@pytest.mark.sqlite_only
def test_talks_come_one_after_the_other_and_each_is_had_once(app):
    delivery = delivered()
    first, second = delivery.catch_ups[:2]
    with writing(), pytest.raises(CatchUpRefused):
        answer(second, 5, "", by=BY)
    with writing():
        answer(first, 5, "", by=BY)
        answer(first, 5, "", by=BY)  # a double click
    with writing(), pytest.raises(CatchUpRefused):
        answer(first, 4, "", by="outro@loja.example")
    told = sa.select(LeadEvent).where(LeadEvent.kind == "caught_up")
    assert len(db.session.scalars(told).all()) == 1


@pytest.mark.sqlite_only
def test_who_does_not_answer_is_called_again_in_two_days(app):
    one = delivered(delivered_on=today().isoformat()).catch_ups[0]
    with writing():
        one.due_on = today()
    with writing():
        not_reached(one, by=BY)
        not_reached(one, by=BY)
    assert (one.due_on, one.tries) == (today() + timedelta(days=2), 1)


@pytest.mark.sqlite_only
def test_an_unhappy_buyer_is_the_supervisors_at_once_and_nobody_asks_for_names(app):
    delivery = delivered()
    first = delivery.catch_ups[0]
    with writing(), pytest.raises(CatchUpRefused):
        answer(first, 2, "", by=BY)  # without saying what is wrong
    with writing():
        answer(first, 2, "Barulho na porta", by=BY)
    assert db.session.scalars(catch_ups.unhappy(None)).all() == [first]
    talk_rest = delivery.catch_ups[1:]
    for one in talk_rest:
        with writing():
            answer(one, 5, "", by=BY)
    with writing():
        put_right(first, "Ajustamos a porta", by=BY)
    assert db.session.scalars(catch_ups.unhappy(None)).all() == []
    with writing(), pytest.raises(ReferralRefused):
        ask(delivery)


def test_four_good_talks_unlock_the_question_and_a_name_becomes_a_lead(app):
    delivery = delivered()
    talk(delivery, 5, 4, 5)
    with writing(), pytest.raises(ReferralRefused):
        ask(delivery)
    with writing():
        answer(delivery.catch_ups[3], 4, "", by=BY)
    mine = catch_ups.to_ask(delivery.staff_id, None, sees_all=False)
    assert db.session.scalars(mine).all() == [delivery]
    with writing():
        ask(delivery)
        first = refer(delivery, FRIEND, by=BY)
    with writing():
        assert refer(delivery, FRIEND, by=BY).id == first.id
    assert db.session.scalars(mine).all() == []
    lead = db.session.get_one(Lead, first.lead_id)
    assert (lead.source, lead.person.name) == ("referral", "Bia Lopes")
    assert referrals.named_by(lead.person_id).id == delivery.lead.person_id


@pytest.mark.sqlite_only
def test_who_wants_no_contact_and_is_named_by_somebody_is_still_not_contacted(app):
    delivery = delivered()
    talk(delivery, 5, 5, 5, 5)
    with writing():
        bia = find_or_create_person(name="Bia Lopes", phone="+5511981112233")
        stop(bia, source=Source.PERSON, actor="person")
    with writing():
        ask(delivery)
        found = refer(delivery, FRIEND, by=BY)
    assert found.referred_id == bia.id
    assert not may_send(found.referred, Channel.WHATSAPP, Purpose.ANSWER).allowed


@pytest.mark.sqlite_only
def test_the_thanks_are_due_after_the_sale_and_given_once(app):
    delivery = delivered()
    talk(delivery, 5, 5, 5, 5)
    with writing():
        ask(delivery)
        found = refer(delivery, FRIEND, by=BY)
    with writing(), pytest.raises(ReferralRefused):
        reward(found, "Lavagem grátis", by=BY)
    with writing():
        lead = db.session.get_one(Lead, found.lead_id)
        record(lead, "claimed", BY, owner_id=delivery.staff_id)
        record(lead, "won", BY)
    with writing():
        reward(found, "Lavagem grátis", by=BY)
    with writing(), pytest.raises(ReferralRefused):
        reward(found, "Lavagem grátis", by=BY)


@pytest.mark.sqlite_only
def test_referrals_go_in_no_circle_and_count_for_one(app):
    first, second = delivered(), delivered()
    for one in (first, second):
        talk(one, 5, 5, 5, 5)
        with writing():
            ask(one)
    ana, rui = first.lead.person, second.lead.person
    with writing():
        rui.name = "Rui Dias"

    def name(person) -> Named:
        return Named(person.name, person.phone, "combinado")

    with writing(), pytest.raises(ReferralRefused):
        refer(first, name(ana), by=BY)  # herself
    with writing():
        refer(first, name(rui), by=BY)
    with writing(), pytest.raises(ReferralRefused):
        refer(second, name(ana), by=BY)  # back again
    with writing():
        refer(second, FRIEND, by=BY)
    with writing(), pytest.raises(ReferralRefused):
        refer(first, FRIEND, by=BY)  # somebody else's already
    assert db.session.scalar(sa.select(sa.func.count(Referral.id))) == 2
    assert db.session.scalar(sa.select(sa.func.count(CatchUp.id))) == 8
