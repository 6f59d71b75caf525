"""`flask privacy …`: cases, erasures and retention from the command line."""

from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from flask_babel import ngettext

from core.config import current
from core.db import writing
from core.errors import DomainError
from leads import cases, privacy, retention

privacy_commands = AppGroup("privacy", help="Answer people's requests under the LGPD.")


@privacy_commands.command("cases")
def list_cases() -> None:
    """Show the open cases, the most urgent first."""
    found = cases.open_cases()
    if not found:
        click.echo(_("No case is open."))
    for case in found:
        # The contact is what staff call to make sure who asks.
        click.echo(
            _(
                "%(number)s  %(kind)-10s  until %(day)s  %(contact)s",
                number=case.id,
                kind=case.kind,
                day=case.due_at.date().isoformat(),
                contact=case.contact,
            )
        )


@privacy_commands.command("confirm")
@click.argument("case", type=int)
def confirm(case: int) -> None:
    """Open the room of CASE to the person, whom you called at the number we hold.

    Prints the room's address: send it to that number only.
    """
    try:
        with writing():
            row = cases.case_of(case)
            cases.confirm_by_staff(row)
            address = current().base_url + cases.path_of(row)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(address)


@privacy_commands.command("refuse")
@click.argument("case", type=int)
def refuse(case: int) -> None:
    """Close CASE without an answer: nobody could be confirmed."""
    try:
        with writing():
            cases.close_case(cases.case_of(case), "refused")
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("Case %(number)s was closed.", number=case))


def _make_sure(question: str) -> None:
    """Go on only after a yes, in the language of the question too: click knows English only."""
    answer = click.prompt(f"{question} [s/N]", default="", show_default=False)
    if answer.strip().lower() not in {"s", "sim", "y", "yes"}:
        raise click.Abort


@privacy_commands.command("erase")
@click.argument("case", type=int)
@click.option("--yes", is_flag=True, help="Do not ask again.")
def erase(case: int, yes: bool) -> None:
    """Erase the person of CASE for good, after you made sure who asks."""
    try:
        row = cases.case_of(case)
        if not yes:
            _make_sure(_("Erase the person of case %(number)s for good?", number=case))
        with writing():
            person = cases.confirm_by_staff(row)
            privacy.erase(person.id, "asked by the person")
            cases.close_case(row)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("The person of case %(number)s was erased.", number=case))


@privacy_commands.command("retention")
@click.option("--dry-run", is_flag=True, help="Only say how many rows each rule concerns.")
def apply_retention(dry_run: bool) -> None:
    """Apply the published times now; the worker does so every day."""
    for name, count in retention.apply_rules(is_trial=dry_run).items():
        period = retention.PERIODS[name]
        click.echo(f"{count:6d}  {name:12s} {period.in_words():10s} {period.source}")


@privacy_commands.command("reapply")
@click.option(
    "--list",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list of erasures to apply; default: erasures.jsonl beside the database.",
)
def reapply(path: Path | None) -> None:
    """Erase again whoever came back with a restored backup. Run it after every restore."""
    count = privacy.reapply(path)
    click.echo(
        ngettext("%(num)d person was erased again.", "%(num)d people were erased again.", count)
    )
