"""Where a store is: states, time zones, coordinates as people paste them.

DomainError
└── NoCoordinates    text in which no point on a map is found
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.errors import DomainError

STATES: Final = (
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA",
    "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
)  # fmt: skip
# The zones of Brazil's clocks (IANA); names are those people use.
ZONES: Final[Mapping[str, str]] = {
    "America/Sao_Paulo": _l("Brasília time"),
    "America/Manaus": _l("Manaus time (one hour less)"),
    "America/Cuiaba": _l("Cuiabá time (one hour less)"),
    "America/Campo_Grande": _l("Campo Grande time (one hour less)"),
    "America/Porto_Velho": _l("Porto Velho time (one hour less)"),
    "America/Boa_Vista": _l("Boa Vista time (one hour less)"),
    "America/Rio_Branco": _l("Rio Branco time (two hours less)"),
    "America/Noronha": _l("Fernando de Noronha time (one hour more)"),
}


class NoCoordinates(DomainError, ValueError):
    """Text in which no point on a map is found."""


_DEGREES: Final = r"([-+]?[0-9]{1,3}\.[0-9]+)"
# The pin of a map link before the middle of its picture.
_POINTS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"!3d{_DEGREES}!4d{_DEGREES}",
        rf"mlat={_DEGREES}&mlon={_DEGREES}",
        rf"(?:query|q|ll|destination|geo:)=?{_DEGREES},\s*{_DEGREES}",
        rf"@{_DEGREES},{_DEGREES}",
        rf"#map=[0-9.]+/{_DEGREES}/{_DEGREES}",
        rf"\A\(?{_DEGREES}\s*[,;\s]\s*{_DEGREES}\)?\Z",
    )
)
_COMMA_DECIMALS: Final = re.compile(r"\A([-+]?[0-9]{1,3}),([0-9]{3,})\s*[;\s]\s*([-+]?[0-9]{1,3}),([0-9]{3,})\Z")  # fmt: skip  # noqa: E501


def parse_coordinates(text: str) -> tuple[float, float]:
    """Latitude and longitude in degrees from '-22.9056, -47.0608' or a link of Google Maps,
    OpenStreetMap or Waze. Raises NoCoordinates, also for shortened links, which hold no point."""
    typed = unquote(text.strip())[:2000].replace("−", "-")
    if match := _COMMA_DECIMALS.match(typed):
        typed = f"{match[1]}.{match[2]}, {match[3]}.{match[4]}"
    for pattern in _POINTS:
        if match := pattern.search(typed):
            latitude, longitude = float(match[1]), float(match[2])
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                return round(latitude, 6), round(longitude, 6)
    if re.search(r"goo\.gl|maps\.app", typed):
        raise NoCoordinates(
            _("A shortened link holds no point. Open it and copy the long address from the "
              "browser.")
        )  # fmt: skip
    raise NoCoordinates(
        _("No point on a map was found in this. Paste a map link, or type -22.9056, -47.0608.")
    )
