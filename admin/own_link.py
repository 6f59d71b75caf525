"""`/admin/meu-link/`: everybody's own link and its QR code. Who comes by it is handed to them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from flask import abort, request
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload

from admin import groups
from admin.account import qr_svg
from admin.door import StaffView, at, may, staff
from core.clock import now
from core.config import current
from core.db import db
from core.text import clean_line, row_number
from dealership.personal_link import PARAMETER, code_of
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.models import Lead

SEE: Final = Permission.WORK_LEADS
DAYS: Final = 90
LONGEST: Final = 300  # characters of a path


class OwnLink(StaffView):
    """The link to any page of the site, with the person's code."""

    icon = "link"

    @at("/", SEE)
    def index(self) -> str:
        """The link to the page that was typed, or to the first one; supervisors see anybody's."""
        people = _people()
        person = _person(people)
        path = _path(request.args.get("pagina", ""))
        code = code_of(person.id)
        address = f"{current().base_url}{path}?{PARAMETER}={code}"
        return str(
            self.render(
                "admin/own_link.html",
                person=person,
                people=people,
                is_own=person.id == staff().id,
                path=path,
                address=address,
                qr=qr_svg(address),
                came=_came(code),
                days=DAYS,
            )
        )


def _path(typed: str) -> str:
    """The path of what was typed or pasted, on this site; the first page for anything else."""
    try:
        path = urlsplit(clean_line(typed, 300)).path
    except ValueError:
        return "/"
    is_page = path.startswith("/") and not path.startswith(("//", "/admin", "/api"))
    quoted = quote(path, safe="/-_.~%") if is_page else "/"
    return quoted if len(quoted) <= LONGEST else "/"  # more fits in no code that a phone reads


def _people() -> dict[int, str]:
    """Whose link who is signed in may see."""
    me = staff()
    if not may(Permission.SUPERVISE_LEADS):
        return {me.id: me.shown_name}
    rows = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.active)
        .order_by(StaffMember.name, StaffMember.id)
        .options(selectinload(StaffMember.stores))
    )
    return {
        one.id: one.shown_name
        for one in rows
        if one.id == me.id or (one.may(SEE) and me.covers(one.store_ids))
    }


def _person(people: dict[int, str]) -> StaffMember:
    asked = row_number(request.args.get("pessoa", "")) or staff().id
    if asked not in people:
        abort(404)
    return db.session.get_one(StaffMember, asked)


def _came(code: str) -> int:
    """How many leads came by it lately. Asked of the code's own days only."""
    seller = sa.func.coalesce(
        Lead.last_touch["seller"].as_string(), Lead.first_touch["seller"].as_string()
    )
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(Lead)
            .where(Lead.created_at >= now() - timedelta(days=DAYS), seller == code)
            .where(Lead.is_test.is_(False), Lead.is_suspect.is_(False))
        )
        or 0
    )


def views() -> Sequence[StaffView]:
    """The screen of this module, for the menu."""
    return [
        OwnLink(name=_l("My link"), category=groups.LEADS, url="/admin/meu-link",
                endpoint="staff_own_link")
    ]  # fmt: skip
