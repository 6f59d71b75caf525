"""Builds the application: the only file that imports every package."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, request
from flask_babel import Babel
from flask_compress import Compress
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from admin import export_writing, shopper_running, staff_mail
from admin.site import init_admin
from content import forgetting, invitations, testimonials
from content import media as library
from content.menu import DEFAULTS, menu
from core import config as settings
from core import site_memory
from core.backup import BackupPlan, init_backup
from core.backup_cli import backup_commands
from core.db import db, init_db
from core.headers import init_headers, pack_errors, pack_own_readers_only
from core.health import database_answers, disk_has_room, init_health
from core.immutable import init_immutable
from core.logging import init_logging
from core.metrics import init_metrics
from core.page_cache import init_page_cache
from core.serving import serve
from core.shared_pages import keep_for_one
from core.site_version import init_site_version
from core.storage import init_storage
from core.turns import Turns
from core.versions import VersionReader
from core.wakeup import init_wakeup
from dealership import notices, roster
from dealership.identity import Identity, identity, last_known_identity
from demo import angles
from demo.cli import demo_commands
from integrators import accounts, answering, index_now, polling
from integrators import watching as portal_figures
from integrators.api import registering
from integrators.api.cli import api_token_commands
from integrators.api.door import init_api
from integrators.cli import portal_commands
from integrators.feeds import refreshing
from integrators.feeds.door import feeds_door
from integrators.feeds.feed import FOLDER as FEEDS
from integrators.incoming import processing
from integrators.incoming.door import webhooks
from integrators.index_now import index_now_door
from integrators.listings import syncing, term_sync, tombstones, untruths
from integrators.listings.after_restore import beware_of_portals
from integrators.outgoing import sending
from inventory import (
    bulk,
    bulk_history,
    conflicts,
    photo_uploads,
    photos,
    search,
    stock_version,
    visits,
)
from inventory.cli import stock_commands
from inventory.importing import history as imports
from jobs import queue
from jobs import watching as job_figures
from jobs.cli import job_commands, worker
from jobs.schedule import Periodic
from jobs.worker import JobSetup
from landing import counting, experiments
from landing.cli import landing_commands
from landing.editing import indexable_paths
from landing.sticker_cli import sticker_commands
from landing.stickers import stickers_door
from landing.views import landing
from leads import (
    capture,
    cases,
    erasure,
    flood,
    intake,
    letters,
    line_news,
    message_templates,
    notice_sending,
    notifications,
    retention,
    subscriptions,
    telling,
    waiting_line,
)
from leads import photos as lead_photos
from leads import watching as lead_figures
from leads.cli import lead_commands
from leads.outreach import contact_import
from leads.pipeline import cadence_steps, quality, timers
from leads.privacy_cli import privacy_commands
from showroom.crawlers import init_sitemap
from showroom.display import html_lang, init_display
from showroom.errors import init_errors
from showroom.fragments import init_fragments
from showroom.media import media
from showroom.next_page import next_page
from showroom.shown_tables import HIDDEN
from showroom.tags import init_tags, tag_sources
from showroom.theme import theme
from showroom.views import showroom

# Where files are named by their content.
IMMUTABLE_FILES = ("/static/", "/estilo-", "/proximas-")


class RowNumber(IntegerConverter):
    """`<int:…>` in addresses: a number that a row can have. What is longer is not there, instead
    of an error of the database."""

    regex = "[0-9]{1,9}"


# What a form or an upload may weigh before anything reads it.
MAX_BODY_BYTES = 32 * 1024 * 1024

HANDLERS = {
    **queue.JOBS,
    **roster.JOBS,
    **notices.JOBS,
    **photos.JOBS,
    **bulk.JOBS,
    **bulk_history.JOBS,
    **conflicts.JOBS,
    **visits.JOBS,
    **photo_uploads.JOBS,
    **imports.JOBS,
    **export_writing.JOBS,
    **library.JOBS,
    **angles.JOBS,
    **capture.JOBS,
    **intake.JOBS,
    **letters.JOBS,
    **notifications.JOBS,
    **telling.JOBS,
    **notice_sending.JOBS,
    **subscriptions.JOBS,
    **cases.JOBS,
    **erasure.JOBS,
    **retention.JOBS,
    **lead_photos.JOBS,
    **timers.JOBS,
    **waiting_line.JOBS,
    **line_news.JOBS,
    **quality.JOBS,
    **message_templates.JOBS,
    **cadence_steps.JOBS,
    **contact_import.JOBS,
    **experiments.JOBS,
    **processing.JOBS,
    **polling.JOBS,
    **syncing.JOBS,
    **term_sync.JOBS,
    **untruths.JOBS,
    **refreshing.JOBS,
    **answering.JOBS,
    **registering.JOBS,
    **index_now.JOBS,
    **sending.JOBS,
    **staff_mail.JOBS,
    **shopper_running.JOBS,
    **invitations.JOBS,
    **testimonials.JOBS,
}
TIMETABLE = (
    Periodic("purge-done-jobs", every_seconds=3600, kind="purge_done_jobs"),
    Periodic("sweep-orphan-media", every_seconds=6 * 3600, kind="sweep_orphan_media"),
    Periodic("sweep-exports", every_seconds=3600, kind="sweep_exports"),
    Periodic("sweep-imports", every_seconds=24 * 3600, kind="sweep_imports"),
    Periodic("sweep-contact-imports", every_seconds=24 * 3600, kind="sweep_contact_imports"),
    Periodic("sweep-uploads", every_seconds=3600, kind="sweep_uploads"),
    Periodic("sweep-media", every_seconds=24 * 3600, kind="sweep_media"),
    Periodic("forget-invitations", every_seconds=24 * 3600, kind="forget_invitations"),
    Periodic("forget-absence-reasons", every_seconds=24 * 3600, kind="forget_absence_reasons"),
    Periodic("purge-bulk-changes", every_seconds=24 * 3600, kind="purge_bulk_changes"),
    Periodic("purge-fact-changes", every_seconds=24 * 3600, kind="purge_fact_changes"),
    Periodic("forget-visits", every_seconds=24 * 3600, kind="forget_visits"),
    Periodic("purge-exposures", every_seconds=24 * 3600, kind="purge_exposures"),
    Periodic("apply-retention", every_seconds=24 * 3600, kind="apply_retention"),
    Periodic("sweep-lead-photos", every_seconds=24 * 3600, kind="sweep_lead_photos"),
    Periodic("ship-texts", every_seconds=24 * 3600, kind="ship_texts"),
    Periodic("tend-queue", every_seconds=10, kind="tend_queue"),
    Periodic("tend-holds", every_seconds=10, kind="tend_holds"),
    Periodic("tend-cadences", every_seconds=60, kind="tend_cadences"),
    Periodic("draw-samples", every_seconds=6 * 3600, kind="draw_samples"),
    Periodic("tell-staff", every_seconds=5, kind="tell_staff"),
    Periodic("tell-visits", every_seconds=300, kind="tell_visits"),
    Periodic("purge-notices", every_seconds=24 * 3600, kind="purge_notices"),
    Periodic("drain-spool", every_seconds=5, kind="drain_spool"),
    Periodic("poll-lead-sources", every_seconds=900, kind="poll_lead_sources"),
    Periodic("tend-portals", every_seconds=5, kind="tend_portals"),
    Periodic("read-own-places", every_seconds=3600, kind="read_own_places"),
    Periodic("refresh-feeds", every_seconds=60, kind="refresh_feeds"),
    Periodic("refresh-terms", every_seconds=24 * 3600, kind="refresh_terms"),
    Periodic("purge-listing-events", every_seconds=24 * 3600, kind="purge_listing_events"),
    Periodic("tell-search-engines", every_seconds=300, kind="tell_search_engines"),
    Periodic("forward-events", every_seconds=5, kind="forward_events"),
    Periodic("purge-webhooks", every_seconds=24 * 3600, kind="purge_webhooks"),
    Periodic("price-alerts", every_seconds=300, kind="price_alerts"),
    Periodic("tend-shopper", every_seconds=60, kind="tend_shopper"),
)


# These wait for portals, which may be slow or down, or for our own pages.
APART = frozenset({syncing.JOB, "sync_terms", "read_own_places", "tell_search_engines"})


class _Vitrine(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook here is a coroutine; Flask would look anew at each, a dozen a request."""
        return func


def create_app(config: settings.Config | None = None, **overrides: Any) -> Flask:
    """The Flask application for `config` (default: read from the environment).

    Raises core.config.BadSetting when a setting is unknown, missing or unusable.
    """
    config = config or settings.load(**overrides)
    app = _Vitrine(__name__, instance_path=config.instance_dir)
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
    app.url_map.converters["int"] = RowNumber
    app.extensions["vitrine"] = config
    app.wsgi_app = Turns(app.wsgi_app, most_body_bytes=MAX_BODY_BYTES)  # type: ignore[method-assign]
    init_logging(app, config)
    init_db(app, config)
    init_site_version(app, HIDDEN)
    init_storage(app, config)
    init_wakeup(app, config)
    capture.init_capture(app, config)
    accounts.init_accounts(app)
    flood.init_flood(app, config)
    forgetting.init_forgetting()
    counting.init_counting(app)
    visits.init_visits(app)
    Babel(app)
    Compress(app)
    pack_errors(app)
    init_display(app)
    init_fragments(app)
    _init_doors(app, config)
    app.extensions["vitrine_jobs"] = JobSetup(HANDLERS, TIMETABLE, APART)
    init_backup(
        app,
        BackupPlan(
            journals=(tombstones.SOLD_FILE, erasure.LIST_NAME),
            derived=(FEEDS,),
            afterwards=(_erase_again, beware_of_portals),
        ),
    )
    for command in (
        stock_commands,
        landing_commands,
        sticker_commands,
        lead_commands,
        privacy_commands,
        portal_commands,
        api_token_commands,
        demo_commands,
        backup_commands,
        job_commands,
        worker,
        serve,
    ):
        app.cli.add_command(command)
    if config.trusted_proxies:
        count = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    init_page_cache(
        app,
        VersionReader(config.database_url, stock_version.NUMBER),
        most_bytes=config.page_cache_mb * 1024 * 1024,
        origin=config.base_url,
        bring_up_to=lambda versions: (
            site_memory.is_at_least(versions.site) and search.is_at_least(versions.stock)
        ),
    )
    return app


def _init_doors(app: Flask, config: settings.Config) -> None:
    for blueprint in (
        showroom,
        landing,
        stickers_door,
        media,
        theme,
        next_page,
        webhooks,
        feeds_door,
        index_now_door,
    ):
        app.register_blueprint(blueprint)
    init_api(app)
    pack_own_readers_only(app, "/admin")  # before what refuses a request there
    init_admin(app, config)
    init_errors(app)
    init_headers(app, is_https=config.base_url.startswith("https:"), also=tag_sources(config))
    init_immutable(app, IMMUTABLE_FILES)
    init_tags(app, config)
    init_sitemap(app, [indexable_paths, testimonials.public_paths])
    init_health(
        app,
        {"database": database_answers, "disk": disk_has_room(config.instance_dir)},
        alarms={"spool": capture.spool_is_quick},
    )
    init_metrics(app, [job_figures.readings, lead_figures.readings, portal_figures.readings])
    app.before_request(_refuse_nul)
    app.context_processor(_on_every_page)
    app.after_request(_allow_keeping)


def _erase_again() -> str:
    people = erasure.reapply()
    return f"People erased since the backup, erased again: {people}." if people else ""


def _refuse_nul() -> None:
    """No address holds a NUL, and PostgreSQL takes none in a text."""
    if "\0" in request.path:
        abort(404)


def _on_every_page() -> dict[str, Any]:
    """What templates know without being told. Without a database it is who we were last: the page
    that says so still has our number."""
    links = DEFAULTS
    try:
        dealer: Identity | None = identity()
        links = menu() if not request.path.startswith("/admin") else links
    except SQLAlchemyError:
        db.session.rollback()
        dealer = last_known_identity()
        keep_for_one()
    return {"dealer": dealer, "menu_links": links, "html_lang": html_lang()}


def _allow_keeping(response: Response) -> Response:
    """Public pages may be kept by browsers for the back button, but are asked for again."""
    if request.method == "GET" and response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-cache")
    return response
