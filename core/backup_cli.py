"""`flask backup …`: take a backup while the site serves, and bring one back."""

import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from core.backup import create
from core.restoring import restore

backup_commands = AppGroup("backup", help="Take a backup while the site serves; bring one back.")
_PATH = click.Path(path_type=Path, dir_okay=False)


@backup_commands.command("create")
@click.argument("path", type=_PATH)
def create_command(path: Path) -> None:
    """Write database, media and what lies beside them to PATH, a file that is not there yet.

    The secret key is not in it: keep a copy of it elsewhere. Exit 1: no backup was made.
    """
    taken = create(path.resolve(), _tell)
    _done()
    click.echo(
        f"{path}: {taken.rows} rows, {taken.files} media files, "
        f"{taken.bytes / 1024 / 1024:.1f} MiB. Not in it: the secret key."
    )
    if not taken.has_media:
        click.echo("Not in it either: the media, which are in the bucket of VITRINE_MEDIA_URL.")


@backup_commands.command("restore")
@click.argument("path", type=_PATH)
@click.option("--replace", is_flag=True, help="Where there is a site already: replace it.")
def restore_command(path: Path, replace: bool) -> None:
    """Put the backup at PATH in place, with web and worker stopped. Exit 1: nothing was changed.

    Portal accounts then only look, and put nothing up, until somebody let them:
    `flask --app wsgi portals restored --go-on NAME`.
    """
    restored = restore(path.resolve(), _tell, replaces=replace)
    _done()
    manifest = restored.manifest
    click.echo(f"Restored: the site of {manifest.made_at}, {sum(manifest.counts.values())} rows.")
    for note in restored.notes:
        click.echo(f"- {note}")
    click.echo("Now start web and worker, and look at the site.")


def _tell(progress: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{progress}", nl=False, err=True)


def _done() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
