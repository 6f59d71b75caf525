"""`flask --app wsgi leads …`: the leads out, and what waits to become one."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click
import sqlalchemy as sa
import structlog
from flask import current_app
from flask.cli import AppGroup
from flask_babel import gettext as _
from flask_babel import ngettext

from core.clock import read_instant
from core.db import db, writing
from jobs.cli import age_in_words
from jobs.models import Job
from jobs.worker import Handler, JobSetup
from leads import exporting
from leads.capture import drain, spool
from leads.models import Submission

DRAIN_SECONDS: Final = 5.0
CATCH_UP_SECONDS: Final = 30.0
CATCH_UP_BATCH: Final = 200

log = structlog.get_logger("vitrine.leads")
lead_commands = AppGroup("leads", help="Take leads out, and look at those not stored yet.")


def _instant(_context: click.Context, _option: click.Parameter, text: str | None) -> Any:
    """An instant in ISO 8601; without a zone it is UTC, as the column created_at is."""
    try:
        return read_instant(text) if text else None
    except ValueError:
        raise click.BadParameter("2026-03-01 or 2026-03-01T09:30:00-03:00") from None


@lead_commands.command("export")
@click.option("--format", "format_name", type=click.Choice(exporting.FORMATS), default="csv")
@click.option(
    "--since",
    callback=_instant,
    metavar="ISO",
    help="Only leads asked for, first or again, since then. Without a zone: UTC.",
)
def export_command(format_name: str, since: datetime | None) -> None:
    """Write every lead to the standard output.

    Posts that no worker has read yet are read first; what still waits afterwards is counted in a
    warning.
    """
    _catch_up()
    export = exporting.export_jsonl if format_name == "jsonl" else exporting.export_csv
    for piece in export(since=since):
        click.echo(piece.encode(), nl=False)


@lead_commands.command("spool")
@click.option("--drain", "drains", is_flag=True, help="Store what waits now.")
def spool_command(drains: bool) -> None:
    """Show how many posts wait on disk because the database refused them, and for how long."""
    if drains:
        try:
            stored = drain()
        except sa.exc.SQLAlchemyError as error:
            reason = type(error).__name__
            raise click.ClickException(
                _("The database still refuses: %(reason)s.", reason=reason)
            ) from None
        click.echo(_("Stored: %(count)s", count=stored))
    depth, oldest_seconds = spool().depth()
    click.echo(
        _("Waiting: %(count)s, oldest: %(age)s", count=depth, age=age_in_words(oldest_seconds))
    )
    if parked := spool().parked():
        click.echo(
            _(
                "Put aside, because nobody could read them: %(count)s, in %(folder)s",
                count=parked,
                folder=str(spool().path / "parked"),
            )
        )


def _catch_up() -> None:
    """Store what is spooled and read what is new, as the worker would; say what is left.

    A worker may be at it at the same time: reading a post twice changes nothing.
    """
    _empty_spool()
    setup: JobSetup = current_app.extensions["vitrine_jobs"]
    deadline = time.monotonic() + CATCH_UP_SECONDS
    after = 0
    while rows := _unread(after):
        for job_id, kind, payload in rows:
            if time.monotonic() > deadline:
                break
            _read(setup.handlers, kind, payload)
            after = job_id
        else:
            continue
        break
    new = sa.select(sa.func.count()).select_from(Submission).where(Submission.state == "new")
    left = (db.session.scalar(new) or 0) + spool().depth()[0]
    if left:
        click.echo(
            ngettext(
                "Warning: %(num)s post could not be read yet and is not in this export.",
                "Warning: %(num)s posts could not be read yet and are not in this export.",
                left,
            ),
            err=True,
        )


def _empty_spool() -> None:
    """Store what waits on disk; when somebody else is at it, wait for them a moment."""
    deadline = time.monotonic() + DRAIN_SECONDS
    try:
        while drain() == 0 and not spool().is_empty() and time.monotonic() < deadline:
            time.sleep(0.05)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        log.warning("spool_waits", error=type(error).__name__)


def _unread(after: int) -> list[tuple[int, str, dict[str, Any]]]:
    """The next jobs that wait to read a new post: id, kind and payload."""
    rows = db.session.execute(
        sa.select(Job.id, Job.kind, Job.payload)
        .join(Submission, Submission.id == Job.dedup_key)
        .where(Job.state == "ready", Submission.state == "new", Job.id > after)
        .order_by(Job.id)
        .limit(CATCH_UP_BATCH)
    ).all()
    db.session.rollback()
    return [(row.id, row.kind, row.payload) for row in rows]


def _read(handlers: Mapping[str, Handler], kind: str, payload: dict[str, Any]) -> None:
    try:
        record = handlers[kind](payload)
        if record is not None:
            with writing():
                record()
    except Exception as error:  # the worker tries again and shows it; the others are not held up
        db.session.rollback()
        log.warning("post_not_read", error=type(error).__name__)
