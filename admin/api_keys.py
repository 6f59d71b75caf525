"""`/admin/chaves-api/`: keys with which other programs speak for somebody here."""

from typing import Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, at, changing, done, found, is_sure, staff
from core.config import current
from core.db import db
from dealership.roles import Permission
from dealership.staff import StaffMember
from integrators.api import tokens
from integrators.api.tokens import NEEDS, ApiToken, Scope, TokenRefused

HERE: Final = "/admin/chaves-api/"
EDIT: Final = Permission.EDIT_PORTALS
SCOPE_NAMES: Final = {
    Scope.READ_VEHICLES: _l("Read the stock"),
    Scope.READ_LEADS: _l("Read leads, with personal data"),
    Scope.WRITE_LEADS: _l("Register leads, claim them, write notes"),
}
DAYS: Final = {
    "90": _l("In 90 days"),
    "365": _l("In a year"),
    "": _l("Never, until somebody ends it"),
}
Answer = str | Response | tuple[str, int]


class ApiKeys(StaffView):
    """Keys of the API: one's own, and those of the people one answers for."""

    icon = "key"

    @at("/", EDIT)
    def index(self) -> Answer:
        """The keys, with when each was used last."""
        return self._page()

    @at("/", EDIT, methods=("POST",))
    def create(self) -> Answer:
        """A key that speaks for who is signed in, shown for the only time."""
        wanted = [scope for scope in Scope if scope.value in request.form.getlist("escopos")]
        days = request.form.get("validade", "365")
        try:
            with changing("api_token.create") as change:
                row, text = tokens.create_token(
                    db.session.get_one(StaffMember, staff().id),
                    wanted,
                    by=staff().email,
                    name=request.form.get("nome", ""),
                    days=int(days) if days in DAYS and days else None,
                )
                change.subject, change.label = f"api_token:{row.id}", row.name
                change.after = {"scopes": ", ".join(row.scopes)}
                name = row.name
        except TokenRefused as error:
            return self._page(str(error)), 422
        return str(
            self.render(
                "admin/api_keys_made.html", key=text, name=name, base_url=current().base_url
            )
        )

    @at("/<int:token_id>/encerrar", EDIT, methods=("POST",))
    def revoke(self, token_id: int) -> Answer:
        """End a key at once."""
        row = _token(token_id)
        if not is_sure():
            return self.ask_first(
                _("End the key %(name)s?", name=row.name),
                _("The program that uses it is turned away from now on. It cannot be undone."),
                yes=_("End it"),
                back=HERE,
                back_words=_("API keys"),
            )
        with changing("api_token.revoke", f"api_token:{token_id}", label=row.name):
            tokens.revoke(_token(token_id))
        done(_("The key opens nothing any more."))
        return redirect(HERE, code=303)

    def _page(self, problem: str = "") -> str:
        me = staff()
        return str(
            self.render(
                "admin/api_keys.html",
                rows=[row for row in _rows() if _is_seen(row)],
                scopes=[scope for scope in Scope if me.may(NEEDS[scope])],
                chosen=request.form.getlist("escopos"),
                names=SCOPE_NAMES,
                days=DAYS,
                problem=problem,
                base_url=current().base_url,
            )
        )


def _rows() -> list[ApiToken]:
    statement = sa.select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())
    loads = joinedload(ApiToken.staff).selectinload(StaffMember.stores)
    return list(db.session.scalars(statement.options(loads)))


def _is_seen(row: ApiToken) -> bool:
    return row.staff_id == staff().id or staff().oversees(row.staff)


def _token(token_id: int) -> ApiToken:
    row: ApiToken = found(db.session.get(ApiToken, token_id))
    return row if _is_seen(row) else found(None)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        ApiKeys(
            name=_l("API keys"),
            category=groups.PORTALS,
            url="/admin/chaves-api",
            endpoint="staff_api_keys",
        )
    ]
