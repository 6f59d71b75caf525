"""Probes for whoever runs the machine: alive (`/healthz`) and able to serve (`/readyz`)."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, jsonify

from core.db import is_reachable

Check = Callable[[], bool]
CACHE_SECONDS = 2.0
LEAST_FREE_SHARE = 0.05

health = Blueprint("health", __name__)


def init_health(
    app: Flask, checks: Mapping[str, Check], alarms: Mapping[str, Check] | None = None
) -> None:
    """Serve the probes; `checks` says what readiness needs, by name.

    `alarms` are shown beside them and make the site "degraded", never "not ready": where a
    person must look while the site goes on serving.
    """
    app.extensions["vitrine_health"] = dict(checks)
    app.extensions["vitrine_alarms"] = dict(alarms or {})
    app.register_blueprint(health)


@health.get("/healthz")
def healthz() -> Response:
    """The process answers. No input or output: a slow disk must not get it killed."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """What the site needs answers too; names only, no details for strangers."""
    results = _results()
    alarms = current_app.extensions["vitrine_alarms"]
    if not all(held for name, held in results.items() if name not in alarms):
        return jsonify(status="not ready", checks=results), 503
    return jsonify(status="ok" if all(results.values()) else "degraded", checks=results), 200


_cached: tuple[float, int, dict[str, bool]] | None = None


def _results() -> dict[str, bool]:
    """Run the checks, at most every two seconds: probes must not become load."""
    global _cached
    checks: dict[str, Check] = current_app.extensions["vitrine_health"]
    if _cached and _cached[1] == id(checks) and time.monotonic() - _cached[0] < CACHE_SECONDS:
        return _cached[2]
    alarms: dict[str, Check] = current_app.extensions["vitrine_alarms"]
    results = {name: check() for name, check in {**checks, **alarms}.items()}
    _cached = (time.monotonic(), id(checks), results)
    return results


def database_answers() -> bool:
    return is_reachable()


def disk_has_room(folder: str) -> Check:
    """At least a twentieth of the disk under `folder` is free."""

    def check() -> bool:
        path = Path(folder)
        while not path.exists():
            path = path.parent
        usage = shutil.disk_usage(path)
        return usage.free / usage.total >= LEAST_FREE_SHARE

    return check
