"""`/admin/portais/<id>/conectar`: connecting an account by the portal's own sign-in."""

from typing import Final

from flask import request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done
from admin.portal_scope import HERE, kind_name, own_account, tabs_of
from core.config import current
from core.errors import DomainError
from dealership.roles import Permission
from integrators import accounts
from integrators.connecting import ConnectRefused, authorise_address, can_connect, check, finish

EDIT: Final = Permission.EDIT_PORTALS
RETURN: Final = f"{HERE}retorno"
NOTE: Final = "portal_connecting"  # in the browser's session: sealed, ten minutes long
RETURNED: Final = ("code", "state", "error")
LONGEST: Final = 2000


class PortalConnect(StaffView):
    """Signing in on a portal, and the way back."""

    icon = "key"
    in_menu = False

    @at("/<int:account_id>/conectar", EDIT)
    def connect(self, account_id: int) -> str:
        """What will happen, and what must stand in the application's settings there."""
        row = own_account(account_id)
        return str(
            self.render(
                "admin/portals_connect.html",
                row=row,
                kind_name=kind_name(row.kind),
                tabs_=tabs_of(row, ""),
                return_address=_return_address(),
                can_connect=can_connect(accounts.seen(row)),
                address="",
            )
        )

    @at("/<int:account_id>/conectar", EDIT, methods=("POST",))
    def leave(self, account_id: int) -> str | Response:
        """Prepare the way there. A link leads on: forms may not leave this site."""
        row = own_account(account_id)
        try:
            address, note = authorise_address(row, _return_address())
        except ConnectRefused as error:
            return answer(error, f"{HERE}{row.id}/")
        session[NOTE] = note
        return str(
            self.render(
                "admin/portals_connect.html",
                row=row,
                kind_name=kind_name(row.kind),
                tabs_=tabs_of(row, ""),
                return_address=_return_address(),
                can_connect=True,
                address=address,
            )
        )

    @at("/retorno", EDIT)
    def returned(self) -> str:
        """Back from the portal. Reading changes nothing: one touch more ends it."""
        return str(
            self.render(
                "admin/portals_return.html",
                told={name: request.args.get(name, "")[:LONGEST] for name in RETURNED},
                has_begun=bool(session.get(NOTE)),
            )
        )

    @at("/retorno", EDIT, methods=("POST",))
    def finish(self) -> Response:
        """Trade what the portal gave for access, and say who we are there."""
        note = str(session.pop(NOTE, ""))
        told = {name: request.form.get(name, "")[:LONGEST] for name in RETURNED}
        try:
            account_id = finish(note, {name: value for name, value in told.items() if value})
        except DomainError as error:
            return answer(error, HERE)
        row = own_account(account_id)
        with changing("portal.connect", f"portal:{row.id}", label=row.name):
            pass  # what was given is sealed already
        found = check(accounts.loaded(account_id))
        done(found.words) if found.is_good else done(_("Connected."), warning=found.words)
        return redirect(f"{HERE}{account_id}/", code=303)

    @at("/<int:account_id>/quem-somos", EDIT, methods=("POST",))
    def who(self, account_id: int) -> Response:
        """Ask the portal who we are there."""
        row = own_account(account_id)
        back = f"{HERE}{row.id}/"
        found = check(accounts.seen(row))
        if not found.is_good:
            return answer(DomainError(found.words), back)
        done(found.words)
        return redirect(back, code=303)


def _return_address() -> str:
    """What must stand in the application's settings on the other side, letter by letter."""
    return f"{current().base_url}{RETURN}"


def views() -> list[StaffView]:
    """The screens of this module, reached from an account."""
    return [
        PortalConnect(
            name=_l("Connect a portal"),
            category=groups.PORTALS,
            url="/admin/portais",
            endpoint="staff_portal_connect",
        )
    ]
