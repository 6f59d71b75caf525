"""Every staff page that can be opened by reading: one heading, our own words and files, nothing
that the content policy would have to forgive."""

import re

import pytest
from flask import Flask

from demo.staff import PEOPLE
from tests.admin.addresses import Address, addresses_of, every_screen
from tests.admin.conftest import SignIn
from tests.admin.rows import NEEDS_MORE
from tests.admin.test_permissions import prepare, send
from tests.factories import make_store, make_vehicle

# What a page says does not depend on the database; test_statements opens them all on both.
pytestmark = pytest.mark.sqlite_only
VIEWS = every_screen()
# Pages drawn for a frame or as a part of another page.
PARTS = {"staff_vehicle.preview", "staff_pages.preview", "staff_search.part"}
_HANDLER = re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE)
_STYLE = re.compile(r"<style|<[^>]*\sstyle\s*=", re.IGNORECASE)
_INLINE_SCRIPT = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)", re.IGNORECASE
)
_LOADED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|use|form|object|embed)\b[^>]*?"
    r"\b(?:src|href|srcset|action|data|poster)\s*=\s*[\"']([^\"']*)", re.IGNORECASE,
)  # fmt: skip


def test_the_walk_sees_what_it_forbids():
    assert _HANDLER.search('<a href="#" onclick="x()">')
    assert _STYLE.search('<p style="x">')
    assert _INLINE_SCRIPT.search("<script>x</script>")
    assert not _INLINE_SCRIPT.search('<script src="/static/admin.js" defer></script>')
    assert _LOADED.search('<img alt="x" src="https://example.com/x.png">')[1].startswith("https")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.endpoint)
def test_every_page_is_ours_and_whole(app: Flask, sign_in: SignIn, view):
    store, owner = make_store(), sign_in("owner")
    make_vehicle(store=store)
    for address in addresses_of(view):
        if address.method != "GET" or address.endpoint in NEEDS_MORE:
            continue
        person, path = prepare(owner, address, store)
        answer = send(person, address, path, store)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            judge(address, answer.text, answer.headers["Content-Security-Policy"])


def judge(address: Address, page: str, policy: str) -> None:
    """What every page owes its reader."""
    assert "unsafe" not in policy, address
    assert "default-src 'none'" in policy, address
    for forbidden in (_HANDLER, _STYLE, _INLINE_SCRIPT):
        found = forbidden.search(page)
        assert found is None, (address, found[0])
    for path in _LOADED.findall(page):
        is_ours = not re.match(r"(?:https?:)?//", path) or path.startswith("http://localhost")
        assert is_ours, (address, path)
        assert not path.startswith("javascript:"), address
    if address.endpoint in PARTS or "<html" not in page:
        return
    assert '<html lang="pt-BR"' in page, address
    assert len(re.findall(r"<h1\b", page)) == 1, address
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert title, address
    assert title[1].partition("|")[0].strip(), address


def test_the_pages_before_the_door_are_held_to_the_same(app: Flask):
    client = app.test_client()
    for path in ("/admin/login", "/admin/senha", "/admin/senha/nova/x", "/admin/convite/x"):
        answer = client.get(path)
        assert len(re.findall(r"<h1\b", answer.text)) == 1, path
        for forbidden in (_HANDLER, _STYLE, _INLINE_SCRIPT):
            assert forbidden.search(answer.text) is None, path
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_demo_has_somebody_of_every_role():
    assert {role for _email, _name, role, _stores in PEOPLE} == set(type(PEOPLE[0][2]))
