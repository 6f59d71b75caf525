"""What a visitor chose on this device: favourites, comparison, recently seen. No account.

Three first-party cookies hold public ids parted by dots. The script writes the same cookies; pages
that anybody may share never depend on them, so those pages stay the same for all.
"""

import re
from collections.abc import Sequence
from typing import Final

from flask import Request, Response

LIMITS: Final = {"favoritos": 60, "comparar": 4, "vistos": 12}
YEAR_SECONDS = 365 * 24 * 3600
_ID = re.compile(r"[a-z0-9]{4,12}")


def chosen(request: Request, name: str) -> list[str]:
    """The public ids in the cookie `name`, newest first; a damaged cookie is an empty list."""
    return clean_ids(request.cookies.get(name, "").split("."), LIMITS[name])


def clean_ids(ids: Sequence[str], limit: int) -> list[str]:
    """Well-formed ids of `ids`, each once, at most `limit`."""
    return list(dict.fromkeys(one for one in ids if _ID.fullmatch(one)))[:limit]


def remember(response: Response, name: str, ids: Sequence[str], *, secure: bool) -> Response:
    """Keep `ids` in the visitor's cookie `name` for a year."""
    response.set_cookie(
        name,
        ".".join(clean_ids(ids, LIMITS[name])),
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=secure,
        path="/",
    )
    return response


def is_cross_site(request: Request) -> bool:
    """Whether another site's page sent this post. Browsers say so themselves in Sec-Fetch-Site."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in {"cross-site", "same-site"}
