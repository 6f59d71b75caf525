"""Messages that only the browser can open, signed as ours, and posted to the open internet only."""

import json
import time
from dataclasses import replace

import pytest

from core.fetch import AddressRefused
from core.web_push import Message, NotADevice, check_subscription, new_key_pair, push
from tests.push_service import Browser, PushService, claims_of

MESSAGE = Message(json.dumps({"title": "Olá, ação"}).encode(), 300, "lead:17", "high")


def test_the_browser_opens_what_was_pushed_and_the_signature_is_ours(httpserver):
    service, key = PushService(httpserver), new_key_pair()
    browser, other = service.browser(), service.browser()
    for one in (browser, browser, other):
        answer = push(one.subscription, MESSAGE, key, contact="ti@loja.example", allow_private=True)
        assert answer.status == 201
    first, second, _third = service.taken
    assert browser.opened(first.data) == {"title": "Olá, ação"}
    assert first.data != second.data  # a salt and a key of its own each
    with pytest.raises(Exception):  # noqa: B017 - whatever the other implementation raises
        other.opened(first.data)
    claims = claims_of(first)
    assert claims["key"] == key.public
    assert claims["sub"] == "mailto:ti@loja.example"
    assert browser.endpoint.startswith(claims["aud"])
    assert time.time() < claims["exp"] <= time.time() + 24 * 3600
    assert first.headers["TTL"] == "300"
    assert first.headers["Urgency"] == "high"
    assert first.headers["Content-Encoding"] == "aes128gcm"
    topics = [request.headers["Topic"] for request in service.taken]
    assert topics[0] == topics[1] != topics[2]  # the service sees that it is the same, not what
    assert len(topics[0]) <= 32


def test_nothing_is_pushed_into_our_own_network(httpserver):
    service, key = PushService(httpserver), new_key_pair()
    with pytest.raises(AddressRefused):
        push(service.browser().subscription, MESSAGE, key, contact="ti@loja.example")
    assert service.taken == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/1",
        "https://127.0.0.1/1",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/1",
        "https://localhost/1",
        "https://vitrine.internal/1",
        "https://push.example.com:8443/1",
        "https://user:pass@push.example.com/1",
        "ftp://push.example.com/1",
        "https://push.example.com/ 1",
        f"https://push.example.com/{'a' * 1000}",
        "",
    ],
)
def test_an_address_that_no_push_service_gives_is_refused(endpoint):
    with pytest.raises(NotADevice):
        check_subscription(Browser(endpoint).subscription)


def test_keys_of_another_form_are_refused():
    good = Browser("https://push.example.com/1").subscription
    check_subscription(good)
    for bad in ("", "x", "é" * 20, "A" * 5000, good.auth, "A" * 87):
        with pytest.raises(NotADevice):
            check_subscription(replace(good, p256dh=bad))
    with pytest.raises(NotADevice):
        check_subscription(replace(good, auth=good.p256dh))
