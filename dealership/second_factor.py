"""The second factor: an authenticator app's codes (RFC 6238), and codes for the day it is lost.

The app's secret is sealed under the site's key; of the recovery codes only digests are kept. An
app's code opens once: its step on the clock is remembered, also when two posts race. Verbs flush.
"""

import secrets
from functools import cache
from typing import Final

import sqlalchemy as sa
from flask import current_app
from flask_security.totp import Totp
from passlib.exc import TokenError  # type: ignore[import-untyped]

from core.db import db
from dealership.identity import identity
from dealership.passwords import keyed_digest
from dealership.staff import Passkey, StaffMember, lock_account

METHOD: Final = "authenticator"
LEEWAY_SECONDS: Final = 30  # phones' clocks; RFC 6238 § 5.2 recommends at most one step
RECOVERY_CODES: Final = 10
RECOVERY_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks alike
RECOVERY_LENGTH: Final = 12  # 59 bits


class _Authenticator(Totp):
    """The library's, with the step that a code belongs to."""

    def step_of(self, secret: str, code: str) -> int | None:
        try:
            return int(self._totp.verify(code, secret, window=LEEWAY_SECONDS).counter)
        except (TokenError, ValueError):
            return None


@cache
def _authenticator(issuer: str, key: str) -> _Authenticator:
    return _Authenticator({"1": key}, issuer)


def _ours() -> _Authenticator:
    issuer = identity().name.replace(":", " ").strip() or "Vitrine"
    return _authenticator(issuer, current_app.config["SECURITY_TOTP_SECRETS"]["1"])


def new_secret() -> str:
    """A secret for an app, sealed: it may wait in a cookie until a first code proves it."""
    return str(_ours().generate_totp_secret())


def app_address(secret: str, email: str) -> str:
    """What the QR code says to the app (`otpauth://…`)."""
    return str(_ours().get_totp_uri(email, secret))


def typed_key(secret: str) -> str:
    """The same secret, for typing, in groups."""
    return str(_ours().get_totp_pretty_key(secret))


def step_of(secret: str, code: str) -> int | None:
    """The clock's step whose code this is, now or one step aside; None when it is none."""
    if not secret:
        return None
    digits = "".join(char for char in code if char.isascii() and char.isdigit())
    return _ours().step_of(secret, digits) if len(digits) == 6 else None


def switch_on(member: StaffMember, secret: str, step: int) -> list[str]:
    """Ask `member` for a code of this app from now on; returns the recovery codes, to be shown
    once. `step` is that of the code which proved the app. Inside `writing()`."""
    member.tf_primary_method = METHOD
    member.tf_totp_secret = secret
    member.totp_last_step = step
    return renew_recovery_codes(member)


def renew_recovery_codes(member: StaffMember) -> list[str]:
    """New recovery codes, to be shown once; the old ones open nothing. Inside `writing()`."""
    codes = [
        "".join(secrets.choice(RECOVERY_ALPHABET) for _place in range(RECOVERY_LENGTH))
        for _number in range(RECOVERY_CODES)
    ]
    member.mf_recovery_codes = [_code_digest(member, code) for code in codes]
    db.session.flush()
    return ["-".join([code[:4], code[4:8], code[8:]]) for code in codes]


def switch_off(member: StaffMember) -> None:
    """Forget the app, and the recovery codes unless a passkey still needs them. Inside
    `writing()`."""
    lock_account(member)
    member.tf_primary_method = None
    member.tf_totp_secret = None
    member.totp_last_step = None
    if not member.has_passkeys:
        member.mf_recovery_codes = []
    db.session.flush()


def remove_all(member: StaffMember) -> None:
    """Forget the app, all passkeys and the recovery codes: the password alone signs in. Inside
    `writing()`."""
    db.session.execute(sa.delete(Passkey).where(Passkey.staff_id == member.id))
    switch_off(member)


def use_step(member: StaffMember, step: int) -> bool:
    """Take `step` if it is newer than the last one taken: a code opens once. Inside
    `writing()`."""
    taken = db.session.execute(
        sa.update(StaffMember)
        .where(StaffMember.id == member.id)
        .where(sa.func.coalesce(StaffMember.totp_last_step, -1) < step)
        .values(totp_last_step=step)
        .returning(StaffMember.id)
        .execution_options(synchronize_session=False)
    )
    return taken.first() is not None


def use_recovery_code(member: StaffMember, code: str) -> bool:
    """Take a recovery code if it is one of those left; each opens once. Inside `writing()`."""
    plain = "".join(char for char in code.casefold() if char.isalnum())
    lock_account(member)
    left = list(member.mf_recovery_codes or [])
    digest = _code_digest(member, plain)
    if digest not in left:
        return False
    left.remove(digest)
    member.mf_recovery_codes = left
    db.session.flush()
    return True


def _code_digest(member: StaffMember, code: str) -> str:
    return keyed_digest("staff recovery code", f"{member.id}:{code}")[:32]
