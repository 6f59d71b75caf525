"""The privacy page and the room where a person sees, corrects and erases their data."""

import json
import re
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa
import time_machine
from flask import current_app
from flask.testing import FlaskClient

from core.clock import now
from core.db import db, writing
from core.text import format_phone
from jobs.worker import JobSetup, Worker
from leads import cases, consent, letters, privacy
from leads.models import Mail, Person, SubjectRequest, Submission, Subscription
from leads.people import find_or_create_person
from leads.retention import PERIODS


def test_the_policy_tells_times_rights_and_the_authority_as_they_are(client):
    page = client.get("/privacidade").text
    for period in PERIODS.values():
        assert period.in_words() in page
    assert "Agência Nacional de Proteção de Dados" in page
    assert "Autoridade" not in page
    for cookie in ("favoritos", "comparar", "vistos", "origem", "rascunho", "variante"):
        assert f"<code>{cookie}</code>" in page


def test_every_entry_of_the_contents_leads_somewhere(client):
    page = client.get("/privacidade").text
    anchors = re.findall(r'href="#([a-z-]+)"', page)
    assert len(anchors) > 6
    for anchor in anchors:
        assert f'id="{anchor}"' in page


def test_every_page_links_the_policy(client):
    assert 'href="/privacidade"' in client.get("/lojas").text


def test_a_published_policy_is_shown_without_its_html(client):
    with writing():
        consent.publish_text(
            "privacy", "Texto **novo** <script>alert(1)</script> [x](javascript:1)"
        )
    page = client.get("/privacidade").text
    assert "<strong>novo</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


# ---- one's own data ----


@pytest.fixture
def visitor(app) -> FlaskClient:
    """A client with an address of its own, so that the hour's counts start at nothing."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"198.51.100.{next(_numbers) % 250}"
    return client


_numbers = count(1)


def make_person(name: str = "Ana Prado") -> Person:
    number = next(_numbers)
    with writing() as session:
        person = find_or_create_person(
            name=name, phone=f"+551198765{number:04d}", email=f"ana{number}@example.com"
        )
        session.flush()
    return person


def open_case(visitor: FlaskClient, contact: str, kind: str = "access") -> str:
    answer = visitor.post("/privacidade/meus-dados", data={"contato": contact, "pedido": kind})
    assert answer.status_code == 303
    return answer.location


def mailed_code() -> str:
    """The code in the newest mail, after the worker's turn."""
    run_jobs()
    db.session.rollback()
    text = db.session.scalars(sa.select(Mail.text).order_by(Mail.id.desc())).first()
    db.session.rollback()
    return re.search(r"\b(\d{6})\b", text)[1]


def run_jobs() -> None:
    assert Worker(current_app._get_current_object(), setup(), threads=1).run(drain=True)


def setup() -> JobSetup:
    return current_app.extensions["vitrine_jobs"]


def enter_room(visitor: FlaskClient, person: Person, kind: str = "access") -> str:
    path = open_case(visitor, person.email, kind)
    answer = visitor.post(path, data={"codigo": mailed_code()})
    assert answer.status_code == 303
    return answer.location


def test_a_room_that_closed_opens_with_the_new_code_only(visitor):
    person = make_person()
    room = enter_room(visitor, person)
    assert person.name in visitor.get(room).text
    with time_machine.travel(now() + timedelta(hours=25)):
        assert person.name not in visitor.get(room).text
        visitor.post(f"{room}/codigo")
        code = mailed_code()
        assert person.name not in visitor.get(room).text
        assert visitor.get(f"{room}/dados.json").status_code == 303
        answer = visitor.post(room, data={"codigo": code})
        assert person.name in visitor.get(answer.location).text


def test_nobody_fills_a_mailbox_with_codes_by_spelling_it_in_many_ways(visitor):
    for number in range(1, 9):
        address = f"jo{'.' * number}aqui.m@gmail.com"
        with writing():
            find_or_create_person(name=f"Nome {number}", email=address)
        open_case(visitor, address)
    run_jobs()
    db.session.rollback()
    sent = db.session.scalars(sa.select(Mail).where(Mail.to_address.endswith("aqui.m@gmail.com")))
    assert len(sent.all()) == letters.MOST_AN_HOUR


def test_tries_and_new_codes_do_not_tell_whether_we_know_the_person(visitor):
    person = make_person()
    said = []
    for contact in (person.email, "ninguem2@example.com"):
        path = open_case(visitor, contact)
        answers = [visitor.post(path, data={"codigo": "x"}).text for _ in range(4)]
        run_jobs()
        answers += [visitor.post(path, data={"codigo": "x"}).text for _ in range(2)]
        visitor.post(f"{path}/codigo")
        run_jobs()
        answers.append(visitor.post(path, data={"codigo": "x"}).text)
        db.session.rollback()
        found = [re.search(r'id="codigo-error"[^>]*>([^<]*)', text)[1] for text in answers]
        said.append(found)
    assert said[0] == said[1]
    assert said[0][-1] == said[0][0] != said[0][-2]


def test_the_answer_is_the_same_whether_we_know_the_person_or_not(visitor):
    person = make_person()
    pages = []
    for contact in (person.email, "ninguem@example.com"):
        path = open_case(visitor, contact)
        run_jobs()
        page = visitor.get(path)
        pages.append(re.sub(r"\d+", "#", page.text.replace(path, "")))
        db.session.rollback()
    assert pages[0] == pages[1]
    mails = db.session.scalars(sa.select(Mail)).all()
    assert [mail.to_address for mail in mails] == [person.email]


def test_the_code_goes_to_the_address_we_hold_and_opens_the_room_at_a_new_address(visitor):
    person = make_person("Ana do Código")
    typed = person.email.replace("@", "+outra@")
    path = open_case(visitor, typed)
    code = mailed_code()
    assert db.session.scalars(sa.select(Mail)).one().to_address == person.email
    assert "Ana do Código" not in visitor.get(path).text
    answer = visitor.post(path, data={"codigo": f" {code[:3]} {code[3:]} "})
    assert answer.status_code == 303
    # Who opened the case may be a stranger: the address they know stays shut.
    assert answer.location != path
    assert visitor.get(path).status_code == 404
    room = visitor.get(answer.location)
    assert "Ana do Código" in room.text
    assert room.headers["Cache-Control"] == "private, no-store"
    assert room.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in room.headers["X-Robots-Tag"]
    assert "Set-Cookie" not in room.headers
    assert answer.location not in room.text.partition("</head>")[0]


def test_five_wrong_codes_spend_the_right_one(visitor):
    person = make_person()
    path = open_case(visitor, person.email)
    code = mailed_code()
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(cases.MOST_TRIES):
        assert visitor.post(path, data={"codigo": wrong}).status_code == 422
    assert visitor.post(path, data={"codigo": code}).status_code == 422
    assert visitor.post(f"{path}/codigo").status_code == 303
    assert visitor.post(path, data={"codigo": mailed_code()}).status_code == 303


def test_a_code_holds_for_half_an_hour_and_once(visitor):
    person = make_person()
    path = open_case(visitor, person.email)
    code = mailed_code()
    with time_machine.travel(now() + cases.CODE_LIVES + timedelta(seconds=1)):
        assert visitor.post(path, data={"codigo": code}).status_code == 422
    assert visitor.post(path, data={"codigo": code}).status_code == 303
    assert visitor.post(path, data={"codigo": code}).status_code == 404


def test_the_room_closes_after_a_day(visitor):
    room = enter_room(visitor, make_person("Ana Fecha"))
    with time_machine.travel(now() + cases.ROOM_OPEN + timedelta(seconds=1)):
        assert "Ana Fecha" not in visitor.get(room).text
        assert visitor.get(f"{room}/dados.json").status_code == 303
        assert visitor.post(f"{room}/apagar").status_code == 303
    assert db.session.scalars(sa.select(Person)).one().erased_at is None


def test_somebody_with_a_phone_alone_waits_for_staff(visitor, app):
    person = make_person("Ana Fone")
    path = open_case(visitor, format_phone(person.phone))
    run_jobs()
    assert db.session.scalars(sa.select(Mail)).all() == []
    page = visitor.get(path)
    assert 'name="codigo"' not in page.text
    case = cases.find_case(path.rpartition("/")[2])
    assert timedelta(days=14) < case.due_at - now() <= timedelta(days=15)
    runner = app.test_cli_runner()
    assert person.phone[-4:] in runner.invoke(args=["privacy", "cases"]).output
    address = runner.invoke(args=["privacy", "confirm", str(case.id)]).output.strip()
    assert "Ana Fone" in visitor.get(address.removeprefix("http://localhost")).text


def test_requests_for_one_contact_are_limited_for_known_and_unknown_alike(visitor):
    for contact in (make_person().email, "outra.pessoa@example.com"):
        for _ in range(3):
            open_case(visitor, contact)
        answer = visitor.post("/privacidade/meus-dados", data={"contato": contact})
        assert answer.status_code == 429
        assert f'value="{contact}"' in answer.text


@pytest.mark.parametrize("contact", ["", "abc", "123", "<script>", "a@"])
def test_what_is_no_contact_is_asked_for_again(visitor, contact):
    answer = visitor.post("/privacidade/meus-dados", data={"contato": contact})
    assert answer.status_code == 422
    assert 'id="contato-error"' in answer.text


def test_what_a_form_asked_is_told_in_words(visitor):
    person = make_person()
    car = {"marca": "Fiat", "modelo": "Argo", "ano": "2021", "km": "45.000"}
    who = {"nome": person.name, "email": person.email, "telefone": format_phone(person.phone)}
    assert visitor.post("/avaliacao", data={**who, **car}).status_code == 303
    run_jobs()
    page = visitor.get(enter_room(visitor, person)).text
    assert "Marca: Fiat; Modelo: Argo; Ano do modelo: 2021; Quilometragem: 45.000" in page
    assert "model_year" not in page


def test_a_correction_changes_who_is_found(visitor):
    person = make_person()
    room = enter_room(visitor, person, "correction")
    old_email, person_id = person.email, person.id
    answer = visitor.post(
        f"{room}/corrigir",
        data={"nome": "Ana Certa", "telefone": "(11) 97777-1234", "email": "certa@example.com"},
    )
    assert answer.status_code == 303
    assert privacy.find_by_contact("certa@example.com").id == person_id
    assert privacy.find_by_contact("11 7777-1234").id == person_id
    assert privacy.find_by_contact(old_email) is None
    assert "Ana Certa" in visitor.get(answer.location).text
    assert db.session.scalars(sa.select(SubjectRequest)).one().state == "done"


def test_a_wrong_correction_keeps_what_was_typed(visitor):
    person = make_person()
    room = enter_room(visitor, person)
    answer = visitor.post(f"{room}/corrigir", data={"nome": "Ana", "telefone": "12", "email": "x"})
    assert answer.status_code == 422
    assert 'id="telefone-error"' in answer.text
    assert 'id="email-error"' in answer.text
    assert 'value="12"' in answer.text


def test_messages_are_stopped_one_by_one_or_all(visitor):
    person = make_person()
    with writing() as session:
        text = consent.current_text("marketing")
        consent.record(session.merge(person), "marketing", True, text, channel="site")
        session.add(Subscription(token="t" * 32, kind="price_alert", person_id=person.id))
    room = enter_room(visitor, person, "revocation")
    assert text.text in visitor.get(room).text
    visitor.post(f"{room}/parar", data={"parar": "marketing"})
    assert not consent.is_allowed(person.id, "marketing")
    assert db.session.scalars(sa.select(Subscription)).one().ended_at is None
    visitor.post(f"{room}/parar", data={"parar": "tudo"})
    assert db.session.scalars(sa.select(Subscription)).one().end_reason == "person"


def test_everything_can_be_taken_along(visitor):
    room = enter_room(visitor, make_person("Ana =1+1"))
    found = json.loads(visitor.get(f"{room}/dados.json").data)
    assert found["identity"]["name"] == "Ana =1+1"
    answer = visitor.get(f"{room}/dados.csv")
    assert "Ana =1+1" in answer.data.decode("utf-8-sig")
    assert "'+55" in answer.data.decode("utf-8-sig")  # no formula
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_erasing_asks_once_more_and_then_is_done(visitor):
    person = make_person("Ana Vai")
    room = enter_room(visitor, person, "erasure")
    assert visitor.get(f"{room}/apagar").status_code == 200
    assert privacy.find_by_contact(person.email) is not None
    answer = visitor.post(f"{room}/apagar")
    assert answer.status_code == 303
    assert "Ana Vai" not in visitor.get(answer.location).text
    assert db.session.scalars(sa.select(Person)).one().erased_at is not None
    assert db.session.scalars(sa.select(SubjectRequest)).one().state == "done"


def test_another_sites_page_can_do_nothing_here(visitor):
    answer = visitor.post(
        "/privacidade/meus-dados",
        data={"contato": "ana@example.com"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert db.session.scalars(sa.select(SubjectRequest)).all() == []


def test_an_unknown_case_is_not_found(visitor):
    for rest in ("", "/dados.json", "/dados.csv", "/apagar"):
        assert visitor.get(f"/privacidade/caso/nada{rest}").status_code == 404
    for rest in ("", "/codigo", "/corrigir", "/parar", "/apagar"):
        assert visitor.post(f"/privacidade/caso/nada{rest}").status_code == 404


# ---- who types another's phone ----

STRANGER = "curioso@example.org"


def send(visitor: FlaskClient, **fields: str) -> None:
    assert visitor.post("/contato", data={"mensagem": "segredo", **fields}).status_code == 303
    run_jobs()


def mailed_to(address: str) -> list[Mail]:
    db.session.rollback()
    return [row for row in db.session.scalars(sa.select(Mail)) if row.to_address == address]


def test_ones_own_email_beside_anothers_phone_opens_nothing_of_theirs(visitor):
    send(visitor, nome="Bia Vizinha", telefone="(11) 97777-0001")
    send(visitor, nome="Curioso", telefone="(11) 97777-0001", email=STRANGER)
    path = open_case(visitor, STRANGER, "erasure")
    run_jobs()
    assert not [mail for mail in mailed_to(STRANGER) if mail.kind == cases.CODE_MAIL]
    assert "6 dígitos" in visitor.get(path).text  # nothing to be told from outside


def test_what_another_asks_later_closes_the_room_of_who_typed_their_phone_first(visitor):
    send(visitor, nome="Curioso", telefone="(11) 97777-0002", email=STRANGER)
    room = visitor.post(open_case(visitor, STRANGER), data={"codigo": mailed_code()}).location
    assert visitor.get(f"{room}/dados.json").status_code == 200
    send(visitor, nome="Bia Vizinha", telefone="(11) 97777-0002", email="bia@example.org")
    assert visitor.get(f"{room}/dados.json").status_code == 303
    assert visitor.post(f"{room}/apagar").location.endswith(room)
    db.session.rollback()
    assert db.session.scalars(sa.select(Person.erased_at)).all() == [None]


def test_what_was_added_on_the_thank_you_page_counts_as_typed_with_the_form(visitor):
    answer = visitor.post("/contato", data={"nome": "Ana", "telefone": "(11) 97777-0003"})
    visitor.post(answer.location, data={"email": "ana.depois@example.org"})
    run_jobs()
    path = open_case(visitor, "ana.depois@example.org")
    assert visitor.post(path, data={"codigo": mailed_code()}).location != path


def test_correcting_ones_phone_into_anothers_shows_and_erases_nothing_of_theirs(visitor):
    send(visitor, nome="Bia Vizinha", telefone="(11) 97777-0004", email="bia@example.org")
    send(visitor, nome="Curioso", telefone="(11) 97777-0005", email=STRANGER)
    room = visitor.post(open_case(visitor, STRANGER), data={"codigo": mailed_code()}).location
    mine = {"nome": "Curioso", "telefone": "(11) 97777-0004", "email": STRANGER}
    assert visitor.post(f"{room}/corrigir", data=mine).status_code == 303
    assert "bia@example.org" not in visitor.get(f"{room}/dados.json").text
    assert visitor.post(f"{room}/apagar").status_code == 303
    db.session.rollback()
    kept = json.dumps(db.session.scalars(sa.select(Submission.payload)).all())
    assert "97777-0004" in kept
    assert "bia@example.org" in kept
    assert len(mailed_to("bia@example.org")) == 1


def test_an_address_that_cannot_be_a_case_is_not_found(client):
    for token in ("%00", "a%00b", "%ED%A0%80", "x" * 5000):
        assert client.get(f"/privacidade/caso/{token}").status_code == 404
