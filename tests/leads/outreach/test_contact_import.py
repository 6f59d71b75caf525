"""Contacts from files: on a legal basis, joined to whom we know, once, and back out again."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from core.clock import now
from core.db import db, writing
from core.storage import storage
from inventory.importing import history
from inventory.importing.report import ImportRefused
from leads import privacy, stop_list
from leads.models import Person, PersonKey
from leads.outreach import contact_import as contacts
from leads.outreach import contact_writing
from leads.outreach.bases import Basis, NoBasis
from leads.outreach.contact_writing import CannotUndo, can_be_undone
from leads.outreach.entries import record
from leads.outreach.models import (
    Company,
    ContactBasis,
    ContactImport,
    ContactImportRow,
    OutreachEntry,
    OutreachList,
)
from leads.people import find_or_create_person
from leads.stop_list import Channel, Purpose, Source
from tests.leads.outreach.people import BY, a_list, tomorrow

BASIS = Basis("contract", "Sistema da oficina", "Clientes que fizeram revisão em 2025")
FILE = "Nome;Celular;E-mail;Empresa;CNPJ;Obs\n"
ROWS = (
    FILE + "José Antônio;(11) 98765-4321;;;;gosta de SUV\n"
    "Bia Lopes;;bia@cliente.com.br;Frota Sul;11.222.333/0001-81;\n"
    ";;;Táxi do Zé;;\n"
    "Sem contato;;;;;\n"
    "Errado;123;;;;\n"
)


def sent(data: str | bytes, *, onto: OutreachList | None = None, basis: Basis = BASIS) -> int:
    """A file that was sent, mapped as it was guessed, and tried."""
    raw = data if isinstance(data, bytes) else data.encode()
    key = history.keep_file(raw)
    with writing():
        one = contacts.record_import("clientes.csv", key, len(raw), by=BY)
    preview = contacts.preview_of(one)
    with writing():
        contacts.choose(one, preview, preview.guess, basis,
                        onto=onto and db.session.merge(onto), next_facts=tomorrow(),
                        by=BY)  # fmt: skip
    run(contacts.try_contacts, one.id)
    return one.id


def run(handler, import_id: int) -> ContactImport:
    db.session.rollback()
    after = handler({"import_id": import_id})
    db.session.rollback()
    if after:
        with writing():
            after()
    return db.session.get_one(ContactImport, import_id, populate_existing=True)


def brought_in(data: str | bytes, **options) -> ContactImport:
    import_id = sent(data, **options)
    with writing():
        contacts.start(db.session.get_one(ContactImport, import_id))
    return run(contacts.apply_contacts, import_id)


def count(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_people_and_companies_come_in_and_bad_rows_stay_out_with_their_reason(app):
    row = a_list("customers")
    one = brought_in(ROWS, onto=row)
    assert one.state == "done", one.problem
    told = {name: one.report[name] for name in ("new_people", "new_companies", "new_entries")}
    assert told == {"new_people": 2, "new_companies": 2, "new_entries": 3}
    assert [bad["row"] for bad in one.report["rejected"]] == [5, 6]
    assert one.report["rejected"][1]["column"] == "Celular"
    assert count(ContactBasis) == 2
    assert one.file_key == ""
    kept = storage().open(one.bad_rows_key, public=False).read().decode("utf-8-sig")
    assert "Errado" in kept


@pytest.mark.sqlite_only
def test_the_trial_counts_as_the_import_does_and_stores_nobody(app):
    import_id = sent(ROWS)
    one = db.session.get_one(ContactImport, import_id)
    tried = {name: one.report[name] for name in ("new_people", "new_companies", "rejected_count")}
    assert (one.state, count(Person), count(Company)) == ("tried", 0, 0)
    done = brought_in(ROWS)
    assert {name: done.report[name] for name in tried} == tried


@pytest.mark.sqlite_only
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_any_spelling_of_a_file_is_read(app, encoding, delimiter):
    text = "Nome;Telefone\nJosé Conceição;11 98765-4321\n".replace(";", delimiter)
    brought_in(text.encode(encoding))
    person = db.session.scalars(sa.select(Person)).one()
    assert (person.name, person.phone) == ("José Conceição", "+5511987654321")


@pytest.mark.sqlite_only
def test_the_same_file_twice_brings_nobody_twice(app):
    row = a_list("customers")
    brought_in(ROWS, onto=row)
    before = count(Person), count(Company), count(OutreachEntry), count(ContactBasis)
    again = brought_in(ROWS, onto=row)
    assert (again.report["new_people"], again.report["already_listed"]) == (0, 3)
    assert before == (count(Person), count(Company), count(OutreachEntry), count(ContactBasis))


@pytest.mark.sqlite_only
def test_who_wrote_before_is_the_same_person_without_the_ninth_digit(app):
    with writing():
        known = find_or_create_person(name="José", phone="+5511987654321")
    brought_in("nome;telefone\nJosé Antônio;11 8765-4321\n")
    assert count(Person) == 1
    assert db.session.get_one(Person, known.id).name == "José"


def test_an_import_that_died_half_way_goes_on_without_doubles(app):
    rows = "".join(f"Pessoa {n};119{80_000_000 + n}\n" for n in range(60))
    row = a_list("customers")
    import_id = sent("nome;telefone\n" + rows, onto=row)
    with writing():
        contacts.start(db.session.get_one(ContactImport, import_id))
    seen = []

    def die(_conn, _cursor, statement, *_rest) -> None:
        seen.append("INSERT INTO outreach_entry" in statement)
        if sum(seen) == 40:
            raise KeyboardInterrupt

    sa.event.listen(db.engine, "before_cursor_execute", die)
    with pytest.raises(KeyboardInterrupt):
        run(contacts.apply_contacts, import_id)
    sa.event.remove(db.engine, "before_cursor_execute", die)
    db.session.rollback()
    half = db.session.get_one(ContactImport, import_id, populate_existing=True)
    assert (half.state, half.rows_done, count(OutreachEntry)) == ("running", 26, 25)
    done = run(contacts.apply_contacts, import_id)
    assert (done.state, done.report["new_people"], count(OutreachEntry)) == ("done", 60, 60)
    assert run(contacts.apply_contacts, import_id).report == done.report


@pytest.mark.sqlite_only
def test_a_full_list_takes_what_fits_and_says_so_of_the_rest(app):
    rows = "".join(f"Empresa {n}\n" for n in range(42))
    done = brought_in("empresa\n" + rows, onto=a_list("accounts"))
    assert (done.report["new_entries"], done.report["rejected_count"]) == (40, 2)


@pytest.mark.sqlite_only
def test_who_wants_no_contact_comes_in_and_is_counted_and_stays_stopped(app):
    with writing():
        stop_list.stop("11987654321", source=Source.STAFF, actor=BY, reason="by_phone")
    done = brought_in("nome;telefone\nAna;11987654321\nRui;11987654322\n")
    assert (done.report["new_people"], done.report["stopped"]) == (2, 1)
    ana = db.session.scalars(sa.select(Person).where(Person.name == "Ana")).one()
    assert not stop_list.may_send(ana, Channel.WHATSAPP, Purpose.MARKETING).allowed


@pytest.mark.sqlite_only
def test_who_was_erased_after_the_file_was_sent_does_not_come_back(app):
    with writing():
        person = find_or_create_person(name="Ana", phone="+5511987654321")
    import_id = sent("nome;telefone\nAna;11987654321\nRui;11987654322\n")
    with writing():
        contacts.start(db.session.get_one(ContactImport, import_id))
    with writing():
        privacy.erase(person.id, "asked by the person")
    done = run(contacts.apply_contacts, import_id)
    assert (done.report["left_out"], done.report["new_people"]) == (1, 1)
    assert count(PersonKey) == 1


@pytest.mark.sqlite_only
def test_a_file_that_waits_is_given_up_when_somebody_is_erased(app):
    with writing():
        person = find_or_create_person(name="Ana", phone="+5511987654321")
    import_id = sent("nome;telefone\nAna;11987654321\n")
    with writing():
        privacy.erase(person.id, "asked by the person")
    one = db.session.get_one(ContactImport, import_id, populate_existing=True)
    assert one.file_key == ""
    with pytest.raises(ImportRefused):
        contacts.preview_of(one)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "basis",
    [
        Basis("", "Feira", "assinaram"),
        Basis("bought", "Lista comprada", "paguei"),
        Basis("contract", "", "x"),
        Basis("legitimate", "DMS", " "),
        Basis("consent", "Feira", "Ficha assinada"),  # since when?
        Basis("consent", "Feira", "Ficha assinada", date(2999, 1, 1)),
    ],
)
def test_nothing_comes_in_without_a_legal_basis_and_its_proof(app, basis):
    with pytest.raises(NoBasis):
        sent(ROWS, basis=basis)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x02\x03",
        b"nome;telefone\n",
        b"<veiculos><veiculo/></veiculos>",
        b"PK\x03\x04 not a sheet",
        b'nome;telefone\n"Ana;11987654321\n',
        b"nome;nome\nAna;Rui\n",
    ],
)
def test_a_file_that_is_no_table_of_contacts_is_refused_in_words(app, data):
    with pytest.raises(ImportRefused):
        sent(data)


@pytest.mark.sqlite_only
def test_hostile_cells_are_only_text(app):
    formula = "=HYPERLINK(1)"
    huge = "A" * 70_000
    done = brought_in(
        f"nome;telefone;empresa\n{formula};11987654321;\nNu\x00lo;11987654322;\n"
        f"{huge};11987654323;\n;;{'B' * 300}\n",
        onto=a_list("customers"),
    )
    assert done.state == "done"
    names = set(db.session.scalars(sa.select(Person.name)))
    assert formula in names
    assert not any("\0" in one for one in names)
    assert done.report["rejected_count"] == 1  # the huge one


def test_undoing_leaves_whom_another_file_brought_too_with_the_basis(app):
    first_id = brought_in("nome;telefone;empresa\nAna;11987654321;Frota\nBia;11987654323;\n").id
    brought_in("nome;telefone;empresa\nAna;11987654321;Frota\n")
    with writing():
        counts = contact_writing.undo(db.session.get_one(ContactImport, first_id))
    assert counts == {"entries": 0, "people": 1, "companies": 0}
    assert set(db.session.scalars(sa.select(Person.name))) == {"Ana"}
    assert count(ContactBasis) == 1


def test_what_each_row_brought_goes_when_it_cannot_be_taken_back_any_more(app):
    brought_in("nome;telefone\nAna;11987654321\n")
    contacts.sweep_contact_imports({})
    assert count(ContactImportRow) == 1
    with time_machine.travel(now() + timedelta(days=31)):
        contacts.sweep_contact_imports({})
    assert (count(ContactImportRow), count(Person), count(ContactBasis)) == (0, 1, 1)


def test_undoing_takes_away_what_nobody_touched_since(app):
    row = a_list("customers")
    with writing():
        known = find_or_create_person(name="Rui", phone="+5511987654322")
    done = brought_in(
        "nome;telefone;empresa\nAna;11987654321;\nRui;11987654322;\nBia;11987654323;Frota\n",
        onto=row,
    )
    assert can_be_undone(done)
    worked = db.session.scalars(
        sa.select(OutreachEntry).join(Person).where(Person.name == "Bia")
    ).one()
    with writing():
        record(worked, "talked", "outra@loja.example")
    with writing():
        counts = contact_writing.undo(done)
    assert counts == {"entries": 2, "people": 1, "companies": 0}
    assert set(db.session.scalars(sa.select(Person.name))) == {"Rui", "Bia"}
    assert db.session.get(Person, known.id) is not None
    assert count(ContactBasis) == 0
    with writing(), pytest.raises(CannotUndo):
        contact_writing.undo(db.session.get_one(ContactImport, done.id))
