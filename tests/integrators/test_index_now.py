"""Search engines are told of changed offers: each change once, none lost, nobody told of what is
not for the public."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.clock import now
from core.db import db, writing
from integrators import index_now
from integrators.models import SearchNotice
from inventory import stock_version
from inventory.models import Vehicle
from tests.factories import make_vehicle

SITE = "https://loja.example"


class Engine:
    """What takes part in IndexNow: looks the message over as the protocol says."""

    def __init__(self, server: HTTPServer) -> None:
        self.messages: list[list[str]] = []
        self.answers: list[Response] = []
        self.url = server.url_for("/indexnow")
        server.expect_request("/indexnow", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        message = json.loads(request.data)
        assert request.content_type == "application/json; charset=utf-8"
        assert message["keyLocation"] == f"{SITE}/{message['key']}.txt"
        if not all(url.startswith(f"https://{message['host']}/") for url in message["urlList"]):
            return Response(status=422)
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(message["urlList"])
        return Response(status=202 if len(self.messages) == 1 else 200)


@pytest.fixture
def engine(app, httpserver, monkeypatch) -> Engine:
    found = Engine(httpserver)
    _set(app, monkeypatch, indexnow_url=found.url, base_url=SITE, allow_private_urls=True)
    return found


def _set(app, monkeypatch, **settings) -> None:
    monkeypatch.setitem(app.extensions, "vitrine", replace(app.extensions["vitrine"], **settings))


def _changed(vehicle: Vehicle, **values) -> None:
    with writing():
        for name, value in values.items():
            setattr(vehicle, name, value)
        if "state" in values:
            vehicle.state_changed_at = now()
        stock_version.touch([vehicle])


def _address(vehicle: Vehicle) -> str:
    return f"{SITE}/oferta/{vehicle.slug}-{vehicle.public_id}"


def _tell() -> None:
    index_now.tell_search_engines({})


def test_new_changed_and_sold_offers_are_told_once_each(engine):
    first, second = make_vehicle(), make_vehicle()
    _changed(first)
    _changed(second)
    _changed(first, price_cents=7_000_000)
    _tell()
    assert engine.messages == [[_address(second), _address(first)]]
    _tell()
    assert len(engine.messages) == 1  # nothing changed, nothing is said
    _changed(second, state="sold")
    _tell()
    assert engine.messages[1:] == [[_address(second)]]


def test_what_the_public_never_saw_or_was_sold_long_ago_is_not_told(engine):
    draft, sold, listed = make_vehicle(), make_vehicle(), make_vehicle()
    _changed(draft, state="draft", published_at=None)
    _changed(sold, state="sold")
    with writing():
        sold.state_changed_at = now() - timedelta(days=31)
    _changed(listed)
    _tell()
    assert engine.messages == [[_address(listed)]]


def test_a_big_stock_is_told_message_by_message(engine, monkeypatch):
    cars = [make_vehicle() for _ in range(5)]
    with writing():
        stock_version.touch(cars)  # one change of all: the place lies within it
    monkeypatch.setattr(index_now, "MOST_ADDRESSES", 2)
    _tell()
    assert [len(message) for message in engine.messages] == [2, 2, 1]
    assert [url for message in engine.messages for url in message] == [_address(c) for c in cars]


@pytest.mark.parametrize("status", [400, 403, 422, 429, 500])
def test_a_refused_message_is_told_again_after_a_rest(engine, status):
    vehicle = make_vehicle()
    _changed(vehicle)
    engine.answers = [Response(status=status, headers={"Retry-After": "7200"})]
    _tell()
    assert (index_now.notice().problem, engine.messages) == (str(status), [])
    _tell()
    assert engine.messages == []  # it rests
    rest = index_now.notice().rests_until - now()
    assert timedelta(minutes=119) < rest <= timedelta(hours=2)
    _rest_is_over()
    _tell()
    assert engine.messages == [[_address(vehicle)]]
    assert (index_now.notice().problem, index_now.notice().addresses) == ("", 1)


def test_nobody_answers(app, engine, monkeypatch):
    vehicle = make_vehicle()
    _changed(vehicle)
    _set(app, monkeypatch, indexnow_url="http://127.0.0.1:9/indexnow")
    _tell()
    assert index_now.notice().problem == "unreachable"
    assert index_now.notice().told_at is None
    _set(app, monkeypatch, indexnow_url=engine.url)
    _rest_is_over()
    _tell()
    assert engine.messages == [[_address(vehicle)]]


def test_a_process_killed_after_the_answer_tells_again_and_loses_nothing(engine, monkeypatch):
    vehicle = make_vehicle()
    _changed(vehicle)

    def die(*_given) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(index_now, "_note", die)
        _tell()
    _tell()
    assert engine.messages == [[_address(vehicle)]] * 2


def test_inner_addresses_are_not_connected_to(app, engine, monkeypatch):
    _changed(make_vehicle())
    _set(app, monkeypatch, allow_private_urls=False)
    _tell()
    assert (engine.messages, index_now.notice().problem) == ([], "unreachable")


def test_off_by_default_and_never_for_a_site_that_nobody_can_visit(
    app, engine, client, monkeypatch
):
    _changed(make_vehicle())
    for settings in (
        {"indexnow_url": ""},
        {"indexnow_url": engine.url, "base_url": "http://localhost", "allow_private_urls": False},
    ):
        _set(app, monkeypatch, **settings)
        _tell()
        assert client.get(f"/{index_now.key()}.txt").status_code == 404
    assert engine.messages == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SearchNotice)) == 0


def test_the_key_stands_at_its_own_address_and_nothing_else_does(client, engine):
    key = index_now.key()
    answer = client.get(f"/{key}.txt")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, key, "text/plain")
    assert client.get("/robots.txt").text.startswith("User-agent")
    for other in (key.upper(), key[:-1], key + "0", "é", "%00", "a" * 300):
        assert client.get(f"/{other}.txt").status_code == 404, other


def _rest_is_over() -> None:
    with writing() as session:
        session.get(SearchNotice, 1).rests_until = now() - timedelta(seconds=1)
