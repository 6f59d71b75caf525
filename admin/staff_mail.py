"""Mails to staff: invitations, resets, and word that a password changed.

A view only asks, in its own transaction; a job writes the mail (see `leads.letters`). Asking for
a reset looks the same for every address, known or not: the job finds out.
"""

from typing import Any, Final

from flask_babel import gettext as _

from core.db import db
from dealership.identity import identity
from dealership.invitations import reset_token, token_of
from dealership.roles import ROLE_NAMES, Role
from dealership.staff import StaffInvitation, StaffMember, find_staff
from jobs.queue import URGENT, enqueue
from jobs.worker import Record
from leads import letters

JOB: Final = "compose_staff_mail"
INVITATION, RESET, CHANGED = "staff_invitation", "staff_reset", "staff_password_changed"


def ask_invitation(invitation: StaffInvitation) -> None:
    """Have the invitation's link sent. Inside `writing()`."""
    enqueue(
        JOB,
        {"kind": INVITATION, "id": invitation.id},
        dedup_key=f"{INVITATION}:{invitation.digest[:16]}",
        priority=URGENT,
    )


def ask_reset(email: str) -> None:
    """Have a link sent to `email` if there is an account. Inside `writing()`."""
    address = email.strip().lower()[:254]
    enqueue(JOB, {"kind": RESET, "email": address}, dedup_key=f"{RESET}:{address}", priority=URGENT)


def ask_changed(member: StaffMember) -> None:
    """Have the owner of the account told that its password changed. Inside `writing()`."""
    enqueue(
        JOB,
        {"kind": CHANGED, "id": member.id, "mark": member.fs_uniquifier[:8]},
        dedup_key=f"{CHANGED}:{member.fs_uniquifier[:16]}",
        priority=URGENT,
    )


def compose_staff_mail(payload: dict[str, Any]) -> Record | None:
    """Handler: write the mail of `kind`, unless what it is about is gone."""
    write = {INVITATION: _invitation, RESET: _reset, CHANGED: _changed}[payload["kind"]]
    letter = write(payload)
    return None if letter is None else lambda: letters.post(letter, priority=URGENT)


def _invitation(payload: dict[str, Any]) -> letters.Letter | None:
    row = db.session.get(StaffInvitation, payload["id"])
    if row is None or row.used_at:
        return None
    to, inviter, digest = row.email, find_staff(row.invited_by), row.digest
    values = {
        "name": letters.greeting_name(row.name),
        "inviter": inviter.shown_name if inviter else "",
        "role": str(ROLE_NAMES[Role(row.role)]),
        "path": f"/admin/convite/{token_of(row)}",
        "hours": 72,
    }
    title = _("Your access to %(dealer)s", dealer=identity().name)
    return _letter(f"{INVITATION}:{digest[:24]}", INVITATION, to, title, values)


def _reset(payload: dict[str, Any]) -> letters.Letter | None:
    member = find_staff(payload["email"])
    if member is None or not member.active:
        return None
    to, token = member.email, reset_token(member)
    values = {
        "name": letters.greeting_name(member.shown_name),
        "path": f"/admin/senha/nova/{token}",
        "minutes": 60,
    }
    return _letter(f"{RESET}:{token[-32:]}", RESET, to, _("Choose a new password"), values)


def _changed(payload: dict[str, Any]) -> letters.Letter | None:
    member = db.session.get(StaffMember, payload["id"])
    if member is None:
        return None
    to, key = member.email, f"{CHANGED}:{member.id}:{payload['mark']}"
    values = {"name": letters.greeting_name(member.shown_name), "path": "/admin/senha"}
    return _letter(key, CHANGED, to, _("Your password was changed"), values)


def _letter(
    key: str, kind: str, to: str, title: str, values: dict[str, Any]
) -> letters.Letter | None:
    db.session.rollback()  # all is read; rendering holds no transaction
    subject = letters.subject(title)
    text, html = letters.render(kind, subject=subject, **values)
    return letters.Letter(key=key, kind=kind, to=to, subject=subject, text=text, html=html)


JOBS = {JOB: compose_staff_mail}
