"""`/metrics`: what whoever watches the site asks every few seconds, in Prometheus' text.

Requests are counted in every web process and added up by the library, by way of files in a folder
that the web server makes anew when it starts (`core.web_server`). What the database knows is asked
when somebody looks, so it is the same whichever process answers.

Only programs on this machine may look, and whoever has the token. Behind a proxy everybody comes
from this machine, so a request counts as local only when nothing about it was passed on: no header
of a proxy, and a Host that is this machine.
"""

import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from core.config import current
from core.db import current_head, db, is_reachable

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by the library when it is imported
BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
PASSED_ON: Final = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"),
    *("Forwarded", "Via", "CF-Connecting-IP"),
)
# Name and what it means, then values by their labels: what a noun tells about itself.
Reading = tuple[str, str, Mapping[tuple[tuple[str, str], ...], float]]
Readings = Callable[[], Iterable[Reading]]

log = structlog.get_logger("vitrine.metrics")
metrics = Blueprint("metrics", __name__)

REQUESTS = Histogram(
    "vitrine_request_seconds",
    "Requests that reached the application, by door and class of answer",
    ("door", "status"),
    buckets=BUCKETS_SECONDS,
)
PAGES = Counter(
    "vitrine_page_cache_requests", "Pages that may be kept: out of memory, or drawn", ("result",)
)


def init_metrics(app: Flask, readings: Iterable[Readings]) -> None:
    """Count the requests of `app` and serve `/metrics`, with what `readings` tell."""
    app.extensions["vitrine_metrics"] = (tuple(readings), _PageCounts())
    app.before_request(_start)
    app.after_request(_count)
    app.register_blueprint(metrics)


@metrics.get("/metrics")
def show() -> Response:
    """Prometheus' text, for those who may look."""
    if not _may_look():
        return Response("Only for this machine, or with the token.\n", 403, mimetype="text/plain")
    readings, pages = current_app.extensions["vitrine_metrics"]
    pages.count()
    registry = CollectorRegistry()
    registry.register(_Now(readings))
    if os.environ.get(FOLDER_VARIABLE):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(PAGES)
    response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def _may_look() -> bool:
    token = current().metrics_token
    kind, _space, offered = request.headers.get("Authorization", "").partition(" ")
    if token and kind.lower() == "bearer":
        return hmac.compare_digest(offered.strip().encode(), token.encode())
    return _is_local()


def _is_local() -> bool:
    # What the connection says, before anything that counts proxies has rewritten it.
    original = request.environ.get("werkzeug.proxy_fix.orig") or {}
    address = original.get("REMOTE_ADDR") or request.environ.get("REMOTE_ADDR", "")
    host = urlsplit(f"//{request.environ.get('HTTP_HOST', '')}").hostname or ""
    was_passed_on = any(name in request.headers for name in PASSED_ON)
    return not was_passed_on and _is_loopback(address) and (
        host == "localhost" or _is_loopback(host)
    )  # fmt: skip


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _start() -> None:
    request.environ["vitrine.started"] = time.perf_counter()


def _count(response: Response) -> Response:
    started = request.environ.get("vitrine.started")
    if started is not None:
        status = f"{response.status_code // 100}xx"
        REQUESTS.labels(request.blueprint or "other", status).observe(time.perf_counter() - started)
    pages: _PageCounts = current_app.extensions["vitrine_metrics"][1]
    pages.count()
    return response


class _PageCounts:
    """Passes on what the page cache of this process, where there is one, counted since last."""

    def __init__(self) -> None:
        self._hits = self._misses = 0

    def count(self) -> None:
        # Each request that reaches the application comes by here, and each page is drawn anew
        # every minute, so no process is behind for long.
        cache = current_app.extensions.get("vitrine_page_cache")
        if cache is None:
            return
        now = cache.stats()
        if now.hits > self._hits:
            more, self._hits = now.hits - self._hits, now.hits
            PAGES.labels("hit").inc(more)
        if now.misses > self._misses:
            more, self._misses = now.misses - self._misses, now.misses
            PAGES.labels("miss").inc(more)


class _Now(Collector):
    """What is true at this instant, asked by whoever answers."""

    def __init__(self, readings: Iterable[Readings]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Any]:
        """See the library. A reading that fails is missing and named; the others stand."""
        up = is_reachable()
        yield GaugeMetricFamily("vitrine_database_up", "The database answers", value=float(up))
        if up:
            build = GaugeMetricFamily(
                "vitrine_build_info", "What runs here", labels=("database", "migration")
            )
            build.add_metric((db.engine.dialect.name, current_head()), 1.0)
            yield build
        failed = 0
        for readings in self._readings:
            try:
                yield from map(_family, readings())
            except (SQLAlchemyError, OSError) as error:
                db.session.rollback()
                failed += 1
                log.warning("reading_failed", error=type(error).__name__)
        yield GaugeMetricFamily(
            "vitrine_readings_failed", "Figures missing from this answer", value=float(failed)
        )


def _family(reading: Reading) -> GaugeMetricFamily:
    name, meaning, values = reading
    labels = [label for label, _value in next(iter(values), ())]
    family = GaugeMetricFamily(f"vitrine_{name}", meaning, labels=labels)
    for key, value in values.items():
        family.add_metric([text for _label, text in key], value)
    return family
