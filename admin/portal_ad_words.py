"""What staff read about ads on portals: where each stands, why, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from integrators.feeds.google import GOOGLE
from integrators.feeds.meta import META
from integrators.models import Listing
from integrators.portals.portal import NOBODY_KNOWS

STATE_WORDS: Final = {
    "live": _l("On air"),
    "sending": _l("Sending"),
    "waiting": _l("Waiting for a place"),
    "problem": _l("With a problem"),
    "off": _l("Not there"),
    "reading": _l("Reading the portal's list…"),
}
STATE_TAGS: Final = {
    "live": "good",
    "sending": "hold",
    "waiting": "hold",
    "problem": "bad",
    "reading": "hold",
}
REASON_WORDS: Final[Mapping[str, str]] = {
    "sold": _l("Sold"),
    "reserved": _l("Reserved"),
    "off_site": _l("Not on the site"),
    "left": _l("You left this portal"),
    "switch": _l("Never here: somebody said so"),
    "store": _l("Another store's"),
    "condition": _l("The rules leave this condition out"),
    "price": _l("Outside the rules' prices"),
    "photos": _l("Too few photos for the rules"),
    "slot": _l("No place in the contract"),
    "deleted": _l("No longer in the stock"),
}
SWITCH_WORDS: Final = {
    "rules": _l("By the rules"),
    "always": _l("Always"),
    "never": _l("Never"),
}
ORDER_WORDS: Final = {
    "newest": _l("Arrived last"),
    "oldest": _l("Longest in stock"),
    "dearest": _l("Highest price"),
    "cheapest": _l("Lowest price"),
}
EVENT_WORDS: Final[Mapping[str, str]] = {
    "create": _l("Ad sent"),
    "update": _l("Change sent"),
    "pause": _l("Pause sent"),
    "resume": _l("Put on again"),
    "relist": _l("Renewed"),
    "close": _l("Taken down"),
    "accepted": _l("Accepted by the portal"),
    "refused": _l("Refused by the portal"),
    "unclear": _l("No answer: looking whether it arrived"),
    "adopted": _l("Found there and taken over"),
    "visible": _l("Seen on air"),
    "gone": _l("Seen gone"),
    "drift": _l("Changed there by somebody"),
}
# For whom each file of a feed is, by the file's name.
FEED_WORDS: Final[Mapping[str, str]] = {
    "estoque.xml": _l("For portals and partners that read XML: the most usual one."),
    "estoque.json": _l("For systems and sites that read JSON."),
    "estoque.csv": _l("For spreadsheets and for partners that read CSV."),
    META.name: _l("For the Facebook and Instagram catalogue."),
    GOOGLE.name: _l("For Google's vehicle ads."),
    "carrosp.xml": _l("For CarroSP."),
    "usadosbr.xml": _l("For UsadosBR."),
}
HOLD_WORDS: Final[Mapping[str, str]] = {
    "limit": _l("The portal asked us to slow down."),
    "down": _l("The portal does not answer."),
    "plan": _l("The contract there is full or not active."),
}
# Where it is mended when no field of the car's page by that name is to blame.
_PLACES: Final[Mapping[str, str]] = {
    "terms": "/admin/portais/termos/?portal={kind}",
    "store": "/admin/lojas/",
    "photos": "/admin/fotos/{id}/",
    "features": "/admin/veiculo/{id}/#opcionais",
    "history": "/admin/veiculo/{id}/#historia",
    "": "/admin/veiculo/{id}/",
}
# Systems that publish nothing a stranger could build on. What to ask them for.
WITHOUT_FACTS: Final = (
    ("iCarros", _l("Ask their support for the manual of the stock integration, or whether they "
                   "read an XML address.")),
    ("Mobiauto", _l("Ask your contact whether they read an XML address, and in which format.")),
    ("NaPista", _l("Ask the store support to register your XML address.")),
    ("SóCarrão", _l("Ask the store support whether they read an XML address, and in which "
                    "format.")),
)  # fmt: skip


def shown_state(row: Listing, state: str, *, is_read: bool) -> str:
    """The state for people: an ad whose names nobody knows is no problem of theirs, but "reading",
    before the portal's lists were read for the first time."""
    is_early = state == "problem" and row.error_code == NOBODY_KNOWS and not is_read
    return "reading" if is_early else state


def ad_words(row: Listing, state: str) -> str:
    """Where the ad stands, in a few words."""
    if state == "off":
        return str(REASON_WORDS.get(row.reason) or _("Not planned yet"))
    if state == "live":
        return _("On air, under review") if row.remote == "in_review" else _("On air")
    if state != "sending":
        return str(STATE_WORDS[state])
    if row.is_unclear:
        return _("Looking whether it arrived")
    if row.remote == "processing":
        return _("The portal works on it")
    if row.desired == "absent":
        return _("Coming down")
    if row.desired == "paused":
        return _("Being paused")
    return _("Next in line") if row.remote in {"none", "offline", "expired"} else _("Being changed")


def ad_path(row: Listing, state: str) -> str:
    """Where the public sees the ad; "" when it does not. The address is the portal's word: one
    that is none of the web's leads nowhere."""
    is_there = state != "off" and row.url.startswith(("https://", "http://"))
    return row.url if is_there else ""


def mend_path(kind: str, vehicle_id: int | None, field: str) -> str:
    """Where what is wrong with a car's ad on a portal of that kind is mended: the field of its
    page, or another screen."""
    place = _PLACES.get(field, f"/admin/veiculo/{{id}}/#f-{field}")
    return place.format(id=vehicle_id, kind=kind) if vehicle_id or "{id}" not in place else ""
