"""`flask --app wsgi demo …`: a dealership to look at before one's own stock is in."""

import sys

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.config import current
from demo.loading import is_stock_empty, load_demo
from demo.staff import sign_in_lines
from demo.stock import BLOCK
from demo.webhooks import knock_at_every_door

MOST_VEHICLES = 1_000_000  # a number in the source id has six digits

demo_commands = AppGroup("demo", help="An invented dealership to look around in.")


@demo_commands.command("load")
@click.option(
    "--vehicles",
    type=click.IntRange(1, MOST_VEHICLES),
    default=BLOCK,
    show_default=True,
    help="How many vehicles.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 10**6),
    default=1,
    show_default=True,
    help="Same seed, same stock.",
)
@click.option("--if-empty", is_flag=True, help="Do nothing when there is any vehicle.")
@click.option("--no-photos", is_flag=True, help="Without photos and banners: quicker.")
@click.option("--covers-first", is_flag=True, help="Leave the other photos to the worker.")
def load_command(
    vehicles: int, seed: int, if_empty: bool, no_photos: bool, covers_first: bool
) -> None:
    """Load the demo dealership: stores, vehicles with drawn photos, banners.

    Loading it again adds only what is missing.
    """
    if if_empty and not is_stock_empty():
        click.echo(_("There are vehicles already: the demo was not loaded."))
        _show_sign_in()
        return
    load_demo(
        vehicles,
        seed=seed,
        with_photos=not no_photos,
        covers_first=covers_first,
        say=click.echo,
    )
    _show_sign_in()


def _show_sign_in() -> None:
    for line in sign_in_lines():
        click.echo(_("Sign in at /admin/ with: %(line)s", line=line))


@demo_commands.command("webhooks")
@click.option("--origin", default="", help="Where the site runs. Default: VITRINE_BASE_URL.")
def webhooks_command(origin: str) -> None:
    """Post a sample event to the door of every other system, at a running site.

    An account per system is registered under the name "Demonstração …". Exit status 1: some door
    did not answer with 200.
    """
    has_failed = False
    for knock in knock_at_every_door((origin or current().base_url).rstrip("/")):
        has_failed = has_failed or knock.status != 200
        click.echo(f"{knock.kind}\t{knock.status}\t{' '.join(knock.text.split())[:100]}")
    sys.exit(1 if has_failed else 0)
