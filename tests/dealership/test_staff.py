"""Who may change whose account: nobody above themselves, and one owner always stays."""

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, writing
from dealership.invitations import accept, find_invitation, invite, resend, token_of, withdraw
from dealership.models import Store
from dealership.passwords import is_common
from dealership.roles import Role
from dealership.sessions import browser_name, open_sessions, start_session
from dealership.staff import (
    StaffMember,
    StaffRefused,
    change_access,
    create_staff,
    deactivate,
    reactivate,
    rename,
)
from tests.factories import make_store


def hire(role: str, *stores: Store, email: str = "") -> StaffMember:
    with writing():
        return create_staff(email or f"{role}@loja.example", Role(role), stores=stores)


def test_the_last_owner_stays(app: Flask):
    owner, other = hire("owner"), hire("owner", email="outra@loja.example")
    with writing():
        deactivate(other, by=owner)
    with pytest.raises(StaffRefused), writing():
        change_access(owner, Role.SELLER, [], by=other)
    assert owner.role == "owner"


def test_two_owners_cannot_remove_each_other(app: Flask):
    owner, other = hire("owner"), hire("owner", email="outra@loja.example")
    with writing():
        deactivate(owner, by=other)
    with pytest.raises(StaffRefused), writing():
        deactivate(other, by=owner)


def test_an_owner_tied_to_stores_is_not_the_owner_that_stays(app: Flask):
    owner = hire("owner")
    tied = hire("owner", make_store(), email="filial@loja.example")
    assert not tied.oversees(owner)
    with pytest.raises(StaffRefused), writing():
        deactivate(owner, by=tied)


def test_nobody_changes_their_own_access(app: Flask):
    owner = hire("owner")
    hire("owner", email="outra@loja.example")
    for verb in (deactivate, reactivate):
        with pytest.raises(StaffRefused), writing():
            verb(owner, by=owner)
    with pytest.raises(StaffRefused), writing():
        change_access(owner, Role.SUPERVISOR, [], by=owner)


def test_a_supervisor_touches_no_owner_and_makes_none(app: Flask):
    owner, boss, seller = hire("owner"), hire("supervisor"), hire("seller")
    with pytest.raises(StaffRefused), writing():
        deactivate(owner, by=boss)
    with pytest.raises(StaffRefused), writing():
        change_access(seller, Role.OWNER, [], by=boss)
    with pytest.raises(StaffRefused), writing():
        invite("nova@loja.example", Role.OWNER, [], by=boss)
    with writing():
        change_access(seller, Role.SUPERVISOR, [], by=boss)
    assert seller.role == "supervisor"


def test_a_supervisor_of_one_store_stays_in_it(app: Flask):
    here, there = make_store(), make_store()
    boss = hire("supervisor", here)
    ours, theirs = hire("seller", here), hire("attendant", there)
    everywhere = hire("editor")
    for member in (theirs, everywhere):
        with pytest.raises(StaffRefused), writing():
            deactivate(member, by=boss)
    for stores in ([there], [here, there], []):
        with pytest.raises(StaffRefused), writing():
            change_access(ours, Role.SELLER, stores, by=boss)
    with writing():
        change_access(ours, Role.ATTENDANT, [here], by=boss)
    assert ours.role == "attendant"


@pytest.mark.parametrize("role", ["seller", "attendant", "editor"])
def test_others_change_nobody(app: Flask, role):
    person, seller = hire(role), hire("seller", email="outro@loja.example")
    with pytest.raises(StaffRefused), writing():
        deactivate(seller, by=person)


def test_a_change_of_access_ends_the_sessions(app: Flask):
    owner, seller = hire("owner"), hire("seller")
    for change in (
        lambda: change_access(seller, Role.EDITOR, [], by=owner),
        lambda: deactivate(seller, by=owner),
    ):
        with writing():
            start_session(seller)
        assert open_sessions(seller)
        with writing():
            change()
        assert not open_sessions(seller)


def test_a_closed_account_starts_no_session(app: Flask):
    owner, seller = hire("owner"), hire("seller")
    with writing():
        deactivate(seller, by=owner)
    with pytest.raises(StaffRefused), writing():
        start_session(seller)


def test_a_name_is_a_line_of_text(app: Flask):
    seller = hire("seller")
    with writing():
        rename(seller, "  Ana\n<b>Lima</b>  ")
    assert seller.name == "Ana <b>Lima</b>"
    with pytest.raises(StaffRefused), writing():
        rename(seller, " \n ")


# --- invitations -----------------------------------------------------------------------------


def test_an_invitation_opens_once(app: Flask):
    owner, store = hire("owner"), make_store()
    with writing():
        made = invite("Nova@Loja.example", Role.SELLER, [store], by=owner)
    token = token_of(made)
    assert token not in made.digest
    found = find_invitation(token)
    with writing():
        member = accept(found, "a digest", name="Nova")
    assert (member.email, member.role, member.store_ids) == (
        "nova@loja.example",
        "seller",
        [store.id],
    )
    assert find_invitation(token) is None
    with pytest.raises(StaffRefused), writing():
        accept(found, "a digest")


def test_sent_again_the_old_link_is_dead(app: Flask):
    owner = hire("owner")
    with writing():
        made = invite("nova@loja.example", Role.SELLER, [], by=owner)
    old = token_of(made)
    with writing():
        resend(made, by=owner)
    assert find_invitation(old) is None
    assert find_invitation(token_of(made)) is not None


def test_a_withdrawn_invitation_opens_nothing(app: Flask):
    owner = hire("owner")
    with writing():
        made = invite("nova@loja.example", Role.SELLER, [], by=owner)
    token = token_of(made)
    with writing():
        withdraw(made, by=owner)
    assert find_invitation(token) is None


def test_nobody_is_invited_twice_or_when_they_are_here(app: Flask):
    owner = hire("owner")
    with writing():
        invite("nova@loja.example", Role.SELLER, [], by=owner)
    for address in ("NOVA@loja.example", "owner@loja.example", "isto não é e-mail"):
        with pytest.raises(StaffRefused), writing():
            invite(address, Role.SELLER, [], by=owner)


def test_an_invitation_whose_stores_are_gone_does_not_open_all_stores(app: Flask):
    owner, store = hire("owner"), make_store()
    with writing():
        made = invite("nova@loja.example", Role.SELLER, [store], by=owner)
    with writing():
        db.session.execute(sa.update(type(made)).values(store_ids=[store.id + 999]))
    with pytest.raises(StaffRefused), writing():
        accept(made, "a digest")


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_bad"),
    [
        ("Senha-123456789", True),
        ("corinthians 1910", True),
        ("123412341234", True),
        ("um cavalo azul no telhado", False),
        ("vitrine-de-demonstracao", False),
    ],
)
def test_the_commonest_passwords_are_known(text, is_bad):
    assert is_common(text) is is_bad


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537",
            "Chrome, Android",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/141 Safari/537 Edg/141", "Edge, Windows"),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_a_browser_has_a_short_name(agent, name):
    assert browser_name(agent) == name
