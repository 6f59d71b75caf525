"""Measuring tags: none unless the settings name one, and then only their hosts and a question."""

import json
import re
from html import unescape

import pytest
from flask import Flask

from app import create_app
from core.config import BadSetting, load
from core.headers import policy
from showroom.tags import tag_sources
from tests.factories import make_vehicle

NO_TAGS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)


@pytest.fixture(scope="module")
def measuring_app(session_app: Flask) -> Flask:
    """The same installation with every tag set."""
    config = session_app.extensions["vitrine"]
    return create_app(
        database_url=config.database_url,
        instance_dir=config.instance_dir,
        media_dir=config.media_dir,
        base_url=config.base_url,
        ga4_id="G-TEST123",
        google_ads_id="AW-99",
        meta_pixel_id="123456",
        tiktok_pixel_id="CTEST",
    )


@pytest.fixture
def measured(app, measuring_app):
    return measuring_app.test_client()


def test_without_an_id_there_is_no_question_no_script_and_no_other_host(client):
    vehicle = make_vehicle()
    for path in ("/", "/lojas", f"/oferta/{vehicle.slug}-{vehicle.public_id}"):
        answer = client.get(path)
        assert answer.headers["Content-Security-Policy"] == NO_TAGS
        for sign in ("data-consent", "tags.js", "data-page-event", "googletagmanager"):
            assert sign not in answer.text


def directives(text: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in text.split("; ")}


@pytest.mark.parametrize(
    ("setting", "wanted", "unwanted"),
    [
        ({"ga4_id": "G-1"}, "https://www.googletagmanager.com", "facebook"),
        ({"google_ads_id": "AW-1"}, "https://www.googleadservices.com", "tiktok"),
        ({"meta_pixel_id": "1"}, "https://connect.facebook.net", "google"),
        ({"tiktok_pixel_id": "C1"}, "https://analytics.tiktok.com", "google"),
    ],
)
def test_an_id_lets_its_own_hosts_in_and_no_others(tmp_path, setting, wanted, unwanted):
    config = load({}, instance_dir=str(tmp_path), **setting)
    found = directives(policy(tag_sources(config)))
    assert wanted in found["script-src"]
    assert unwanted not in str(found)
    assert "'unsafe" not in str(found)
    assert "*" not in found["script-src"]
    closed = ("default-src", "style-src", "form-action", "base-uri", "frame-ancestors")
    assert {name: found[name] for name in closed} == {
        name: directives(NO_TAGS)[name] for name in closed
    }


def test_a_picture_host_stands_beside_the_tags_hosts():
    found = directives(policy({"img-src": ["https://fotos.example", "https://www.facebook.com"]}))
    assert found["img-src"] == [
        "'self'", "data:", "https://fotos.example", "https://www.facebook.com"
    ]  # fmt: skip


def test_the_question_is_hidden_and_refusing_is_as_easy_as_accepting(measured):
    page = measured.get("/").text
    box = re.search(r"<section class=\"consent\".*?</section>", page, re.S)[0]
    assert " hidden>" in box
    buttons = re.findall(r'<button class="([^"]*)" type="button" data-consent-answer="(\w+)"', box)
    assert sorted(answer for _class, answer in buttons) == ["nao", "sim"]
    assert len({css for css, _answer in buttons}) == 1
    assert 'href="/privacidade"' in box
    assert "Google, Meta, TikTok" in box
    assert page.count("data-consent-open") == 1
    assert not re.search(r'<(script|img|iframe|link)[^>]+(src|href)="https?://(?!localhost)', page)


def test_an_offer_tells_its_facts_and_nothing_private(measured):
    vehicle = make_vehicle(price_cents=69_900_50, license_plate="ABC1D23")
    page = measured.get(f"/oferta/{vehicle.slug}-{vehicle.public_id}").text
    event = re.search(r'data-page-event="view_item" data-facts="([^"]*)"', page)
    facts = json.loads(unescape(event[1]))
    assert facts["value"] == 69900.5
    assert facts["items"][0]["item_id"] == vehicle.public_id
    assert "ABC1D23" not in page


@pytest.mark.parametrize("text", ["G-1'; script-src *", "<script>", "a b", "x" * 41])
def test_an_id_is_letters_digits_and_dashes(tmp_path, text):
    with pytest.raises(BadSetting):
        load({"VITRINE_GA4_ID": text}, instance_dir=str(tmp_path))
