"""`flask --app wsgi landing …`: landing pages from the terminal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TextIO

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.clock import now, read_instant
from core.config import current
from core.db import writing
from core.errors import DomainError
from landing import editing
from landing.blocks import read_content
from landing.goals import Goal
from landing.models import LandingPage
from landing.result_cli import results_command

NO_LIMIT: Final = "-"
landing_commands = AppGroup("landing", help="Campaign pages: one page, one action.")
landing_commands.add_command(results_command)


def _instant(_context: click.Context, _option: click.Parameter, text: str | None) -> Any:
    """An instant in ISO 8601; without a zone it is UTC, as `list` shows them."""
    try:
        return None if text is None else read_instant(text)
    except ValueError:
        raise click.BadParameter("2026-12-04T09:00-03:00") from None


def _instant_or_none(context: click.Context, option: click.Parameter, text: str | None) -> Any:
    return text if text == NO_LIMIT else _instant(context, option, text)


@landing_commands.command("list")
def list_command() -> None:
    """Every page: address, state, goal, window."""
    for page in editing.all_pages():
        click.echo(f"/lp/{page.slug}\t{page.state}\t{page.goal}\t{_window(page)}\t{page.name}")


@landing_commands.command("show")
@click.argument("slug")
@click.option("--revision", type=int, help="Default: the newest.")
def show_command(slug: str, revision: int | None) -> None:
    """The content of a page as JSON, then its revisions and what stands against publishing."""
    page = _page(slug)
    chosen = editing.revision_of(page, revision)
    click.echo(json.dumps(chosen.content, ensure_ascii=False, indent=2))
    for each in editing.revisions(page):
        live = f"{each.publish_at:%Y-%m-%d %H:%M}" if each.publish_at else "-"
        click.echo(f"{each.number}\t{live}\t{each.author}\t{each.note}", err=True)
    content = read_content(chosen.content)
    for sentence in [*editing.refusals(page, content), *editing.advice(content)]:
        click.echo(sentence, err=True)


@landing_commands.command("save")
@click.argument("slug")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--goal", type=click.Choice([goal.value for goal in Goal]), help="Of a new page.")
@click.option("--name", default="", help="What staff call a new page.")
@click.option("--note", default="", help="What changed.")
def save_command(slug: str, file: TextIO, goal: str | None, name: str, note: str) -> None:
    """Keep the content in FILE (JSON, as `show` prints it; - reads the standard input) as the
    newest revision, making the page when --goal is given and it is not there. Nothing goes live."""
    try:
        content = json.load(file)
    except (ValueError, RecursionError):
        raise click.ClickException(_("This is not JSON.")) from None
    with _told(), writing():
        page = editing.find(slug) if not goal else _found_or_made(slug, Goal(goal), name)
        number = editing.save_draft(page, content, "cli", note).number
    click.echo(_("Revision %(n)s is kept.", n=number))


def _found_or_made(slug: str, goal: Goal, name: str) -> LandingPage:
    try:
        return editing.find(slug)
    except editing.NoSuchPage:
        return editing.create(slug, name or slug, goal)


@landing_commands.command("publish")
@click.argument("slug")
@click.option("--revision", type=int, help="Default: the newest.")
@click.option("--at", callback=_instant, metavar="ISO", help="UTC; default: now.")
def publish_command(slug: str, revision: int | None, at: datetime | None) -> None:
    """Make a revision the live one. Exit status 1 with the reasons when it may not be."""
    with _told(), writing():
        published = editing.publish(editing.find(slug), number=revision, at=at)
        number = published.number
    if at and at > now():
        moment = f"{at:%Y-%m-%d %H:%M} UTC"
        click.echo(
            _("Revision %(n)s comes at %(moment)s: %(url)s", n=number, moment=moment,
              url=_address(slug))
        )  # fmt: skip
        return
    click.echo(_("Revision %(n)s is published at %(url)s.", n=number, url=_address(slug)))


@landing_commands.command("schedule")
@click.argument("slug")
@click.option("--starts", callback=_instant_or_none, metavar="ISO", help="When the page comes.")
@click.option("--ends", callback=_instant_or_none, metavar="ISO", help="When it leaves.")
def schedule_command(slug: str, starts: datetime | str | None, ends: datetime | str | None) -> None:
    """Let a page come and leave by itself. ISO is such as 2026-12-04T09:00-03:00, UTC without a
    zone; - takes a limit away, and one that is not given stays."""
    with _told(), writing():
        page = editing.find(slug)
        editing.schedule(page, _limit(starts, page.starts_at), _limit(ends, page.ends_at))
        window = _window(page)
    click.echo(f"{_address(slug)}\t{window}")


def _limit(given: datetime | str | None, before: datetime | None) -> datetime | None:
    if isinstance(given, datetime):
        return given
    return before if given is None else None


def _window(page: LandingPage) -> str:
    ends = (page.starts_at, page.ends_at)
    return " – ".join(f"{at:%Y-%m-%d %H:%M}" if at else "…" for at in ends)


@landing_commands.command("unpublish")
@click.argument("slug")
def unpublish_command(slug: str) -> None:
    """Take a page down; its history stays."""
    with _told(), writing():
        editing.unpublish(editing.find(slug))


@landing_commands.command("duplicate")
@click.argument("slug")
@click.argument("new_slug")
@click.option("--name", default="", help="What staff call it.")
def duplicate_command(slug: str, new_slug: str, name: str) -> None:
    """A draft with the same content under another address."""
    with _told(), writing():
        editing.duplicate(editing.find(slug), new_slug, name or new_slug, "cli")
    click.echo(_address(new_slug))


@landing_commands.command("restore")
@click.argument("slug")
@click.argument("revision", type=int)
def restore_command(slug: str, revision: int) -> None:
    """The content of an earlier revision as the newest one; publish it to make it live."""
    with _told(), writing():
        click.echo(editing.restore(editing.find(slug), revision, "cli").number)


@landing_commands.command("preview")
@click.argument("slug")
@click.option("--revision", type=int, help="Default: the newest.")
def preview_command(slug: str, revision: int | None) -> None:
    """An address that shows a revision for a week, published or not."""
    token = editing.preview_token(editing.revision_of(_page(slug), revision))
    click.echo(f"{_address(slug)}?previa={token}")


def _page(slug: str) -> LandingPage:
    with _told():
        return editing.find(slug)


def _address(slug: str) -> str:
    return f"{current().base_url}/lp/{slug}"


@contextmanager
def _told() -> Iterator[None]:
    """A rule that said no ends the command with its sentences alone."""
    try:
        yield
    except DomainError as error:
        reasons = getattr(error, "reasons", None) or [str(error)]
        raise click.ClickException("\n".join(reasons)) from None
