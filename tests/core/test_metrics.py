"""What `/metrics` tells, and to whom."""

import pytest

from core.db import writing
from jobs.queue import enqueue
from leads.capture import spool

TOKEN = "t" * 24


@pytest.fixture
def figures(client):
    def read(**options):
        answer = client.get("/metrics", **options)
        assert answer.status_code == 200
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in answer.text.splitlines()
            if not line.startswith("#")
        }

    return read


def test_requests_queue_and_spool_are_told(client, figures):
    asked = 'vitrine_request_seconds_count{door="showroom",status="4xx"}'
    before = figures().get(asked, 0)
    spool().drain(lambda _record: True)  # whatever another test left there
    client.get("/oferta/nada-123456")
    with writing():
        enqueue("drain_spool", {})
    spool().put({"id": "one"})
    found = figures()
    assert found[asked] == before + 1
    assert found["vitrine_database_up"] == 1
    assert found['vitrine_jobs{state="ready"}'] >= 1
    assert found["vitrine_spool_waiting"] == 1
    assert found['vitrine_mail{state="waiting"}'] == 0
    assert found["vitrine_readings_failed"] == 0
    assert any(name.startswith("vitrine_build_info") for name in found)
    spool().drain(lambda _record: True)


@pytest.mark.parametrize(
    ("environ", "headers", "base_url"),
    [
        ({"REMOTE_ADDR": "203.0.113.9"}, {}, "http://localhost"),
        ({}, {"X-Forwarded-For": "127.0.0.1"}, "http://localhost"),
        ({}, {"Forwarded": "for=127.0.0.1"}, "http://localhost"),
        ({}, {"X-Real-IP": "127.0.0.1"}, "http://localhost"),
        ({}, {"Via": "1.1 cache"}, "http://localhost"),
        ({}, {}, "http://loja.example"),  # a proxy that tells nothing but whom it was asked for
        # Behind one proxy what is left of the address is what the visitor wrote.
        (
            {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "203.0.113.9"}},
            {},
            "http://localhost",
        ),
    ],
)
def test_strangers_see_nothing_and_the_token_opens(app, client, environ, headers, base_url):
    options = {"environ_overrides": environ, "base_url": base_url}
    config = app.extensions["vitrine"]
    bearer = {**headers, "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers, **options).status_code == 403
    assert client.get("/metrics", headers=bearer, **options).status_code == 403  # none is set
    app.extensions["vitrine"] = type(config)(**{**config.__dict__, "metrics_token": TOKEN})
    try:
        assert client.get("/metrics", headers=headers, **options).status_code == 403
        wrong = {**headers, "Authorization": f"Bearer {TOKEN}x"}
        assert client.get("/metrics", headers=wrong, **options).status_code == 403
        assert client.get("/metrics", headers=bearer, **options).status_code == 200
    finally:
        app.extensions["vitrine"] = config
