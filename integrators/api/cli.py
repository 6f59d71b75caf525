"""`flask --app wsgi api-token …`: keys for programs."""

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE
from core.db import writing
from core.errors import DomainError
from dealership import audit
from dealership.staff import find_staff
from integrators.api import tokens
from integrators.api.tokens import Scope

api_token_commands = AppGroup("api-token", help="Keys of the API at /api/v1/.")


@api_token_commands.command("create")
@click.option("--staff", "email", required=True, help="Whom the key speaks for.")
@click.option(
    "--scope", "scopes", multiple=True, required=True,
    type=click.Choice([scope.value for scope in Scope]), help="May be repeated.",
)  # fmt: skip
@click.argument("more", nargs=-1, type=click.Choice([scope.value for scope in Scope]))
@click.option("--name", default="", help="How the list calls it.")
@click.option("--days", type=click.IntRange(1, 3650), help="Until it ends. Default: never.")
def create_command(
    email: str, scopes: tuple[str, ...], more: tuple[str, ...], name: str, days: int | None
) -> None:
    """Make a key. The last line is the key: it is shown once."""
    try:
        with writing():
            member = find_staff(email)
            if member is None:
                raise click.ClickException(_("There is no account for %(email)s.", email=email))
            chosen = [Scope(scope) for scope in (*scopes, *more)]
            row, text = tokens.create_token(member, chosen, by="command", name=name, days=days)
            audit.record("command", "api_token.create", f"api_token:{row.id}", label=row.name)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("The key speaks for %(email)s and is shown only now:", email=member.email))
    click.echo(text)


@api_token_commands.command("list")
def list_command() -> None:
    """Every key: number, end of its text, whom it speaks for, scopes, last use."""
    rows = tokens.tokens_of()
    if not rows:
        click.echo(_("There are no keys."))
    for row in rows:
        used = (
            row.used_at.astimezone(DEFAULT_ZONE).strftime("%Y-%m-%d %H:%M") if row.used_at else "-"
        )
        state = "" if row.is_good else "\t" + _("over")
        click.echo(
            f"{row.id}\t…{row.ending}\t{row.staff.email}\t{' '.join(row.scopes)}\t{used}"
            f"\t{row.name}{state}"
        )


@api_token_commands.command("revoke")
@click.argument("token_id", type=int)
def revoke_command(token_id: int) -> None:
    """End the key with that number (see: list) at once."""
    try:
        with writing():
            row = tokens.numbered(token_id)
            tokens.revoke(row)
            audit.record("command", "api_token.revoke", f"api_token:{row.id}", label=row.name)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("The key %(name)s opens nothing any more.", name=row.name))
