"""The agenda, the reception and the line as staff see them; the code at the door."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from admin.desk.lead import _booking_submission
from core.clock import now
from core.db import db, writing
from dealership.identity import identity
from dealership.notices import Notice
from dealership.staff import find_staff
from leads.agenda import show_rates
from leads.appointments import book, slots
from leads.check_in import check_in_path, code_of
from leads.duplicate_pairs import suggest
from leads.message_templates import ship_texts
from leads.models import Appointment, Lead, LeadEvent, Person, PersonKey
from leads.people import phone_key
from leads.pipeline.cadence_steps import tend_cadences, touch
from leads.pipeline.stages import Stage, Turn
from leads.pipeline.timers import tend_queue
from leads.telling import tell_staff
from leads.waiting_line import tend_holds
from tests.admin.conftest import SignIn, StaffClient
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, use_rules

pytestmark = pytest.mark.sqlite_only  # what is stored is proved in tests/leads
AGENDA = "/admin/agenda/"
MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # nine o'clock in São Paulo
PHONE = "+5519987654321"


@pytest.fixture
def clock(app: Flask):
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def store(clock):
    return make_store()


@pytest.fixture
def ana(store, sign_in: SignIn) -> StaffClient:
    return sign_in("attendant", email="ana@loja.example", stores=[db.session.merge(store)])


def visiting(store, who: StaffClient, *, days: int = 0) -> Appointment:
    """A lead of `who` with a test drive booked through the book, on that day at one o'clock."""
    with writing() as session:
        person = Person(name="Rui Prado", phone=PHONE, email="rui@example.com")
        person.keys.append(PersonKey(kind="phone", value=phone_key(PHONE)))
        session.add(person)
    lead = make_lead(person=person, store_id=store.id)
    happen(lead, "claimed", who.email, owner_id=find_staff(who.email).id)
    happen(lead, "talked", who.email, channel="phone", evidence="phone")
    starts_at = MONDAY.replace(hour=16) + timedelta(days=days)
    with writing():
        visit = book("test_drive", store.id, starts_at, None, _booking_submission())
        visit.lead_id = lead.id
    happen(lead, "booked", "site", appointment_id=visit.id, starts_at=starts_at.isoformat())
    return visit


def at(visit: Appointment) -> Appointment:
    db.session.rollback()
    return db.session.get_one(Appointment, visit.id)


def lead_of(visit: Appointment) -> Lead:
    return db.session.get_one(Lead, at(visit).lead_id)


def kinds(lead: Lead) -> list[str]:
    rows = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    return list(db.session.scalars(rows))


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# --- the agenda ------------------------------------------------------------------------------


def test_a_visit_goes_from_to_confirm_to_confirmed_to_late_to_arrived(store, ana, clock):
    visit = visiting(store, ana)
    page = ana.get(AGENDA).text
    assert "A confirmar" in page
    assert "wa.me" in page  # the reminder, one tap away
    assert f"{AGENDA}{visit.id}/toque" in page
    assert ana.post(f"{AGENDA}{visit.id}/toque").status_code == 204
    for _twice in range(2):
        assert ana.post(f"{AGENDA}{visit.id}/confirmou").status_code == 303
    assert "Confirmada" in ana.get(AGENDA).text
    clock.shift(timedelta(hours=4, minutes=20))
    page = ana.get(AGENDA).text
    assert "Atrasada" in page
    assert "diga no que deu" in page
    for _twice in range(2):
        ana.post(f"{AGENDA}{visit.id}/chegou", {"volta": f"{AGENDA}?ver=semana"})
    assert at(visit).arrived_at == now()
    lead = lead_of(visit)
    assert lead.state == Stage.VISITED
    assert [kinds(lead).count(kind) for kind in ("visit_confirmed", "visited")] == [1, 1]
    assert "tapped" in kinds(lead)
    page = ana.get(f"{AGENDA}?ver=semana&loja={store.slug}&pessoa=eu").text
    assert "Chegou" in page
    assert "100%" in page
    check(lead)


def test_who_does_not_come_is_called_in_half_an_hour_tried_three_times_and_sleeps(
    store, ana, clock
):
    visit = visiting(store, ana)
    assert ana.post(f"{AGENDA}{visit.id}/faltou").status_code == 303
    assert at(visit).missed_at is None  # its time has not come
    clock.move_to(visit.starts_at + timedelta(minutes=45))
    ana.post(f"{AGENDA}{visit.id}/faltou")
    lead = lead_of(visit)
    assert (lead.state, lead.next_action) == (Stage.NO_SHOW, "rescue")
    assert lead.due_at == now() + timedelta(minutes=30)
    for _try in range(3):
        with writing() as session:
            mine = session.get_one(Lead, lead.id)
            touch(mine, "attempted", ana.email, channel="phone", outcome="no_answer")
        clock.move_to(max(fresh(lead).due_at, now()) + timedelta(minutes=1))
    clock.shift(timedelta(days=2))
    tend_cadences()
    assert fresh(lead).state == Stage.NURTURE
    assert lead.due_at > now()


def test_of_two_visits_of_one_person_each_has_its_own_reminder(store, ana, clock):
    ship_texts()
    visit = visiting(store, ana)
    with writing():
        second = book(
            "test_drive", store.id, visit.starts_at + timedelta(days=1), None, _booking_submission()
        )
        second.lead_id = visit.lead_id
    page = unquote(ana.get(f"{AGENDA}?ver=semana").text)
    reminders = re.findall(r"wa\.me/[^\"]*", page)
    assert ["02/03" in one for one in reminders] == [True, False]
    assert ["03/03" in one for one in reminders] == [False, True]


def test_a_visit_called_off_meanwhile_is_not_missed_and_a_test_is_in_no_rate(store, ana, clock):
    visit = visiting(store, ana)
    with writing():
        at(visit).state = "cancelled"
    clock.move_to(visit.starts_at + timedelta(minutes=45))
    ana.post(f"{AGENDA}{visit.id}/faltou")
    assert at(visit).missed_at is None
    assert "no_show" not in kinds(lead_of(visit))
    with writing():
        mine = at(visit)
        mine.state, mine.missed_at = "booked", now()
        clock.shift(timedelta(minutes=1))
    assert show_rates(None)[store.id].missed == 1
    with writing():
        lead_of(visit).is_test = True
    assert show_rates(None) == {}


def test_a_moved_visit_keeps_its_code_and_counts_and_a_taken_time_is_refused(store, ana, clock):
    visit = visiting(store, ana)
    code = code_of(visit)
    free = [one for day in slots(identity().stores[0], "test_drive") for one in day.slots]
    wanted = next(one for one in free if one.is_free and one.starts_at.date() > MONDAY.date())
    assert ana.post(f"{AGENDA}{visit.id}/remarcar", {"horario": "x"}).status_code == 422
    assert ana.post(f"{AGENDA}{visit.id}/remarcar", {"horario": wanted.value}).status_code == 303
    assert (at(visit).starts_at, at(visit).moves) == (wanted.starts_at, 1)
    assert code_of(at(visit)) == code
    assert lead_of(visit).state == Stage.SCHEDULED
    with writing():
        for _seat in range(2):
            book("test_drive", store.id, MONDAY.replace(day=4, hour=16), None,
                 _booking_submission())  # fmt: skip
    answer = ana.post(f"{AGENDA}{visit.id}/remarcar", {"horario": "2026-03-04T16:00Z"})
    assert answer.status_code == 422
    assert "não está livre" in answer.text


def test_a_slip_undone_takes_the_mark_along(store, ana, clock):
    visit = visiting(store, ana)
    clock.move_to(visit.starts_at)
    lead_id = lead_of(visit).id
    ana.post(f"/admin/atendimento/{lead_id}/veio")
    assert at(visit).arrived_at is not None
    newest = db.session.scalar(sa.select(sa.func.max(LeadEvent.id)))
    ana.post(f"/admin/atendimento/{lead_id}/desfazer/{newest}")
    assert at(visit).arrived_at is None


# --- the code at the door --------------------------------------------------------------------


def test_the_buyer_says_cheguei_once_on_the_day_and_the_page_names_nobody(
    store, ana, clock, app, sign_in
):
    visit, door = visiting(store, ana, days=1), app.test_client()
    path = check_in_path(visit)
    early = door.get(path)
    assert "outro dia" in early.text
    assert door.post(path).status_code == 409
    clock.move_to(visit.starts_at - timedelta(minutes=5))
    page = words(door.get(path).text)
    assert "Rui" in page
    assert "13:00" in page
    assert not any(secret in page for secret in ("Prado", "98765", "rui@example.com"))
    tell_staff()  # from here on
    for _twice in range(2):
        assert door.post(path).status_code == 303
    tell_staff()
    told = sa.select(Notice.staff_id).where(Notice.kind == "arrived")
    assert list(db.session.scalars(told)) == [find_staff(ana.email).id]
    assert "já sabe" in door.get(path).text
    assert kinds(lead_of(visit)).count("visited") == 1
    chief = sign_in("supervisor")
    assert "Chegou" in chief.get("/admin/atendimento/").text
    assert "no-store" in door.get(path).headers["Cache-Control"]


def test_a_wrong_code_opens_nothing_and_trying_is_stopped(store, ana, clock, app):
    visit, door = visiting(store, ana), app.test_client()
    wrong = f"/chegada/{visit.id}-aaaaaaaa"
    assert [door.get(wrong).status_code for _try in range(31)].count(404) == 30
    assert door.get(wrong).status_code == 429
    assert ana.post(f"{AGENDA}codigo", {"codigo": "1-aaaaaaaa"}).status_code == 422
    typed = code_of(visit).upper()
    assert ana.post(f"{AGENDA}codigo", {"codigo": f" {typed} "}).status_code == 303
    assert at(visit).arrived_at is not None


def test_the_page_of_the_visit_has_the_code_and_a_button_to_confirm(store, ana, clock, app):
    visit, door = visiting(store, ana), app.test_client()
    path = f"/agenda/{visit.submission_id}"
    page = door.get(path).text
    assert "<svg" in page
    assert code_of(visit) in page
    for _twice in range(2):
        assert door.post(path, data={"acao": "confirmo"}).status_code == 303
    assert "Presença confirmada" in door.get(path).text
    assert kinds(lead_of(visit)).count("visit_confirmed") == 1


# --- the reception ---------------------------------------------------------------------------


def test_the_open_lead_is_found_by_any_spelling_and_a_second_one_needs_a_supervisor(
    store, ana, sign_in, clock
):
    visit = visiting(store, ana)
    page = ana.get("/admin/recepcao/?telefone=(19) 8765-4321").text
    assert "Rui Prado" in page
    assert "Tem visita hoje" in page
    form = {"nome": "Rui", "telefone": "19 98765-4321", "loja": store.slug, "setor": "parts"}
    refused = ana.post("/admin/recepcao/novo", form)
    assert refused.status_code == 422
    assert "peça a um gerente" in refused.text
    chief = sign_in("supervisor")
    assert chief.post("/admin/recepcao/novo", form).status_code == 422
    assert chief.post("/admin/recepcao/novo", {**form, "outro": "1"}).status_code == 303
    opened = sa.select(sa.func.count()).where(Lead.department == "parts")
    assert db.session.scalar(opened) == 1
    # The colleague who has the customer already hears of it.
    assert "skate_alert" in kinds(lead_of(visit))
    ana.post(f"/admin/recepcao/{lead_of(visit).id}/chegou")
    assert at(visit).arrived_at is not None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"telefone": "123"}, "telefone"),
        ({"telefone": "19 91234-5678"}, "nome"),
        ({"nome": "Eva", "telefone": ""}, "telefone com DDD"),
        ({"nome": "Eva", "telefone": "19 91234-5678", "setor": "x"}, "setor"),
        ({"nome": "Eva", "telefone": "19 91234-5678", "setor": "sales", "loja": "x"}, "loja"),
    ],
)
def test_what_lacks_is_said_and_what_was_typed_stays(store, ana, form, said):
    answer = ana.post("/admin/recepcao/novo", {"mensagem": "Quer um SUV", **form})
    assert answer.status_code == 422
    assert said in words(answer.text)
    assert "Quer um SUV" in answer.text


def test_who_comes_by_without_a_visit_is_noted_once_whatever_their_stage(store, ana, clock):
    here = "/admin/recepcao/"
    asleep, waits = make_lead(store_id=store.id), make_lead(store_id=store.id)
    happen(asleep, "slept", ana.email, due_at=(now() + timedelta(days=9)).isoformat())
    for lead in (asleep, waits):
        for _twice in range(2):
            assert ana.post(f"{here}{lead.id}/chegou").status_code == 303
        assert fresh(lead).state == Stage.VISITED
        assert lead.owner_id == find_staff(ana.email).id
        assert kinds(lead).count("visited") == 1
        check(lead)


def test_a_lead_that_a_colleague_has_is_not_said_to_be_ones_own(store, ana, sign_in, clock):
    visiting(store, ana)
    form = {"nome": "Rui Prado", "telefone": PHONE, "loja": store.slug, "setor": "sales"}
    form["outro"] = "1"  # the same department all the same: it joins the open one
    page = sign_in("supervisor").post("/admin/recepcao/novo", form, follow_redirects=True).text
    assert "Um colega já está com o lead" in page
    assert "O lead é seu" not in page


# --- held cars -------------------------------------------------------------------------------


def reserved(store, who: StaffClient) -> Lead:
    car = make_vehicle(store=store)
    lead = make_lead(person=Person(name="Eva"), vehicle_id=car.id, store_id=store.id)
    happen(lead, "claimed", who.email, owner_id=find_staff(who.email).id)
    happen(lead, "visited", who.email)
    due_at = (now() + timedelta(hours=2)).isoformat()
    happen(lead, "reserved", who.email, due_at=due_at)
    return lead


def test_a_buyer_joins_on_the_page_sees_the_place_and_leaves_with_one_tap(
    store, ana, clock, app, sign_in
):
    lead, door = reserved(store, ana), app.test_client()
    offer = db.session.scalar(sa.text("SELECT slug || '-' || public_id FROM vehicle"))
    page = door.get(f"/oferta/{offer}").text
    assert "Entrar na fila" in page
    assert "você seria o primeiro" in page
    form = {"nome": "Ana Lima", "telefone": "11 98765-4321", "submission_id": "1" * 32}
    path = f"/oferta/{offer}?formulario=fila"
    assert door.post(path, data={"nome": ""}).status_code == 422
    joined = door.post(path, data=form)
    assert joined.status_code == 303
    assert joined.location.startswith("/fila/")
    assert door.post(path, data=form).location == joined.location
    assert "1º da fila" in door.get(joined.location).text
    assert (
        "1 pessoa" in words(door.get(f"/oferta/{offer}").text)
        or "Uma pessoa" in door.get(f"/oferta/{offer}").text
    )
    assert "Eva" in ana.get("/admin/reservas/").text
    clock.shift(timedelta(hours=2))
    tend_holds()
    assert "É a sua vez" in door.get(joined.location).text
    # It is their turn: putting the car on sale by hand is answered by what is true.
    told = sign_in("owner").post(
        f"/admin/estoque/{lead.vehicle_id}/situacao", {"para": "published"}, follow_redirects=True
    )
    assert "é a vez de alguém da fila" in told.text
    assert door.post(joined.location, data={"acao": "quero"}).status_code == 303
    assert "já sabe que você quer" in door.get(joined.location).text
    assert door.post(joined.location, data={"acao": "sair"}).status_code == 303
    assert "saiu da fila" in door.get(joined.location).text
    assert door.post(path, data={**form, "submission_id": "2" * 32}).status_code == 409
    assert fresh(lead).state == Stage.RESERVED  # its job has not run yet


def test_a_sale_of_the_lead_is_a_sale_of_the_car_and_a_slip_brings_both_back(store, ana, clock):
    lead = reserved(store, ana)
    desk = f"/admin/atendimento/{lead.id}/"
    assert 'name="vendido"' in ana.get(desk).text
    assert ana.post(f"{desk}ganhou", {"vendido": "1"}).status_code == 303
    state = sa.text("SELECT state FROM vehicle")
    assert db.session.scalar(state) == "sold"
    newest = db.session.scalar(sa.select(sa.func.max(LeadEvent.id)))
    ana.post(f"{desk}desfazer/{newest}")
    db.session.rollback()
    assert (fresh(lead).state, db.session.scalar(state)) == (Stage.RESERVED, "reserved")


# --- loose ends ------------------------------------------------------------------------------


def test_a_step_long_overdue_goes_to_the_supervisors_once_and_can_be_given_back(
    store, ana, sign_in, clock
):
    use_rules(overdue={"minutes": 60, "late": 240})
    lead = make_lead(person=Person(name="Eva"), store_id=store.id)
    happen(lead, "claimed", ana.email, owner_id=find_staff(ana.email).id)
    happen(lead, "talked", ana.email, channel="phone", evidence="phone")
    due = now() + timedelta(minutes=30)
    happen(lead, "next_action", ana.email, action="call", due_at=due.isoformat())
    chief = sign_in("supervisor")
    clock.move_to(due + timedelta(minutes=61))
    tend_queue()
    assert fresh(lead).turn == Turn.CUSTOMER
    assert f"/admin/atendimento/{lead.id}/" in chief.get("/admin/painel/").text  # the red list
    clock.move_to(due + timedelta(minutes=241))
    tend_queue()
    assert (fresh(lead).turn, lead.state) == (Turn.SUPERVISOR, Stage.TALKING)
    assert lead.owner_id == find_staff(ana.email).id
    assert "passou muito do prazo" in chief.get(f"/admin/atendimento/{lead.id}/").text
    assert ana.post(f"/admin/atendimento/{lead.id}/devolver-ao-dono").status_code == 404
    chief.post(f"/admin/atendimento/{lead.id}/devolver-ao-dono")
    assert fresh(lead).turn == Turn.CUSTOMER
    tend_queue()
    assert fresh(lead).turn == Turn.CUSTOMER  # once for that date
    check(lead)
    due = now() + timedelta(minutes=1)
    happen(lead, "next_action", ana.email, action="call", due_at=due.isoformat())
    clock.shift(timedelta(minutes=300))
    tend_queue()
    assert fresh(lead).turn == Turn.SUPERVISOR
    # A new date is a new promise.
    later = (now() + timedelta(hours=1)).isoformat()
    happen(lead, "next_action", ana.email, action="call", due_at=later)
    assert fresh(lead).turn == Turn.OURS
    check(lead)


def test_overdue_counts_in_working_time(store, ana, clock):
    use_rules(overdue={"minutes": 60, "late": 240})
    lead = make_lead(person=Person(name="Eva"), store_id=store.id)
    happen(lead, "claimed", ana.email, owner_id=find_staff(ana.email).id)
    happen(lead, "talked", ana.email, channel="phone", evidence="phone")
    due = MONDAY.replace(hour=20)  # an hour before the store closes
    happen(lead, "next_action", ana.email, action="call", due_at=due.isoformat())
    clock.move_to(MONDAY.replace(day=3, hour=13, minute=59))
    tend_queue()
    assert fresh(lead).turn == Turn.CUSTOMER
    clock.move_to(MONDAY.replace(day=3, hour=14))
    tend_queue()
    assert fresh(lead).turn == Turn.SUPERVISOR


def test_a_lead_that_names_no_store_is_seen_by_who_is_bound_to_one(store, ana, clock):
    lead = make_lead(person=Person(name="Eva"))
    assert ana.get(f"/admin/atendimento/{lead.id}/").status_code == 404
    tend_queue()
    tend_queue()
    assert fresh(lead).store_id == store.id
    page = ana.get(f"/admin/atendimento/{lead.id}/")
    assert "Sem loja indicada" in page.text
    assert kinds(lead).count("placed") == 1
    lost = sa.select(sa.func.count()).where(Lead.store_id.is_(None), Lead.closed_at.is_(None))
    assert db.session.scalar(lost) == 0


def test_a_possible_duplicate_stands_on_the_screen_of_the_lead(store, ana, clock):
    lead = make_lead(person=Person(name="Eva Prado"), store_id=store.id)
    other = make_lead(person=Person(name="Eva P."), store_id=store.id)
    with writing():
        suggest(lead.person_id, other.person_id, ["email"])
    page = ana.get(f"/admin/atendimento/{lead.id}/").text
    assert "Possível duplicado" in page
    assert f"/admin/duplicados/?lead={lead.id}" in page
