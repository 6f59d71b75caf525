"""Leads: who sees whom, what a lead's page tells, what becomes of the suspicious ones."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership.audit import AuditEntry
from leads.capture import Arrival, insert
from leads.clearing import clear_suspicion
from leads.intake import Asked, enter
from leads.models import Appointment, Enquiry, Lead, LeadEvent, Mail, Person, Submission
from tests.factories import make_store, make_vehicle

LIST = "/admin/leads/"
CANARY = "<script>alert('canario')</script>{{7*7}}"


def ask(key: str = "1", **values) -> Lead:
    """A lead, as a door enters it."""
    arrival = Arrival(source="form:contato", idem_key=key, payload={}, kind="test")
    asked = {"source": "form:contato", "kind": "contact", "name": "Ana", **values}
    with writing():
        insert(arrival)
        enquiry = enter(Asked(**asked), arrival.id)
    assert enquiry.lead_id
    return db.session.get_one(Lead, enquiry.lead_id)


def named(answer) -> set[int]:
    """The leads of a list."""
    assert answer.status_code == 200
    parts = answer.text.split('href="/admin/leads/')[1:]
    return {int(part.split("/")[0]) for part in parts if part[0].isdigit()}


# --- who sees whom -----------------------------------------------------------------------------


def test_an_empty_list_says_what_will_be_here(sign_in):
    assert "Nenhum lead ainda" in sign_in("attendant").get(LIST).text


def test_a_seller_sees_the_leads_of_the_own_store_only(sign_in):
    mine, other = make_store(), make_store()
    own = ask("1", phone="11987654321", store_id=mine.id)
    foreign = ask("2", phone="11987654322", store_id=other.id)
    nobodys = ask("3", phone="11987654323")
    seller = sign_in("seller", stores=[mine])
    assert named(seller.get(LIST)) == {own.id}
    for lead in (foreign, nobodys):
        assert seller.get(f"{LIST}{lead.id}/").status_code == 404
        assert seller.post(f"{LIST}{lead.id}/nao-e-robo").status_code == 404
    assert named(sign_in("supervisor").get(LIST)) == {own.id, foreign.id, nobodys.id}


def test_who_writes_texts_sees_no_people(sign_in):
    lead = ask(phone="11987654321")
    editor = sign_in("editor")
    assert editor.get(LIST).status_code == 404
    assert editor.get(f"{LIST}{lead.id}/").status_code == 404


def test_reading_a_lead_is_noted_once_and_without_its_data(sign_in):
    lead_id = ask(phone="11987654321", name="Beatriz Moura").id
    attendant = sign_in("attendant")
    attendant.get(f"{LIST}{lead_id}/")
    attendant.get(f"{LIST}{lead_id}/")
    entry = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "lead.view")).one()
    assert (entry.actor, entry.subject) == (attendant.email, f"lead:{lead_id}")
    assert "Beatriz" not in f"{entry.label}{entry.before}{entry.after}"


# --- finding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["joao", "JOÃO", "conceicao", "joao conceição", "Joao Conceicão", "98765-4321", "11 987654321",
     "+55 11 98765 4321", "(11) 8765-4321", "4321", "joao.c@exemplo", "#{id}", "joâo conseicao"],
)  # fmt: skip
def test_somebody_is_found_however_it_is_typed(sign_in, typed):
    lead_id = ask("1", name="João da Conceição", phone="11987654321", email="joao.c@exemplo.com").id
    ask("2", name="Marta Pires", phone="21991112222", email="marta@exemplo.org")
    asked = {"q": typed.format(id=lead_id)}
    assert named(sign_in("attendant").get(LIST, query_string=asked)) == {lead_id}


@pytest.mark.parametrize("typed", ["%", "_", "'; drop table lead; --", "zzzz", "00", "@", "#", "*"])
def test_what_names_nobody_finds_nobody(sign_in, typed):
    ask(name="João", phone="11987654321", email="j@exemplo.com")
    answer = sign_in("attendant").get(LIST, query_string={"q": typed})
    assert named(answer) == set()
    assert "Nenhum lead corresponde" in answer.text


def test_the_search_of_one_store_finds_nobody_of_another(sign_in):
    mine, other = make_store(), make_store()
    ask(name="João", phone="11987654321", store_id=other.id)
    seller = sign_in("seller", stores=[mine])
    assert named(seller.get(LIST, query_string={"q": "joao"})) == set()


def test_filters_narrow_the_list(sign_in):
    store = make_store()
    make_store()
    old = ask("1", phone="11987654321", source="olx", at=now() - timedelta(days=40))
    service = ask("2", phone="11987654322", department="service", store_id=store.id)
    called = ask("3", phone="11987654323", kind="call_back")
    robot = ask("4", phone="11987654324", is_suspect=True)
    owner = sign_in("owner")

    def shown(**query) -> set[int]:
        return named(owner.get(LIST, query_string=query))

    assert shown() == {old.id, service.id, called.id}
    assert shown(origem="olx") == {old.id}
    assert shown(setor="service") == {service.id}
    assert shown(loja=store.slug) == {service.id}
    assert shown(dias="30") == {service.id, called.id}
    assert shown(ligar="1") == {called.id}
    assert shown(suspeitos="1") == {robot.id}
    assert shown(situacao="won") == set()
    owner.get(f"{LIST}{service.id}/")
    assert shown(novos="1") == {called.id}  # the old one is no news, the other was opened


def test_who_comes_today_is_told_by_the_stores_own_clock(sign_in):
    store = make_store(zone="America/Rio_Branco")
    lead = ask(phone="11987654321", store_id=store.id)
    submission_id = db.session.scalar(sa.select(Submission.id))
    with writing() as session:
        session.add(
            Appointment(kind="test_drive", store_id=store.id, submission_id=submission_id,
                        lead_id=lead.id, starts_at=now(), minutes=30)
        )  # fmt: skip
    owner = sign_in("owner")
    assert named(owner.get(f"{LIST}?visitas=1")) == {lead.id}
    with writing() as session:
        session.execute(sa.update(Appointment).values(starts_at=now() + timedelta(days=2)))
    assert named(owner.get(f"{LIST}?visitas=1")) == set()


def test_the_list_costs_the_same_at_any_length(sign_in, statements):
    car = make_vehicle()
    owner = sign_in("owner")
    ask("first", phone="11987654320", vehicle_id=car.id, store_id=car.store_id)

    def cost() -> int:
        db.session.remove()
        statements.clear()
        owner.get(LIST)
        return len(statements)

    few = cost()
    for number in range(40):
        ask(str(number), phone=f"119876543{number + 30:02d}", vehicle_id=make_vehicle().id)
    assert cost() == few


# --- one lead ----------------------------------------------------------------------------------


def test_a_lead_tells_in_words_what_was_asked(sign_in):
    car = make_vehicle(make="Fiat", model="Argo", trim="Drive", model_year=2022)
    lead = ask(
        phone="11987654321", email="ana@exemplo.com", kind="trade_in", vehicle_id=car.id,
        store_id=car.store_id, message="Tem laudo?",
        details={"make": "Chevrolet", "model": "Onix", "model_year": 2019, "mileage_km": 51000,
                 "expected_cents": 5_500_000, "when": "week",
                 "simulation": {"price_cents": 6_990_000, "months": 48,
                                "installment_cents": 189_000, "cet_annual": "27.51"}},
        touch={"source": "google", "campaign": "agosto"},
    )  # fmt: skip
    with writing() as session:
        session.add(
            Mail(dedup_key="k", message_id="m", kind="confirmation", to_address="ana@exemplo.com",
                 subject="Recebemos seu pedido", text="", html="", person_id=lead.person_id,
                 lead_id=lead.id, state="failed", error="caixa cheia")
        )  # fmt: skip
    page = sign_in("attendant").get(f"{LIST}{lead.id}/?combinado=1").text  # whatever the hour is
    for words in ("https://wa.me/5511987654321", "tel:+5511987654321", "mailto:ana@exemplo.com",
                  "Fiat Argo Drive 2022", "Tem laudo?", "51.000", "R$ 55.000", "Esta semana",
                  "48x", "27,51%", "agosto", "caixa cheia",
                  "Escreveu pela primeira vez"):  # fmt: skip
        assert words.replace(" ", "\xa0") in page or words in page, words


def test_the_fipe_range_stands_beside_the_car_offered(sign_in):
    make_vehicle(
        model_year=2019, fipe_price_cents=5_000_000, fipe_month=now().date().replace(day=1)
    )
    lead = ask(phone="11987654321", kind="trade_in",
               details={"make": "Chevrolet", "model": "onix lt", "model_year": 2019})  # fmt: skip
    assert "FIPE" in sign_in("attendant").get(f"{LIST}{lead.id}/").text


def test_hostile_text_stays_text(sign_in):
    lead = ask(
        phone="11987654321", name=CANARY, message=CANARY, kind="test_drive",
        details={"car": CANARY}, touch={"campaign": CANARY},
    )  # fmt: skip
    owner = sign_in("owner")
    for page in (owner.get(LIST).text, owner.get(f"{LIST}{lead.id}/").text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_photos_of_strangers_are_seen_through_their_lead_only(sign_in):
    mine, other = make_store(), make_store()
    lead = ask("1", phone="11987654321", kind="trade_in", store_id=mine.id)
    stranger = ask("2", phone="11987654322", store_id=mine.id)
    enquiry = db.session.scalars(sa.select(Enquiry).where(Enquiry.lead_id == lead.id)).one()
    keys = [f"leads/{enquiry.submission_id}/1.jpg", f"leads/{enquiry.submission_id}/2"]
    storage().put(keys[0], b"picture", content_type="image/jpeg", public=False)
    with writing() as session:
        session.get_one(Enquiry, enquiry.id).details = {"photos": keys}
    seller = sign_in("seller", stores=[mine])
    answer = seller.get(f"{LIST}{lead.id}/foto/{enquiry.id}/1")
    assert (answer.data, answer.mimetype) == (b"picture", "image/jpeg")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    # One not drawn anew yet, one that is not there, one of another lead, one of another store.
    assert seller.get(f"{LIST}{lead.id}/foto/{enquiry.id}/2").status_code == 404
    assert seller.get(f"{LIST}{lead.id}/foto/{enquiry.id}/9").status_code == 404
    assert seller.get(f"{LIST}{stranger.id}/foto/{enquiry.id}/1").status_code == 404
    elsewhere = sign_in("seller", stores=[other], email="outro@loja.example")
    assert elsewhere.get(f"{LIST}{lead.id}/foto/{enquiry.id}/1").status_code == 404
    assert "Uma foto está sendo conferida" in seller.get(f"{LIST}{lead.id}/").text


def test_other_leads_of_the_person_are_named_where_one_may_see_them(sign_in):
    mine, other = make_store(), make_store()
    sales = ask("1", phone="11987654321", store_id=mine.id)
    service = ask("2", phone="11987654321", store_id=other.id, department="service")
    assert named(sign_in("owner").get(f"{LIST}{sales.id}/")) >= {service.id}
    seller = sign_in("seller", stores=[mine])
    assert service.id not in named(seller.get(f"{LIST}{sales.id}/"))


def test_a_lead_with_nothing_but_an_id_can_be_read(sign_in):
    lead = ask(name="")
    page = sign_in("owner").get(f"{LIST}{lead.id}/")
    assert page.status_code == 200
    assert f"Lead {lead.id}" in page.text


# --- suspicious ones ---------------------------------------------------------------------------


def test_a_person_taken_for_a_machine_is_put_right_once(sign_in):
    lead = ask(phone="11987654321", is_suspect=True)
    attendant = sign_in("attendant")
    for _time in range(2):
        assert attendant.post(f"{LIST}{lead.id}/nao-e-robo").status_code == 303
    db.session.rollback()
    assert named(attendant.get(LIST)) == {lead.id}
    kinds = db.session.scalars(sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id)).all()
    assert kinds.count("cleared") == 1
    assert not db.session.scalars(sa.select(Enquiry.is_suspect)).one()


def test_two_who_clear_at_once_leave_one_event(app):
    lead = ask(phone="11987654321", is_suspect=True)
    stale = db.session.get_one(Lead, lead.id)
    with writing():
        assert clear_suspicion(stale, by="a@loja.example")
    with writing():
        assert not clear_suspicion(stale, by="b@loja.example")


def test_the_reasons_for_suspicion_are_told_in_words(sign_in):
    lead = ask(phone="11987654321", is_suspect=True)
    with writing() as session:
        session.execute(sa.update(Submission).values(meta={"reasons": ["honeypot", "new_one"]}))
    page = sign_in("owner").get(f"{LIST}{lead.id}/").text
    assert "campo que as pessoas não veem" in page
    assert "É uma pessoa" in page


def test_an_erased_person_is_found_by_nobody(sign_in):
    lead = ask(name="João", phone="11987654321")
    with writing() as session:
        session.get_one(Person, lead.person_id).erased_at = now()
    assert named(sign_in("owner").get(LIST, query_string={"q": "joao"})) == set()
