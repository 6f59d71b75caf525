"""Who works here: accounts, their stores, their open sessions.

Passwords are argon2id and never leave this table; a second factor's secret is sealed. Verbs flush.
What somebody may do to somebody else's account stands here too: nobody touches an account above
their own, and one owner always stays.

DomainError
└── StaffRefused    an account that cannot be made or changed so, with the reason
"""

import secrets
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from flask_security import AsaList, RoleMixin, UserMixin
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line
from dealership.devices import forget_person
from dealership.models import Store
from dealership.roles import Permission, Role, allows

staff_store = sa.Table(
    "staff_store",
    db.metadata,
    sa.Column("staff_id", sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("store_id", sa.ForeignKey("store.id", ondelete="CASCADE"), primary_key=True),
)


class StaffRefused(DomainError):
    """An account that cannot be made or changed so; the sentence says why."""


class Passkey(Model):
    """A device that signs its owner in (WebAuthn): see `dealership.passkeys`."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(sa.LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)  # 32 bits without a sign
    # When the last accepted challenge was made, in Unix milliseconds: a challenge opens once.
    challenge_ms: Mapped[int] = mapped_column(sa.BigInteger)
    is_synced: Mapped[bool]  # kept by a password manager, not by one device alone
    name: Mapped[str] = mapped_column(sa.String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffMember(UserMixin, Model):
    """One person who signs in. Without stores: all of them. The names of the library's columns
    (`active`, `fs_…`, `tf_…`, `mf_…`) are its own."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    role: Mapped[str] = mapped_column(sa.String(12))
    password: Mapped[str | None] = mapped_column(sa.String(255))
    active: Mapped[bool] = mapped_column(default=True)
    # Names the account in links and half-done sign-ins: a new one ends them all.
    fs_uniquifier: Mapped[str] = mapped_column(
        sa.String(64), unique=True, default=lambda: secrets.token_hex(32)
    )
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(  # type: ignore[assignment]
        sa.String(64), unique=True
    )
    tf_primary_method: Mapped[str | None] = mapped_column(sa.String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(sa.String(255))
    tf_phone_number: Mapped[str | None] = mapped_column(sa.String(128))
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))
    # The last accepted step of the authenticator's clock: a code opens once (RFC 6238 § 5.2).
    totp_last_step: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    stores: Mapped[list[Store]] = relationship(secondary=staff_store, order_by=Store.position)
    has_passkeys: Mapped[bool] = column_property(
        sa.select(Passkey.id)
        .where(Passkey.staff_id == id)  # noqa: A003 - the column above
        .correlate_except(Passkey)
        .exists()
    )

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]
        """For the library, which thinks in lists; ours is one word."""
        return []

    @property
    def shown_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def may(self, permission: Permission, store_id: int | None = None) -> bool:
        """Whether this person may do `permission`, in the store with that id if one is named."""
        if not self.active or not allows(Role(self.role), permission):
            return False
        return store_id is None or self.serves(store_id)

    def serves(self, store_id: int | None) -> bool:
        """Whether the store is one of this person's; without a list every store is."""
        return not self.stores or any(store.id == store_id for store in self.stores)

    @property
    def has_app(self) -> bool:
        """Whether an authenticator app's code is known."""
        return bool(self.tf_primary_method and self.tf_totp_secret)

    @property
    def has_second_factor(self) -> bool:
        """Whether the password alone does not sign in."""
        return self.has_app or self.has_passkeys

    def oversees(self, other: "StaffMember") -> bool:
        """Whether this person may change the account of `other`: an owner anybody's, a
        supervisor that of people who are no owners and work in the supervisor's stores only."""
        if not self.may(Permission.MANAGE_STAFF):
            return False
        if Role(self.role) is Role.OWNER and not self.stores:
            return True
        is_below = Role(other.role) is not Role.OWNER
        return is_below and self.covers(other.store_ids)

    def covers(self, store_ids: Iterable[int] | None) -> bool:
        """Whether these stores (None: all of them) are all this person's."""
        if not self.stores:
            return True
        return store_ids is not None and set(store_ids) <= {store.id for store in self.stores}

    @property
    def store_ids(self) -> list[int] | None:
        """Ids of the stores this person is tied to, or None for all of them."""
        return [store.id for store in self.stores] or None


class StaffRole(RoleMixin, Model):
    """The library wants a table of roles; ours are in the code, and it stays empty."""

    __tablename__ = "staff_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    description: Mapped[str] = mapped_column(sa.String(255), default="")


class StaffSession(Model):
    """One signed-in browser: what the list of sessions shows and what signing out ends."""

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)  # of what its cookie holds
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    network: Mapped[str] = mapped_column(sa.String(45), default="")  # shortened address
    browser: Mapped[str] = mapped_column(sa.String(120), default="")  # "Chrome, Android"
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffInvitation(Model):
    """A place offered by mail: whoever opens the link chooses a password, once."""

    __tablename__ = "staff_invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)  # of the link's token
    email: Mapped[str] = mapped_column(sa.String(254))
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    role: Mapped[str] = mapped_column(sa.String(12))
    store_ids: Mapped[list[int]] = mapped_column(sa.JSON, default=list)
    invited_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def create_staff(
    email: str,
    role: Role,
    *,
    name: str = "",
    digest: str | None = None,
    stores: Iterable[Store] = (),
) -> StaffMember:
    """A new account; without the digest of a password (`dealership.passwords`) nobody can sign in
    until one is chosen by an invitation or a reset. Inside `writing()`. Raises StaffRefused."""
    address = normal_email(email)
    if db.session.scalar(sa.select(StaffMember.id).where(StaffMember.email == address)):
        raise StaffRefused(_("There is an account for %(email)s already.", email=address))
    member = StaffMember(
        email=address,
        name=clean_line(name, 80),
        role=role.value,
        password=digest,
        stores=list(stores),
    )
    db.session.add(member)
    db.session.flush()
    return member


def normal_email(email: str) -> str:
    """The address as accounts keep it. Raises StaffRefused when it is none."""
    try:
        found = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise StaffRefused(_("This is not an e-mail address: %(text)s", text=email[:80])) from None
    return found.normalized.lower()


def find_staff(email: str) -> StaffMember | None:
    """The account with this address, or None."""
    return db.session.scalars(
        sa.select(StaffMember).where(StaffMember.email == email.strip().lower())
    ).first()


def lock_account(member: StaffMember) -> None:
    """Hold the account's row until the transaction ends and read it again. Inside `writing()`.
    Two statements: the one that loaded it may join, and a joined row cannot be locked."""
    db.session.execute(
        sa.select(StaffMember.id).where(StaffMember.id == member.id).with_for_update()
    )
    db.session.refresh(member)


def change_access(
    member: StaffMember, role: Role, stores: Iterable[Store], *, by: StaffMember
) -> None:
    """Give `member` another role or other stores (none: all of them); open sessions end, so that
    nothing of the old access is left. Inside `writing()`. Raises StaffRefused."""
    chosen = list(stores)
    _refuse_unless_overseen(member, by)
    check_grant(role, [store.id for store in chosen] or None, by=by)
    stays_owner = role is Role.OWNER and not chosen
    if not stays_owner:
        _keep_one_owner(member)
    member.role = role.value
    member.stores = chosen
    member.updated_at = now()
    _sign_out(member)


def deactivate(member: StaffMember, *, by: StaffMember) -> None:
    """Close an account; it is kept, because what it did is. Inside `writing()`. Raises
    StaffRefused."""
    _refuse_unless_overseen(member, by)
    _keep_one_owner(member)
    member.active = False
    member.updated_at = now()
    _sign_out(member)


def reactivate(member: StaffMember, *, by: StaffMember) -> None:
    """Open a closed account again, with what it was. Inside `writing()`. Raises StaffRefused."""
    _refuse_unless_overseen(member, by)
    member.active = True
    member.updated_at = now()
    db.session.flush()


def rename(member: StaffMember, name: str) -> None:
    """How colleagues call `member`. Inside `writing()`. Raises StaffRefused for no name."""
    cleaned = clean_line(name, 80)
    if not cleaned:
        raise StaffRefused(_("Type your name."))
    member.name = cleaned
    member.updated_at = now()
    db.session.flush()


def set_password(member: StaffMember, digest: str, *, keep_session_id: int | None = None) -> None:
    """Keep the digest of a new password; links sent before and all sessions end, but the one that
    changed it. Inside `writing()`."""
    member.password = digest
    member.updated_at = now()
    _sign_out(member, keep_session_id)


def check_grant(role: Role, store_ids: Iterable[int] | None, *, by: StaffMember) -> None:
    """Nobody gives away more than they have. Raises StaffRefused."""
    if role is Role.OWNER and (Role(by.role) is not Role.OWNER or by.stores):
        raise StaffRefused(_("Only an owner makes somebody an owner."))
    if not by.covers(store_ids):
        raise StaffRefused(_("You can give access to your own stores only."))


def _refuse_unless_overseen(member: StaffMember, by: StaffMember) -> None:
    if member.id == by.id:
        raise StaffRefused(_("Nobody changes their own access. Ask a colleague."))
    if not by.oversees(member):
        raise StaffRefused(_("You cannot change this person's account."))


def _keep_one_owner(member: StaffMember) -> None:
    """Refuse to lose the last owner of all stores; locked, so that two cannot remove each
    other."""
    owners = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.role == Role.OWNER.value, StaffMember.active)
        .order_by(StaffMember.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    others = [owner for owner in owners if owner.id != member.id and not owner.stores]
    if Role(member.role) is Role.OWNER and not others:
        raise StaffRefused(_("One owner has to stay: make somebody else an owner first."))


def _sign_out(member: StaffMember, keep_session_id: int | None = None) -> None:
    member.fs_uniquifier = secrets.token_hex(32)
    db.session.flush()
    db.session.execute(
        sa.update(StaffSession)
        .where(StaffSession.staff_id == member.id, StaffSession.ended_at.is_(None))
        .where(StaffSession.id != (keep_session_id or 0))
        .values(ended_at=now())
    )
    forget_person(member.id, except_session_id=keep_session_id)
