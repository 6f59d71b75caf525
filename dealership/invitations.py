"""Links that let somebody choose a password: invitations, and resets for who forgot theirs.

A link's token is signed with the site's key and names what it is for; the table keeps a digest of
an invitation's. Each opens once: an invitation is marked used, a reset dies with the name
(`fs_uniquifier`) that every change of the account renews. Verbs flush.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from core.clock import now
from core.config import current
from core.db import db
from core.text import clean_line
from dealership.models import Store
from dealership.roles import Permission, Role
from dealership.staff import (
    StaffInvitation,
    StaffMember,
    StaffRefused,
    check_grant,
    create_staff,
    find_staff,
    lock_account,
    normal_email,
)

INVITATION_LASTS: Final = timedelta(hours=72)
RESET_LASTS: Final = timedelta(hours=1)


def invite(
    email: str, role: Role, stores: Iterable[Store], *, name: str = "", by: StaffMember
) -> StaffInvitation:
    """Offer a place to `email`, in `stores` (none: all). Inside `writing()`. Raises StaffRefused
    when there is an account or an open invitation already, or `by` may not give so much."""
    address = normal_email(email)
    store_ids = sorted(store.id for store in stores)
    check_grant(role, store_ids or None, by=by)
    # One at a time for each inviter: the same form posted twice makes one invitation.
    lock_account(by)
    if find_staff(address):
        raise StaffRefused(_("There is an account for %(email)s already.", email=address))
    if _open_for(address):
        raise StaffRefused(
            _("%(email)s is invited already. Send the invitation again from the list.",
              email=address)
        )  # fmt: skip
    invitation = StaffInvitation(
        email=address,
        name=clean_line(name, 80),
        role=role.value,
        store_ids=store_ids,
        invited_by=by.email,
        digest=secrets.token_hex(32),  # until the row has its number
        created_at=now(),
        expires_at=now(),
    )
    db.session.add(invitation)
    _renew(invitation)
    return invitation


def resend(invitation: StaffInvitation, *, by: StaffMember) -> None:
    """A new link for another 72 hours, which `by` answers for from now on; the old one opens
    nothing. Inside `writing()`. Raises StaffRefused."""
    _refuse_unless_theirs(invitation, by)
    invitation.invited_by = by.email
    _renew(invitation)


def withdraw(invitation: StaffInvitation, *, by: StaffMember) -> None:
    """Take the offer back: its link opens nothing. Inside `writing()`. Raises StaffRefused."""
    _refuse_unless_theirs(invitation, by)
    db.session.delete(invitation)
    db.session.flush()


def pending_invitations() -> Sequence[StaffInvitation]:
    """Those not taken yet, also the expired ones, the newest first."""
    return db.session.scalars(
        sa.select(StaffInvitation)
        .where(StaffInvitation.used_at.is_(None))
        .order_by(StaffInvitation.id.desc())
    ).all()


def oversees_invitation(by: StaffMember, invitation: StaffInvitation) -> bool:
    """Whether `by` could have sent it."""
    try:
        check_grant(Role(invitation.role), invitation.store_ids or None, by=by)
    except StaffRefused:
        return False
    return True


def token_of(invitation: StaffInvitation) -> str:
    """What its link carries; made anew from the row and the site's key, never stored."""
    return _token(invitation.id, int(invitation.expires_at.timestamp() * 1000))


def find_invitation(token: str) -> StaffInvitation | None:
    """The open invitation that this token opens, or None. It opens nothing while who sent it could
    not send it any more: an account that was closed must leave no way back in behind it."""
    found = db.session.scalars(
        sa.select(StaffInvitation).where(StaffInvitation.digest == _digest(token))
    ).first()
    if found is None or found.used_at or found.expires_at <= now():
        return None
    inviter = find_staff(found.invited_by)
    if inviter is None or not inviter.may(Permission.MANAGE_STAFF):
        return None
    return found if oversees_invitation(inviter, found) else None


def accept(invitation: StaffInvitation, digest: str, *, name: str = "") -> StaffMember:
    """The invited person's account, with the digest of their password. Inside `writing()`. Raises
    StaffRefused when the link was used meanwhile, or its stores are gone."""
    _refuse_if_used(invitation)
    stores = list(
        db.session.scalars(sa.select(Store).where(Store.id.in_(invitation.store_ids))).all()
    )
    if invitation.store_ids and not stores:  # without a store the account would serve all
        raise StaffRefused(_("The stores of this invitation are gone. Ask for a new one."))
    invitation.used_at = now()
    return create_staff(
        invitation.email,
        Role(invitation.role),
        name=name or invitation.name,
        digest=digest,
        stores=stores,
    )


def reset_token(member: StaffMember) -> str:
    """What the link of a reset carries: good for an hour, and until the account changes."""
    return str(_resets().dumps([member.id, member.fs_uniquifier[:16]]))


def find_reset(token: str) -> StaffMember | None:
    """Whose password this token resets, or None."""
    try:
        content: Any = _resets().loads(token, max_age=int(RESET_LASTS.total_seconds()))
        member_id, mark = content
    except (BadData, ValueError, TypeError):
        return None
    member = db.session.get(StaffMember, member_id)
    if member is None or not member.active or member.fs_uniquifier[:16] != mark:
        return None
    return member


def _refuse_unless_theirs(invitation: StaffInvitation, by: StaffMember) -> None:
    check_grant(Role(invitation.role), invitation.store_ids or None, by=by)
    _refuse_if_used(invitation)


def _refuse_if_used(invitation: StaffInvitation) -> None:
    db.session.refresh(invitation, with_for_update=True)
    if invitation.used_at:
        raise StaffRefused(_("This invitation was used already."))


def _renew(invitation: StaffInvitation) -> None:
    invitation.expires_at = now() + INVITATION_LASTS
    db.session.flush()  # the token names the row
    invitation.digest = _digest(token_of(invitation))
    db.session.flush()


def _open_for(address: str) -> bool:
    statement = sa.select(StaffInvitation.id).where(
        StaffInvitation.email == address,
        StaffInvitation.used_at.is_(None),
    )
    return db.session.scalar(statement) is not None


def _token(invitation_id: int, expires_ms: int) -> str:
    signer = URLSafeSerializer(current().secret_key, salt="staff invitation")
    return str(signer.dumps([invitation_id, expires_ms]))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _resets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="staff reset")
