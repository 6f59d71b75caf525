"""Role by address by store, read from the code and walked whole by real requests.

A new screen is walked without a word here; where its rows are no vehicles, tests/admin/rows.py
says how they are made.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from admin.cli import permissions_table
from core.config import ROOT
from core.db import db, writing
from dealership import second_factor
from dealership.models import Store
from dealership.roles import Role, allows
from dealership.staff import find_staff
from tests.admin.addresses import Address, addresses_of, every_address, every_screen
from tests.admin.conftest import SignIn, StaffClient, open_session
from tests.admin.rows import (
    FIELDS,
    GOES_OUT,
    NEEDS_MORE,
    WITH_SECOND_FACTOR,
    Asked,
    is_for_all_stores,
    is_of_store,
    make_row,
)
from tests.factories import make_store

# Who may do what is asked before any row is; each screen's own tests run on both databases.
pytestmark = pytest.mark.sqlite_only
VIEWS = every_screen()
# Writes that change nothing for anybody but the one who asks, or are told when they are done.
TOLD_LATER = {
    "staff_photos.begin": "the photo is told of when it is whole",
    "staff_photos.receive": "the photo is told of when it is whole",
    "staff_bulk.draft": "a preview: nothing of the cars changes",
    "staff_pages.change": "kept for who types, until it is saved",
}
# Reading what people wrote to us is told, and who takes a file away.
READING_IS_TOLD = {
    "staff_leads.show",
    "staff_desk_lead.show",
    "staff_exports.fetch",
    "staff_quality.show",
}
# What happens to a lead is told in its own log, which names who did it.
LOGS = {"audit_entry", "lead_event"}
NOT_CHANGES = ("staff_session", "staff_tries", "presence", "job", "mail")
_CHANGED = re.compile(r'^(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', re.IGNORECASE)


def prepare(person: StaffClient, address: Address, store: Store) -> tuple[StaffClient, str]:
    """A row of `store` to ask for, by its path, and a session that is surely open."""
    member = find_staff(person.email)
    assert member
    values = make_row(store, Asked(address.rule, address.endpoint, address.names, member))
    if address.endpoint in WITH_SECOND_FACTOR and not member.has_second_factor:
        secret = second_factor.new_secret()
        with writing():
            second_factor.switch_on(member, secret, 0)
    if address.endpoint.startswith("staff_account."):  # there the session itself may have ended
        open_session(person.client, member)
        person = StaffClient(person.client, person.email)
    return person, address.path(values)


def send(person: StaffClient, address: Address, path: str, store: Store) -> TestResponse:
    """One real request."""
    fields = FIELDS.get(address.endpoint, lambda _store: {})(store)
    answer = person.get(path) if address.method == "GET" else person.post(path, fields)
    answer.get_data()  # a streamed answer is read to its end
    db.session.rollback()
    return answer


def ask(person: StaffClient, address: Address, store: Store) -> TestResponse:
    """One real request for a row of `store`."""
    person, path = prepare(person, address, store)
    return send(person, address, path, store)


def verdict(answer: TestResponse, address: Address, *, is_reached: bool) -> str:
    """What is wrong with the answer; empty when nothing."""
    if not is_reached:
        return "" if answer.status_code == 404 else f"{answer.status_code} instead of 404"
    if answer.status_code in {400, 404, 405} or answer.status_code >= 500:
        return f"{answer.status_code} for somebody who may"
    is_sent_away = (answer.location or "").startswith("/admin/login")
    return "sent to the sign-in" if is_sent_away and address.endpoint not in GOES_OUT else ""


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.endpoint)
def test_every_role_reaches_what_it_may_in_its_own_store_and_nothing_else(
    app: Flask, sign_in: SignIn, view
):
    own, other = make_store(), make_store()
    wrong = []
    for role in Role:
        tied = sign_in(role.value, stores=[db.session.merge(own)])
        for address in addresses_of(view):
            may = address.permission is not None and allows(role, address.permission)
            may = may and not is_for_all_stores(address.endpoint)
            if may and address.endpoint in NEEDS_MORE:
                continue
            for store in (own, other) if may and address.names else (own,):
                reached = may and (store is own or not is_of_store(address.endpoint, address.names))
                problem = verdict(ask(tied, address, store), address, is_reached=reached)
                if problem:
                    place = "own store" if store is own else "other store"
                    wrong.append(f"{role.value}, {place}, {address}: {problem}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.endpoint)
def test_an_owner_of_all_stores_reaches_everything(app: Flask, sign_in: SignIn, view):
    store, owner = make_store(), sign_in("owner")
    asked = [one for one in addresses_of(view) if one.endpoint not in NEEDS_MORE]
    wrong = {str(one): verdict(ask(owner, one, store), one, is_reached=True) for one in asked}
    assert not any(wrong.values()), {name: words for name, words in wrong.items() if words}


def test_nobody_reaches_anything_and_is_sent_to_sign_in(app: Flask):
    client = app.test_client()
    page = client.get("/admin/login").text
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)[1]
    for address in every_address():
        path = address.path(dict.fromkeys(address.names, 1))
        answer = client.open(path, method=address.method, headers={"X-CSRF-Token": token})
        assert answer.status_code == 302, address
        assert answer.location.startswith("/admin/login"), address


@pytest.mark.parametrize("forged", ["", "forged", "IjEi.aaaa.bbbb"])
def test_a_forged_token_is_refused_everywhere(app: Flask, sign_in: SignIn, forged):
    owner = sign_in("owner")
    for address in every_address():
        if address.method != "GET":
            path = address.path(dict.fromkeys(address.names, 1))
            answer = owner.client.post(path, data={"csrf_token": forged})
            assert answer.status_code == 400, address


def test_anothers_token_is_refused(app: Flask, sign_in: SignIn):
    owner, seller = sign_in("owner"), sign_in("seller")
    answer = owner.client.post("/admin/conta/nome", data={"csrf_token": seller.token, "name": "X"})
    assert answer.status_code == 400


def test_nothing_that_changes_anything_answers_to_get(app: Flask, sign_in: SignIn):
    store, owner = make_store(), sign_in("owner")
    for address in every_address():
        if address.method == "GET" and address.endpoint not in READING_IS_TOLD:
            person, path = prepare(owner, address, store)
            with changes() as tables:
                send(person, address, path, store)
            assert not tables, address


def test_every_change_is_told_to_the_audit_log(app: Flask, sign_in: SignIn):
    store, owner = make_store(), sign_in("owner")
    silent = []
    for address in every_address():
        if address.method == "GET" or address.endpoint in TOLD_LATER:
            continue
        person, path = prepare(owner, address, store)
        with changes() as tables:
            send(person, address, path, store)
        if tables and not tables & LOGS:
            silent.append(f"{address} changed {', '.join(sorted(tables))}")
    assert not silent, "\n".join(silent)


@contextmanager
def changes() -> Iterator[set[str]]:
    """The tables that committed transactions change meanwhile."""
    seen: set[str] = set()
    pending: set[str] = set()

    def note(_connection, _cursor, statement, *_rest) -> None:
        found = _CHANGED.match(statement)
        if found and found[1] not in NOT_CHANGES:
            pending.add(found[1])

    def keep(_connection) -> None:
        seen.update(pending)
        pending.clear()

    def forget(_connection) -> None:
        pending.clear()

    listeners = {"before_cursor_execute": note, "commit": keep, "rollback": forget}
    for name, listener in listeners.items():
        sa.event.listen(db.engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners.items():
            sa.event.remove(db.engine, name, listener)


def test_the_handbook_shows_the_permissions_as_they_are(app: Flask):
    page = ROOT / "docs" / "manual" / "permissoes.md"
    assert page.read_text(encoding="utf-8") == permissions_table(), (
        "flask --app wsgi staff permissions > docs/manual/permissoes.md"
    )


def test_the_handbook_calls_a_role_as_the_screens_do():
    """Translations and handbook are written by hand: the code's own words slip in."""
    for page in (ROOT / "docs" / "manual").glob("*.md"):
        words = set(re.findall(r"[a-zà-ú]+", page.read_text(encoding="utf-8").lower()))
        assert not words & {"supervisor", "supervisores", "proprietário", "administrador"}, page
