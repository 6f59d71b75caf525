"""Staff who are signed in: real accounts, real sessions, real tokens."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask import Flask, g, request_started
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from core.db import writing
from dealership.models import Store
from dealership.roles import Role
from dealership.sessions import start_session
from dealership.staff import StaffMember, create_staff


class StaffClient:
    """A signed-in browser: it follows nothing by itself and sends the session's token along."""

    def __init__(self, client: FlaskClient, email: str) -> None:
        self.client, self.email = client, email
        self.token = token_of(client)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> TestResponse:
        headers = {"X-CSRF-Token": self.token, **options.pop("headers", {})}
        return self.client.post(path, data=data or {}, headers=headers, **options)


def token_of(client: FlaskClient) -> str:
    """What the pages of this browser's session send along, without the price of a page."""
    with client.session_transaction("/admin/") as session:
        raw = session.setdefault("csrf_token", secrets.token_hex(20))
    secret = client.application.secret_key
    return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))


SignIn = Callable[..., StaffClient]


def open_session(client: FlaskClient, member: StaffMember) -> None:
    """What signing in leaves in the browser, without the price of the password's digest."""
    with writing():
        token = start_session(member, browser="Chrome, Android")
    with client.session_transaction("/admin/") as session:
        session["_user_id"] = token
        session["_fresh"] = True


@pytest.fixture(autouse=True)
def _each_request_is_its_own() -> Iterator[None]:
    """The tests' application context outlives their requests, and with it `g`, where the libraries
    keep who is signed in and which token holds: without this a second browser would be the first
    one's user."""

    def forget(*_sender: object, **_facts: object) -> None:
        for name in list(g):
            g.pop(name)

    with request_started.connected_to(forget):
        yield


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """`sign_in("seller", stores=[store])`: a new member of staff with that role, signed in."""

    def make(role: str = "owner", *, stores: Sequence[Store] = (), email: str = "") -> StaffClient:
        address = email or f"{role}@loja.example"
        with writing():
            member = create_staff(address, Role(role), name=role.title(), stores=stores)
        client = app.test_client()
        open_session(client, member)
        return StaffClient(client, address)

    return make
