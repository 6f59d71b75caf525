"""Everybody's own link: who comes by it is theirs.

The code is the person's number and a keyed digest of it, so nobody can make up a colleague's; it
holds as long as the application's secret key does, on paper too.
"""

import hmac
import re
from typing import Final

from core.config import current

PARAMETER: Final = "vendedor"  # in public addresses
_CODE: Final = re.compile(r"([1-9][0-9]{0,8})-([0-9a-f]{8})")


def code_of(staff_id: int) -> str:
    """The code of that person, such as "12-3f9a0c1d"."""
    return f"{staff_id}-{_digest(staff_id)}"


def staff_id_of(code: str) -> int | None:
    """Whose code it is; None for one that we did not give out."""
    found = _CODE.fullmatch(code.strip().lower())
    if found is None or not hmac.compare_digest(found[2], _digest(int(found[1]))):
        return None
    return int(found[1])


def _digest(staff_id: int) -> str:
    key = str(current().secret_key).encode()
    return hmac.digest(key, f"personal-link:{staff_id}".encode(), "sha256").hex()[:8]
