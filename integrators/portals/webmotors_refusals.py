"""What Webmotors' return codes mean for staff: a sentence, and the field where to mend it.

The codes are those that public code knows (CodigoRetorno); others are shown as they are.
"""

from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from integrators.portals.portal import Problem

BAD_SESSION: Final = frozenset({"401", "402"})
UNEXPECTED: Final = "400"
NO_PERMISSION: Final = "403"
NO_ROOM: Final = frozenset({"43|32", "43|33"})
NOT_OURS: Final = "43|39"
BLOCKED: Final = frozenset({"43|25", "43|80"})

_PHOTO: Final = "photos"
_KNOWN: Final[dict[str, tuple[LazyString, str]]] = {
    "28|2": (_l("Webmotors does not take this price."), "price"),
    "31|1": (_l("Webmotors misses something in this ad."), ""),
    "21|9": (_l("A photo is too heavy for Webmotors."), _PHOTO),
    "21|10": (_l("Webmotors takes photos as JPG or PNG only."), _PHOTO),
    "42|2": (_l("Webmotors takes 20 photos at most."), _PHOTO),
    "42|3": (_l("This kind of ad has no photos at Webmotors."), _PHOTO),
    "43|30": (_l("This fuel does not go with the version at Webmotors."), "fuel"),
    "43|41": (_l("Make, model, version and year do not go together at Webmotors."), "terms"),
    "43|42": (_l("This colour does not go with the version at Webmotors."), "color"),
    "43|55": (_l("Webmotors wants to know whether the car is new or used."), "condition"),
    "43|57": (_l("Webmotors does not let an ad change between new and used."), "condition"),
    "43|65": (_l("Webmotors takes no markup in the description."), "description"),
    "43|66": (_l("Webmotors finds the price far off the market. Check it."), "price"),
    "43|102": (_l("Webmotors finds the price far above FIPE. Check it."), "price"),
    "43|82": (_l("At Webmotors only the price of this ad may still change."), ""),
    "43|107": (_l("At Webmotors the mileage may only grow. Check it."), "mileage"),
    "43|84": (_l("Webmotors does not take this plate. Check it."), "license_plate"),
    "43|97": (_l("The description is too long for Webmotors."), "description"),
}


def problem_of(code: str) -> Problem:
    """Why Webmotors turns an ad away."""
    words, field = _KNOWN.get(code, (None, ""))
    if words is None:
        number = code.partition("|")[2]
        is_missing = code.startswith("43|") and number.isdigit() and 7 <= int(number) <= 22
        said = (
            _("Webmotors misses something in this ad (code %(code)s).", code=code)
            if is_missing
            else _("Webmotors turns this ad away (code %(code)s).", code=code or "–")
        )
        return Problem(f"webmotors_{code}", said, "")
    return Problem(f"webmotors_{code}", str(words), field)
