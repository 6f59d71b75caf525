"""`flask --app wsgi landing results SLUG`: what the variants of a page have shown."""

import click
from flask.cli import with_appcontext
from flask_babel import format_decimal
from flask_babel import gettext as _

from core.errors import DomainError
from core.text import group_thousands
from landing import editing, experiments
from landing.blocks import read_content
from landing.verdict import Arm, judge, sentence


@click.command("results")
@click.argument("slug")
@with_appcontext
def results_command(slug: str) -> None:
    """Visitors and conversions per variant, and what they prove so far: safe to ask every day."""
    try:
        page = editing.find(slug)
        revision = editing.live_revision(page) or editing.revision_of(page)
    except DomainError as refusal:
        raise click.ClickException(str(refusal)) from None
    weights = read_content(revision.content).weights
    if len(weights) < 2:
        raise click.ClickException(_("The page /lp/%(slug)s has no variants.", slug=slug))
    found = experiments.results(page.slug, weights)
    for line in _table(found.arms):
        click.echo(line)
    if found.earlier:
        click.echo(
            _(
                "%(count)s visitors from before the weights were changed are left out.",
                count=group_thousands(found.earlier),
            )
        )
    click.echo(sentence(judge(found.arms)))


def _table(arms: tuple[Arm, ...]) -> list[str]:
    total = sum(arm.weight for arm in arms) or 1
    rows = [(_("variant"), _("share"), _("visitors"), _("conversions"), _("rate"))]
    rows += [
        (
            arm.variant,
            f"{format_decimal(round(arm.weight / total * 100, 1))}%",
            group_thousands(arm.exposed),
            group_thousands(arm.converted),
            f"{format_decimal(round(arm.rate * 100, 2))}%" if arm.exposed else "-",
        )
        for arm in arms
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
