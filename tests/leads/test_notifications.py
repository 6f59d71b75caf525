"""Who is written to after an enquiry, what the mails say, and what happens when sending fails."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from core import mail
from core.db import db, writing
from dealership.models import Dealership, Department
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads import answer_time, intake, letters, notifications
from leads.models import Enquiry, Lead, LeadEvent, Mail, Person, Submission
from tests.factories import make_store, make_vehicle
from tests.post_office import Inbox, post_office

MONDAY_NOON = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # noon in São Paulo: the stores are open


@pytest.fixture(autouse=True)
def _afresh(app) -> Iterator[None]:
    answer_time.forget()
    yield
    answer_time.forget()


@pytest.fixture
def server(app, monkeypatch) -> Iterator[Inbox]:
    """A running SMTP server that the application sends through."""
    with post_office() as (inbox, host):
        config = replace(app.extensions["vitrine"], smtp_url=f"smtp://{host}")
        monkeypatch.setitem(app.extensions, "vitrine", config)
        yield inbox


@pytest.fixture
def work(app) -> Callable[[], None]:
    """Runs every job that is due."""

    def run() -> None:
        db.session.rollback()
        setup: JobSetup = app.extensions["vitrine_jobs"]
        Worker(app, JobSetup(setup.handlers), threads=1).run(drain=True)
        db.session.rollback()

    return run


def make_dealership(**values: Any) -> None:
    with writing() as session:
        session.merge(
            Dealership(id=1, **{"name": "Loja Boa", "email": "grupo@example.com", **values})
        )


_numbers = iter(range(10_000))


def enquire(**values: Any) -> int:
    """An enquiry as the form's job enters it; its id."""
    number = next(_numbers)
    email = values.pop("email", "ana@example.com")
    vehicle = values.pop("vehicle", None)
    at = values.pop("at", datetime.now(UTC))
    is_form = values.pop("is_form", True)
    payload = {"email": email, **({"fields": {}} if is_form else {})}
    asked = {
        "source": "form:contato",
        "kind": "contact",
        "name": "Ana Lima",
        "phone": "+5511987654321",
        "vehicle_id": vehicle.id if vehicle else None,
        **values,
    }
    with writing() as session:
        submission = Submission(
            id=f"{number:032x}", source=asked["source"], idem_key=str(number), payload=payload
        )
        session.add(submission)
        session.flush()
        enquiry = intake.enter(intake.Asked(email=email, at=at, **asked), submission.id)
        if enquiry.is_suspect:
            notifications.after_suspect(enquiry)
        else:
            notifications.after_enquiry(enquiry)
        return enquiry.id


def mails(kind: str = "") -> list[Mail]:
    query = sa.select(Mail).order_by(Mail.id)
    return list(db.session.scalars(query.where(Mail.kind == kind) if kind else query))


def test_the_person_and_the_store_are_written_to(work, server):
    make_dealership()
    vehicle = make_vehicle(store=make_store(email="loja@example.com"))
    enquire(kind="interest", vehicle=vehicle, message="Aceita troca?")
    work()
    assert sorted(server.recipients) == ["ana@example.com", "loja@example.com"]
    assert {row.state for row in mails()} == {"sent"}
    kinds = db.session.scalars(sa.select(LeadEvent.kind).order_by(LeadEvent.id)).all()
    assert kinds == ["enquiry", "mail_sent", "mail_sent"]


def test_the_confirmation_says_what_was_asked_and_what_comes_next(work):
    make_dealership(legal_name="Loja Boa Ltda.", cnpj="11222333000181")
    store = make_store(email="loja@example.com", name="Loja Centro")
    vehicle = make_vehicle(store=store, price_cents=69_900_00)
    make_vehicle(store=store, trim="1.0 Outra versão")
    enquire(kind="interest", vehicle=vehicle)
    work()
    (row,) = mails("confirmation")
    for body in (row.text, row.html):
        assert "Ana" in body
        assert "Chevrolet Onix" in body
        assert "69.900" in body
        assert "http://localhost/oferta/" in body
        assert "Av. Exemplo, 100" in body
        assert "(11) 3333-4444".replace(" ", "\xa0").replace("-", "\u2011") in body
        assert "https://wa.me/5511987654321" in body
        assert "11.222.333/0001-81" in body
        assert "Outra versão" not in body, "no offers in a mail about what was asked"
    assert row.reply_to == "loja@example.com"
    assert "List-Unsubscribe" not in row.headers
    assert "Chevrolet Onix" in row.subject


def test_a_mail_loads_nothing_but_our_own_pictures(work):
    """No font, pixel or style from anybody else: opening a mail tells nobody."""
    make_dealership()
    vehicle = make_vehicle(store=make_store(email="loja@example.com"))
    enquire(kind="interest", vehicle=vehicle)
    work()
    for row in mails():
        loaded = re.findall(
            r"(?:src=|url\(|@import\s|<link[^>]*href=)[\"'(]*([^\"')\s>]+)", row.html
        )
        assert [address for address in loaded if not address.startswith("http://localhost/")] == []


def test_the_store_can_answer_at_once(work):
    make_dealership()
    vehicle = make_vehicle(store=make_store(email="loja@example.com"))
    touch = {"source": "instagram", "campaign": "black-friday", "gclid": "abc", "landing": "/lp/x"}
    enquire(kind="interest", vehicle=vehicle, message="Aceita troca?\nTenho um Gol.", touch=touch)
    work()
    (row,) = mails("store_notice")
    assert row.to_address == "loja@example.com"
    assert row.reply_to == "ana@example.com"
    assert "Ana Lima" in row.subject
    assert "Aceita troca?<br />Tenho um Gol." in row.html
    assert "Aceita troca?\nTenho um Gol." in row.text
    assert 'href="tel:+5511987654321"' in row.html
    assert "https://wa.me/5511987654321?text=" in row.html
    assert "instagram" in row.text
    assert "black-friday" in row.text
    assert "abc" not in row.text, "click ids say nothing to a person"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("landing", "nosso site"),
        ("form:pos-venda", "nosso site"),
        ("mercadolivre", "Mercado Livre"),
        ("telephony", "Telefone"),
    ],
)
def test_where_a_lead_came_in_is_told_in_words(app, source, words):
    with app.test_request_context():
        assert notifications.source_name(source) == words


def test_mail_goes_to_the_store_else_its_department_else_the_group(work):
    make_dealership()
    bare = make_store(position=1)
    workshop = make_store(position=2)
    with writing() as session:
        session.merge(workshop).departments = [
            Department(kind="service", email="oficina@example.com"),
            Department(kind="sales", email="vendas@example.com"),
        ]
    enquire(store_id=bare.id, phone="+5511911111111", email="a@example.com", name="Bia")
    enquire(
        store_id=workshop.id,
        phone="+5511922222222",
        email="b@example.com",
        name="Caio",
        department="service",
        kind="service",
    )
    work()
    found = [row.to_address for row in mails("store_notice")]
    assert found == ["grupo@example.com", "oficina@example.com"]


def test_a_suspicious_post_writes_to_the_store_only_and_says_so(work):
    make_dealership()
    make_store(email="loja@example.com")
    enquire(is_suspect=True)
    work()
    (row,) = mails()
    assert row.kind == "store_notice"
    assert "[Susp" in row.subject or "suspe" in row.subject.lower()


def test_only_an_address_typed_in_the_form_is_written_to(work):
    make_dealership()
    make_store()
    enquire(email="ana@example.com")
    enquire(email="", kind="interest")  # the same phone: the address is known, but was not typed
    enquire(email="bia@example.com", name="Bia", phone="", is_form=False)  # a portal's lead
    work()
    assert [row.to_address for row in mails("confirmation")] == ["ana@example.com"]
    assert len(mails("store_notice")) == 3


def test_asking_again_within_ten_minutes_is_confirmed_once(work):
    make_dealership()
    make_store()
    start = datetime.now(UTC)
    enquire(at=start)
    enquire(at=start + timedelta(minutes=5), message="Outra coisa")
    enquire(at=start + timedelta(minutes=16))
    work()
    assert len(mails("confirmation")) == 2
    assert len(mails("store_notice")) == 3


def test_other_numbers_are_another_thing_to_confirm(work):
    make_dealership()
    make_store()
    for months in (36, 48):
        enquire(kind="financing", details={"simulation": {"months": months}})
    work()
    assert len(mails("confirmation")) == 2


def test_no_mailbox_is_filled_by_filling_in_forms(work):
    make_dealership()
    make_store()
    for number in range(8):
        enquire(kind="trade_in", details={"make": "Fiat", "model_year": 2010 + number})
        work()
    assert len(mails("confirmation")) == letters.MOST_AN_HOUR


def test_other_spellings_of_one_mailbox_do_not_fill_it_either(work):
    make_dealership()
    make_store()
    spellings = ("ana.lima@example.com", "Ana.Lima@Example.com", "ana.lima+1@example.com",
                 "analima@example.com", "a.nalima+x@example.com", "ANALIMA@example.com",
                 "an.alima@example.com")  # fmt: skip
    for number, address in enumerate(spellings):
        enquire(email=address, kind="trade_in", details={"model_year": 2010 + number})
        work()
    assert len(mails("confirmation")) == letters.MOST_AN_HOUR
    enquire(email="bia_lima@example.com", phone="+5511987650001")
    work()
    assert len(mails("confirmation")) == letters.MOST_AN_HOUR + 1


def test_the_financing_confirmation_repeats_the_numbers_that_were_kept(work):
    make_dealership()
    make_store()
    kept = {
        "price_cents": 100_000_00,
        "down_payment_cents": 20_000_00,
        "months": 48,
        "installment_cents": 2_712_34,
        "total_cents": 150_192_32,
        "monthly_rate": "1.99",
        "cet_annual": "31.20",
        "agent": "Banco Exemplo",
    }
    enquire(kind="financing", details={"simulation": kept})
    work()
    text = mails("confirmation")[0].text.replace("\xa0", " ")
    for words in ("48x R$ 2.712,34", "R$ 150.192,32", "1,99%", "31,20%", "Banco Exemplo"):
        assert words in text


@pytest.mark.parametrize(
    "typed",
    [
        "Veja http://evil.example/x",
        "www.evil.example",
        "evil.example/premio",
        "escreva para dono@evil.example",
    ],
)
def test_addresses_a_stranger_typed_are_nothing_to_click(work, typed):
    make_dealership()
    make_store()
    enquire(message=typed, name=typed[:40])
    work()
    (row,) = mails("store_notice")
    for body in (row.text, row.html):
        assert "evil.example" not in body
    assert row.text.replace("\u200b", "").count("evil.example") >= 1, "staff still read it"


HOSTILE = [
    "<script>alert(1)</script>",
    "</mj-text></mj-column><mj-image src='http://evil.example/x.png'/>",
    "{{ 1234 * 5678 }}{% include 'base.html' %}",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; &amp; &nbsp; <!-- ]]> -->",
    "Ação 🚗 \u202e \u2028 𝕬𝖓𝖆 田中さん",
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_is_typed_stays_text(work, typed):
    make_dealership()
    make_store()
    enquire(message=typed, name=typed[:120])
    work()
    for row in mails():
        assert row.html, "the mail kept its HTML"
        assert "<script" not in row.html
        assert "onerror=alert(1)>" not in row.html
        assert "<mj-" not in row.html
        assert "evil.example/x.png'" not in row.html
        assert "7006652" not in row.text
    assert len(mails()) == 2


def test_a_name_with_a_line_end_starts_no_header(work, server):
    make_dealership()
    make_store(email="loja@example.com")
    # Past the intake, which would have cleaned it: an import, an older release.
    enquiry_id = enquire()
    with writing() as session:
        session.get(Enquiry, enquiry_id).person.name = "Ana\r\nBcc: x@example.com"
    work()
    assert len(server.messages) == 2
    for message in server.messages:
        assert message["Bcc"] is None
        assert "\n" not in message["Subject"]
    assert "x@example.com" not in server.recipients


def test_emoji_names_arrive(work, server):
    make_dealership()
    make_store(email="loja@example.com")
    enquire(name="Ana 🚗 Lima")
    work()
    subjects = [message["Subject"] for message in server.messages]
    assert any("Ana 🚗 Lima" in subject for subject in subjects)


def test_a_wrong_address_fails_in_words_and_the_store_still_hears(work, server):
    server.refuse["ana@example.com"] = "550 5.1.1 <ana@example.com> no such user"
    make_dealership()
    make_store(email="loja@example.com")
    enquire()
    work()
    (failed,) = mails("confirmation")
    assert failed.state == "failed"
    assert "no such user" in failed.error
    assert "ana@example.com" not in failed.error
    events = set(db.session.scalars(sa.select(LeadEvent.kind)))
    assert {"mail_failed", "mail_sent"} <= events


def test_a_busy_server_gets_the_mail_later_and_once(work, server):
    make_dealership()
    make_store(email="loja@example.com")
    enquire(email="")
    server.answers = ["451 4.3.0 try later"]
    work()
    assert server.messages == []
    assert mails()[0].state == "waiting"
    with writing() as session:
        session.execute(
            sa.update(Job)
            .where(Job.kind == "send_mail")
            .values(due_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    work()
    assert len(server.messages) == 1
    assert mails()[0].state == "sent"


def test_a_worker_killed_after_sending_sends_again_under_the_same_message_id(work, server):
    """At least once: the mark is lost with the worker, and the reader's program sees a repeat."""
    make_dealership()
    make_store(email="loja@example.com")
    enquiry_id = enquire(email="")
    record = notifications.compose_mail({"kind": "store_notice", "enquiry_id": enquiry_id})
    with writing():
        record()
    mail_id = mails()[0].id
    letters.send_mail({"mail_id": mail_id})  # and no record(): killed here
    db.session.rollback()
    work()
    assert len(server.messages) == 2
    assert server.messages[0]["Message-ID"] == server.messages[1]["Message-ID"]


def test_a_sent_mail_is_not_sent_again(work, server):
    make_dealership()
    make_store(email="loja@example.com")
    enquire(email="")
    work()
    assert letters.send_mail({"mail_id": mails()[0].id}) is None
    assert len(server.messages) == 1


def test_composing_twice_writes_one_mail(work):
    make_dealership()
    make_store(email="loja@example.com")
    enquiry_id = enquire()
    payload = {"kind": "confirmation", "enquiry_id": enquiry_id}
    records = [notifications.compose_mail(payload) for _time in range(2)]
    for record in records:
        with writing():
            record()
    assert notifications.compose_mail(payload) is None
    assert len(mails("confirmation")) == 1


def test_asking_for_mails_is_cheap(app, statements):
    make_dealership()
    make_store()
    enquiry_id = enquire()
    with writing() as session:
        enquiry = session.get(Enquiry, enquiry_id)
        statements.clear()
        notifications.after_enquiry(enquiry)
    assert len(statements) == 3, "whether the lead is a test of ours, and a row for each"


def test_an_erased_person_is_not_written_to(work):
    make_dealership()
    make_store()
    enquire()
    with writing() as session:
        session.scalars(sa.select(Person)).one().erased_at = datetime.now(UTC)
    work()
    assert mails() == []


def test_without_any_address_of_ours_nobody_is_bothered(work):
    make_store()
    enquire()
    work()
    assert [row.kind for row in mails()] == ["confirmation"]


def test_the_promise_is_made_only_when_it_was_kept_before(work):
    make_dealership()
    store = make_store()
    with time_machine.travel(MONDAY_NOON, tick=True):
        _answered(20, minutes=12, store_id=store.id)
        enquire()
        work()
    (row,) = mails("confirmation")
    assert "12 min" in row.text


def test_a_closed_store_says_when_it_opens(work):
    make_dealership()
    make_store()
    with time_machine.travel(MONDAY_NOON.replace(hour=23), tick=True):
        enquire()
        work()
    (row,) = mails("confirmation")
    assert "24/11" in row.text
    assert "08:00" in row.text


def _answered(count: int, minutes: int, **values: Any) -> None:
    now = datetime.now(UTC)
    with writing() as session:
        for number in range(count):
            person = Person(name=f"P{number}")
            session.add(person)
            session.flush()
            asked_at = now - timedelta(days=1)
            lead = Lead(
                person_id=person.id,
                department="sales",
                source="form:contato",
                created_at=asked_at,
                first_contact_at=asked_at + timedelta(minutes=minutes),
                closed_at=now,
                **values,
            )
            session.add(lead)


def test_the_typical_answer_is_the_median_of_real_first_answers(app, statements):
    _answered(11, minutes=7)
    _answered(10, minutes=90)
    statements.clear()
    assert answer_time.typical_answer_minutes() == 7
    assert len(statements) == 1
    assert answer_time.typical_answer_minutes() == 7
    assert len(statements) == 1, "kept for a minute"


def test_few_answers_promise_nothing(app):
    _answered(19, minutes=7)
    assert answer_time.typical_answer_minutes() is None


def test_each_store_has_its_own_answer_time(app):
    store, other = make_store(), make_store()
    _answered(20, minutes=5, store_id=store.id)
    assert answer_time.typical_answer_minutes(store.id) == 5
    assert answer_time.typical_answer_minutes(other.id) is None


def test_suspicious_leads_do_not_count(app):
    _answered(30, minutes=1, is_suspect=True)
    assert answer_time.typical_answer_minutes() is None


def test_a_mail_that_cannot_be_compiled_goes_out_as_text(app, monkeypatch):
    make_dealership()
    text, html = letters.render(
        "newsletter_confirm",
        subject="Oi",
        name="Ana\x0b",
        address="http://localhost/novidades/x",
        leave_address="http://localhost/x",
        manage_address="http://localhost/y",
    )
    assert "http://localhost/novidades/x" in text
    assert html == ""
    message = mail.make_message(
        to="ana@example.com",
        sender="loja@example.com",
        sender_name="Loja",
        subject="Oi",
        text=text,
        html=html,
        message_id=mail.message_id("x"),
    )
    found = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert found.get_content_type() == "text/plain"
