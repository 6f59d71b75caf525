"""Passkeys: a device's fingerprint, face or PIN instead of password and code (WebAuthn, level 3).

A passkey is made discoverable and always checks who holds the device, so it is two factors at once
and needs no address typed first. A challenge opens once: the moment it was made is remembered with
the passkey, also when two posts race. Checking writes nothing and stands outside `writing()`; verbs
flush.

DomainError
└── PasskeyRefused    an answer of a device that proves nothing, or one passkey too many
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa
import webauthn
from flask_babel import gettext as _
from webauthn.helpers import parse_authentication_credential_json as parse_answer
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from dealership import second_factor
from dealership.identity import identity
from dealership.staff import Passkey, StaffMember, StaffRefused, lock_account

MOST: Final = 10  # of one person
LONGEST_NAME: Final = 40
CHALLENGE_SECONDS: Final = 300
MILLISECONDS: Final = 1000
Checked = TypeVar("Checked")


class PasskeyRefused(DomainError):
    """A device's answer that cannot be used; the sentence says why."""


@dataclass(frozen=True)
class Challenge:
    """What a device has to sign. It may wait in a signed cookie, as `facts`."""

    text: str  # base64url
    made_ms: int  # Unix time

    @classmethod
    def new(cls) -> "Challenge":
        return cls(secrets.token_urlsafe(32), int(now().timestamp() * MILLISECONDS))

    @classmethod
    def of(cls, facts: Any) -> "Challenge | None":
        """The challenge that was kept as `facts`; None when there is none or it is too old."""
        kept = cls(*facts) if facts else None
        age_ms = now().timestamp() * MILLISECONDS - kept.made_ms if kept else 0
        return kept if age_ms < CHALLENGE_SECONDS * MILLISECONDS else None

    @property
    def facts(self) -> list[str | int]:
        return [self.text, self.made_ms]

    @property
    def octets(self) -> bytes:
        return webauthn.base64url_to_bytes(self.text)


@dataclass(frozen=True)
class Proof:
    """A passkey that answered a challenge rightly, not yet taken."""

    passkey: Passkey
    challenge: Challenge
    sign_count: int


def registration_options(member: StaffMember, origin: str, challenge: Challenge) -> Any:
    """What `navigator.credentials.create` is to be asked, as JSON. Inside `writing()`: the account
    gets the random name by which devices know it."""
    if not member.fs_webauthn_user_handle:
        member.fs_webauthn_user_handle = secrets.token_hex(32)
        db.session.flush()
    options = webauthn.generate_registration_options(
        rp_id=_host(origin),
        rp_name=identity().name or "Vitrine",
        user_id=member.fs_webauthn_user_handle.encode(),
        user_name=member.email,
        user_display_name=member.shown_name,
        challenge=challenge.octets,
        timeout=CHALLENGE_SECONDS * MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=one.credential_id) for one in passkeys_of(member)
        ],
    )
    return json.loads(webauthn.options_to_json(options))


def new_passkey(answer: str, challenge: Challenge, origin: str, *, name: str) -> Passkey:
    """The passkey that a device made, for `add`. Raises PasskeyRefused."""
    made = _checked(
        lambda: webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge.octets,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    )
    return Passkey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        is_synced=made.credential_backed_up,
        challenge_ms=challenge.made_ms,
        name=clean_line(name, LONGEST_NAME) or _("Passkey"),
    )


def add(member: StaffMember, passkey: Passkey) -> list[str]:
    """Let `passkey` sign `member` in. Returns recovery codes, to be shown once, when it is the
    first second factor of the account. Inside `writing()`. Raises PasskeyRefused."""
    lock_account(member)
    if len(passkeys_of(member)) >= MOST:
        raise PasskeyRefused(_("You have %(n)s passkeys. Remove one first.", n=MOST))
    known = sa.select(Passkey.id).where(Passkey.credential_id == passkey.credential_id)
    if db.session.scalar(known):
        raise PasskeyRefused(_("This device has a passkey already."))
    is_first = not member.has_second_factor
    passkey.staff_id = member.id
    db.session.add(passkey)
    db.session.flush()
    codes = second_factor.renew_recovery_codes(member) if is_first else []
    db.session.refresh(member)
    return codes


def passkeys_of(member: StaffMember) -> list[Passkey]:
    """The passkeys of `member`, the oldest first."""
    own = sa.select(Passkey).where(Passkey.staff_id == member.id).order_by(Passkey.id)
    return list(db.session.scalars(own))


def remove(member: StaffMember, passkey: Passkey, *, is_factor_required: bool) -> None:
    """The passkey opens nothing any more. Inside `writing()`. Raises StaffRefused when it is the
    last second factor of somebody who must have one."""
    lock_account(member)
    is_last = not member.has_app and len(passkeys_of(member)) == 1
    if is_last and is_factor_required:
        raise StaffRefused(_("Your role works with a second factor only."))
    db.session.delete(passkey)
    db.session.flush()
    if is_last:
        second_factor.switch_off(member)
    db.session.refresh(member)


def sign_in_options(origin: str, challenge: Challenge) -> Any:
    """What `navigator.credentials.get` is to be asked, as JSON. The same for everybody: it tells
    nobody who has an account."""
    options = webauthn.generate_authentication_options(
        rp_id=_host(origin),
        challenge=challenge.octets,
        timeout=CHALLENGE_SECONDS * MILLISECONDS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return json.loads(webauthn.options_to_json(options))


def prove(answer: str, challenge: Challenge, origin: str) -> tuple[StaffMember, Proof]:
    """Whose passkey answered. Raises PasskeyRefused, in one sentence whatever was wrong."""
    given = _checked(lambda: parse_answer(answer))
    found = db.session.execute(
        sa.select(Passkey, StaffMember)
        .join(StaffMember, StaffMember.id == Passkey.staff_id)
        .where(Passkey.credential_id == given.raw_id, StaffMember.active)
    ).first()
    if found is None:
        raise _nothing_proved()
    passkey, member = found
    handle = (member.fs_webauthn_user_handle or "").encode()
    if given.response.user_handle != handle:
        raise _nothing_proved()
    checked = _checked(
        lambda: webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge.octets,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    )
    return member, Proof(passkey, challenge, checked.new_sign_count)


def use(proof: Proof) -> bool:
    """Take the proof if its challenge is newer than the last one taken: it opens once. Inside
    `writing()`."""
    taken = db.session.execute(
        sa.update(Passkey)
        .where(Passkey.id == proof.passkey.id, Passkey.challenge_ms < proof.challenge.made_ms)
        .values(challenge_ms=proof.challenge.made_ms, sign_count=proof.sign_count, used_at=now())
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    )
    return taken.first() is not None


def _host(origin: str) -> str:
    return urlsplit(origin).hostname or ""


def _checked(check: Callable[[], Checked]) -> Checked:
    """What `check` finds in an answer from outside, which may be anything."""
    try:
        return check()
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _nothing_proved() from error


def _nothing_proved() -> PasskeyRefused:
    return PasskeyRefused(_("This passkey opens nothing here. Try again, or use your password."))
