"""An optional, invisible proof of work (ALTCHA, version 1), served and checked by this site alone.

It costs a phone a fraction of a second and a robot farm its margin. A missing or wrong proof is
suspicious, never a refusal: an old browser must still be able to buy a car.
"""

import base64
import json
from datetime import timedelta
from typing import Any, Final

from altcha import v1 as altcha

from core.clock import now
from core.config import current
from core.shared_pages import keep_for_one
from leads import flood

HARDEST_NUMBER: Final = 60_000
LIVES: Final = timedelta(hours=2)


def challenge() -> dict[str, Any]:
    """A puzzle for one form, as the script reads it: algorithm, challenge, salt, signature and
    the highest number to try."""
    keep_for_one()  # it is solved once: two readers of one page would look like one machine
    made = altcha.create_challenge(
        altcha.ChallengeOptions(max_number=HARDEST_NUMBER, hmac_key=_key(), expires=now() + LIVES)
    )
    return {
        "algorithm": made.algorithm,
        "challenge": made.challenge,
        "salt": made.salt,
        "signature": made.signature,
        "maxnumber": HARDEST_NUMBER,
    }


def is_proven(text: str) -> bool:
    """Whether `text` (base64 of JSON) solves a puzzle of ours that still lives and that nobody
    used before."""
    try:
        solved = json.loads(base64.b64decode(text, validate=True))
        found, _error = altcha.verify_solution(solved, _key())
        signature = str(solved["signature"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return bool(found) and flood.flood().count("proof", signature) == 1


def _key() -> str:
    return f"proof:{current().secret_key}"
