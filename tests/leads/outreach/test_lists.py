"""Lists hold no more than their cap, entries move only by what happened, rounds turn to everybody
once."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now, today
from core.db import db, writing
from leads import privacy
from leads.merging import merge
from leads.outreach import entries, lists
from leads.outreach.companies import CompanyFacts, NotCompany, find_or_create_company
from leads.outreach.entries import EntryRefused, record, undo
from leads.outreach.lists import AlreadyListed, ListFull, ListRefused, start_round, summaries
from leads.outreach.models import Company, OutreachEntry, OutreachEvent, OutreachList
from leads.outreach.stages import Stage, weighted_cents
from leads.unmerging import unmerge
from tests.leads.outreach.people import BY, a_company, a_list, a_person, an_entry, tomorrow

CNPJS = ("11.222.333/0001-81", "12.ABC.345/01DE-35")  # of both kinds, from the RFB's examples


@pytest.mark.sqlite_only
@pytest.mark.parametrize("cnpj", CNPJS)
def test_a_company_is_known_by_its_cnpj_however_it_is_written(app, cnpj):
    with writing():
        first, is_new = find_or_create_company(CompanyFacts("Frota Sul", cnpj))
        bare = cnpj.translate({ord(one): None for one in "./-"}).lower()
        again, is_new_again = find_or_create_company(CompanyFacts("FROTA SUL LTDA", bare))
    assert (first.id, is_new, is_new_again) == (again.id, True, False)


@pytest.mark.sqlite_only
def test_a_wrong_cnpj_is_refused(app):
    with writing(), pytest.raises(NotCompany):
        find_or_create_company(CompanyFacts("Frota Sul", "11.222.333/0001-82"))


def test_two_who_add_the_fortieth_at_once_leave_forty(app):
    row_id = a_list().id
    with writing():
        for number in range(39):
            company = a_company(f"Empresa {number}")
            lists.add_entry(db.session.get_one(OutreachList, row_id), tomorrow(), by=BY,
                            company=company)  # fmt: skip
    barrier, results = threading.Barrier(4), []

    def add(number: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                with writing():
                    row = db.session.get_one(OutreachList, row_id)
                    lists.add_entry(row, tomorrow(), by=BY, company=a_company(f"Mais {number}"))
                results.append("in")
            except ListFull:
                results.append("full")

    threads = [threading.Thread(target=add, args=(one,)) for one in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(results) == ["full", "full", "full", "in"]
    assert lists.count_live(row_id) == 40


@pytest.mark.sqlite_only
def test_one_company_stands_once_on_a_list(app):
    entry = an_entry()
    with writing(), pytest.raises(AlreadyListed) as refusal:
        lists.add_entry(entry.list, tomorrow(), by=BY, company=entry.company)
    assert refusal.value.entry_id == entry.id


@pytest.mark.sqlite_only
def test_a_list_of_accounts_takes_no_person_without_a_company(app):
    row = a_list("accounts")
    with writing(), pytest.raises(ListRefused):
        lists.add_entry(row, tomorrow(), by=BY, person=a_person())


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("kinds", "stage"),
    [
        (["touched"], Stage.COLD),
        (["signal"], Stage.ENGAGED),
        (["signal", "replied", "talked", "visited", "bought", "recommended"], Stage.FAN),
        (["visited", "replied"], Stage.VISIT),
        (["talked", "cooled"], Stage.COLD),
    ],
)
def test_a_stage_follows_from_what_happened(app, kinds, stage):
    entry = an_entry()
    with writing():
        for kind in kinds:
            record(entry, kind, BY, words=kind)
    assert entry.stage == stage
    events = db.session.scalars(sa.select(OutreachEvent).order_by(OutreachEvent.id)).all()
    assert entries.replay(events) == entries.standing_of(entry)


@pytest.mark.sqlite_only
def test_nobody_recommends_before_they_bought(app):
    entry = an_entry()
    with writing(), pytest.raises(EntryRefused):
        record(entry, "recommended", BY)


@pytest.mark.sqlite_only
def test_the_newest_step_is_taken_back_whole_and_only_by_who_took_it(app):
    entry = an_entry()
    with writing():
        start_round(entry.list, today())
    with writing():
        before = entries.standing_of(entry)
        event = record(entry, "talked", BY, channel="phone", **tomorrow())
    with writing(), pytest.raises(EntryRefused):
        undo(entry, event.id, "outra@loja.example")
    assert summaries([entry.list_id])[entry.list_id].touched == 1
    with writing():
        undo(entry, event.id, BY)
    assert entries.standing_of(entry) == before
    assert summaries([entry.list_id])[entry.list_id].touched == 0


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("step", "days"), [("", 1), ("  ", 1), ("Ligar", -1), ("Ligar", 9999)])
def test_nothing_is_without_a_next_step_from_today_on(app, step, days):
    with pytest.raises(EntryRefused):
        entries.next_facts(step, today() + timedelta(days=days))


@pytest.mark.sqlite_only
def test_a_double_click_is_one_step(app):
    entry = an_entry()
    with writing():
        first = record(entry, "talked", BY, channel="phone")
    with writing():
        assert record(entry, "talked", BY, channel="phone").id == first.id


@pytest.mark.sqlite_only
def test_an_entry_has_one_turn_in_a_round_and_another_in_the_next(app):
    entry = an_entry()
    an_entry(entry.list)
    for number in (1, 2):
        with writing():
            assert start_round(entry.list, today()).number == number
            lists.live_round(entry.list_id).started_at -= timedelta(minutes=1)
        with writing():
            record(entry, "touched", BY, words=f"a{number}")
            record(entry, "touched", BY, words=f"b{number}")
        found = summaries([entry.list_id])[entry.list_id]
        assert (found.touched, found.total) == (1, 2)


@pytest.mark.sqlite_only
def test_the_sums_of_a_list_are_those_of_its_entries(app):
    row = a_list()
    rows = [an_entry(row) for _ in range(3)]
    with writing():
        for number, entry in enumerate(rows, 1):
            record(entry, "valued", BY, value_cents=number * 1_000_000_00)
        record(rows[0], "talked", BY)
        record(rows[2], "removed", BY)
    found = summaries([row.id])[row.id]
    assert found.value_cents == 3_000_000_00
    assert found.weighted_cents == weighted_cents(1_000_000_00, "conversation") + weighted_cents(
        2_000_000_00, "cold"
    )


@pytest.mark.sqlite_only
def test_who_was_not_touched_for_thirty_days_is_forgotten(app):
    entry = an_entry()
    with writing():
        entry.created_at = now() - timedelta(days=31)
    assert summaries([entry.list_id])[entry.list_id].forgotten == 1
    with writing():
        record(entry, "touched", BY)
    assert summaries([entry.list_id])[entry.list_id].forgotten == 0


def test_an_erased_person_leaves_the_list_and_their_company_stays(app):
    with writing():
        person = a_person("Quitéria Uirapuru", "+5511987650099")
        company = a_company("Transportes Vale", CNPJS[0])
    alone = an_entry(a_list("dreams"), person=person)
    firm = an_entry(a_list("accounts"), company=company, person=person)
    with writing():
        record(alone, "talked", BY, words="Quitéria quer um SUV")
        record(alone, "qualified", BY, **entries.meddic_facts({"pain": "frota velha"}))
        record(firm, "note", BY, words="o celular dela é 11 98765-0099")
    with writing():
        privacy.erase(person.id, "asked by the person")
    db.session.expire_all()
    assert (alone.end_reason, alone.next_step, alone.meddic) == ("erased", "", {})
    assert (firm.ended_at, firm.person_id, firm.company.name) == (None, None, "Transportes Vale")
    words = " ".join(str(one.data) for one in db.session.scalars(sa.select(OutreachEvent)))
    assert "Quitéria" not in words
    assert "0099" not in words


@pytest.mark.sqlite_only
def test_a_firm_of_one_person_is_erased_with_them(app):
    with writing():
        person = a_person()
        company, _is_new = find_or_create_company(
            CompanyFacts("João da Silva ME", CNPJS[0], category="mei")
        )
    an_entry(a_list("dreams"), company=company, person=person)
    with writing():
        privacy.erase(person.id, "asked by the person")
    db.session.expire_all()
    kept = db.session.scalars(sa.select(Company)).one()
    assert (kept.name, kept.cnpj) == ("", None)


@pytest.mark.sqlite_only
def test_entries_move_with_a_merge_and_back(app):
    with writing():
        keep, gone = a_person("Ana"), a_person("Ana Prado")
    entry = an_entry(a_list("dreams"), person=gone)
    with writing():
        done = merge(keep, gone, BY)
    assert db.session.get_one(OutreachEntry, entry.id).person_id == keep.id
    with writing():
        unmerge(done, BY)
    assert db.session.get_one(OutreachEntry, entry.id).person_id == gone.id
