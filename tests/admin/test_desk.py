"""The desk's contract: who gets a lead, what each move does, who may make it, what a slip costs."""

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from admin.desk import rows as desk_rows
from admin.desk.lead import _booking_submission
from admin.desk.moves import MOVES
from core.clock import now
from core.db import db, writing
from dealership.models import Store
from dealership.presence import presence_of
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff, find_staff
from leads.models import Appointment, Lead, LeadEvent, Person
from leads.pipeline import timers
from leads.pipeline.log import rebuilt, standing_of
from leads.pipeline.stages import Stage
from leads.pipeline.standing import DECLARED
from tests.admin.conftest import SignIn, StaffClient, open_session
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import happen, make_lead

DESK = "/admin/atendimento/"
MINE = ("claimed",)
TALKING = ("claimed", "talked")
SELLING = (*TALKING, "handoff_offered", "handoff_accepted")
CONTACT = {"channel": "phone", "evidence": "phone"}


@pytest.fixture
def store(app: Flask) -> Store:
    return make_store()


@pytest.fixture
def ana(store: Store, sign_in: SignIn) -> StaffClient:
    return sign_in("attendant", email="ana@loja.example")


@pytest.fixture
def bia(store: Store, sign_in: SignIn) -> StaffClient:
    return sign_in("attendant", email="bia@loja.example")


@pytest.fixture
def caio(store: Store, sign_in: SignIn) -> StaffClient:
    return sign_in("seller", email="caio@loja.example", stores=[db.session.merge(store)])


def member(client: StaffClient) -> StaffMember:
    found = find_staff(client.email)
    assert found
    return found


def lead_of(store: Store, *kinds: str, by: StaffClient, seller: StaffClient | None = None) -> int:
    """A lead of `store` to which `kinds` happened, done by `by`; the seller accepts."""
    person = Person(name="Rui Prado", phone="+5519987654321", email="rui@example.com")
    lead = make_lead(person=person, store_id=store.id)
    facts = {
        "claimed": {"owner_id": member(by).id},
        "talked": CONTACT,
        "handoff_offered": {"seller_id": member(seller or by).id, "summary": {"need": "SUV"}},
        "handoff_accepted": {"seller_id": member(seller or by).id},
        "reserved": {"due_at": (now() + timedelta(days=2)).isoformat()},
    }
    for kind in kinds:
        who = seller if seller and kind == "handoff_accepted" else by
        happen(lead, kind, who.email, **facts[kind])
    return int(lead.id)


def get(lead_id: int) -> Lead:
    db.session.rollback()  # what other threads wrote is seen
    return db.session.get_one(Lead, lead_id)


def alter(lead_id: int, **values: object) -> None:
    """Columns of a lead that no event of the test sets."""
    with writing() as session:
        session.execute(sa.update(Lead).where(Lead.id == lead_id).values(**values))


def kinds_of(lead_id: int) -> list[str]:
    query = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead_id).order_by(LeadEvent.id)
    return list(db.session.scalars(query))


def newest(lead_id: int) -> LeadEvent:
    db.session.expire_all()
    query = sa.select(LeadEvent).where(LeadEvent.lead_id == lead_id).order_by(LeadEvent.id.desc())
    return db.session.scalars(query.limit(1)).one()


# --- taking a lead -----------------------------------------------------------------------------


def test_one_gets_it_also_when_asking_again_and_everybody_else_hears_who(store, ana, bia):
    lead_id = lead_of(store, by=ana)
    for _turn in range(2):
        answer = ana.post(f"{DESK}{lead_id}/assumir")
        assert (answer.status_code, answer.location) == (303, f"{DESK}{lead_id}/")
    assert kinds_of(lead_id).count("claimed") == 1
    answer = bia.post(f"{DESK}{lead_id}/assumir")
    assert answer.status_code == 409
    assert "Attendant já está com este lead" in answer.text
    assert get(lead_id).owner_id == member(ana).id


def test_a_lead_of_another_store_is_not_there(store, caio, ana):
    lead_id = lead_of(make_store(), by=ana)
    for address in ("", "assumir", "mandei", "toque", "agendar", "passar", "desfazer/1"):
        method = caio.post if address else caio.get
        assert method(f"{DESK}{lead_id}/{address}").status_code == 404, address
    assert caio.post(f"{DESK}987654/assumir").status_code == 404


def test_the_next_one_is_the_best_and_clicked_twice_is_one(store, ana, bia):
    first, second = lead_of(store, by=ana), lead_of(store, by=ana)
    happen(get(second), "reply", "person")  # urgent now
    for _turn in range(2):
        assert ana.post(f"{DESK}proximo").location == f"{DESK}{second}/"
    assert bia.post(f"{DESK}proximo").location == f"{DESK}{first}/"
    ana.post(f"{DESK}{second}/falei", {"canal": "phone"})
    answer = ana.post(f"{DESK}proximo")
    assert answer.location == DESK
    assert "Ninguém espera" in ana.get(DESK).text


def test_of_many_who_ask_at_once_each_gets_another_one(app: Flask, store, ana):
    wanted = [lead_of(store, by=ana) for _n in range(3)]
    clients = []
    for number in range(3):
        with writing():
            one = create_staff(f"p{number}@loja.example", Role.ATTENDANT, name="Eva")
        client = app.test_client()
        open_session(client, one)
        clients.append(StaffClient(client, one.email))
    start, found = threading.Barrier(3), []

    def ask(person: StaffClient) -> None:
        with app.app_context():
            start.wait()
            found.append(person.post(f"{DESK}proximo").location)

    threads = [threading.Thread(target=ask, args=[one]) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"{DESK}{one}/" for one in wanted)


# --- what the queue tells ----------------------------------------------------------------------


def test_the_queue_tells_nobody_who_waits(store, ana):
    person = Person(name="Otília Segredo", phone="+5519912345678", email="otilia@segredo.example")
    lead = make_lead(person=person, store_id=store.id, message="Recado particular")
    for address in (DESK, f"{DESK}fila"):
        html = ana.get(address).text
        assert f"{DESK}{lead.id}/assumir" in html
        for secret in ("Otília", "912345678", "91234-5678", "segredo.example", "particular"):
            assert secret not in html, (address, secret)
    ana.post(f"{DESK}{lead.id}/assumir")
    assert "Otília Segredo" in ana.get(DESK).text


def test_the_desk_asks_the_database_as_often_for_sixty_as_for_five(store, ana, sign_in, statements):
    chief = sign_in("supervisor")

    def cost(path: str) -> int:
        for _turn in range(2):  # the first one may write that somebody is there
            db.session.remove()
            statements.clear()
            assert chief.get(path).status_code == 200
        return len([one for one in statements if "stock_version" not in one])

    store_id = store.id

    def get_store() -> Store:
        return db.session.get_one(Store, store_id)

    def more(count: int) -> None:
        for number in range(count):
            car_id = make_vehicle(store=get_store()).id if number % 3 != 1 else None
            kinds = ((), (), ("claimed",))[number % 3]
            lead_id = lead_of(get_store(), *kinds, by=chief if kinds else ana)
            turn = "supervisor" if number % 6 == 0 else "ours"
            alter(lead_id, vehicle_id=car_id, turn=turn)

    more(5)
    one = lead_of(get_store(), *TALKING, by=chief)
    few = [cost(path) for path in (DESK, f"{DESK}fila", f"{DESK}{one}/")]
    more(55)
    assert [cost(path) for path in (DESK, f"{DESK}fila", f"{DESK}{one}/")] == few
    assert desk_rows.count_waiting(None) == 41


# --- the moves ---------------------------------------------------------------------------------

SOON = {"quando": (now() + timedelta(days=2)).strftime("%Y-%m-%dT10:00")}
# What has happened before, the form, the stage after it, and a bad form with what is said then.
CASES = {
    "mandei": (MINE, {"canal": "whatsapp"}, Stage.TRYING, {"canal": "pombo"}, "Diga como"),
    "falei": (MINE, {"canal": "phone", "nota": "Volta às 10"}, Stage.TALKING, {}, "Diga como"),
    "tentei": (MINE, {"canal": "phone", "resultado": "busy"}, Stage.TRYING,
               {"canal": "phone"}, "Diga o que"),
    "qualificar": (TALKING, {"necessidade": "SUV", "troca": "Onix"}, Stage.QUALIFIED,
                   {"troca": "Onix 2019"}, "uma frase"),
    "veio": (TALKING, {}, Stage.VISITED, None, ""),
    "faltou": (TALKING, {}, Stage.NO_SHOW, {}, "visita"),
    "reservar": (SELLING, SOON, Stage.RESERVED, {"nota": "Sinal pago"}, "até quando"),
    "liberar": ((*SELLING, "reserved"), {"nota": "Desistiu"}, Stage.PROPOSAL, None, ""),
    "proposta": (TALKING, {"valor": "89.900,00"}, Stage.PROPOSAL,
                 {"valor": "uns 90", "nota": "Com tapetes"}, "89.900,00"),
    "ganhou": (TALKING, {"valor": "88.000"}, Stage.WON, {"valor": "-1"}, "89.900,00"),
    "perdeu": (TALKING, {"motivo": "price"}, Stage.LOST, {"nota": "Sumiu"}, "por que"),
    "dormir": (TALKING, SOON, Stage.NURTURE,
               {"quando": "2020-01-01T10:00", "nota": "Em março"}, "à frente"),
    "proxima": (TALKING, {"acao": "call", **SOON}, Stage.TALKING,
                {"acao": "call", "nota": "De manhã"}, "quando"),
    "devolver": (MINE, {"motivo": "busy"}, Stage.WAITING, {}, "por que"),
    "invalido": (MINE, {"motivo": "spam"}, Stage.INVALID, {"motivo": "x"}, "por que"),
    "aceitar": (SELLING[:-1], {}, Stage.WITH_SELLER, None, ""),
    "recusar": (SELLING[:-1], {"motivo": "busy"}, Stage.TALKING, {}, "por que"),
    "devolver-vendedor": (SELLING, {"nota": "Quer moto"}, Stage.TALKING, {}, "frase"),
    "reabrir": (TALKING, {}, Stage.WAITING, None, ""),
    "nota": (MINE, {"nota": "Fala só à tarde"}, Stage.ASSIGNED, {"nota": "  "}, "vazia"),
}  # fmt: skip
BY_SELLER = {"aceitar", "recusar", "devolver-vendedor", "reservar", "liberar"}


def prepared(name: str, store: Store, ana: StaffClient, caio: StaffClient) -> int:
    """A lead to which the move `name` may happen."""
    lead_id = lead_of(store, *CASES[name][0], by=ana, seller=caio)
    if name == "reabrir":
        happen(get(lead_id), "lost", ana.email, reason="price")
    return lead_id


def book_for(lead_id: int, store: Store) -> None:
    lead, starts_at = get(lead_id), now().replace(microsecond=0) + timedelta(days=1)
    with writing() as session:
        visit = Appointment(kind="test_drive", store_id=store.id, starts_at=starts_at, minutes=30)
        visit.submission_id, visit.lead_id = _booking_submission(), lead.id
        session.add(visit)
        session.flush()
        visit_id = visit.id
    happen(lead, "booked", "site", appointment_id=visit_id, starts_at=starts_at.isoformat())


def test_every_move_has_its_case():
    assert CASES.keys() == MOVES.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_move(store, ana, bia, caio, name: str):
    """Bad input is said what to do about and loses nothing; a stranger is refused; twice is once;
    undone, the lead stands where it stood."""
    _before, form, stage, bad, words = CASES[name]
    actor = caio if name in BY_SELLER else ana
    lead_id = prepared(name, store, ana, caio)
    path = f"{DESK}{lead_id}/{name}"
    if bad is not None:
        answer = actor.post(path, bad)
        assert answer.status_code == 422
        assert words in answer.text
        assert all(text in answer.text for text in bad.values() if len(text.strip()) > 5)
    if name == "faltou":
        book_for(lead_id, store)
    stood, written = standing_of(get(lead_id)), kinds_of(lead_id)

    answer = bia.post(path, form)
    assert answer.status_code == 403
    assert "lead" in answer.text
    assert kinds_of(lead_id) == written

    first = actor.post(path, form)
    assert first.status_code == 303
    assert actor.post(path, form).location == first.location
    assert kinds_of(lead_id) == [*written, MOVES[name].kind]
    assert get(lead_id).state == stage
    assert rebuilt(get(lead_id)) == standing_of(get(lead_id))
    if name == "nota":
        assert "desfazer" not in actor.get(DESK).text
        return
    undo = f"{DESK}{lead_id}/desfazer/{newest(lead_id).id}"
    assert undo in actor.get(first.location).text
    if bia is not actor:
        bia.post(undo)
        assert kinds_of(lead_id)[-1] == MOVES[name].kind
    assert actor.post(undo).status_code == 303
    assert standing_of(get(lead_id)) == stood
    actor.post(undo)
    assert kinds_of(lead_id)[-1] == "undone"


def test_a_supervisor_may_do_it_for_anybody_and_gives_leads_away(store, ana, bia, sign_in):
    chief, lead_id = sign_in("supervisor"), lead_of(store, *MINE, by=ana)
    assert chief.post(f"{DESK}{lead_id}/falei", {"canal": "phone"}).status_code == 303
    assert get(lead_id).state == Stage.TALKING
    for _turn in range(2):
        chief.post(f"{DESK}{lead_id}/entregar", {"para": str(member(bia).id)})
    assert get(lead_id).owner_id == member(bia).id
    assert kinds_of(lead_id).count("taken_over") == 1
    assert ana.post(f"{DESK}{lead_id}/entregar", {"para": "1"}).status_code == 404


@pytest.mark.parametrize("late", ["ten minutes", "another step"])
def test_only_the_newest_step_is_undone_and_not_for_long(store, ana, late: str):
    lead_id = lead_of(store, *MINE, by=ana)
    ana.post(f"{DESK}{lead_id}/falei", {"canal": "phone"})
    event = newest(lead_id)
    if late == "ten minutes":
        with writing():
            event.at = now() - timedelta(minutes=11)
    else:
        happen(get(lead_id), "reply", "person")
    answer = ana.post(f"{DESK}{lead_id}/desfazer/{event.id}")
    assert "não pode mais ser desfeito" in ana.get(answer.location).text
    assert get(lead_id).state == Stage.TALKING


def test_a_move_that_came_too_late_says_so(store, ana):
    lead_id = lead_of(store, *MINE, by=ana)
    answer = ana.post(f"{DESK}{lead_id}/devolver-vendedor", {"nota": "Engano"})
    assert answer.status_code == 303
    assert "alguém mexeu nele" in ana.get(answer.location).text
    assert ana.post(f"{DESK}{lead_id}/voar").status_code == 404


# --- evidence ----------------------------------------------------------------------------------


def test_a_tap_makes_the_contact_evidence_and_without_one_it_is_only_said(store, ana):
    said, seen = lead_of(store, *MINE, by=ana), lead_of(store, *MINE, by=ana)
    for _turn in range(2):
        assert ana.post(f"{DESK}{seen}/toque", {"canal": "whatsapp"}).status_code == 204
    assert kinds_of(seen).count("tapped") == 1
    assert ana.post(f"{DESK}{seen}/toque", {"canal": "visit"}).status_code == 404
    for lead_id in (said, seen):
        ana.post(f"{DESK}{lead_id}/mandei", {"canal": "whatsapp"})
    assert newest(said).data["grade"] == DECLARED
    assert get(said).first_contact_at is None
    assert get(said).return_at is not None
    assert "grade" not in newest(seen).data
    assert get(seen).first_contact_at is not None
    assert get(seen).return_at is None
    # By another channel than the one that was tapped it is said, too.
    ana.post(f"{DESK}{seen}/falei", {"canal": "phone"})
    assert newest(seen).data["grade"] == DECLARED


# --- visits ------------------------------------------------------------------------------------


def times(client: StaffClient, lead_id: int) -> list[str]:
    html = client.get(f"{DESK}{lead_id}/").text
    return re.findall(r'<option value="(\d{4}-[^"]+Z)"', html)


def test_a_visit_is_booked_once_taken_times_are_refused_and_undone_ones_are_free(store, ana):
    car = make_vehicle(store=store)
    one, other = lead_of(store, *TALKING, by=ana), lead_of(store, *TALKING, by=ana)
    for lead_id in (one, other):
        alter(lead_id, vehicle_id=car.id)
    wanted = {"horario": times(ana, one)[3]}
    for _turn in range(2):
        assert ana.post(f"{DESK}{one}/agendar", wanted).status_code == 303
    assert get(one).state == Stage.SCHEDULED
    answer = ana.post(f"{DESK}{other}/agendar", wanted)
    assert answer.status_code == 422
    assert "acabou de" in answer.text
    assert get(other).state == Stage.TALKING
    assert ana.post(f"{DESK}{other}/agendar", {"horario": "ontem"}).status_code == 422
    assert wanted["horario"] not in times(ana, other)
    ana.post(f"{DESK}{one}/desfazer/{newest(one).id}")
    assert get(one).state == Stage.TALKING
    assert ana.post(f"{DESK}{other}/agendar", wanted).status_code == 303
    states = db.session.scalars(sa.select(Appointment.state).order_by(Appointment.id)).all()
    assert states == ["cancelled", "booked"]


def test_two_who_book_one_time_of_a_car_at_once(app: Flask, store, ana, bia):
    car = make_vehicle(store=store)
    leads = {ana: lead_of(store, *TALKING, by=ana), bia: lead_of(store, *TALKING, by=bia)}
    for lead_id in leads.values():
        alter(lead_id, vehicle_id=car.id)
    wanted = {"horario": times(ana, leads[ana])[3]}
    start, found = threading.Barrier(2), []

    def ask(person: StaffClient) -> None:
        with app.app_context():
            start.wait()
            found.append(person.post(f"{DESK}{leads[person]}/agendar", wanted).status_code)

    threads = [threading.Thread(target=ask, args=[one]) for one in leads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303, 422]
    assert sorted(get(one).state for one in leads.values()) == [Stage.SCHEDULED, Stage.TALKING]


# --- handing over ------------------------------------------------------------------------------


def offer(client: StaffClient, lead_id: int, seller: StaffClient, **more: str):
    form = {"para": str(member(seller).id), "need": "SUV até 120 mil", **more}
    return client.post(f"{DESK}{lead_id}/passar", form)


def test_a_lead_is_offered_and_accepted_by_the_seller_alone(store, ana, caio):
    lead_id = lead_of(store, *TALKING, by=ana)
    answer = offer(ana, lead_id, caio, need="", promise="Tapetes de borracha")
    assert answer.status_code == 422
    assert "Tapetes de borracha" in answer.text
    for _turn in range(2):
        assert offer(ana, lead_id, caio).status_code == 303
    assert kinds_of(lead_id).count("handoff_offered") == 1
    assert "SUV até 120 mil" in caio.get(f"{DESK}{lead_id}/").text
    assert "Rui Prado" in caio.get(DESK).text
    # Nobody accepts for the seller, who cannot yet do more than answer.
    assert ana.post(f"{DESK}{lead_id}/aceitar").status_code == 403
    assert caio.post(f"{DESK}{lead_id}/perdeu", {"motivo": "price"}).status_code == 403
    assert caio.post(f"{DESK}{lead_id}/aceitar").status_code == 303
    lead = get(lead_id)
    assert (lead.owner_id, lead.attendant_id) == (member(caio).id, member(ana).id)
    assert ana.post(f"{DESK}{lead_id}/falei", {"canal": "phone"}).status_code == 403


def test_an_offer_that_nobody_answers_goes_back(store, ana, caio):
    lead_id = lead_of(store, *TALKING, by=ana)
    offer(ana, lead_id, caio)
    alter(lead_id, return_at=now() - timedelta(minutes=1))
    timers.tend_queue()
    lead = get(lead_id)
    assert (lead.state, lead.owner_id) == (Stage.TALKING, member(ana).id)
    answer = caio.post(f"{DESK}{lead_id}/aceitar")
    assert answer.status_code == 403


# --- who is there ------------------------------------------------------------------------------


def test_an_open_desk_is_presence_and_a_pause_has_a_reason(store, ana):
    ana.get(DESK)
    assert presence_of(member(ana).id)
    ana.post(f"{DESK}presenca", {"pausa": "lunch"})
    assert presence_of(member(ana).id).is_paused
    assert "Almoço" in ana.get(DESK).text
    ana.get(f"{DESK}fila")
    assert presence_of(member(ana).id).is_paused
    ana.post(f"{DESK}presenca", {"pausa": "nonsense"})
    assert not presence_of(member(ana).id).is_paused


def test_who_asked_for_no_contact_is_not_opened_again_by_us(store, ana):
    lead_id = lead_of(store, *TALKING, by=ana)
    happen(get(lead_id), "blocked", ana.email)
    assert f"{DESK}{lead_id}/reabrir" not in ana.get(f"{DESK}{lead_id}/").text
    answer = ana.post(f"{DESK}{lead_id}/reabrir")
    assert answer.status_code == 422
    assert "só ela reabre" in answer.text
    assert get(lead_id).state == Stage.BLOCKED
