"""Where a visit came from is read from what the request says, and bounded."""

import pytest
from flask import request

from leads.attribution import LONGEST_VALUE, clean, touch_of_address, touches_of_form


def test_campaign_values_and_click_ids_are_kept(app):
    touch = touch_of_address(
        "/lp/feirao?utm_source=google&utm_medium=cpc&utm_campaign=onix&gclid=x1&gbraid=y&wbraid=z"
        "&fbclid=w&senha=nao",
        "https://www.google.com/search?q=onix",
    )
    assert touch == {
        "source": "google", "medium": "cpc", "campaign": "onix", "gclid": "x1", "gbraid": "y",
        "wbraid": "z", "fbclid": "w", "referrer": "www.google.com", "landing": "/lp/feirao",
    }  # fmt: skip


def test_our_own_pages_are_no_referrer(app):
    assert touch_of_address("/estoque", "http://localhost/") == {"landing": "/estoque"}


@pytest.mark.parametrize(
    "address",
    [
        "//[evil",
        "/?utm_source=" + "a" * 10_000,
        "/?" + "&".join(["utm_source=1"] * 500),
        "\x00",
        "",
    ],
)
def test_broken_addresses_are_no_error(app, address):
    assert all(len(value) <= LONGEST_VALUE for value in touch_of_address(address).values())


@pytest.mark.parametrize(
    "typed",
    ["{", "[]", '"x"', '{"first": 1}', '{"first": {"source": ["x"]}}', "[" * 5000, "x" * 100_000],
)
def test_what_a_script_did_not_write_is_ignored(app, typed):
    with app.test_request_context("/contato?utm_source=meta", method="POST"):
        first, last = touches_of_form(request, typed)
    assert first == last == {"source": "meta", "landing": "/contato"}


def test_a_form_whose_page_is_not_named_came_from_its_own_address(app):
    with app.test_request_context("/lp/feirao", method="POST"):
        assert touches_of_form(request, "")[0] == {"landing": "/lp/feirao"}


def test_only_known_keys_and_texts_survive():
    assert clean({"source": "a", "evil": "b", "medium": 3, "at": "2026-01-01"}) == {
        "source": "a", "at": "2026-01-01",
    }  # fmt: skip
    assert clean("x") == {}
