"""What Mercado Livre's "no" means: no room, the whole account, or one car's fault, in plain words.

An answer is {message, error, status, cause: [{code, type, message, references}]}; causes of the
type "warning" keep nothing back (developers.mercadolivre.com.br, "publicação de automóveis"). Codes
are numbers or words and many are told nowhere, so what a refusal is about is read from the name of
the field in `references` and from the code.
"""

from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.text import clean_line
from integrators.portals.portal import Locked, Problem, Reply

LONGEST_SAID: Final = 160
_ROOM: Final = ("quota", "package", "available_listings", "available listings", "promotion_pack")
_WORDS: Final = ("description.type", "plain_text is not", "personal", "not allowed")
# Which word in a code or a reference means which field of the car; the first one counts.
_FIELDS: Final[dict[str, tuple[LazyString, str]]] = {
    "picture": (_l("Mercado Livre does not take the photos."), "photos"),
    "price": (_l("Mercado Livre does not take the price."), "price_cents"),
    "seller_contact": (_l("Mercado Livre does not take the store's phone or e-mail."), "store"),
    "phone": (_l("Mercado Livre does not take the store's phone or e-mail."), "store"),
    "location": (_l("Mercado Livre does not take the store's address."), "store"),
    "zip_code": (_l("Mercado Livre does not take the store's address."), "store"),
    "video": (_l("Mercado Livre does not take the film."), "video_url"),
    "description": (_l("Mercado Livre does not take the description."), "description"),
    "title": (_l("Mercado Livre does not take the ad's title."), "trim"),
    "category": (_l("Mercado Livre does not take this kind of vehicle."), "body"),
    "brand": (_l("Mercado Livre does not take the make."), "make"),
    "model": (_l("Mercado Livre does not take the model."), "model"),
    "trim": (_l("Mercado Livre does not take the version."), "trim"),
    "vehicle_year": (_l("Mercado Livre does not take the year."), "model_year"),
    "kilometers": (_l("Mercado Livre does not take the mileage."), "mileage_km"),
    "attribute": (_l("Mercado Livre does not take one of the car's facts."), "features"),
}


def problem_of(reply: Reply) -> Problem:
    """Why one car was refused, where to mend it, and what the portal itself said."""
    cause = _causes(reply)[0]
    code = str(cause.get("code") or reply.status)
    words, field = _l("Mercado Livre does not take the ad."), ""
    for place in (_subject(cause), _subject(cause) + " " + str(cause.get("message"))):
        found = next((_FIELDS[word] for word in _FIELDS if word in place.lower()), None)
        if found:
            words, field = found
            break
    said = clean_line(str(cause.get("message") or ""), LONGEST_SAID)
    told = _("%(words)s It says: %(said)s", words=words, said=said) if said else str(words)
    return Problem(f"mercadolivre:{code}"[:80], told, field)


def is_about_room(reply: Reply) -> bool:
    """Whether the contract with the portal is full, or there is none."""
    return reply.status == 402 or any(word in _all(reply) for word in _ROOM)


def is_about_status(reply: Reply) -> bool:
    """Whether the ad stands so that it cannot be changed."""
    return "status" in _all(reply) or "closed" in _all(reply)


def is_about_words(reply: Reply) -> bool:
    """Whether a description itself is refused, and not the way it came."""
    return is_about_status(reply) or any(word in _all(reply) for word in _WORDS)


def locked(reply: Reply) -> Locked:
    """Why the account as a whole is turned away (403)."""
    if is_about_room(reply):
        words = _("Mercado Livre sees no package of ads. Talk to Mercado Livre.")
        return Locked(words, needs_person=False)
    said = clean_line(str(reply.table.get("message") or reply.table.get("error") or ""), 100)
    words = _("Mercado Livre turns this account away: %(said)s", said=said or "403")
    return Locked(words)


def _causes(reply: Reply) -> list[dict[str, Any]]:
    """What speaks against it, the answer itself at least."""
    told = reply.table.get("cause")
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    serious = [row for row in rows if str(row.get("type")).lower() != "warning"]
    whole = {"code": reply.table.get("error"), "message": reply.table.get("message")}
    return serious or [whole]


def _subject(cause: dict[str, Any]) -> str:
    return f"{cause.get('code')} {cause.get('references')}"


def _all(reply: Reply) -> str:
    """Everything said, in lower case."""
    whole = f"{reply.table.get('error')} {reply.table.get('message')}"
    told = (f"{_subject(cause)} {cause.get('message')}" for cause in _causes(reply))
    return " ".join([whole, *told]).lower()
