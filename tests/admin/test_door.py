"""The staff door is closed: to strangers, to roles that do not reach, to forged posts."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_admin.base import BaseView

from admin.door import StaffView, local_path
from dealership.roles import PERMISSIONS, Permission, Role

# The library's own addresses, the sign-in and what leads to it; and what a browser asks for to
# install the desk, which says nothing of anybody.
BEFORE_THE_DOOR = ("security.", "staff_app.")


def screens(app: Flask) -> list[BaseView]:
    return [view for view in app.extensions["admin"][0]._views if view.blueprint is not None]


def test_every_screen_is_one_of_ours_and_every_address_names_its_permission(app: Flask):
    for view in screens(app):
        assert isinstance(view, StaffView), view
        for _url, method, _methods in view._urls:
            assert isinstance(view.endpoint_permission(method), Permission), (view, method)


def staff_addresses(app: Flask) -> list[tuple[str, str]]:
    """Every address behind the door with one of its methods; numbers stand for what is named."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin") or rule.endpoint.startswith(BEFORE_THE_DOOR):
            continue
        if rule.endpoint == "admin.static":
            continue
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        found += [(method, path) for method in sorted(rule.methods & {"GET", "POST"})]
    return found


def test_strangers_reach_nothing(app: Flask, client: FlaskClient):
    addresses = staff_addresses(app)
    assert addresses
    for method, path in addresses:
        answer = client.open(path, method=method)
        expected = {302} if method == "GET" else {302, 400}
        assert answer.status_code in expected, (method, path)
        if answer.status_code == 302:
            assert answer.location.startswith("/admin/login"), (method, path)


def test_a_post_without_the_token_is_refused(app: Flask, sign_in):
    owner = sign_in("owner")
    for method, path in staff_addresses(app):
        if method == "POST":
            answer = owner.client.post(path)
            assert answer.status_code == 400, path
            assert "Nada foi alterado" in answer.text


def test_pages_behind_the_door_are_kept_by_nobody(sign_in):
    answer = sign_in("owner").get("/admin/")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_public_pages_know_no_session(client: FlaskClient):
    answer = client.get("/contato")
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_roles_hold_what_the_trade_gives_them():
    assert PERMISSIONS[Role.OWNER] == frozenset(Permission)
    assert Permission.MANAGE_STAFF not in PERMISSIONS[Role.SELLER]
    assert Permission.EXPORT_LEADS not in PERMISSIONS[Role.ATTENDANT]
    assert Permission.SEE_DOCUMENTS not in PERMISSIONS[Role.EDITOR]
    for permissions in PERMISSIONS.values():
        assert Permission.SEE_HOME in permissions


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/",
        "//example.com",
        "/\\example.com",
        "/admin//\r\n",
        "",
        None,
        "/oferta",
    ],
)
def test_a_return_address_never_leads_away(text):
    assert local_path(text, "/admin/") == "/admin/"


def test_a_return_address_behind_the_door_is_kept():
    assert local_path("/admin/estoque/?q=a", "/admin/") == "/admin/estoque/?q=a"
