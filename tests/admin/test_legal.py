"""Texts people agree to, published by staff: by real requests."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from admin.legal import KINDS, differences
from core import clock
from core.clock import today
from core.db import db, writing
from leads import consent
from leads.models import LegalText, Person
from tests.factories import make_store

PATH = "/admin/textos-legais/contato-comercial/"
OLD = "Aceito receber ofertas da loja por e-mail."
NEW = "Aceito receber ofertas da loja por e-mail e WhatsApp."


def mark(page: str) -> str:
    return page.partition('name="visto" value="')[2].partition('"')[0]


def publish(person, text: str, *, since: str = "", seen: str = "", path: str = PATH):
    sent = {"text": text, "since": since, "visto": seen, "confirmado": "1"}
    return person.post(f"{path}nova", sent)


def shown(kind: str = consent.MARKETING) -> str:
    db.session.rollback()
    return consent.current_text(kind).text


def agree(text: consent.Text, *, also_no: bool = False) -> None:
    with writing() as session:
        person = Person(name="Ana")
        session.add(person)
        session.flush()
        consent.record(person, "marketing", True, text, channel="site")
        if also_no:
            consent.withdraw(person, "marketing", channel="mail")


def test_every_text_has_its_page(sign_in):
    owner = sign_in("owner")
    page = owner.get("/admin/textos-legais/").text
    for slug in KINDS:
        assert f"/admin/textos-legais/{slug}/" in page
        assert owner.get(f"/admin/textos-legais/{slug}/").status_code == 200
        assert owner.get(f"/admin/textos-legais/{slug}/nova").status_code == 200
    assert owner.get("/admin/textos-legais/outro/").status_code == 404


def test_what_changes_is_shown_before_anything_is_published(sign_in):
    owner = sign_in("owner")
    publish(owner, OLD)
    answer = owner.post(f"{PATH}nova", {"text": NEW})
    assert answer.status_code == 200
    assert "<ins>" in answer.text
    assert "LGPD art. 8" in answer.text or "LGPD, art. 8" in answer.text
    assert shown() == OLD


def test_a_new_version_is_shown_and_old_consents_stay_on_the_old_one(sign_in, client):
    owner = sign_in("owner")
    publish(owner, OLD)
    agree(consent.current_text(consent.MARKETING))
    agree(consent.current_text(consent.MARKETING), also_no=True)
    assert publish(owner, NEW).status_code == 303
    assert shown() == NEW
    assert NEW in client.get("/contato").text
    versions = {one.text.text: one for one in consent.versions_of(consent.MARKETING)}
    assert (versions[OLD].agreed, versions[NEW].agreed) == (1, 0)
    page = owner.get(f"{PATH}{versions[OLD].text.version}").text
    assert OLD in page
    assert "1 pessoa" in page


def test_a_version_to_come_waits_for_its_day(sign_in, monkeypatch):
    owner = sign_in("owner")
    publish(owner, OLD)
    day = today() + timedelta(days=10)
    assert publish(owner, NEW, since=day.isoformat()).status_code == 303
    assert shown() == OLD
    assert f"{day:%d/%m/%Y}" in owner.get(PATH).text
    later = clock.now() + timedelta(days=11)
    monkeypatch.setattr(consent, "now", lambda: later)
    assert shown() == NEW


def test_a_version_to_come_is_cancelled(sign_in, monkeypatch):
    owner = sign_in("owner")
    publish(owner, OLD)
    publish(owner, NEW, since=(today() + timedelta(days=10)).isoformat())
    assert owner.post(f"{PATH}cancelar").status_code == 303
    assert owner.post(f"{PATH}cancelar").status_code == 303  # nothing is to come any more
    later = clock.now() + timedelta(days=11)
    monkeypatch.setattr(consent, "now", lambda: later)
    assert shown() == OLD


def test_a_version_is_never_changed_nor_lost(sign_in):
    owner = sign_in("owner")
    publish(owner, OLD)
    publish(owner, NEW)
    publish(owner, OLD)
    rows = db.session.scalars(sa.select(LegalText).order_by(LegalText.version)).all()
    published = [row.text for row in rows if row.kind == consent.MARKETING]
    assert published == [OLD, NEW, OLD]


@pytest.mark.parametrize(
    ("text", "since", "words"),
    [
        ("  ", "", "Digite o texto"),
        (NEW, "2020-01-01", "daqui para a frente"),
        (NEW, "2999-01-01", "daqui para a frente"),
        (NEW, "ontem", "Digite uma data"),
    ],
)
def test_what_cannot_be_is_refused_and_kept_on_the_screen(sign_in, text, since, words):
    answer = publish(sign_in("owner"), text, since=since)
    assert answer.status_code == 422
    assert words in answer.text
    if text == NEW:
        assert NEW in answer.text
    assert not db.session.scalar(sa.select(LegalText.id))


def test_two_people_publish_and_the_second_is_told(sign_in):
    first = sign_in("owner")
    second = sign_in("owner", email="outra@loja.example")
    seen = mark(second.get(f"{PATH}nova").text)
    assert publish(first, OLD, seen=seen).status_code == 303
    late = publish(second, NEW, seen=seen)
    assert late.status_code == 409
    assert NEW in late.text
    assert shown() == OLD


def test_two_clicks_publish_once(sign_in):
    owner = sign_in("owner")
    seen = mark(owner.get(f"{PATH}nova").text)
    for _click in range(2):
        assert publish(owner, NEW, seen=seen).status_code == 303
    kinds = db.session.scalars(sa.select(LegalText.kind)).all()
    assert kinds.count(consent.MARKETING) == 1


@pytest.mark.parametrize("role", ["supervisor", "attendant", "seller", "editor"])
def test_only_owners_reach_the_texts(sign_in, role):
    person = sign_in(role)
    for path in ("/admin/textos-legais/", PATH, f"{PATH}nova", f"{PATH}1"):
        assert person.get(path).status_code == 404
    assert publish(person, NEW).status_code == 404
    assert person.post(f"{PATH}cancelar").status_code == 404


def test_an_owner_of_one_store_has_no_part_in_them(sign_in):
    person = sign_in("owner", stores=[make_store()])
    assert person.get(PATH).status_code == 404
    assert publish(person, NEW).status_code == 404


def test_hostile_words_come_out_as_words(sign_in, client):
    evil = "<script>alert(1)</script> {{7*7}} javascript:alert(1)"
    owner = sign_in("owner")
    for slug in KINDS:
        path = f"/admin/textos-legais/{slug}/"
        compare = owner.post(f"{path}nova", {"text": evil})
        assert publish(owner, evil, path=path).status_code == 303
        for page in (compare, owner.get(path), owner.get(f"{path}nova")):
            assert "<script>alert" not in page.text
    for address in ("/contato", "/privacidade"):
        assert "<script>alert" not in client.get(address).text


def test_differences_are_told_word_by_word():
    assert differences("um dois três", "um quatro três") == [
        ("same", "um "), ("out", "dois"), ("in", "quatro"), ("same", " três")
    ]  # fmt: skip
    assert differences("a " * 5000, "b " * 5000)[0][0] == "out"


def test_many_consents_cost_no_more_statements(sign_in, statements):
    owner = sign_in("owner")
    publish(owner, OLD)
    agree(consent.current_text(consent.MARKETING))
    owner.get(PATH)
    statements.clear()
    owner.get(PATH)
    few = len(statements)
    for _person in range(10):
        agree(consent.current_text(consent.MARKETING))
    statements.clear()
    owner.get(PATH)
    assert len(statements) == few
