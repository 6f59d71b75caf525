"""What browsers may fetch before somebody taps: speculation rules, named by a header of pages that
are the same for everybody. A header, since the content policy lets no script stand in a page.

https://html.spec.whatwg.org/multipage/speculative-loading.html. Chromium reads them; others do not.
"""

import hashlib
import json
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, request

from core.clock import DEFAULT_ZONE, today
from core.headers import IMMUTABLE
from core.shared_pages import is_shared
from dealership.identity import identity
from dealership.sessions import HOUSE_COOKIE
from inventory import search
from inventory.visits import visit_counter
from leads.audience import reads

next_page = Blueprint("next_page", __name__)

# Only what is named here, so that an address with a consequence is left alone without being known.
# Every one of them is a shared page: to fetch it costs a look into memory and changes nothing.
_PLACES: Final = ("/", "/estoque", "/estoque/*", "/oferta/*", "/lojas", "/lojas/*", "/blog/*")
_WHERE: Final[dict[str, Any]] = {
    "and": [
        {"href_matches": list(_PLACES)},
        {"not": {"selector_matches": "[rel~=nofollow]"}},
    ]
}
RULES: Final = json.dumps(
    {
        # A pointer that rests on a link: the page is there when it is pressed.
        "prefetch": [{"where": _WHERE, "eagerness": "moderate"}],
        # A finger that goes down: the page is drawn while it goes up.
        "prerender": [{"where": _WHERE, "eagerness": "conservative"}],
    },
    separators=(",", ":"),
)
_DIGEST: Final = hashlib.sha256(RULES.encode()).hexdigest()[:12]
_HEADER: Final = f'"/proximas-{_DIGEST}.json"'


@next_page.get("/proximas-<digest>.json")
def rules(digest: str) -> Response:
    """The rules, kept for ever under the name of their content."""
    if digest != _DIGEST:
        abort(404)
    response = Response(RULES, mimetype="application/speculationrules+json")
    response.headers["Cache-Control"] = IMMUTABLE
    return response


@next_page.after_app_request
def name_rules(response: Response) -> Response:
    """Name the rules on each shared page that was drawn."""
    view = current_app.view_functions.get(request.endpoint or "")
    if response.status_code == 200 and response.mimetype == "text/html" and is_shared(view):
        response.headers["Speculation-Rules"] = _HEADER
    return response


@next_page.post("/vistos/<public_id>")
def count_seen(public_id: str) -> tuple[str, int]:
    """What an offer's page tells when it was fetched ahead and is read only now: one visit, which
    fetching did not count (`inventory.visits`)."""
    offer = search.find_offer(public_id)
    if offer is None:
        abort(404)
    tapped = {**request.environ, "REQUEST_METHOD": "GET"}
    if reads(tapped) and HOUSE_COOKIE not in request.cookies:
        store = identity().store(offer.store.slug)
        visit_counter().count(offer.id, today(store.zone if store else DEFAULT_ZONE))
    return "", 204
