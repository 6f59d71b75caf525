"""`/admin/equipe/`: who works here and what they may do."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from admin import groups, staff_mail
from admin.accounts import needs_second_factor
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.stock_scope import own_stores, store_name
from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line, row_number
from dealership import invitations, second_factor, sessions
from dealership.models import Store
from dealership.roles import ROLE_NAMES, Permission, Role
from dealership.staff import (
    StaffInvitation,
    StaffMember,
    StaffRefused,
    change_access,
    deactivate,
    reactivate,
)

HERE = "/admin/equipe/"
Answer = str | Response | tuple[str, int]
ROLE_TEXTS = {
    Role.OWNER: _l("Everything, legal texts and other owners too."),
    Role.SUPERVISOR: _l("Everything but legal texts and the accounts of owners."),
    Role.ATTENDANT: _l("Answers leads; sees the stock."),
    Role.SELLER: _l("Answers leads; edits, prices and publishes cars."),
    Role.EDITOR: _l("Pages, banners, blog, texts and photos of cars; no leads, no plates."),
}


class Team(StaffView):
    """People, their roles and stores, and who is invited."""

    icon = "people"

    @at("/", Permission.MANAGE_STAFF)
    def index(self) -> Answer:
        """Everybody whom this person may see."""
        me = staff()
        everybody = db.session.scalars(
            sa.select(StaffMember)
            .options(selectinload(StaffMember.stores))
            .order_by(StaffMember.active.desc(), sa.func.lower(StaffMember.name), StaffMember.id)
        ).all()
        people = [one for one in everybody if one.id == me.id or _is_seen(me, one)]
        pending = [
            one
            for one in invitations.pending_invitations()
            if invitations.oversees_invitation(me, one)
        ]
        return str(
            self.render(
                "admin/team.html",
                people=people,
                pending=pending,
                store_names=_store_names(),
                needs_second_factor=needs_second_factor,
                now=now(),
            )
        )

    @at("/<int:staff_id>", Permission.MANAGE_STAFF)
    def person(self, staff_id: int) -> Answer:
        """One person's role and stores."""
        return self._person_page(_found(staff_id))

    @at("/<int:staff_id>/acesso", Permission.MANAGE_STAFF, methods=("POST",))
    def change_access(self, staff_id: int) -> Answer:
        """Another role, other stores."""
        member = _found(staff_id)
        try:
            role, stores = _chosen(request.form, [store.id for store in member.stores])
            with _changing("staff.access", member) as change:
                change.before = _access(member)
                change_access(member, role, stores, by=staff())
                change.after = _access(member)
        except DomainError as error:
            return self._person_page(_found(staff_id), str(error), request.form), 422
        done(_("Saved. %(name)s signs in again to go on.", name=member.shown_name))
        return redirect(HERE, code=303)

    @at("/<int:staff_id>/desativar", Permission.MANAGE_STAFF, methods=("POST",))
    def deactivate(self, staff_id: int) -> Answer:
        """Close the account at once."""
        member = _found(staff_id)
        try:
            with _changing("staff.deactivate", member):
                deactivate(member, by=staff())
        except DomainError as error:
            return answer(error, HERE)
        done(
            _("%(name)s has no access any more.", name=member.shown_name),
            undo=f"{HERE}{staff_id}/reativar",
        )
        return redirect(HERE, code=303)

    @at("/<int:staff_id>/reativar", Permission.MANAGE_STAFF, methods=("POST",))
    def reactivate(self, staff_id: int) -> Answer:
        """Open a closed account again."""
        member = _found(staff_id)
        try:
            with _changing("staff.reactivate", member):
                reactivate(member, by=staff())
        except DomainError as error:
            return answer(error, HERE)
        done(_("%(name)s has access again.", name=member.shown_name))
        return redirect(HERE, code=303)

    @at("/<int:staff_id>/segundo-fator/remover", Permission.MANAGE_STAFF, methods=("POST",))
    def remove_second_factor(self, staff_id: int) -> Answer:
        """For who lost the phone and the recovery codes; signed out everywhere."""
        member = _found(staff_id)
        try:
            if member.id == staff().id or not staff().oversees(member):
                raise StaffRefused(_("You cannot change this person's account."))
            with _changing("staff.second_factor_off", member):
                second_factor.remove_all(member)
                sessions.end_sessions(member)
        except DomainError as error:
            return answer(error, HERE)
        done(_("%(name)s signs in with the password alone now.", name=member.shown_name))
        return redirect(f"{HERE}{staff_id}", code=303)

    # --- invitations ---

    @at("/convidar", Permission.MANAGE_STAFF)
    def invite(self) -> Answer:
        """The form of an invitation."""
        return self._invite_page()

    @at("/convidar", Permission.MANAGE_STAFF, methods=("POST",))
    def send_invitation(self) -> Answer:
        """Invite by mail."""
        form = request.form
        try:
            role, stores = _chosen(form)
            with changing("staff.invite") as change:
                made = invitations.invite(
                    clean_line(form.get("email", ""), 254),
                    role,
                    stores,
                    name=clean_line(form.get("name", ""), 80),
                    by=staff(),
                )
                change.subject, change.label = f"invitation:{made.id}", made.name
                change.after = {"role": made.role, "stores": ", ".join(s.name for s in stores)}
                staff_mail.ask_invitation(made)
        except DomainError as error:
            return self._invite_page(str(error), form), 422
        done(_("The invitation is on its way to %(email)s.", email=made.email))
        return redirect(HERE, code=303)

    @at("/convites/<int:invitation_id>/reenviar", Permission.MANAGE_STAFF, methods=("POST",))
    def resend(self, invitation_id: int) -> Answer:
        """A new link, by mail."""
        row = _found_invitation(invitation_id)
        try:
            with changing("staff.invite_again", f"invitation:{row.id}", label=row.name):
                invitations.resend(row, by=staff())
                staff_mail.ask_invitation(row)
        except DomainError as error:
            return answer(error, HERE)
        done(_("A new link is on its way to %(email)s; the old one is dead.", email=row.email))
        return redirect(HERE, code=303)

    @at("/convites/<int:invitation_id>/retirar", Permission.MANAGE_STAFF, methods=("POST",))
    def withdraw(self, invitation_id: int) -> Answer:
        """Take an invitation back."""
        row = _found_invitation(invitation_id)
        email = row.email
        try:
            with changing("staff.withdraw_invitation", f"invitation:{row.id}", label=row.name):
                invitations.withdraw(row, by=staff())
        except DomainError as error:
            return answer(error, HERE)
        done(_("The invitation of %(email)s is withdrawn.", email=email))
        return redirect(HERE, code=303)

    # --- pages ---

    def _person_page(
        self, member: StaffMember, problem: str = "", typed: MultiDict[str, str] | None = None
    ) -> str:
        may_edit = member.id != staff().id and staff().oversees(member)
        values = typed or MultiDict(
            [("role", member.role)] + [("store", str(store.id)) for store in member.stores]
        )
        return str(
            self.render(
                "admin/team_person.html",
                person=member,
                may_edit=may_edit,
                problem=problem,
                open_sessions=len(sessions.open_sessions(member)),
                **_choices(values),
            )
        )

    def _invite_page(self, problem: str = "", typed: MultiDict[str, str] | None = None) -> str:
        values = typed or MultiDict({"role": Role.SELLER.value})
        return str(
            self.render(
                "admin/team_invite.html",
                problem=problem,
                email=values.get("email", ""),
                invited_name=values.get("name", ""),
                **_choices(values),
            )
        )


def _is_seen(me: StaffMember, other: StaffMember) -> bool:
    """Who is tied to stores sees those who work in them."""
    ids = me.store_ids
    return ids is None or any(store.id in ids for store in other.stores)


def _found(staff_id: int) -> StaffMember:
    me, row = staff(), db.session.get(StaffMember, staff_id)
    found(row if row is not None and (row.id == me.id or _is_seen(me, row)) else None)
    assert row is not None
    return row


def _found_invitation(invitation_id: int) -> StaffInvitation:
    row = db.session.get(StaffInvitation, invitation_id)
    is_theirs = row and row.used_at is None and invitations.oversees_invitation(staff(), row)
    found(row if is_theirs else None)
    assert row is not None
    return row


def _changing(action: str, member: StaffMember) -> Any:
    return changing(action, f"staff:{member.id}", label=member.shown_name)


def _access(member: StaffMember) -> dict[str, str]:
    return {"role": member.role, "stores": ", ".join(store.name for store in member.stores)}


def _chosen(form: MultiDict[str, str], kept: Sequence[int] = ()) -> tuple[Role, Sequence[Store]]:
    """The role and the stores that were ticked; closed ones only where `kept` from before. Raises
    StaffRefused for what is no choice."""
    try:
        role = Role(form.get("role", ""))
    except ValueError:
        raise StaffRefused(_("Choose a role.")) from None
    ids = {row_number(text) or 0 for text in form.getlist("store")}
    if form.get("scope") == "all":
        return role, []
    choosable = sa.or_(Store.closed_at.is_(None), Store.id.in_(kept))
    stores = db.session.scalars(sa.select(Store).where(Store.id.in_(ids), choosable)).all()
    if not stores:
        raise StaffRefused(_("Choose at least one store, or all of them."))
    return role, stores


def _choices(values: MultiDict[str, str]) -> dict[str, Any]:
    """What the form of role and stores offers this person, and what is chosen."""
    me = staff()
    chosen = set(values.getlist("store"))
    is_owner = Role(me.role) is Role.OWNER and not me.stores
    return {
        "roles": [
            (role, ROLE_NAMES[role], ROLE_TEXTS[role])
            for role in Role
            if is_owner or role is not Role.OWNER
        ],
        "role": values.get("role", ""),
        "all_stores": me.store_ids is None,
        "stores": own_stores(*(row_number(text) or 0 for text in chosen)),
        "store_name": store_name,
        "chosen": chosen,
        "scope": values.get("scope") or ("some" if chosen or me.store_ids else "all"),
    }


def _store_names() -> dict[int, str]:
    return {row.id: row.name for row in db.session.execute(sa.select(Store.id, Store.name))}


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [Team(name=_l("People"), category=groups.TEAM, url="/admin/equipe", endpoint="team")]
