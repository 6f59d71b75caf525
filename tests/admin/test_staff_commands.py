"""`flask --app wsgi staff …`: the first account, and the way back in."""

import re

import pytest
from flask import Flask

from core.db import db, writing
from dealership import second_factor
from dealership.passwords import password_matches
from dealership.roles import Role
from dealership.sessions import open_sessions, start_session
from dealership.staff import create_staff, find_staff
from tests.factories import make_store


def run(app: Flask, *words: str):
    answer = app.test_cli_runner().invoke(args=["staff", *words])
    db.session.rollback()
    return answer


def test_an_account_is_made_with_a_password_of_its_own(app: Flask):
    store = make_store(slug="centro")
    answer = run(app, "create", "Dona@Loja.example", "--role", "seller", "--store", "centro")
    assert answer.exit_code == 0, answer.output
    made = re.search(r"Senha: (\S+)", answer.output)[1]
    member = find_staff("dona@loja.example")
    assert password_matches(member.password, made)
    assert member.store_ids == [store.id]


@pytest.mark.parametrize(
    "words",
    [
        ("a@b.example", "--role", "owner", "--password", "curta"),
        ("a@b.example", "--role", "owner", "--password", "senha123456789"),
        ("a@b.example", "--role", "owner", "--store", "nenhuma"),
        ("isto não é", "--role", "owner"),
        ("a@b.example", "--role", "rei"),
    ],
)
def test_what_cannot_be_makes_no_account(app: Flask, words):
    assert run(app, "create", *words).exit_code != 0
    assert find_staff("a@b.example") is None


def test_who_is_locked_out_gets_back_in(app: Flask):
    with writing():
        member = create_staff("dona@loja.example", Role.OWNER)
        second_factor.switch_on(member, second_factor.new_secret(), 0)
        start_session(member)
    answer = run(app, "rescue", "dona@loja.example")
    made = re.search(r"Senha: (\S+)", answer.output)[1]
    member = find_staff("dona@loja.example")
    assert password_matches(member.password, made)
    assert not member.has_second_factor
    assert not open_sessions(member)
    assert run(app, "rescue", "ninguem@loja.example").exit_code == 1
