"""What we hold on a person can be shown whole, put right, and forgotten for good."""

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import current_app

from core.clock import now
from core.config import current
from core.db import db, writing
from core.storage import storage
from integrators.models import PortalAccount, RefusedPost
from jobs.queue import enqueue
from jobs.worker import JobSetup, Worker
from leads import consent, erasure, letters, privacy, subscriptions
from leads.capture import Arrival, accept, drain, spool
from leads.intake import Asked, enter
from leads.models import (
    Appointment,
    ContactClick,
    Enquiry,
    ErasedKey,
    Lead,
    LeadEvent,
    Person,
    SubjectRequest,
    Submission,
)
from leads.people import find_or_create_person
from leads.photos import FOLDER
from tests.factories import make_store, make_vehicle

NAME = "Zuleica Canário"
PHONE = "(11) 97531-8642"
EMAIL = "zuleica.canario@example.com"
MESSAGE = "Meu cachorro Biriba vai junto no carro"
CANARIES = ("Zuleica", "Canário", "97531", "7531-8642", "zuleica.canario", "Biriba")


def run_jobs() -> None:
    setup: JobSetup = current_app.extensions["vitrine_jobs"]
    db.session.rollback()
    assert Worker(current_app._get_current_object(), setup, threads=1).run(drain=True)
    db.session.rollback()


def form_post(key: str = "1", **values: object) -> Arrival:
    """A contact form as the door keeps it."""
    asked = {
        "kind": "contact",
        "department": "sales",
        "opens_lead": True,
        "vehicle": "",
        "fields": {"nome": NAME, "telefone": PHONE, "email": EMAIL, "mensagem": MESSAGE},
        "name": NAME,
        "phone": "+5511975318642",
        "email": EMAIL,
        "message": MESSAGE,
        "details": {},
    }
    meta = {
        "page": "/contato",
        "network": "203.0.113.0/24",
        "consent": True,
        "text": consent.current_text("marketing").mark,
        "first_touch": {"source": "jornal"},
        "last_touch": {"term": EMAIL},
    }
    return Arrival(source="form:contato", idem_key=key, payload={**asked, **values}, meta=meta)


def the_person() -> Person:
    person = privacy.find_by_contact(EMAIL)
    assert person is not None
    return person


def erase_person() -> int:
    person_id = the_person().id
    with writing():
        privacy.erase(person_id, "asked by the person")
    return person_id


def texts_of_every_table() -> Iterator[tuple[str, str]]:
    """Every text in every column of every table."""
    db.session.rollback()
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(sa.select(table)):
            for column, value in zip(table.columns, row, strict=True):
                # A moment can hold any five digits in its microseconds.
                if value is not None and not isinstance(value, bytes | datetime):
                    text = (
                        value
                        if isinstance(value, str)
                        else json.dumps(value, default=str, ensure_ascii=False)
                    )
                    yield f"{table.name}.{column.name}", text
    db.session.rollback()


def files_of_the_installation() -> Iterator[tuple[str, str]]:
    instance = Path(current().instance_dir)
    for folder in (instance, Path(current().media_dir), Path(current().spool_dir)):
        for path in folder.rglob("*"):
            if path.is_file() and ".db" not in path.name and path.name != "ballast":
                yield str(path), path.read_bytes().decode("utf-8", "replace")


def canaries_in_the_database_files() -> list[str]:
    """Also in pages that hold no row any more, and in SQLite's log."""
    instance = Path(current().instance_dir)
    raw = b"".join(path.read_bytes() for path in instance.rglob("*.db*") if path.is_file())
    return [canary for canary in CANARIES if canary.encode() in raw]


def found_canaries() -> list[str]:
    places = [*texts_of_every_table(), *files_of_the_installation()]
    return [
        f"{place}: {canary}"
        for place, text in places
        for canary in CANARIES
        if canary in text or json.dumps(canary)[1:-1] in text
    ]


@pytest.fixture(autouse=True)
def _no_files_of_other_tests(app) -> None:
    for folder in ("mail", "spool/new", "spool/parked"):
        for path in (Path(current().instance_dir) / folder).glob("*.*"):
            path.unlink()
    erasure.list_path().unlink(missing_ok=True)


@pytest.fixture
def log_text(app) -> Iterator[io.StringIO]:
    """Everything logged from here on."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_an_erased_person_cannot_be_found_anywhere(app, log_text):
    store, vehicle = make_store(email="loja@example.com"), make_vehicle()
    photo = f"{FOLDER}/{'a' * 32}/1"
    storage().put(photo, MESSAGE.encode(), content_type="image/jpeg", public=False)
    trade_in = form_post("2", kind="trade_in", details={"photos": [photo], "observacao": MESSAGE})
    for arrival in (form_post(), trade_in):
        accept(arrival)
    details = {
        **form_post().payload,
        "kind": "details", "name": "", "phone": "", "email": "", "message": MESSAGE,
        "fields": {"mensagem": MESSAGE},
    }  # fmt: skip
    accept(
        Arrival(
            source="form:detalhes", idem_key="3", payload=details, meta={"about": form_post().id}
        )
    )
    run_jobs()
    person = the_person()
    lead_id = db.session.scalars(sa.select(Lead.id)).one()
    with writing() as session:
        person = session.merge(person)
        batch = Arrival(
            source="olx",
            idem_key=f"olx-{EMAIL}",
            payload={"body": json.dumps({"leads": [{"name": NAME, "phone": "11 7531-8642"}]})},
            kind="purge_done_jobs",
        )
        accepted = Submission(
            id=batch.id, source="olx", idem_key=batch.idem_key, payload=batch.payload, meta={}
        )
        session.add(accepted)
        session.flush()
        enter(
            Asked(
                source="olx", kind="interest", name=NAME, phone=PHONE, message=MESSAGE,
                external_id="wamid.5511975318642", keys=(("whatsapp", "5511975314321"),),
                vehicle_id=vehicle.id,
            ),
            accepted.id,
        )  # fmt: skip
        accepted.state = "done"
        session.add_all(
            [
                Submission(
                    id="b" * 32, source="olx", idem_key="parked", meta={}, state="parked",
                    payload={"phone": "+5511975318642", "other": "Outra pessoa"},
                    error=f"cannot read {EMAIL}",
                ),
                Appointment(
                    kind="test_drive", store_id=store.id, submission_id=trade_in.id,
                    lead_id=lead_id, starts_at=now() + timedelta(days=2), minutes=30,
                ),
                ContactClick(
                    code="abc", channel="whatsapp", lead_id=lead_id, touch={"term": EMAIL},
                    page=f"/lp/x?nome={EMAIL}",
                ),
                LeadEvent(lead_id=lead_id, kind="call", actor="site", data={"note": MESSAGE}),
                SubjectRequest(
                    token="t", kind="access", contact="+55 11 97531 8642", note=MESSAGE,
                    due_at=now(), person_id=person.id,
                ),
                SubjectRequest(token="u", kind="access", contact=EMAIL.upper(), due_at=now()),
            ]
        )  # fmt: skip
        account = PortalAccount(kind="olx", name="OLX", token_digest="x")
        session.add(account)
        session.flush()
        session.add(
            RefusedPost(account_id=account.id, reason="secret", payload={"de": f"<{EMAIL}>"})
        )
        subscriptions.subscribe(person, "newsletter")
        letter = letters.Letter(
            key=f"x:{EMAIL}", kind="note", to=EMAIL, subject=f"Olá, {NAME}", text=MESSAGE,
            html=f"<p>{MESSAGE}</p>", person_id=person.id,
        )  # fmt: skip
        letters.post(letter)
        enqueue("drain_spool", {"address": EMAIL}, due_at=now() + timedelta(days=9))
    run_jobs()
    assert len({found.partition(":")[0] for found in found_canaries()}) > 20
    (spool().path / "parked" / "1.json").write_text(
        json.dumps({**form_post("9").__dict__, "received_at": ""}, default=str)
    )

    person_id = erase_person()
    run_jobs()

    assert found_canaries() == []
    assert canaries_in_the_database_files() == []
    assert not any(canary in log_text.getvalue() for canary in CANARIES)
    assert privacy.find_by_contact(EMAIL) is None
    assert privacy.find_by_contact(PHONE) is None
    kept = db.session.scalars(sa.select(Lead)).one()
    assert (kept.person_id, kept.source, kept.state) == (person_id, "form:contato", "erased")
    assert db.session.scalars(sa.select(Appointment)).one().state == "cancelled"
    parked = db.session.get(Submission, "b" * 32)
    assert parked.payload["other"] == "Outra pessoa"
    left = json.dumps(privacy.dossier(person_id), ensure_ascii=False)
    assert not any(canary in left for canary in CANARIES)


def test_erasing_twice_is_as_once(app):
    accept(form_post())
    run_jobs()
    person_id = erase_person()
    before = list(texts_of_every_table())
    with writing():
        privacy.anonymise(person_id, "again")
    after = list(texts_of_every_table())
    changed = {one[0] for one, other in zip(before, after, strict=True) if one != other}
    assert changed <= {"person.updated_at", "lead_event.data", "site_version.number"}


def test_what_others_wrote_stays_without_the_erased_persons_contacts(app):
    accept(form_post())
    other = form_post(
        "2",
        name="Rui",
        phone="+5521976543210",
        email="",
        message=f"Liguem para minha irmã, {PHONE}, à tarde",
        fields={"nome": "Rui", "mensagem": f"Liguem para minha irmã, {PHONE}, à tarde"},
    )
    accept(other)
    run_jobs()
    erase_person()
    enquiry = db.session.scalars(sa.select(Enquiry).where(Enquiry.submission_id == other.id)).one()
    assert enquiry.message == f"Liguem para minha irmã, {erasure.CUT}, à tarde"
    assert enquiry.person.name == "Rui"
    assert db.session.get(Submission, other.id).payload["name"] == "Rui"


def test_what_was_on_the_way_when_the_person_was_erased_is_forgotten_on_arrival(app):
    accept(form_post())
    run_jobs()
    late = form_post("2", message="Outra pergunta do Biriba")
    erase_person()
    accept(late)
    run_jobs()
    assert privacy.find_by_contact(EMAIL) is None
    assert found_canaries() == []
    assert db.session.get(Submission, late.id).state == "done"


def test_what_waited_in_the_spool_is_forgotten_on_arrival(app):
    accept(form_post())
    run_jobs()
    record = {**form_post("2").__dict__, "id": form_post("2").id}
    spool().put({**record, "received_at": now().isoformat()})
    erase_person()
    drain()
    run_jobs()
    assert found_canaries() == []


def test_somebody_who_comes_back_is_new_and_old_copies_do_not_touch_them(app):
    old = form_post("old")
    accept(form_post())
    run_jobs()
    erase_person()
    accept(form_post("new", message="Voltei"))
    run_jobs()
    person = the_person()
    assert person.name == NAME
    accept(old)  # the same words, sent before the erasure, delivered late
    run_jobs()
    person = the_person()
    told = [row.message for row in db.session.scalars(
        sa.select(Enquiry).where(Enquiry.person_id == person.id)
    )]  # fmt: skip
    assert told == ["Voltei"]
    lead = db.session.scalars(sa.select(Lead).where(Lead.closed_at.is_(None))).one()
    assert (lead.person_id, lead.message) == (person.id, "Voltei")


def test_a_sources_own_id_stays_erased_whenever_it_is_sent_again(app):
    with writing() as session:
        session.add(Submission(id="c" * 32, source="olx", idem_key="1", payload={"a": NAME}))
        session.flush()
        enquiry = enter(
            Asked(source="olx", kind="interest", phone=PHONE, external_id="900"), "c" * 32
        )
        person_id = enquiry.person_id
    with writing():
        privacy.erase(person_id, "asked by the person")
    later = now() + timedelta(days=30)
    assert privacy.is_erased([privacy.external_key("olx", "900")], later)
    assert not privacy.is_erased([privacy.external_key("olx", "901")], later)
    assert not privacy.is_erased([("phone", "551175318642")], later)
    assert privacy.is_erased([("phone", "551175318642")], now() - timedelta(days=1))


def test_a_restored_backup_is_erased_again(app):
    accept(form_post())
    run_jobs()
    erase_person()
    with writing() as session:  # the backup knows the person and not the erasure
        session.execute(sa.delete(ErasedKey))
        back = find_or_create_person(name=NAME, phone="+5511975318642", email=EMAIL)
        back.created_at = now() - timedelta(days=1)
        other = find_or_create_person(name="Rui", email="rui@example.com")
        other.created_at = now() - timedelta(days=1)
    runner = app.test_cli_runner()
    assert runner.invoke(args=["privacy", "reapply"]).exit_code == 0
    db.session.rollback()
    assert privacy.find_by_contact(EMAIL) is None
    assert privacy.find_by_contact("rui@example.com").name == "Rui"
    assert db.session.scalars(sa.select(ErasedKey)).first() is not None
    assert privacy.reapply() == 0


def test_who_shares_an_e_mail_with_somebody_erased_stays(app):
    accept(form_post())
    run_jobs()
    brother = form_post("2", name="Rui", phone="+5521976543210", email="", message="Meu carro")
    accept(brother)
    run_jobs()
    erase_person()
    accept(form_post("3", name="Rui", phone="+5521976543210", message="E o outro?"))
    run_jobs()
    rui = privacy.find_by_contact("+5521976543210")
    assert privacy.find_by_contact(EMAIL).id == rui.id
    db.session.rollback()
    assert privacy.reapply() == 0
    told = db.session.scalars(sa.select(Enquiry.message).where(Enquiry.person_id == rui.id))
    assert sorted(told) == ["E o outro?", "Meu carro"]


def test_no_key_of_an_erased_person_can_be_read_back(app):
    accept(form_post())
    run_jobs()
    erase_person()
    text = erasure.list_path().read_text()
    assert not any(canary in text for canary in CANARIES)
    assert {len(json.loads(line)["digest"]) for line in text.splitlines()} == {64}


def test_the_dossier_tells_all_with_the_exact_words_agreed_to(app):
    accept(form_post())
    run_jobs()
    person = the_person()
    with writing():
        enqueue("drain_spool", {"address": EMAIL}, due_at=now() + timedelta(days=9))
    spool().put({"source": "form:contato", "payload": {"telefone": "11 7531 8642"}})
    found = privacy.dossier(person.id)
    json.dumps(found)
    assert found["identity"]["name"] == NAME
    assert found["enquiries"][0]["message"] == MESSAGE
    assert found["consents"][0]["text"] == consent.current_text("marketing").text
    assert found["submissions"][0]["payload"]["fields"]["nome"] == NAME
    assert found["requests_in_progress"][0]["history"][0]["kind"] == "enquiry"
    assert found["on_the_way"][0]["payload"] == {"telefone": "11 7531 8642"}
    assert found["jobs"][0]["payload"] == {"address": EMAIL}
    assert found["came_from"] == ["form:contato"]
    assert any(mail["to"] == EMAIL for mail in found["mails"])
    assert len(found["purposes"]) >= 7


def test_a_contact_that_is_somebody_elses_does_not_make_two_people_one(app):
    with writing():
        ana = find_or_create_person(name="Ana", email="ana@example.com")
        rui = find_or_create_person(name="Rui", email="rui@example.com")
    with writing() as session:
        privacy.correct(session.merge(ana), email="rui@example.com")
    assert privacy.find_by_contact("rui@example.com").id == rui.id
    assert privacy.find_by_contact("ana@example.com") is None


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("Me chame no 11 97531-8642", True),
        ("tel:+5511975318642", True),
        ("1175318642", True),
        ("(11) 97531-8643", False),
        ("ZULEICA.CANARIO@example.com", True),
        ("zuleica.canario+olx@example.com", True),
        ("outra.zuleica.canario@example.com", False),
    ],
)
def test_a_mention_is_recognised_however_it_is_spelled(app, text, is_named):
    keys = [("phone", "551175318642"), ("email", EMAIL)]
    assert erasure.mentions({"a": ["x", {"b": text}]}, keys) is is_named


def test_staff_erase_by_command(app):
    with writing() as session:
        person = find_or_create_person(name=NAME, phone="+5511975318642")
        case = SubjectRequest(token="t", kind="erasure", contact=PHONE, due_at=now())
        session.add(case)
        session.flush()
        number = case.id
    runner = app.test_cli_runner()
    assert runner.invoke(args=["privacy", "erase", str(number)], input="n\n").exit_code != 0
    db.session.rollback()
    assert privacy.find_by_contact(PHONE).id == person.id
    assert runner.invoke(args=["privacy", "erase", str(number)], input="s\n").exit_code == 0
    db.session.rollback()
    assert privacy.find_by_contact(PHONE) is None
    assert runner.invoke(args=["privacy", "erase", "999999", "--yes"]).exit_code != 0


def test_a_landing_pages_post_that_nobody_has_read_is_forgotten_whole(app):
    accept(form_post())
    run_jobs()
    accept(replace(form_post("2"), source="landing"))
    erase_person()
    run_jobs()
    assert found_canaries() == []


def test_who_was_flooded_with_forms_is_shown_and_erased_all_the_same(app):
    accept(form_post())
    run_jobs()
    person = the_person()
    with writing() as session:
        for number in range(1100):
            post = Submission(
                id=f"{number:032x}",
                source="form:contato",
                idem_key=f"flood-{number}",
                payload={"email": EMAIL},
                state="done",
            )
            session.add(post)
            session.flush()
            session.add(
                Enquiry(
                    submission_id=post.id, source=post.source, kind="contact", person_id=person.id
                )
            )
    assert len(privacy.dossier(person.id)["submissions"]) == 1101
    erase_person()
    run_jobs()
    assert found_canaries() == []
