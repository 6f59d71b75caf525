"""What people were shown and agreed to, provable word by word."""

import sqlalchemy as sa
from flask import g

from core.db import db, writing
from dealership.models import Dealership
from leads import consent
from leads.models import Consent, LegalText, Person


def make_person(**values: str) -> Person:
    with writing() as session:
        person = Person(**{"name": "Ana", **values})
        session.add(person)
    return person


def make_dealer(name: str) -> None:
    with writing() as session:
        session.merge(
            Dealership(id=1, name=name, legal_name=f"{name} Ltda.", cnpj="11222333000181")
        )
    g.pop("dealer", None)  # read once per request


def say(person: Person, is_given: bool, text: consent.Text, purpose: str = "marketing") -> None:
    with writing():
        consent.record(person, purpose, is_given, text, channel="site", page="/contato?x=1")


def test_every_wording_has_a_built_in_text_that_names_itself(app):
    for kind in consent.KINDS:
        text = consent.current_text(kind)
        assert text.text
        assert text.digest == consent.digest_of(text.text)
        assert text.version == 1


def test_the_notice_names_the_controller(app):
    make_dealer("Aurora")
    text = consent.current_text(consent.NOTICE).text
    assert "Aurora Ltda." in text
    assert "11.222.333/0001-81" in text


def test_a_consent_keeps_the_exact_wording(app):
    person = make_person()
    text = consent.current_text(consent.MARKETING)
    say(person, True, text)
    stored = db.session.scalars(sa.select(Consent)).one()
    assert consent.wording_of(stored) == text.text
    assert stored.page == "/contato"
    assert consent.is_allowed(person.id, "marketing")


def test_a_wording_changed_while_the_form_was_open_is_recorded_as_shown(app):
    shown = consent.current_text(consent.MARKETING)
    with writing():
        new = consent.publish_text(consent.MARKETING, "Outro texto.")
    assert new.version == 2
    assert consent.current_text(consent.MARKETING) == new
    assert consent.shown_text(consent.MARKETING, shown.mark) == shown
    assert consent.shown_text(consent.MARKETING, new.mark) == new


def test_a_mark_of_no_wording_proves_nothing(app):
    assert consent.shown_text(consent.MARKETING, "0" * consent.PREFIX_CHARS) is None
    assert consent.shown_text(consent.MARKETING, "%") is None


def test_a_post_without_a_mark_saw_the_wording_of_today(app):
    text = consent.current_text(consent.MARKETING)
    assert consent.shown_text(consent.MARKETING, "") == text


def test_a_new_built_in_wording_is_not_held_back_by_an_old_proof(app):
    make_dealer("Aurora")
    old = consent.current_text(consent.MARKETING)
    say(make_person(), True, old)
    make_dealer("Boreal")
    new = consent.current_text(consent.MARKETING)
    assert "Boreal" in new.text
    assert (old.version, new.version) == (1, 2)
    assert consent.shown_text(consent.MARKETING, old.mark) == old


def test_a_published_wording_stays_the_current_one_when_an_older_is_proved(app):
    old = consent.current_text(consent.MARKETING)
    with writing():
        published = consent.publish_text(consent.MARKETING, "Texto da loja.")
    say(make_person(), True, old)
    assert consent.current_text(consent.MARKETING) == published


def test_publishing_the_same_text_again_adds_nothing(app):
    with writing():
        first = consent.publish_text(consent.NOTICE, "Aviso.")
    with writing():
        assert consent.publish_text(consent.NOTICE, "Aviso.") == first
    with writing():
        consent.publish_text(consent.NOTICE, "Outro.")
    with writing():
        back = consent.publish_text(consent.NOTICE, "Aviso.")
    assert back.text == "Aviso."
    assert consent.current_text(consent.NOTICE) == back
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LegalText)) == 4


def test_the_newest_word_counts_and_none_is_changed(app):
    person = make_person()
    text = consent.current_text(consent.MARKETING)
    say(person, True, text)
    with writing():
        assert consent.withdraw(person, "marketing", channel="mail")
    with writing():
        assert consent.withdraw(person, "marketing", channel="mail") is None
        assert consent.withdraw(person, "newsletter", channel="mail") is None
    assert not consent.is_allowed(person.id, "marketing")
    rows = db.session.scalars(sa.select(Consent).order_by(Consent.id)).all()
    assert [row.is_given for row in rows] == [True, False]
    assert rows[1].text_digest == text.digest
    say(person, True, text)
    assert consent.standing(person.id)["marketing"].is_given


def test_the_built_in_wording_needs_no_database(app):
    def refuse(*_args: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, OSError("gone"))

    sa.event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        text = consent.current_text(consent.MARKETING)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", refuse)
    assert text.version == 1
    assert text.text
