"""`flask --app wsgi stickers …`: print QR stickers, see which are out of date."""

from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.db import writing
from core.errors import DomainError
from core.money import format_brl
from landing import labels, stickers

sticker_commands = AppGroup("stickers", help="QR stickers for cars and landing pages.")


@sticker_commands.command("print")
@click.option("--offer", "public_id", help="The public id of a car: the end of its address.")
@click.option("--landing", "slug", help="The slug of a landing page.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pdf", "svg"]),
    help="Default: by the name of --out, else pdf.",
)
@click.option("--size", type=click.Choice(list(labels.SIZES)), default="a6", show_default=True)
@click.option("--bleed", "has_bleed", is_flag=True, help="3 mm of bleed and crop marks.")
@click.option("--out", "path", type=click.Path(dir_okay=False), help="Default: adesivo-CODE.pdf.")
def print_command(
    public_id: str | None,
    slug: str | None,
    kind: str | None,
    size: str,
    has_bleed: bool,
    path: str | None,
) -> None:
    """Make one sticker with a code of its own and remember the price it says."""
    if bool(public_id) == bool(slug):
        raise click.UsageError(_("Say what the sticker is for: --offer or --landing."))
    _try_writing(path)
    kind = kind or ("svg" if (path or "").lower().endswith(".svg") else "pdf")
    try:
        with writing():
            if public_id:
                sticker, label = stickers.add_for_offer(public_id, size)
            else:
                sticker, label = stickers.add_for_page(slug or "", size)
            code, address = sticker.code, sticker.address
    except DomainError as refusal:
        raise click.ClickException(str(refusal)) from None
    target = Path(path or f"adesivo-{code}.{kind}")
    try:
        target.write_bytes(_drawn(label, kind, labels.SIZES[size], has_bleed))
    except OSError:
        with writing():
            stickers.retire(code)  # nobody will ever hold this one
        raise click.ClickException(
            _("The sticker cannot be written to %(path)s.", path=target)
        ) from None
    click.echo(_("%(path)s: %(name)s, leads to %(url)s", path=target, name=label.name, url=address))


def _drawn(label: labels.Label, kind: str, size: labels.Size, has_bleed: bool) -> bytes:
    if kind == "svg":
        return labels.svg(label, size, has_bleed=has_bleed).encode()
    return labels.pdf(label, size, has_bleed=has_bleed)


def _try_writing(path: str | None) -> None:
    """Refuse a file that cannot be written before a sticker exists, not after."""
    if path:
        try:
            Path(path).open("ab").close()
        except OSError:
            raise click.ClickException(
                _("The sticker cannot be written to %(path)s.", path=path)
            ) from None


@sticker_commands.command("list")
def list_command() -> None:
    """Every sticker in use: code, scans, day printed, price printed, what it is about."""
    counted = stickers.scan_counts()
    for sticker in stickers.in_use():
        price = "-" if sticker.price_cents is None else format_brl(sticker.price_cents)
        scans = counted.get(sticker.id, 0)
        day = f"{sticker.printed_at:%Y-%m-%d}"
        click.echo(f"{sticker.code}\t{scans}\t{day}\t{price}\t{sticker.name}")


@sticker_commands.command("stale")
def stale_command() -> None:
    """Stickers that say what is not true any more, and what to do. Exit status 1 if any."""
    stale = stickers.stale_stickers()
    for each in stale:
        click.echo(f"{each.sticker.code}\t{each.sticker.name}: {each.reason}. {each.remedy}")
    if not stale:
        click.echo(_("Every sticker says what the site says."))
        return
    raise click.exceptions.Exit(1)


@sticker_commands.command("retire")
@click.argument("code")
def retire_command(code: str) -> None:
    """The paper was taken off: no more warnings about it. Its code still leads on."""
    try:
        with writing():
            name = stickers.retire(code).name
    except DomainError as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(_("Retired: %(name)s", name=name))
