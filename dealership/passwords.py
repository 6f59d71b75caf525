"""Passwords of staff: which are taken, how they are kept and compared.

argon2id takes a tenth of a second and much memory, on purpose. Inside `writing()` every buyer's
form would wait for it, so here it refuses to run there: compute a digest first, then write it.

DomainError
└── PasswordRefused    too short, or one that everybody tries first
"""

import hashlib
import hmac
from functools import cache
from pathlib import Path
from typing import Final

from flask_babel import gettext as _
from flask_security.utils import hash_password, verify_password

from core.config import current
from core.db import db
from core.errors import DomainError

SHORTEST_PASSWORD: Final = 12  # NIST SP 800-63B-4 § 3.1.1.2, with a second factor where asked for
LONGEST_PASSWORD: Final = 200  # nobody types more; a megabyte would only keep the machine busy
FEWEST_DIFFERENT: Final = 5
# The commonest of at least twelve characters, in leaked lists and as Brazilians vary them;
# compared without case, spaces, dots, dashes and underscores.
COMMONEST: Final = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split()
)


class PasswordRefused(DomainError):
    """A password that cannot be used; the sentence says why."""


def password_digest(password: str) -> str:
    """The argon2id digest of `password`, outside `writing()`. Raises PasswordRefused."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordRefused(
            _("Use a password of at least %(n)s characters; a sentence is easiest to keep.",
              n=SHORTEST_PASSWORD)
        )  # fmt: skip
    if len(password) > LONGEST_PASSWORD:
        raise PasswordRefused(_("Use at most %(n)s characters.", n=LONGEST_PASSWORD))
    if is_common(password):
        raise PasswordRefused(_("This password is among those everybody tries first. Use another."))
    _keep_the_gate_free()
    digest: str = hash_password(password)
    return digest


def password_matches(digest: str | None, password: str) -> bool:
    """Whether `digest` was made of `password`, outside `writing()`. Without a digest (an unknown
    address, an account without a password) it takes as long and is never so."""
    _keep_the_gate_free()
    nobodys = _nobodys_digest()
    if len(password) > LONGEST_PASSWORD:
        password = ""
    is_right = bool(verify_password(password, digest or nobodys))
    return is_right and digest is not None


def is_common(password: str) -> bool:
    """Whether `password` is one of the first that anybody tries."""
    plain = "".join(char for char in password.casefold() if char not in " .-_!@#")
    return plain in COMMONEST or len(set(plain)) < FEWEST_DIFFERENT


def keyed_digest(purpose: str, text: str) -> str:
    """A digest of `text` that only this site's key makes: for codes too short to stand alone."""
    key = current().secret_key.encode()
    return hmac.new(key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


@cache
def _nobodys_digest() -> str:
    digest: str = hash_password("nobody has this password")
    return digest


def _keep_the_gate_free() -> None:
    if db.session().info.get("writing"):
        raise RuntimeError("argon2 inside writing(): everybody's writes would wait for it")
