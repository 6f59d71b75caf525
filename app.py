"""Builds the application: the only file that imports every package."""

from typing import Any

from flask import Flask, Response, request
from flask_babel import Babel
from flask_babel import lazy_gettext as _l
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from core import config as settings
from core.db import init_db
from core.headers import init_headers
from core.health import database_answers, disk_has_room, init_health
from core.logging import init_logging
from core.serving import serve
from core.storage import init_storage
from core.wakeup import init_wakeup
from dealership.identity import identity
from demo import angles
from demo.cli import demo_commands
from inventory import photos
from inventory.cli import stock_commands
from jobs import queue
from jobs.cli import job_commands, worker
from jobs.schedule import Periodic
from jobs.worker import JobSetup
from showroom.display import html_lang, init_display
from showroom.errors import init_errors
from showroom.media import media
from showroom.theme import theme
from showroom.views import showroom

# What a form or an upload may weigh before anything reads it.
MAX_BODY_BYTES = 32 * 1024 * 1024

NAVIGATION = (
    ("/estoque", _l("Stock")),
    ("/lojas", _l("Stores")),
    ("/financiamento", _l("Financing")),
)
HANDLERS = {**queue.JOBS, **photos.JOBS, **angles.JOBS}
TIMETABLE = (
    Periodic("purge-done-jobs", every_seconds=3600, kind="purge_done_jobs"),
    Periodic("sweep-orphan-media", every_seconds=6 * 3600, kind="sweep_orphan_media"),
)


def create_app(config: settings.Config | None = None, **overrides: Any) -> Flask:
    """The Flask application for `config` (default: read from the environment).

    Raises core.config.BadSetting when a setting is unknown, missing or unusable.
    """
    config = config or settings.load(**overrides)
    app = Flask(__name__, instance_path=config.instance_dir)
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.base_url.startswith("https:"),
        BABEL_DEFAULT_LOCALE="pt_BR",
        BABEL_DEFAULT_TIMEZONE="America/Sao_Paulo",
        # Fast levels: the first tenfold is what a phone on 4G feels.
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=5,
        COMPRESS_MIMETYPES=[
            "text/html",
            "text/css",
            "text/javascript",
            "text/plain",
            "application/javascript",
            "application/json",
            "application/xml",
            "image/svg+xml",
        ],
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["vitrine"] = config
    init_logging(app, config)
    init_db(app, config)
    init_storage(app, config)
    init_wakeup(app, config)
    Babel(app)
    Compress(app)
    init_display(app)
    _init_doors(app, config)
    app.extensions["vitrine_jobs"] = JobSetup(HANDLERS, TIMETABLE)
    for command in (stock_commands, demo_commands, job_commands, worker, serve):
        app.cli.add_command(command)
    if config.trusted_proxies:
        count = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    return app


def _init_doors(app: Flask, config: settings.Config) -> None:
    for blueprint in (showroom, media, theme):
        app.register_blueprint(blueprint)
    init_errors(app)
    init_headers(app, is_https=config.base_url.startswith("https:"))
    init_health(
        app,
        {"database": database_answers, "disk": disk_has_room(config.instance_dir)},
    )
    app.context_processor(
        lambda: {"dealer": identity(), "navigation": NAVIGATION, "html_lang": html_lang()}
    )
    app.after_request(_allow_keeping)


def _allow_keeping(response: Response) -> Response:
    """Public pages may be kept by browsers for the back button, but are asked for again."""
    if request.method == "GET" and response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-cache")
    return response
