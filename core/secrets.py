"""Small secrets at rest: other systems' passwords and tokens, sealed under the site's own key.

What is sealed names its purpose inside, so that a value moved to another row opens nothing. A
copy of the database without `VITRINE_SECRET_KEY` is worth nothing to its finder.

DomainError
└── SealBroken    sealed under another key, for another purpose, or damaged
"""

import base64
import json
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.config import current
from core.errors import DomainError

_INFO: Final = b"vitrine sealed credentials 1"


class SealBroken(DomainError):
    """What was sealed cannot be read: another key, another purpose, or damage."""


def seal(facts: dict[str, Any], purpose: str) -> bytes:
    """`facts` (plain JSON values) unreadable without the site's key; opens for `purpose` only."""
    text = json.dumps({"purpose": purpose, "facts": facts}, separators=(",", ":"))
    return _box(current().secret_key).encrypt(text.encode())


def unseal(sealed: bytes, purpose: str) -> dict[str, Any]:
    """The facts sealed for `purpose`; none for an empty text. Raises SealBroken."""
    return _open(sealed, purpose, MultiFernet([_box(current().secret_key)]))


def reseal(sealed: bytes, purpose: str, old_key: str) -> bytes:
    """The same facts under today's key, whether they were sealed with it or with `old_key`.
    Raises SealBroken."""
    boxes = MultiFernet([_box(current().secret_key), _box(old_key)])
    return seal(_open(sealed, purpose, boxes), purpose)


def _open(sealed: bytes, purpose: str, box: MultiFernet) -> dict[str, Any]:
    if not sealed:
        return {}
    try:
        content = json.loads(box.decrypt(sealed))
    except InvalidToken:
        raise SealBroken(f"{purpose}: sealed under another key, or damaged") from None
    if content["purpose"] != purpose:
        raise SealBroken(f"{purpose}: this was sealed for something else")
    facts: dict[str, Any] = content["facts"]
    return facts


def _box(key: str) -> Fernet:
    """Fernet wants 32 random bytes; the site's key is text of any length with enough in it, so
    a derivation without stretching (RFC 5869) is right."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
