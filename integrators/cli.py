"""`flask --app wsgi portals …`: accounts on portals, messaging and telephone services."""

import json
import sys
from collections.abc import Sequence
from typing import TextIO

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE
from core.db import db, writing
from core.errors import DomainError
from core.secrets import SealBroken
from dealership import devices
from dealership.models import Store
from integrators import accounts, polling, status
from integrators.calling import TryLater
from integrators.feeds.addresses import feed_addresses
from integrators.incoming import processing, refused
from integrators.incoming.keeping import arrival_of
from integrators.incoming.mailbox import MOST_MESSAGE_BYTES
from integrators.incoming.source import Post
from integrators.incoming.sources import SOURCES
from integrators.kinds import KINDS
from integrators.listings import tombstones
from integrators.listings.rules import advertiser_of, switch_on
from integrators.listings.syncing import advertising_accounts, sync_all
from integrators.models import PortalAccount
from integrators.outgoing import endpoints
from integrators.portals.every import PORTALS
from leads.capture import accept
from leads.spool import SpoolFailed

portal_commands = AppGroup("portals", help="Accounts on portals, messaging and telephone services.")
_SETTING = "KEY=VALUE"
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
ONCE_SECONDS = 45.0  # less than until the next look at a list that did not come
PATIENT_SECONDS = 3600.0


@portal_commands.command("add")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--name", required=True, help="How the account is called here.")
@click.option("--base-url", default="", help="Instead of the real service.")
@click.option("--set", "pairs", multiple=True, metavar=_SETTING, help="See: portals keys KIND.")
@click.option("--store", "store_slug", default="", help="Where its leads go. Default: the car's.")
def add_command(
    kind: str, name: str, base_url: str, pairs: tuple[str, ...], store_slug: str
) -> None:
    """Register an account. The last line is the address to give to the other side: it is shown
    once."""
    settings = _settings(pairs)
    store_id = _store_id(store_slug) if store_slug else None
    with _sentences(), writing():
        row, token = accounts.register(kind, name, settings, base_url=base_url, store_id=store_id)
        if kind in PORTALS:
            switch_on(row.id, on=True)
        feeds = feed_addresses(row)
    click.echo(_("Registered: %(name)s (%(kind)s).", name=name, kind=KINDS[kind].label))
    for feed in feeds.values():
        click.echo(_("Feed: %(address)s", address=feed))
    click.echo(_("Its address holds a secret and is shown only now:"))
    click.echo(accounts.webhook_address(kind, token))


@portal_commands.command("list")
def list_command() -> None:
    """Every account: name, kind, state, and of its secrets the last characters."""
    present = sa.select(PortalAccount).where(PortalAccount.state != "archived")
    rows = db.session.scalars(present.order_by(PortalAccount.name)).all()
    if not rows:
        click.echo(_("There are no accounts."))
    for row in rows:
        click.echo(f"{row.name}\t{row.kind}\t{row.state}")
        if row.problem:
            click.echo(f"  {row.problem}")
        for key, value in accounts.settings_of(row):
            click.echo(f"  {key}={value}")


@portal_commands.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status_command(as_json: bool) -> None:
    """What every account has brought in, and what still waits to be read."""
    found = status.of_every_account()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(_("There are no accounts."))
    for each in found:
        counts = _(
            "received: %(received)s, waiting: %(waiting)s, put aside: %(parked)s",
            received=each["received"],
            waiting=each["waiting"],
            parked=each["parked"],
        )
        click.echo(f"{each['name']}\t{each['kind']}\t{each['state']}\t{counts}")
        if each["listings"]:
            ads = _(
                "ads wanted: %(wanted)s, live: %(live)s, on the way: %(pending)s, "
                "failed: %(failed)s",
                wanted=each["wanted"],
                live=each["live"],
                pending=each["pending"],
                failed=each["failed"],
            )
            click.echo(f"  {ads}")
        if each["problem"]:
            click.echo(f"  {each['problem']}")


@portal_commands.command("keys")
@click.argument("kind", type=click.Choice(list(KINDS)))
def keys_command(kind: str) -> None:
    """What --set takes for KIND."""
    for key in (*KINDS[kind].keys, *KINDS[kind].tuning):
        has = {"needed": key.is_needed_by_operators, "secret": key.is_secret}
        marks = [mark for mark, is_so in has.items() if is_so]
        extra = f" [{', '.join(marks)}]" if marks else ""
        click.echo(f"{key.name}\t{key.about}{extra}")


@portal_commands.command("set")
@click.argument("name")
@click.argument("pairs", nargs=-1, required=True, metavar=f"{_SETTING}...")
def set_command(name: str, pairs: tuple[str, ...]) -> None:
    """Change what the account NAME was told; an empty value forgets it."""
    with _sentences(), writing():
        row = accounts.named(name)
        accounts.change_settings(row, _settings(pairs))
        again = processing.read_parked_again(row.id)
    click.echo(_("Changed: %(name)s.", name=name))
    if again:
        click.echo(_("Posts that are read again: %(count)s", count=again))


@portal_commands.command("rotate")
@click.argument("name")
def rotate_command(name: str) -> None:
    """A new address for NAME (last line). The one before stays good for a week."""
    with _sentences(), writing():
        row = accounts.named(name)
        kind, token = row.kind, accounts.rotate(row)
    click.echo(_("The address before is good for %(days)s more days.", days=accounts.OVERLAP_DAYS))
    click.echo(accounts.webhook_address(kind, token))


@portal_commands.command("poll")
@click.option("--portal", "name", default="", help="This account only.")
def poll_command(name: str) -> None:
    """Ask the services now for leads that were not posted. Exit status 1: some did not answer."""
    with _sentences():
        wanted = [accounts.seen(accounts.named(name))] if name else accounts.everyone()
    has_failed = False
    for account in wanted:
        try:
            new = polling.poll_account(account.id)
        except (TryLater, DomainError) as error:
            has_failed = True
            click.echo(f"{account.name}: {error}", err=True)
        else:
            click.echo(_("%(name)s: %(count)s new", name=account.name, count=new))
    sys.exit(1 if has_failed else 0)


@portal_commands.command("receive-mail")
@click.argument("name")
def receive_mail_command(name: str) -> None:
    """Take one message from the standard input, for a mail server's own delivery to the account
    NAME. Exit status 75 asks the mail server to try again."""
    with _sentences():
        account = accounts.seen(accounts.named(name))
        if account.kind not in {"mailbox", "adf"}:
            raise accounts.UnknownKind(_("%(name)s is no mailbox.", name=name))
    body = sys.stdin.buffer.read(MOST_MESSAGE_BYTES)
    post = Post(body, {"content-type": "message/rfc822"})
    try:
        accept(arrival_of(SOURCES[account.kind], post, account))
    except SpoolFailed as error:
        click.echo(str(error), err=True)
        sys.exit(TRY_AGAIN)


@portal_commands.command("sync")
@click.option("--once", is_flag=True, help="Wait a minute at most where nothing can be done.")
@click.option("--portal", "name", default="", help="This account only.")
def sync_command(once: bool, name: str) -> None:
    """Bring the portals in line with the stock. Exit status 1: work remains."""
    with _sentences():
        wanted = [accounts.named(name).id] if name else advertising_accounts()
    seconds = ONCE_SECONDS if once else PATIENT_SECONDS
    is_done = True
    for account_id, progress in sync_all(wanted, seconds):
        account = accounts.loaded(account_id)
        is_done = is_done and not progress.left and not progress.is_held
        click.echo(
            _("%(name)s: %(steps)s steps, %(left)s left",
              name=account.name, steps=progress.steps, left=progress.left)
        )  # fmt: skip
        if progress.problem:
            click.echo(f"  {progress.problem}")
        if failed := status.failed_of(account_id):
            click.echo(_("  waiting for a person: %(count)s (see portals status)", count=failed))
    sys.exit(0 if is_done else 1)


@portal_commands.command("advertise")
@click.argument("name")
@click.option("--off", is_flag=True, help="Stop. What is up stays and is no longer looked after.")
def advertise_command(name: str, off: bool) -> None:
    """Send the stock to the account NAME from now on."""
    with _sentences(), writing():
        row = accounts.named(name)
        if row.kind not in PORTALS:
            raise accounts.UnknownKind(
                _("%(kind)s takes no ads from us.", kind=KINDS[row.kind].label)
            )
        switch_on(row.id, on=not off)
    click.echo(_("Changed: %(name)s.", name=name))


@portal_commands.command("restored")
@click.option("--go-on", "name", default="", help="The account's difference was looked at.")
def restored_command(name: str) -> None:
    """After a backup came back: sell again what was sold since it was made (`--go-on NAME` lets an
    account put cars up again)."""
    with _sentences():
        if name:
            with writing():
                advertiser_of(accounts.named(name).id).is_wary = False
            click.echo(_("Changed: %(name)s.", name=name))
            return
        click.echo(_("Sold again: %(count)s", count=tombstones.reapply()))


@portal_commands.command("refused")
@click.option("--retry", is_flag=True, help="Prove them again with today's secrets.")
def refused_command(retry: bool) -> None:
    """Posts that came to a right address without the right signature (three days, at most 500)."""
    if retry:
        result = refused.retry_refused()
        click.echo(_("Accepted: %(count)s", count=result.accepted))
        click.echo(_("Still refused: %(count)s", count=result.refused))
        return
    names = {account.id: account.name for account in accounts.everyone()}
    posts = refused.refused_posts()
    if not posts:
        click.echo(_("Nothing was refused."))
    for post in posts:
        at = post.at.astimezone(DEFAULT_ZONE).strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"{at}\t{names.get(post.account_id, '?')}\t{post.reason}")


@portal_commands.command("reseal")
@click.option("--old-key-file", type=click.File(), required=True, help="Holds the key before.")
def reseal_command(old_key_file: TextIO) -> None:
    """After VITRINE_SECRET_KEY changed: seal all credentials with the new key."""
    with _sentences(), writing():
        old_key = old_key_file.read().strip()
        count = sum(one.reseal_all(old_key) for one in (accounts, endpoints, devices))
    click.echo(_("Sealed anew: %(count)s", count=count))


class _sentences:  # noqa: N801 - reads as a verb where it is used
    """Turns an error of the domain into a sentence and exit status 2."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, SealBroken):
            click.echo(_("The credentials were sealed with another key than this one."), err=True)
            sys.exit(2)
        if isinstance(error, DomainError) and not isinstance(error, click.ClickException):
            click.echo(str(error), err=True)
            sys.exit(2)


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(_("Write KEY=VALUE, not %(text)s.", text=key[:40]))
        settings[key.strip()] = value.strip()
    return settings


def _store_id(slug: str) -> int:
    found = db.session.scalar(sa.select(Store.id).where(Store.slug == slug))
    if found is None:
        raise click.BadParameter(_("There is no store %(slug)s.", slug=slug))
    return found
