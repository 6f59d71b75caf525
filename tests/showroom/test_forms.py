"""Every form of the site: its page, what it refuses and keeps, and what comes after it."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import g

from core.clock import today
from core.db import db, writing
from dealership.identity import identity
from inventory.lifecycle import move
from inventory.models import Vehicle
from leads import capture
from leads.appointments import MOST_VISITS, RULES, slots
from leads.capture import drain, spool
from leads.forms import PHOTO_BYTES_MAX
from leads.intake import process_submission
from leads.models import Appointment, Enquiry, Lead, Submission, Subscription
from tests.factories import make_store, make_vehicle

WHO = {"nome": "Ana Teste", "telefone": "(11) 98765-4321"}
CAR = {"marca": "Fiat", "modelo": "Argo Drive", "ano": "2021", "km": "42.000"}
PAGES = {
    "/contato": WHO,
    "/ligamos-para-voce": {**WHO, "quando": "morning"},
    "/avaliacao": {**WHO, **CAR},
    "/test-drive": {**WHO, "veiculo": "Onix"},
    "/pos-venda": {**WHO, "servico": "repair", "carro": "Onix 2021"},
    "/novidades": {"email": "ana@exemplo.com.br"},
    "/financiamento": {**WHO, "preco": "80.000", "entrada": "20.000", "prazo": "48"},
}


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def kept() -> list[Submission]:
    return list(db.session.scalars(sa.select(Submission).order_by(Submission.received_at)))


def process_all() -> None:
    for submission in kept():
        process_submission({"submission_id": submission.id})


def sell(vehicle: Vehicle) -> None:
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), "sold", by="test")


@contextmanager
def database_away() -> Iterator[None]:
    """Every statement fails, as when the server is gone."""

    def refuse(*_args: Any) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))

    for name in ("dealer", "wordings"):
        g.pop(name, None)
    db.session.rollback()
    sa.event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", refuse)


# ---- all of them ----


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_a_form_that_works_without_a_script(client, path):
    make_store()
    page = client.get(path)
    assert page.status_code == 200
    assert page.text.count("<h1") == 1
    form = re.search(r'<form[^>]*method="post"[^>]*data-lead-form.*?</form>', page.text, re.S)[0]
    assert f'action="{path}"' in form
    assert 'name="submission_id"' in form
    assert 'name="carimbo"' in form
    assert 'href="/privacidade"' in form


@pytest.mark.parametrize("path", PAGES)
def test_each_form_is_kept_and_thanked(client, path):
    make_store()
    answer = client.post(path, data=PAGES[path])
    assert answer.status_code == 303, answer.text
    (submission,) = kept()
    assert answer.location == f"/obrigado/{submission.id}"
    thanks = client.get(answer.location)
    assert thanks.status_code == 200
    assert thanks.headers["Cache-Control"] == "private, no-store"
    assert 'content="noindex' in thanks.text
    assert "Ana" not in thanks.text
    assert "98765" not in thanks.text
    process_all()
    assert db.session.scalars(sa.select(Enquiry)).one().submission_id == submission.id
    assert client.get(answer.location).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_each_form_is_redrawn_with_its_values_and_the_first_error_focused(client, path):
    make_store()
    wrong = {**PAGES[path], "telefone": "123", "email": "ana@"}
    answer = client.post(path, data=wrong)
    assert answer.status_code == 422
    assert kept() == []
    assert answer.text.count("autofocus") == 1
    focused = re.search(r"<(?:input|textarea)[^>]*autofocus[^>]*>", answer.text)[0]
    assert 'aria-invalid="true"' in focused
    error = re.search(r'aria-describedby="([^" ]+)', focused)[1]
    assert f'id="{error}"' in answer.text
    for name, value in PAGES[path].items():
        if name not in {"telefone", "email", "quando", "servico"}:
            assert value in answer.text, name


@pytest.mark.parametrize("path", PAGES)
def test_each_form_answers_too_much_with_itself(client, path):
    make_store()
    answer = client.post(path, data={**PAGES[path], "mensagem": "a" * 2_000_000})
    assert answer.status_code == 413
    assert 'name="submission_id"' in answer.text
    assert kept() == []


@pytest.mark.parametrize("path", PAGES)
def test_each_form_is_taken_while_the_database_is_away(client, path, monkeypatch):
    monkeypatch.setattr(capture._Drainer, "start", lambda self: None)  # only the test drains
    make_store()
    client.get(path)
    with database_away():
        answer = client.post(path, data=PAGES[path])
        assert answer.status_code == 303
        thanks = client.get(answer.location)
    assert thanks.status_code == 200
    assert "Recebemos" in thanks.text or "We have your request" in thanks.text
    number = answer.location.rpartition("/")[2]
    assert spool().find(number)
    drain()
    assert [submission.id for submission in kept()] == [number]
    assert client.get(answer.location).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_wrong_form_without_a_database_keeps_what_was_typed(client, path):
    make_store()
    with database_away():
        answer = client.post(
            path, data={**PAGES[path], "telefone": "123", "email": "x@", "submission_id": "a"}
        )
    assert answer.status_code == 503
    assert 'value="123"' in answer.text


def test_without_numbers_of_the_group_a_form_that_was_not_kept_offers_the_stores(client):
    make_store(name="Loja da Praça", whatsapp="+5511987654321")
    client.get("/")
    with database_away():
        answer = client.post("/contato", data={**WHO, "telefone": "123", "submission_id": "a"})
    assert answer.status_code == 503
    assert "WhatsApp Loja da Praça" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_choices_that_were_never_offered_change_nothing(client, path):
    make_store()
    strange = {"quando": "never", "servico": "<b>", "loja": "../x", "oferta": "../x", "prazo": "48"}
    answer = client.post(path, data={**PAGES[path], **strange})
    assert answer.status_code == 303
    (submission,) = kept()
    assert submission.payload["vehicle"] == ""
    assert "never" not in str(submission.payload["details"])


def test_pages_cost_a_bounded_number_of_statements(client, statements):
    vehicles = [make_vehicle(price_cents=(60_000 + n) * 100) for n in range(30)]
    paths = [*PAGES, path_of(vehicles[0]), f"/test-drive?oferta={vehicles[0].public_id}"]
    value, _at = first_time(vehicles[0].store)
    booking = {"oferta": vehicles[0].public_id, "loja": vehicles[0].store.slug, "horario": value}
    paths.append(client.post("/test-drive", data={**WHO, **booking}).location)
    for path in paths:
        for name in ("dealer", "wordings"):
            g.pop(name, None)
        client.get(path)
        for name in ("dealer", "wordings"):
            g.pop(name, None)
        statements.clear()
        client.get(path)
        assert len(statements) <= 18, (path, len(statements))


def test_a_post_costs_two_statements_and_its_booking_a_few_more(client, statements):
    store = make_store()
    counted = {}
    for path, typed in PAGES.items():
        statements.clear()
        assert client.post(path, data=typed).status_code == 303
        counted[path] = len(statements)
    # PostgreSQL is told first how long it may take.
    assert counted["/contato"] == counted["/avaliacao"] == counted["/test-drive"] <= 3, counted
    value = first_time(store)[0]
    statements.clear()
    client.post("/test-drive", data={**WHO, "loja": store.slug, "horario": value})
    # One of them grows the site's version: free times stand on public pages.
    assert len(statements) <= 11, statements


# ---- the offer's page ----


def test_a_proposal_is_for_the_car_of_the_page(client):
    vehicle = make_vehicle()
    page = client.get(path_of(vehicle)).text
    assert 'href="#proposta"' in page
    assert 'id="proposta"' in page
    answer = client.post(path_of(vehicle), data=WHO)
    assert answer.status_code == 303
    process_all()
    lead = db.session.scalars(sa.select(Lead)).one()
    assert (lead.vehicle_id, lead.store_id) == (vehicle.id, vehicle.store_id)
    thanks = client.get(answer.location).text
    assert path_of(vehicle) in thanks
    assert f'href="/w/oferta-{vehicle.public_id}"' in thanks
    assert f'data-lead-value-cents="{vehicle.price_cents}"' in thanks


@pytest.mark.parametrize("days", [1, 40])
def test_a_car_sold_meanwhile_still_brings_its_lead(client, days):
    vehicle = make_vehicle()
    other = make_vehicle(model="Tracker")  # one of the same model would take over the address
    sell(vehicle)
    with writing() as session:
        found = session.get(Vehicle, vehicle.id)
        found.state_changed_at = datetime.now(UTC) - timedelta(days=days)
    page = client.get(path_of(vehicle))
    assert page.status_code == (200 if days == 1 else 410)
    assert "data-lead-form" in page.text
    answer = client.post(path_of(vehicle), data=WHO)
    assert answer.status_code == 303
    refused = client.post(path_of(vehicle), data={"nome": "Ana"})
    assert refused.status_code == 422
    assert 'value="Ana"' in refused.text
    process_all()
    assert db.session.scalars(sa.select(Lead)).one().vehicle_id == vehicle.id
    if days == 1:
        assert path_of(other) in client.get(answer.location).text


def test_a_price_alert_starts_a_subscription_and_no_lead(client):
    vehicle = make_vehicle()
    path = f"{path_of(vehicle)}?formulario=alerta"
    refused = client.post(path, data={"email": "ana"})
    assert refused.status_code == 422
    assert '<details class="wish" id="alerta" open>' in refused.text
    assert client.post(path, data={"email": "ana@exemplo.com.br"}).status_code == 303
    process_all()
    subscription = db.session.scalars(sa.select(Subscription)).one()
    assert (subscription.kind, subscription.about) == ("price_alert", vehicle.public_id)
    assert db.session.scalar(sa.select(sa.func.count(Lead.id))) == 0


@pytest.mark.parametrize("name", ["nada", "a-" + "b" * 40, "x-%00", "x-../../etc"])
def test_posts_to_strange_offers_are_no_errors(client, name):
    assert client.post(f"/oferta/{name}", data=WHO).status_code in {303, 404}


def test_who_asks_after_a_sold_car_is_told_that_we_look_for_another(client):
    vehicle = make_vehicle(state="sold")
    answer = client.post(f"/oferta/{vehicle.slug}-{vehicle.public_id}", data=WHO)
    assert answer.status_code == 303
    assert "Vamos procurar um parecido" in client.get(answer.location).text


# ---- financing ----


def test_a_simulation_is_worked_out_anew_and_kept_whole(client):
    vehicle = make_vehicle(price_cents=80_000_00)
    answer = client.post(
        "/financiamento",
        data={
            **WHO,
            "oferta": vehicle.public_id,
            "entrada": "20.000",
            "prazo": "48",
            "preco": "1",
            "parcela": "9,99",
        },
    )
    assert answer.status_code == 303
    (submission,) = kept()
    found = submission.payload["details"]["simulation"]
    assert found["price_cents"] == 80_000_00
    assert found["down_payment_cents"] == 20_000_00
    assert found["months"] == 48
    assert found["installment_cents"] > 1_000_00
    assert found["day"] == today().isoformat()
    assert {"monthly_rate", "annual_rate", "cet_annual", "iof_cents", "total_cents"} <= set(found)
    assert "9,99" not in str(found)
    process_all()
    assert db.session.scalars(sa.select(Lead)).one().vehicle_id == vehicle.id
    thanks = client.get(answer.location).text
    assert "48 " in thanks
    assert f"{today():%d/%m/%Y}" in thanks


@pytest.mark.parametrize(
    "numbers",
    [
        {"preco": "20.000", "entrada": "20.000"},
        {"preco": "20.000", "entrada": "19.900"},
        {"preco": "muito", "entrada": "0"},
        {"preco": "80.000", "prazo": "1000"},
    ],
)
def test_numbers_that_cannot_be_financed_are_refused_in_words(client, numbers):
    answer = client.post("/financiamento", data={**WHO, **numbers})
    assert answer.status_code == 422
    assert 'value="Ana Teste"' in answer.text
    assert re.search(r"data-form-errors>\s*<p>[^<]{10,}</p>", answer.text)
    assert kept() == []


def test_a_simulation_of_a_car_that_left_is_a_lead_without_made_up_numbers(client):
    vehicle = make_vehicle()
    sell(vehicle)
    typed = {**WHO, "oferta": vehicle.public_id, "entrada": "20.000", "prazo": "48"}
    assert client.post("/financiamento", data=typed).status_code == 303
    (submission,) = kept()
    assert "simulation" not in submission.payload["details"]
    assert submission.payload["details"]["typed"] == {"entrada": "20.000", "prazo": "48"}


# ---- bookings ----


def first_time(store) -> tuple[str, datetime]:
    g.pop("dealer", None)
    profile = identity().store(store.slug)
    day = slots(profile, "test_drive")[0]
    free = next(slot for slot in day.slots if slot.is_free)
    return free.value, free.starts_at


def test_a_test_drive_is_booked_with_its_lead_and_goes_into_a_calendar(client):
    vehicle = make_vehicle()
    value, starts_at = first_time(vehicle.store)
    page = client.get(f"/test-drive?oferta={vehicle.public_id}").text
    assert f'value="{value}"' in page
    answer = client.post(
        "/test-drive",
        data={**WHO, "oferta": vehicle.public_id, "loja": vehicle.store.slug, "horario": value},
    )
    assert answer.status_code == 303
    booked = db.session.scalars(sa.select(Appointment)).one()
    assert booked.starts_at == starts_at
    assert booked.vehicle_id == vehicle.id
    thanks = client.get(answer.location).text
    assert f"/agenda/{booked.submission_id}.ics" in thanks
    assert starts_at.strftime("%H:%M") in thanks
    process_all()
    assert db.session.scalars(sa.select(Appointment)).one().lead_id is not None


def test_a_machine_takes_no_time_from_people_and_stays_a_wish(client):
    vehicle = make_vehicle()
    value, _at = first_time(vehicle.store)
    typed = {**WHO, "oferta": vehicle.public_id, "loja": vehicle.store.slug, "horario": value}
    answer = client.post("/test-drive", data={**typed, "confirme_assunto": "seo"})
    assert answer.status_code == 303
    assert db.session.scalars(sa.select(Appointment)).all() == []
    assert kept()[0].payload["details"]["slot"] == value
    assert client.get(answer.location).status_code == 200


def test_one_person_cannot_take_every_time_and_further_wishes_stay_wishes(client):
    store = make_store()
    spellings = ("11 98765-4321", "+55 11 98765 4321", "(11) 98765-4321", "11987654321")
    for phone in spellings:
        value, _at = first_time(store)
        typed = {**WHO, "telefone": phone, "loja": store.slug, "horario": value}
        assert client.post("/test-drive", data=typed).status_code == 303
    assert len(db.session.scalars(sa.select(Appointment)).all()) == MOST_VISITS
    assert len(kept()) == len(spellings)
    value, _at = first_time(store)
    other = {**WHO, "telefone": "11 91234-5678", "loja": store.slug, "horario": value}
    client.post("/test-drive", data=other)
    assert len(db.session.scalars(sa.select(Appointment)).all()) == MOST_VISITS + 1


def test_who_comes_second_gets_the_nearest_times_and_keeps_what_was_typed(client):
    vehicle = make_vehicle()
    value, _at = first_time(vehicle.store)
    typed = {**WHO, "oferta": vehicle.public_id, "loja": vehicle.store.slug, "horario": value}
    assert client.post("/test-drive", data=typed).status_code == 303
    second = client.post("/test-drive", data={**typed, "nome": "Bia", "telefone": "11987650000"})
    assert second.status_code == 422
    assert 'value="Bia"' in second.text
    assert second.text.count("autofocus") == 1
    offered = re.findall(r'name="horario" value="([^"]+)"', second.text)
    assert offered
    assert value not in offered
    assert len(kept()) == 1
    again = client.post("/test-drive", data={**typed, "nome": "Bia", "horario": offered[0]})
    assert again.status_code == 303
    assert db.session.scalar(sa.select(sa.func.count(Appointment.id))) == 2


def test_a_store_takes_as_many_cars_at_once_as_it_has_seats(client):
    store = make_store()
    value, _at = first_time(store)
    statuses = [
        client.post(
            "/test-drive",
            data={**WHO, "nome": f"Ana {n}", "loja": store.slug, "horario": value},
        ).status_code
        for n in range(RULES["test_drive"].seats + 1)
    ]
    assert statuses == [303] * RULES["test_drive"].seats + [422]


@pytest.mark.parametrize("wish", ["amanhã", "2020-01-01T10:00Z", "2099-01-01T10:00Z", "0"])
def test_a_time_that_is_none_is_refused_beside_the_times(client, wish):
    store = make_store()
    answer = client.post("/pos-venda", data={**WHO, "loja": store.slug, "horario": wish})
    assert answer.status_code == 422
    assert 'id="f-horario-error"' in answer.text
    assert kept() == []


def test_without_a_time_or_a_database_the_store_agrees_one(client, monkeypatch):
    monkeypatch.setattr(capture._Drainer, "start", lambda self: None)  # only the test drains
    store = make_store()
    value, _at = first_time(store)
    typed = {**WHO, "loja": store.slug, "horario": value}
    with database_away():
        answer = client.post("/test-drive", data=typed)
    drain()
    assert db.session.scalar(sa.select(sa.func.count(Appointment.id))) == 0
    page = client.get(answer.location).text
    assert "/agenda/" not in page
    process_all()
    assert db.session.scalars(sa.select(Enquiry)).one().details["slot"] == value


def test_a_sold_car_cannot_be_driven_and_nothing_is_lost(client):
    vehicle = make_vehicle()
    value, _at = first_time(vehicle.store)
    sell(vehicle)
    typed = {**WHO, "oferta": vehicle.public_id, "loja": vehicle.store.slug, "horario": value}
    answer = client.post("/test-drive", data=typed)
    assert answer.status_code == 422
    assert 'value="Ana Teste"' in answer.text
    assert 'name="oferta"' not in answer.text
    assert client.get(f"/test-drive?oferta={vehicle.public_id}").status_code == 200


def test_the_store_is_changed_without_a_script(client):
    make_store(name="Loja Centro")
    other = make_store(name="Loja Norte")
    page = client.get(f"/test-drive?loja={other.slug}").text
    assert f'<option value="{other.slug}" selected>' in page
    assert f'name="loja" type="hidden" value="{other.slug}"' in page


# ---- afterwards ----


def test_further_answers_join_the_request(client):
    vehicle = make_vehicle()
    thanks = client.post(path_of(vehicle), data=WHO).location
    more = {"prazo": "week", "pagamento": "financing", "troca": "Uno 2010", "email": "a@b.com.br"}
    assert client.post(thanks, data={"email": "a@"}).status_code == 422
    saved = client.post(thanks, data=more)
    assert saved.status_code == 303
    assert saved.location.startswith(thanks)
    assert 'id="detalhes"' not in client.get(saved.location).text
    process_all()
    enquiry = db.session.scalars(sa.select(Enquiry)).one()
    assert enquiry.details["when"] == "week"
    assert enquiry.details["trade_in"] == "Uno 2010"
    assert enquiry.person.email == "a@b.com.br"
    assert db.session.scalar(sa.select(sa.func.count(Lead.id))) == 1


@pytest.mark.parametrize("number", ["nada", "0" * 32, "A" * 32, "0" * 31, "0" * 33])
def test_an_unknown_thank_you_is_a_helpful_404(client, number):
    answer = client.get(f"/obrigado/{number}")
    assert answer.status_code == 404
    assert 'action="/estoque"' in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_without_a_database_an_unknown_thank_you_promises_nothing(client):
    client.get("/")
    with database_away():
        answer = client.get(f"/obrigado/{'0' * 32}")
    assert answer.status_code == 503


def test_a_reload_changes_nothing(client):
    make_store()
    thanks = client.post("/contato", data=WHO).location
    texts = {
        re.sub(r'name="(submission_id|carimbo)"[^>]*>', "", client.get(thanks).text)
        for _ in range(2)
    }
    assert len(texts) == 1
    assert len(kept()) == 1


def test_no_minutes_are_promised_that_nobody_measured(client):
    make_store()
    thanks = client.get(client.post("/contato", data=WHO).location).text
    assert not re.search(r"cerca de \d+ min|about \d+ min", thanks)


def test_a_range_is_shown_only_when_the_table_says_so(client):
    month = today().replace(day=1)
    make_vehicle(make="Fiat", model="Argo", model_year=2021, fipe_price_cents=60_000_00,
                 fipe_month=month)  # fmt: skip
    make_vehicle(make="Fiat", model="Argo", model_year=2021, fipe_price_cents=66_500_00,
                 fipe_month=month)  # fmt: skip
    make_vehicle(make="Fiat", model="Arg", model_year=2021, fipe_price_cents=10_00,
                 fipe_month=month)  # fmt: skip
    known = client.get(client.post("/avaliacao", data={**WHO, **CAR}).location).text
    assert "60.000" in known
    assert "66.500" in known
    older = client.post("/avaliacao", data={**WHO, **CAR, "ano": "2015"}).location
    assert "60.000" not in client.get(older).text


def test_the_sitemap_names_the_forms(client):
    body = client.get("/sitemap-paginas.xml").text
    for path in ("/contato", "/avaliacao", "/test-drive", "/pos-venda"):
        assert f"<loc>http://localhost{path}</loc>" in body
    assert "obrigado" not in body


@pytest.mark.parametrize("path", ["/", "/lojas", "/estoque"])
def test_every_page_leads_to_the_forms(client, path):
    make_store()
    page = client.get(path).text
    for link in ("/contato", "/avaliacao", "/test-drive", "/pos-venda", "/ligamos-para-voce"):
        assert f'href="{link}"' in page


# ---- proof of work ----


@pytest.fixture
def with_proof(app) -> Iterator[Callable[[], None]]:
    config = app.extensions["vitrine"]
    app.extensions["vitrine"] = type(config)(**{**config.__dict__, "proof_of_work": True})
    yield
    app.extensions["vitrine"] = config


def test_a_puzzle_is_carried_only_where_asked_and_a_missing_answer_only_marks(client, with_proof):
    make_store()
    page = client.get("/contato").text
    assert "data-proof=" in page
    assert 'name="prova"' in page
    assert "proof.js" in page
    assert client.post("/contato", data=WHO).status_code == 303
    (submission,) = kept()
    assert "no_proof" in submission.meta["reasons"]


def test_a_solved_puzzle_clears_the_post_once(client, with_proof):
    make_store()
    puzzle = json.loads(
        unescape(re.search(r'data-proof="([^"]+)"', client.get("/contato").text)[1])
    )
    number = next(
        number
        for number in range(puzzle["maxnumber"] + 1)
        if hashlib.sha256(f"{puzzle['salt']}{number}".encode()).hexdigest() == puzzle["challenge"]
    )
    solved = {**{k: v for k, v in puzzle.items() if k != "maxnumber"}, "number": number, "took": 9}
    proof = b64encode(json.dumps(solved).encode()).decode()
    for message in ("first", "again"):
        client.post("/contato", data={**WHO, "mensagem": message, "prova": proof})
    reasons = [submission.meta["reasons"] for submission in kept()]
    assert ["no_proof" in found for found in reasons] == [False, True]


def test_no_puzzle_by_default(client):
    assert "data-proof" not in client.get("/contato").text


def test_uploads_have_a_limit_of_their_own(client):
    assert PHOTO_BYTES_MAX == 12 * 1024 * 1024
    answer = client.post("/contato", data={**WHO, "mensagem": "a" * 1_100_000})
    assert answer.status_code == 413
