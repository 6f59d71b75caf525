"""Where a visit came from, kept with the lead and nowhere else.

A touch is what the address and the browser said themselves: campaign parameters, click ids, the
referring host, the page. The script keeps the first and the last one on the visitor's own device
and sends them with the form; without a script the form's own page is read from the Referer.
Nothing is sent to anybody, and values are stored, never shown unescaped or put into addresses.
"""

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flask import Request

from core.config import current
from core.text import clean_line

LONGEST_VALUE: Final = 200
LONGEST_JSON: Final = 4000
PARAMETERS: Final = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "campaign",
    "utm_content": "content",
    "utm_term": "term",
    "gclid": "gclid",
    "gbraid": "gbraid",
    "wbraid": "wbraid",
    "fbclid": "fbclid",
    "vendedor": "seller",  # a colleague's own link (dealership.personal_link)
}
KEYS: Final = frozenset({*PARAMETERS.values(), "referrer", "landing", "variant", "at"})
Touch = dict[str, str]


def touch_of_address(address: str, referrer: str = "") -> Touch:
    """The touch of somebody who opened `address` coming from `referrer`; both as text."""
    try:
        parts = urlsplit(address[:4000])
        query = parse_qs(parts.query, max_num_fields=100)
        host = (urlsplit(referrer[:2000]).hostname or "") if referrer else ""
    except ValueError:
        return {}
    touch = {
        ours: clean_line(query[theirs][0], LONGEST_VALUE)
        for theirs, ours in PARAMETERS.items()
        if query.get(theirs)
    }
    if host and host != urlsplit(current().base_url).hostname:
        touch["referrer"] = clean_line(host, LONGEST_VALUE)
    touch["landing"] = clean_line(parts.path or "/", LONGEST_VALUE)
    return touch


def touch_of_request(request: Request) -> Touch:
    """The touch of a visit as this request shows it: its own query, or that of the page of ours
    that sent it."""
    own = touch_of_address(request.full_path, request.referrer or "")
    if set(own) - {"landing", "referrer"} or request.method == "GET":
        return own
    return touch_of_address(request.referrer or request.path)


def touches_of_form(request: Request, typed: str) -> tuple[Touch, Touch]:
    """(first, last) touch of a form post: what the script kept in the hidden field `typed`, else
    what the request itself shows."""
    seen = touch_of_request(request)
    try:
        kept = json.loads(typed) if 0 < len(typed) <= LONGEST_JSON else {}
    except (ValueError, RecursionError):
        kept = {}
    if not isinstance(kept, dict):
        kept = {}
    last = clean(kept.get("last")) or seen
    return clean(kept.get("first")) or last, last


def clean(value: Any) -> Touch:
    """`value` as a touch: known keys, short texts. Anything else is left out."""
    if not isinstance(value, dict):
        return {}
    return {
        key: clean_line(text, LONGEST_VALUE)
        for key, text in value.items()
        if key in KEYS and isinstance(text, str) and text
    }
