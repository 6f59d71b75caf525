"""Keys of the API: 256 random bits for a program, of which we keep a digest only.

A key speaks for a member of staff and never reaches further: what the person may not do, or in
which store, the key may not either, and it ends with the account.

DomainError
├── TokenRefused    a key that cannot be made so, with the reason
└── NoSuchToken     no key has that number
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line
from dealership.roles import PERMISSION_NAMES, Permission
from dealership.staff import StaffMember

PREFIX: Final = "vtr_"  # by which scanners of code find a key that leaked
LONGEST: Final = 128
LONGEST_NAME: Final = 80
USED_MINUTES: Final = 10  # how exactly the last use is known


class Scope(StrEnum):
    """What a key opens."""

    READ_VEHICLES = "vehicles:read"
    READ_LEADS = "leads:read"
    WRITE_LEADS = "leads:write"


NEEDS: Final = {
    Scope.READ_VEHICLES: Permission.SEE_STOCK,
    Scope.READ_LEADS: Permission.SEE_LEADS,
    Scope.WRITE_LEADS: Permission.WORK_LEADS,
}


class TokenRefused(DomainError):
    """A key that cannot be made so; the sentence says why."""


class NoSuchToken(DomainError):
    """No key has that number."""


class ApiToken(Model):
    """One key. Its text was shown once and is kept nowhere."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    ending: Mapped[str] = mapped_column(sa.String(4))  # its last characters, to tell it by
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    created_by: Mapped[str] = mapped_column(sa.String(254))  # a staff e-mail, or "command"
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    staff: Mapped[StaffMember] = relationship()

    @property
    def is_good(self) -> bool:
        """Neither revoked nor expired, and its person still has an account."""
        is_over = self.expires_at is not None and self.expires_at <= now()
        return self.revoked_at is None and not is_over and self.staff.active

    def may(self, scope: Scope) -> bool:
        """Whether both the key and its person reach that far."""
        return scope.value in self.scopes and self.staff.may(NEEDS[scope])


def create_token(
    staff: StaffMember,
    scopes: Iterable[Scope],
    *,
    by: str,
    name: str = "",
    days: int | None = None,
) -> tuple[ApiToken, str]:
    """A new key for `staff` and its text, told once. It ends after `days`, or never. Inside
    `writing()`. Raises TokenRefused."""
    chosen = list(dict.fromkeys(scopes))
    if not chosen:
        raise TokenRefused(_("Say what the key is for: choose at least one scope."))
    if not staff.active:
        raise TokenRefused(_("This account is closed: a key of it would open nothing."))
    for scope in chosen:
        if not staff.may(NEEDS[scope]):
            raise TokenRefused(
                _(
                    "%(email)s does not have the permission that %(scope)s needs: %(permission)s.",
                    email=staff.email,
                    scope=scope.value,
                    permission=PERMISSION_NAMES[NEEDS[scope]],
                )
            )
    text = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        digest=digest(text),
        name=clean_line(name, LONGEST_NAME) or _("Key of the API"),
        ending=text[-4:],
        staff=staff,
        scopes=[scope.value for scope in chosen],
        created_by=by,
        expires_at=now() + timedelta(days=days) if days else None,
    )
    db.session.add(row)
    db.session.flush()
    return row, text


def find_token(text: str) -> ApiToken | None:
    """The key with this text, if it still opens anything."""
    if not text.startswith(PREFIX) or len(text) > LONGEST:
        return None
    row = db.session.scalars(sa.select(ApiToken).where(ApiToken.digest == digest(text))).first()
    return row if row is not None and row.is_good else None


def revoke(row: ApiToken) -> None:
    """End a key at once; a second time changes nothing. Inside `writing()`."""
    row.revoked_at = row.revoked_at or now()
    db.session.flush()


def numbered(token_id: int) -> ApiToken:
    """The key with that number. Raises NoSuchToken."""
    row = db.session.get(ApiToken, token_id)
    if row is None:
        raise NoSuchToken(_("There is no key with the number %(id)s.", id=token_id))
    return row


def tokens_of(staff_ids: Iterable[int] | None = None) -> list[ApiToken]:
    """All keys, or those of some people, the newest first."""
    statement = sa.select(ApiToken).order_by(ApiToken.id.desc())
    if staff_ids is not None:
        statement = statement.where(ApiToken.staff_id.in_(list(staff_ids)))
    return list(db.session.scalars(statement))


def note_use(row: ApiToken) -> None:
    """Remember that the key was used just now. Inside `writing()`."""
    row.used_at = now()
    db.session.flush()


def was_used_lately(row: ApiToken) -> bool:
    """Whether the use is known exactly enough."""
    return row.used_at is not None and now() - row.used_at < timedelta(minutes=USED_MINUTES)


def digest(text: str) -> str:
    """What is kept of a key: it is random, so no stretching is needed."""
    return hashlib.sha256(text.encode()).hexdigest()
