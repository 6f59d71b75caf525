"""The stop list: who may not be written to or called, and what takes it back."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from leads import consent, erasure, letters, privacy, retention, stop_list, subscriptions
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.models import Mail, Person, Submission, Subscription
from leads.objections import StopEntry, StoppedSend, blocked_counts, entries_of
from leads.people import find_or_create_person
from leads.reach import ways_to
from leads.stop_list import Channel, Purpose, Source, Stopped, gate, may_send, may_send_each
from tests.factories import make_store, make_vehicle

PHONE, EMAIL = "+5511987654321", "ana@example.com"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=DEFAULT_ZONE)  # a Wednesday
CHANNELS = [one for one in Channel if one is not Channel.ALL]


def make_person(name: str = "Ana", phone: str = PHONE, email: str = EMAIL) -> Person:
    with writing():
        return find_or_create_person(name=name, phone=phone, email=email)


def stop(who: Person | str, channel: Channel = Channel.ALL, purpose: Purpose = Purpose.ALL,
         source: Source = Source.STAFF) -> StopEntry:  # fmt: skip
    reason = "by_phone" if source is Source.STAFF else ""
    with writing() as session:
        who = session.merge(who) if isinstance(who, Person) else who
        return stop_list.stop(who, channel, purpose, source=source, actor="a@b.c", reason=reason)


def is_open(who: Person | str, channel: Channel, purpose: Purpose = Purpose.MARKETING) -> bool:
    return may_send(who, channel, purpose, NOON).allowed


def write_in(key: str, *, at: datetime | None = None, **values: Any) -> Person:
    arrival = Arrival(source="form:contato", idem_key=key, payload={}, kind="test")
    asked = {"source": "form:contato", "kind": "contact", "name": "Ana", "phone": "11987654321"}
    with writing():
        insert(arrival)
        return enter(Asked(**{**asked, "at": at, **values}), arrival.id).person


# --- what an entry stops -----------------------------------------------------------------------


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("purpose", Purpose)
def test_an_entry_stops_its_channel_and_purpose_and_no_other(app, channel, purpose):
    person = make_person()
    stop(person, channel, purpose)
    for asked in CHANNELS:
        for wanted in (Purpose.MARKETING, Purpose.ANSWER):
            is_hit = channel in {asked, Channel.ALL} and purpose in {wanted, Purpose.ALL}
            for who in (person, PHONE, EMAIL):
                assert is_open(who, asked, wanted) is not is_hit
            assert may_send_each([person], wanted, NOON)[person.id][asked].allowed is not is_hit
            if is_hit:
                with writing(), pytest.raises(Stopped) as refusal:
                    gate(person, asked, wanted, NOON)
                assert str(refusal.value) == may_send(person, asked, wanted, NOON).words


@pytest.mark.parametrize(
    "spelled", ["11987654321", "(11) 8765-4321", "+55 11 98765-4321", "ANA+x@Example.com"]
)
def test_a_contact_is_the_same_however_it_is_spelled(app, spelled):
    stop(make_person())
    assert not is_open(spelled, Channel.WHATSAPP)
    assert is_open("11987654322", Channel.WHATSAPP)


@pytest.mark.parametrize("spelled", ["", "Ana", "123", "@", "\0", "x" * 5000])
def test_what_is_no_contact_stops_nobody(app, spelled):
    with writing(), pytest.raises(stop_list.CannotStop):
        stop_list.stop(spelled, source=Source.STAFF, actor="a@b.c", reason="by_phone")
    assert is_open(spelled, Channel.MAIL)


def test_staff_say_why_from_a_list(app):
    with writing(), pytest.raises(stop_list.CannotStop):
        stop_list.stop(PHONE, source=Source.STAFF, actor="a@b.c", reason="Ana pediu, 98765")


def test_twice_is_as_once(app):
    person = make_person()
    assert stop(person).id == stop(person).id == stop(PHONE).id


def test_it_holds_for_another_contact_of_the_same_person(app):
    stop(PHONE)
    person = make_person()  # came later, with an e-mail
    assert not is_open(person, Channel.MAIL)
    assert stop_list.check_mail(EMAIL, None, Purpose.MARKETING).allowed is False


def test_it_names_nobody(app):
    stop(make_person())
    with db.engine.connect() as connection:
        for table in ("stop_entry", "stop_key", "stopped_send"):
            rows = connection.execute(sa.text(f"SELECT * FROM {table}")).all()
            assert not any(word in str(rows) for word in ("87654321", "ana@", "Ana"))


def test_many_people_are_asked_in_as_many_statements_as_one(app, statements):
    people = [make_person(f"P{n}", f"+55119876543{n:02}", f"p{n}@example.com") for n in range(12)]
    stop(people[3], purpose=Purpose.MARKETING)
    db.session.rollback()
    people = list(db.session.scalars(sa.select(Person).order_by(Person.id)))
    counts = []
    for some in (people[3:4], people):
        before = len(statements)
        found = may_send_each(some, Purpose.MARKETING, NOON)
        counts.append(len(statements) - before)
        assert [key for key in found if not found[key][Channel.MAIL].allowed] == [people[3].id]
    assert counts[0] == counts[1] <= 3


# --- erasure, export, retention ----------------------------------------------------------------


def test_no_offers_reach_who_was_erased_and_came_back(app):
    person = make_person()
    stop(person, Channel.WHATSAPP, Purpose.ALL)
    with writing():
        erasure.erase(person.id, "asked")
    again = write_in("again", phone="11987654321", email="ana@example.com")
    assert again.id != person.id
    assert not is_open(again, Channel.MAIL), "erased: no offers"
    assert is_open(again, Channel.MAIL, Purpose.ANSWER)
    assert not is_open(again, Channel.WHATSAPP), "what was stopped before stays stopped"


def test_an_older_backup_that_is_restored_brings_no_offers_to_the_erased(app):
    person = make_person()
    with writing() as session:
        erasure.erase(person.id, "asked")
        session.execute(sa.delete(StopEntry))  # the backup is from before
    entries = sa.select(sa.func.count()).select_from(StopEntry)
    erasure.reapply()
    once = db.session.scalar(entries)  # the list beside the database knows others too
    erasure.reapply()
    assert not is_open(PHONE, Channel.WHATSAPP)
    assert not is_open(EMAIL, Channel.MAIL)
    assert db.session.scalar(entries) == once


def test_what_a_person_downloads_has_it(app):
    person = make_person()
    stop(person, Channel.PHONE, Purpose.MARKETING)
    (told,) = privacy.dossier(person.id)["stop_list"]
    assert (told["channel"], told["purpose"], told["ended_at"]) == ("phone", "marketing", None)


def test_it_is_kept_while_it_stands_and_five_years_after_it_was_lifted(app):
    long_ago = now() - timedelta(days=3000)
    standing, lifted = stop(PHONE), stop(EMAIL)
    with writing() as session:
        stop_list.lift(lifted.id, by="a@b.c", why="mistake")
        session.execute(sa.update(StopEntry).values(at=long_ago))
        session.execute(sa.update(StopEntry).where(StopEntry.id == lifted.id)
                        .values(ended_at=long_ago))  # fmt: skip
        session.add(StoppedSend(channel="mail", purpose="all", entry_id=lifted.id, at=now()))
    retention.apply_rules()
    assert list(db.session.scalars(sa.select(StopEntry.id))) == [standing.id]
    assert not is_open(PHONE, Channel.MAIL)


# --- taking it back ----------------------------------------------------------------------------


def agree(person: Person, purpose: str = "marketing", submission_id: str | None = None) -> None:
    with writing() as session:
        text = consent.current_text("marketing")
        consent.record(session.merge(person), purpose, True, text, channel="site",
                       submission_id=submission_id)  # fmt: skip


def test_a_withdrawal_stops_and_a_new_yes_lifts_it(app):
    person = make_person()
    agree(person)
    with writing() as session:
        consent.withdraw(session.merge(person), "marketing", channel="mail")
    assert not any(is_open(person, channel) for channel in CHANNELS)
    assert all(is_open(person, channel, Purpose.ANSWER) for channel in CHANNELS)
    agree(person)
    # The wording speaks of e-mail and WhatsApp: nothing else is opened by it.
    assert {one for one in CHANNELS if is_open(person, one)} == {Channel.MAIL, Channel.WHATSAPP}


def test_who_never_agreed_can_object_too(app):
    person = make_person()
    with writing() as session:
        assert consent.withdraw(session.merge(person), "marketing", channel="site") is None
    assert not is_open(person, Channel.MAIL)


def test_what_staff_noted_is_lifted_by_staff_alone(app):
    person = make_person()
    entry = stop(person)
    agree(person)
    assert not is_open(person, Channel.MAIL)
    with writing(), pytest.raises(stop_list.CannotStop):
        stop_list.lift(entry.id, by="g@b.c", why="")
    for _again in range(2):
        with writing():
            ended = stop_list.lift(entry.id, by="g@b.c", why="asked_again")
    assert (ended.ended_by, ended.why_ended) == ("g@b.c", "asked_again")
    assert is_open(person, Channel.MAIL)


def test_a_yes_that_was_said_before_the_no_lifts_nothing(app):
    """A form may wait in the spool while its sender unsubscribes."""
    person = make_person()
    with writing() as session:
        insert(Arrival(source="form:contato", idem_key="old", payload={}, kind="test"))
        form = session.scalars(sa.select(Submission)).one()
        form.received_at = now() - timedelta(hours=1)
        form_id = form.id
    stop(person, purpose=Purpose.MARKETING, source=Source.PERSON)
    agree(person, submission_id=form_id)
    assert not is_open(person, Channel.MAIL)


def test_a_machines_yes_lifts_nothing(app):
    person = make_person()
    stop(person, purpose=Purpose.MARKETING, source=Source.PERSON)
    with writing() as session:
        insert(Arrival(source="form:contato", idem_key="bot", payload={}, kind="test"))
        form = session.scalars(sa.select(Submission)).one()
        form.suspicion = 99
        form_id = form.id
    agree(person, submission_id=form_id)
    assert not is_open(person, Channel.MAIL)


def test_leaving_the_newsletter_leaves_the_alert_alone(app):
    vehicle = make_vehicle(store=make_store())
    person = make_person()
    with writing() as session:
        person = session.merge(person)
        alert = subscriptions.subscribe(person, "price_alert", vehicle=vehicle).token
        news = subscriptions.subscribe(person, "newsletter").token
    with writing():
        subscriptions.end(news)
    assert not is_open(person, Channel.MAIL)
    assert is_open(person, Channel.WHATSAPP)
    assert subscriptions.find(alert).ended_at is None
    with writing():
        subscriptions.end_everything(alert)
    assert not is_open(person, Channel.WHATSAPP)
    assert db.session.scalars(sa.select(Subscription.ended_at)).all().count(None) == 0


def test_no_offers_ends_what_they_are_subscribed_to(app):
    vehicle = make_vehicle(store=make_store())
    person = make_person()
    with writing() as session:
        subscriptions.subscribe(session.merge(person), "price_alert", vehicle=vehicle)
    stop(person, Channel.ALL, Purpose.MARKETING)
    assert db.session.scalars(sa.select(Subscription.ended_at)).one() is not None


# --- an answer to who wrote again --------------------------------------------------------------


def test_who_wrote_again_after_stopping_everything_gets_that_answer_and_no_offers(app):
    person = write_in("1")
    stop(person)
    assert not is_open(person, Channel.WHATSAPP, Purpose.ANSWER)
    write_in("bot", at=now() + timedelta(seconds=1), is_suspect=True)
    assert not is_open(person, Channel.WHATSAPP, Purpose.ANSWER), "a machine asked nothing"
    write_in("2", at=now() + timedelta(seconds=2))
    assert is_open(person, Channel.WHATSAPP, Purpose.ANSWER)
    assert may_send_each([person], at=NOON)[person.id][Channel.WHATSAPP].allowed
    assert not is_open(person, Channel.WHATSAPP)


@pytest.mark.parametrize("source", [Source.COMPLAINT, Source.BOUNCE])
def test_a_complaint_is_not_undone_by_a_form(app, source):
    person = write_in("1")
    stop(person, source=source)
    write_in("2", at=now() + timedelta(seconds=2))
    assert not is_open(person, Channel.WHATSAPP, Purpose.ANSWER)


# --- calling hours -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "answers", "offers"),
    [
        ("2026-11-25 07:59", False, False),
        ("2026-11-25 08:00", True, False),
        ("2026-11-25 09:00", True, True),
        ("2026-11-25 17:59", True, True),
        ("2026-11-25 18:00", True, False),
        ("2026-11-25 19:59", True, False),
        ("2026-11-25 20:00", False, False),
        ("2026-11-28 08:59", False, False),  # Saturday
        ("2026-11-28 09:00", True, False),
        ("2026-11-28 15:00", False, False),
        ("2026-11-29 12:00", False, False),  # Sunday
        ("2026-12-25 12:00", False, False),  # Christmas, a Friday
        ("2026-02-17 12:00", True, True),  # Carnival: a custom, no holiday
    ],
)
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Rio_Branco"])
def test_nobody_is_called_at_a_wrong_hour(app, local, answers, offers, zone):
    where = ZoneInfo(zone)
    at = datetime.fromisoformat(local).replace(tzinfo=where)
    for purpose, expected in ((Purpose.ANSWER, answers), (Purpose.MARKETING, offers)):
        verdict = may_send(PHONE, Channel.PHONE, purpose, at, zone=where)
        assert verdict.allowed is expected
        assert bool(verdict.words) is not expected
        assert may_send(PHONE, Channel.WHATSAPP, purpose, at, zone=where).allowed
        assert may_send(PHONE, Channel.PHONE, purpose, at, is_agreed=True, zone=where).allowed


def test_a_time_that_was_agreed_opens_no_stop(app):
    stop(PHONE)
    assert not may_send(PHONE, Channel.PHONE, Purpose.ANSWER, NOON, is_agreed=True).allowed


def test_the_way_to_a_person_is_an_address_or_the_words_why_not(app):
    person = make_person()
    ways = ways_to(person, message="Olá & tudo?", at=NOON)
    assert ways.whatsapp.address == "https://wa.me/5511987654321?text=Ol%C3%A1%20%26%20tudo%3F"
    assert (ways.phone.address, ways.mail.address) == (f"tel:{PHONE}", f"mailto:{EMAIL}")
    assert ways.shut == []
    stop(person, Channel.WHATSAPP)
    ways = ways_to(person, at=NOON.replace(hour=22))
    assert ways.whatsapp.address == ways.phone.address == ""
    assert (ways.whatsapp.is_hour, ways.phone.is_hour) == (False, True)
    assert [way.channel for way in ways.shut] == ["whatsapp", "phone"]


# --- mails -------------------------------------------------------------------------------------


def post(kind: str, key: str = "k", person: Person | None = None, to: str = EMAIL) -> int:
    letter = letters.Letter(key=key, kind=kind, to=to, subject="x", text="x",
                            person_id=person.id if person else None)  # fmt: skip
    with writing():
        letters.post(letter)
    return db.session.scalars(sa.select(Mail.id).where(Mail.dedup_key == key)).one()


def outcome(mail_id: int) -> str:
    """The state of the mail after its job."""
    db.session.rollback()
    record = letters.send_mail({"mail_id": mail_id})
    if record:
        with writing():
            record()
    db.session.rollback()
    return db.session.get_one(Mail, mail_id).state


@pytest.mark.parametrize(
    ("kind", "under_marketing", "under_all"),
    [
        ("confirmation", "sent", "stopped"),
        ("newsletter_confirm", "sent", "stopped"),
        ("desk", "sent", "stopped"),
        ("desk_offer", "stopped", "stopped"),
        ("testimonial_invitation", "stopped", "stopped"),
        ("a kind nobody thought of", "stopped", "stopped"),
        ("privacy_code", "sent", "sent"),
        ("store_notice", "sent", "sent"),
        ("staff_reset", "sent", "sent"),
    ],
)
def test_each_kind_of_mail_passes_as_what_it_is(app, kind, under_marketing, under_all):
    person = make_person()
    for purpose, expected in ((Purpose.MARKETING, under_marketing), (Purpose.ALL, under_all)):
        stop(person, Channel.MAIL, purpose)
        assert outcome(post(kind, f"{kind}:{purpose}")) == expected


def test_a_stopped_mail_says_why_and_is_counted_once(app):
    person = write_in("1", email=EMAIL)
    entry = stop(person)
    mail_id = post("desk", person=person)
    with writing() as session:
        session.get_one(Mail, mail_id).lead_id = person.leads[0].id
    assert outcome(mail_id) == outcome(mail_id) == "stopped"
    row = db.session.get_one(Mail, mail_id)
    assert (row.error, row.sent_at, row.passed_at) == (
        may_send(person, Channel.MAIL, Purpose.ANSWER).words, None, None,
    )  # fmt: skip
    assert [event.kind for event in person.leads[0].events].count("mail_stopped") == 1
    assert blocked_counts() == {(Channel.MAIL, True): 1}
    assert entries_of(person) == [db.session.get_one(StopEntry, entry.id)]


def test_the_answer_of_a_colleague_goes_out_to_who_wrote_again(app):
    person = write_in("1", email=EMAIL)
    stop(person)
    write_in("2", email=EMAIL, at=now() + timedelta(seconds=1))
    assert outcome(post("desk", "desk", person)) == "sent"
    assert outcome(post("confirmation", "form", person)) == "stopped", "anybody fills in forms"
    assert outcome(post("desk_offer", "offer", person)) == "stopped"
