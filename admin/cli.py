"""`flask --app wsgi staff …`: accounts from the command line, the first one above all."""

import secrets

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from flask_babel import force_locale
from flask_babel import gettext as _

from core.db import db, writing
from dealership import audit, devices, second_factor
from dealership.models import Store
from dealership.passwords import PasswordRefused, password_digest
from dealership.roles import PERMISSION_NAMES, ROLE_NAMES, Permission, Role, allows
from dealership.staff import StaffRefused, create_staff, find_staff, set_password

staff_commands = AppGroup("staff", help="People who sign in at /admin/.")
push_commands = AppGroup("push", help="The key that signs notices to browsers.")


@staff_commands.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--password", default="", help="Default: one is made up and printed.")
@click.option("--name", default="", help="How colleagues call this person.")
@click.option("--store", "slugs", multiple=True, help="Tie to a store; may be repeated.")
def create_command(email: str, role: str, password: str, name: str, slugs: tuple[str, ...]) -> None:
    """Make an account. Without --store it serves every store."""
    chosen = password or secrets.token_urlsafe(12)
    try:
        digest = password_digest(chosen)
        with writing():
            stores = [_store(slug) for slug in slugs]
            member = create_staff(email, Role(role), name=name, digest=digest, stores=stores)
            audit.record("command", "staff.create", f"staff:{member.id}", label=member.shown_name)
    except (StaffRefused, PasswordRefused) as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("%(email)s can sign in at /admin/.", email=email.strip().lower()))
    if not password:
        click.echo(_("Password: %(password)s", password=chosen))


@staff_commands.command("rescue")
@click.argument("email")
def rescue_command(email: str) -> None:
    """A new password, printed, and no second factor: for who can get in no other way."""
    chosen = secrets.token_urlsafe(12)
    digest = password_digest(chosen)
    with writing():
        member = find_staff(email)
        if member is None:
            raise click.ClickException(_("There is no account for %(email)s.", email=email))
        second_factor.remove_all(member)
        set_password(member, digest)
        audit.record("command", "staff.rescue", f"staff:{member.id}", label=member.shown_name)
    click.echo(_("Password: %(password)s", password=chosen))


@staff_commands.command("permissions")
def permissions_command() -> None:
    """Print who may do what, as the handbook's page has it."""
    click.echo(permissions_table(), nl=False)


def permissions_table() -> str:
    """docs/manual/permissoes.md: role by permission, from the code, in Portuguese."""
    with force_locale("pt_BR"):
        roles = list(Role)
        lines = [
            "# " + _("Who may do what"),
            "",
            _("Written by `flask --app wsgi staff permissions`: change the code, not this page."),
            _("Who is tied to stores may do the same things, in those stores only."),
            "",
            "| " + " | ".join([_("What"), *(str(ROLE_NAMES[role]) for role in roles)]) + " |",
            "| --- |" + " :-: |" * len(roles),
        ]
        for permission in Permission:
            marks = ["•" if allows(role, permission) else "" for role in roles]
            lines.append("| " + " | ".join([str(PERMISSION_NAMES[permission]), *marks]) + " |")
    return "\n".join(lines) + "\n"


def _store(slug: str) -> Store:
    found = db.session.scalars(sa.select(Store).where(Store.slug == slug)).first()
    if found is None:
        raise click.ClickException(_("There is no store called %(slug)s.", slug=slug))
    return found


@push_commands.command("rotate")
@click.option(
    "--forget-devices",
    is_flag=True,
    help="The old key may be known to others: every browser has to be switched on again.",
)
def rotate_command(forget_devices: bool) -> None:
    """Make a new key. Browsers take it at their owner's next visit; until then the old one signs
    for them."""
    with writing():
        waiting = devices.rotate(forget_devices=forget_devices)
    click.echo(_("There is a new key. Browsers that still have the old one: %(n)s", n=waiting))
