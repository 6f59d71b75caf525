"""A filled-in form is kept once, whatever is typed into it and however often it is sent."""

import uuid
from collections.abc import Callable
from io import BytesIO

import pytest
import sqlalchemy as sa
import time_machine
from flask.testing import FlaskClient

from core.db import db
from jobs.models import Job
from leads import flood
from leads.intake import process_submission
from leads.models import Consent, Enquiry, Lead, Person, Submission

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def send(client: FlaskClient) -> Callable[..., object]:
    def post(**fields: str):
        filled = {
            "submission_id": str(uuid.uuid4()),
            "nome": "Ana Teste",
            "telefone": "(11) 98765-4321",
            **fields,
        }
        return client.post("/contato", data=filled)

    return post


def process_all() -> None:
    for key in db.session.scalars(sa.select(Submission.id).order_by(Submission.received_at)).all():
        process_submission({"submission_id": key})


def count(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_an_accepted_form_is_stored_with_its_job_and_thanked(send):
    answer = send(mensagem="Aceita troca?")
    assert answer.status_code == 303
    submission = db.session.scalars(sa.select(Submission)).one()
    assert answer.location == f"/obrigado/{submission.id}"
    assert submission.payload["fields"]["mensagem"] == "Aceita troca?"
    job = db.session.scalars(sa.select(Job).where(Job.kind == "process_submission")).one()
    assert job.payload == {"submission_id": submission.id}


def test_a_double_click_answers_the_same_and_adds_nothing(send):
    key = str(uuid.uuid4())
    first, second = (send(submission_id=key) for _ in range(2))
    assert (second.status_code, second.location) == (first.status_code, first.location)
    assert count(Submission) == count(Job) == 1


def test_other_people_with_the_same_cached_page_are_all_kept(send):
    key = str(uuid.uuid4())
    answers = {send(submission_id=key, nome=name).location for name in ("Ana", "Bia", "Caio")}
    assert len(answers) == 3
    assert {row.page_key for row in db.session.scalars(sa.select(Submission))} == {key}


def test_two_and_twenty_spellings_of_a_phone_are_one_person_with_one_lead(send):
    spellings = [
        "11987654321", "(11) 98765-4321", "+55 11 98765-4321", "5511987654321", "011 98765 4321",
        "11 9 8765 4321", "11-98765-4321", "11.98765.4321", "+5511987654321", "0055 11 98765-4321",
        "(011) 98765-4321", "11 98765 4321", "(11)987654321", "55 (11) 98765-4321", " 11987654321 ",
        "11/98765-4321", "+55(11)987654321", "55-11-98765-4321", "(11) 9.8765-4321",
        "11 9-8765-4321", "1187654321", "+55 11 8765-4321",
    ]  # fmt: skip
    for spelling in spellings:
        answer = send(telefone=spelling)
        assert answer.status_code == 303, (spelling, answer.text)
    process_all()
    assert (count(Submission), count(Person), count(Lead)) == (22, 1, 1)
    assert db.session.scalars(sa.select(Person.phone)).one() == "+5511987654321"


def test_a_refused_form_is_redrawn_with_what_was_typed(send):
    answer = send(telefone="123", nome="<b>Ana</b>", mensagem="Olá 🚗", email="ana@")
    assert answer.status_code == 422
    assert "&lt;b&gt;Ana&lt;/b&gt;" in answer.text
    assert "Olá 🚗" in answer.text
    assert 'value="123"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert count(Submission) == 0


def test_a_lead_without_phone_is_one_when_there_is_an_email(send):
    assert send(telefone="", email="ana@exemplo.com.br").status_code == 303
    assert send(telefone="", email="").status_code == 422


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE lead; --", "{{ 7*7 }} ${7*7} <%= 7 %>", "\u202eevil\u0000\x08", "𝒜𝓃𝒶 🇧🇷",
        "Ana\r\nBcc: todos@exemplo.com", "=HYPERLINK(\"x\")", "../../etc/passwd", "null", "ﷺ" * 40,
        "<script>alert(1)</script>", "%00%0d%0a", "\\u0000", "０１２３", "NaN", " \u200bAna ",
    ],
)  # fmt: skip
def test_strange_texts_are_texts(send, text):
    answer = send(nome=text, mensagem=text)
    assert answer.status_code in {303, 422}
    process_all()
    for person in db.session.scalars(sa.select(Person)):
        assert "\n" not in person.name
        assert "\r" not in person.name
        assert "\x00" not in person.name


@pytest.mark.parametrize("size", [121, 5_000, 100_000])
def test_over_long_values_are_refused_and_kept_in_the_form(send, size):
    answer = send(nome="á" * size)
    assert answer.status_code == 422
    assert "á" * size in answer.text


def test_bodies_beyond_reason_are_answered_with_a_form(client):
    huge = client.post("/contato", data={"nome": "a" * 10_000_000})
    parts = client.post(
        "/contato",
        data="&".join(f"campo{n}=x" for n in range(100_000)),
        content_type="application/x-www-form-urlencoded",
    )
    many = client.post(
        "/contato", data={f"campo{n}": "x" for n in range(3000)}, content_type="multipart/form-data"
    )
    for answer in (huge, parts, many):
        assert 400 <= answer.status_code < 500
        assert 'name="submission_id"' in answer.text


def test_latin_bytes_keep_their_accents(client):
    body = "nome=Jos%E9+da+Concei%E7%E3o&telefone=11987654321"
    answer = client.post("/contato", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 303
    assert db.session.scalars(sa.select(Submission)).one().payload["name"] == "José da Conceição"


def test_extra_fields_change_nothing_but_the_suspicion(send):
    assert send(role="owner", status="vendido", price="1").status_code == 303
    process_all()
    submission = db.session.scalars(sa.select(Submission)).one()
    assert "unknown_fields" in submission.meta["reasons"]
    assert set(submission.payload["fields"]) == {"nome", "telefone"}
    assert db.session.scalars(sa.select(Lead)).one().state == "waiting"


def test_a_robot_in_the_trap_is_kept_and_marked(send):
    assert send(confirme_assunto="seo services").status_code == 303
    process_all()
    assert db.session.scalars(sa.select(Lead)).one().is_suspect


def test_an_honest_post_clears_the_mark(send):
    send(confirme_assunto="seo services")
    send(mensagem="Sou eu mesma")
    process_all()
    lead = db.session.scalars(sa.select(Lead)).one()
    assert not lead.is_suspect
    assert len(lead.enquiries) == 2


def test_the_box_is_unticked_and_a_tick_is_kept_with_its_wording(client, send):
    page = client.get("/contato").text
    box = page[page.index('name="consentimento"') - 120 : page.index('name="consentimento"') + 80]
    assert "checked" not in box
    assert "required" not in box
    send()
    send(consentimento="sim")
    process_all()
    consent = db.session.scalars(sa.select(Consent)).one()
    assert consent.is_given
    assert consent.purpose == "marketing"
    assert len(consent.text_digest) == 64
    assert consent.page == "/contato"


def test_the_campaign_of_the_page_comes_with_the_lead(client):
    client.post(
        "/contato",
        data={"nome": "Ana", "telefone": "11987654321"},
        headers={
            "Referer": "http://localhost/contato?utm_source=google&utm_campaign=feirao&gclid=abc"
        },
    )
    process_all()
    lead = db.session.scalars(sa.select(Lead)).one()
    assert lead.first_touch["source"] == "google"
    assert lead.last_touch["gclid"] == "abc"


def test_first_and_last_touch_kept_by_the_script_win(client):
    kept = (
        '{"first": {"source": "meta", "evil": "x", "landing": "/lp/a"}, "last": {"medium": "cpc"}}'
    )
    client.post("/contato", data={"nome": "Ana", "telefone": "11987654321", "origem": kept})
    process_all()
    lead = db.session.scalars(sa.select(Lead)).one()
    assert lead.first_touch == {"source": "meta", "landing": "/lp/a"}
    assert lead.last_touch == {"medium": "cpc"}


def test_processing_twice_changes_nothing(send):
    send()
    process_all()
    process_all()
    assert (count(Enquiry), count(Lead), count(Person)) == (1, 1, 1)


def test_the_flood_wall_stands_at_the_setting(client):
    answers = [
        client.post("/contato", data={"nome": "xis"}, environ_base={"REMOTE_ADDR": "203.0.113.9"})
        for _ in range(601)
    ]
    assert {answer.status_code for answer in answers[:600]} == {422}
    assert answers[600].status_code == 429
    assert answers[600].headers["Retry-After"] == "60"
    assert 'value="xis"' in answers[600].text  # given back, should a person stand there


@pytest.fixture
def flooded(app) -> None:
    """The test client's address stands at the wall."""
    while not flood.is_flooding("127.0.0.1"):
        pass


def test_a_body_too_large_to_read_is_too_large_at_the_wall_too(client, flooded):
    words = {"nome": "José", "mensagem": "x" * 2_000_000}
    assert client.post("/contato", data=words).status_code == 413
    with_photo = {**words, "fotos": (BytesIO(b"x"), "a.jpg")}
    assert client.post("/avaliacao", data=with_photo).status_code == 413
    many = {f"campo{number}": "x" for number in range(5000)}
    assert client.post("/contato", data=many, content_type=MULTIPART).status_code == 413


def test_the_wall_gives_accents_back_as_they_were_typed(client, flooded):
    answer = client.post("/contato", data="nome=Jos%E9", content_type=URLENCODED)
    assert answer.status_code == 429
    assert 'value="José"' in answer.text


def test_one_ipv6_line_is_one_address_at_the_wall(client):
    def post(address: str) -> int:
        return client.post(
            "/contato", data={"nome": "x"}, environ_base={"REMOTE_ADDR": address}
        ).status_code

    for number in range(600):
        assert post(f"2001:db8:1:2::{number:x}") == 422
    assert post("2001:db8:1:2:ffff::1") == 429
    assert post("2001:db8:1:3::1") == 422
    assert {post(f"::ffff:203.0.113.{number}") for number in range(200)} == {422}
    assert flood.client_of("::ffff:203.0.113.9") == "203.0.113.9"
    assert flood.client_of("unix") == "unix"


def test_answers_to_a_request_that_does_not_exist_are_not_kept(client, send):
    invented = client.post("/obrigado/" + "a" * 32, data={"prazo": "week"})
    assert invented.status_code == 404
    assert count(Submission) == count(Job) == 0
    real = send().location
    assert client.post(real, data={"prazo": "week"}).status_code == 303
    assert count(Submission) == 2


def test_the_same_answers_about_two_requests_are_two(client, send):
    for place in (send(mensagem="Um").location, send(mensagem="Dois").location):
        assert client.post(place, data={"prazo": "week"}).status_code == 303
    process_all()
    found = db.session.scalars(sa.select(Enquiry)).all()
    assert [enquiry.details.get("when") for enquiry in found] == ["week", "week"]


def test_without_an_id_the_same_words_are_a_repeat_on_the_same_day_only(send):
    with time_machine.travel("2026-11-23T15:00:00Z"):
        first, again = (send(submission_id="") for _ in range(2))
    with time_machine.travel("2026-11-25T15:00:00Z"):
        later = send(submission_id="")
    assert first.location == again.location != later.location
    assert count(Submission) == 2
