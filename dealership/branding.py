"""A dealership's one colour made readable: every use of it holds its contrast, for any colour.

The fill of the primary action is the brand's own colour. Where the colour itself must be told from
the page (text, the focus ring, the edge of a control) its lightness is moved in OKLCH, hue kept,
until the contrast holds: WCAG 2.2 asks 4.5:1 of text (1.4.3) and 3:1 of controls (1.4.11).

DomainError
└── NotAColor    text that is no #rrggbb
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import atan2, cos, hypot, sin
from typing import Final, NamedTuple

from flask_babel import gettext as _

from core.errors import DomainError

# The grounds of static/site.css, on which the colour must hold.
LIGHT_GROUND: Final = "#faf8f5"
LIGHT_SURFACE: Final = "#ffffff"
LIGHT_SUNKEN: Final = "#f1eee9"
DARK_GROUND: Final = "#15140f"
DARK_SURFACE: Final = "#201f1b"
DARK_SUNKEN: Final = "#1b1a16"

TEXT_CONTRAST: Final = 4.5
CONTROL_CONTRAST: Final = 3.0

# Text on the brand's colour, in order of preference. White or black always has 4.58:1 or more.
_INKS: Final = ("#ffffff", "#1b1a17", "#000000")
_LIGHTNESS_STEP: Final = 0.01
_HOVER_CONTRAST: Final = 1.2  # a change that can be seen, though nothing depends on seeing it


class NotAColor(DomainError, ValueError):
    """Text that is no colour of the form #rrggbb."""


class Rgb(NamedTuple):
    """An sRGB colour, each channel 0-255."""

    red: int
    green: int
    blue: int

    @property
    def hex(self) -> str:
        """The colour as '#rrggbb'."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


class Oklch(NamedTuple):
    """A colour by perceived lightness (0-1), chroma and hue (radians)."""

    lightness: float
    chroma: float
    hue: float


_HEX: Final = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\Z", re.IGNORECASE | re.ASCII)


def parse_color(text: str) -> Rgb:
    """Reads '#rrggbb', or '#rgb' for short, in any case. Raises `NotAColor`."""
    match = _HEX.match(text.strip())
    if not match:
        raise NotAColor(
            _("A colour looks like #1d4ed8: a # and six digits or letters from a to f.")
        )
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    return Rgb(*bytes.fromhex(digits))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((_luminance(parse_color(one)), _luminance(parse_color(other))))
    return (lighter + 0.05) / (darker + 0.05)


def palette(brand: str) -> dict[str, dict[str, str]]:
    """The colours derived from a brand's, by mode ('light', 'dark') and use, as '#rrggbb':

    * `accent`: fill of the primary action, the brand's own colour; `accent_hover` under a pointer
    * `on_accent`: text on either of the two, 4.5:1
    * `accent_text`: the colour as text on any of the mode's grounds, 4.5:1
    * `accent_edge`: border of a filled control, 3:1 with the grounds even where the fill has less
    * `focus`: focus ring, 3:1 with the grounds

    Raises `NotAColor`.
    """
    light, dark = _modes(parse_color(brand).hex)
    return {"light": dict(light), "dark": dict(dark)}


@lru_cache(maxsize=64)
def _modes(brand: str) -> tuple[dict[str, str], dict[str, str]]:
    return (
        _mode(brand, (LIGHT_GROUND, LIGHT_SURFACE, LIGHT_SUNKEN), toward=0.0),
        _mode(brand, (DARK_GROUND, DARK_SURFACE, DARK_SUNKEN), toward=1.0),
    )


def _mode(brand: str, grounds: Sequence[str], toward: float) -> dict[str, str]:
    """The uses of `brand` on `grounds`; lightness `toward` is where contrast with them grows."""
    ink = next(ink for ink in _INKS if contrast(ink, brand) >= TEXT_CONTRAST)
    edge = _readable(brand, grounds, CONTROL_CONTRAST, toward)
    return {
        "accent": brand,
        "accent_hover": _hover(brand, ink),
        "on_accent": ink,
        "accent_text": _readable(brand, grounds, TEXT_CONTRAST, toward),
        "accent_edge": edge,
        "focus": edge,
    }


def _readable(color: str, grounds: Sequence[str], least: float, toward: float) -> str:
    """`color`, or the nearest lightness of its hue that has the contrast with every ground. The
    end of the way is black or white, which has it for sure."""
    return next(
        candidate
        for candidate in _toward(color, toward)
        if min(contrast(candidate, ground) for ground in grounds) >= least
    )


def _toward(color: str, lightness: float) -> Iterable[str]:
    yield color
    start = _to_oklch(parse_color(color))
    steps = int(abs(lightness - start.lightness) / _LIGHTNESS_STEP)
    direction = _LIGHTNESS_STEP if lightness > start.lightness else -_LIGHTNESS_STEP
    for step in range(1, steps + 1):
        yield _to_rgb(start._replace(lightness=start.lightness + step * direction)).hex
    yield "#ffffff" if lightness else "#000000"


def _hover(color: str, ink: str) -> str:
    """The nearest lightness that can be told from `color` and on which `ink` still reads: away
    from the ink's own lightness where there is room, else toward it."""
    away, back = (0.0, 1.0) if ink == "#ffffff" else (1.0, 0.0)
    return next(
        candidate
        for candidate in chain(_toward(color, away), _toward(color, back))
        if contrast(candidate, color) >= _HOVER_CONTRAST
        and contrast(candidate, ink) >= TEXT_CONTRAST
    )


# --- colour spaces ---


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _gamma(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(channel) for channel in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Linear sRGB to OKLab and back: Björn Ottosson, "A perceptual color space for image processing".
def _to_oklch(color: Rgb) -> Oklch:
    red, green, blue = (_linear(channel) for channel in color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    green_red = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    blue_yellow = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Oklch(lightness, hypot(green_red, blue_yellow), atan2(blue_yellow, green_red))


def _to_linear(color: Oklch) -> tuple[float, float, float]:
    green_red, blue_yellow = color.chroma * cos(color.hue), color.chroma * sin(color.hue)
    long = (color.lightness + 0.3963377774 * green_red + 0.2158037573 * blue_yellow) ** 3
    medium = (color.lightness - 0.1055613458 * green_red - 0.0638541728 * blue_yellow) ** 3
    short = (color.lightness - 0.0894841775 * green_red - 1.2914855480 * blue_yellow) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _to_rgb(color: Oklch) -> Rgb:
    """The colour on a screen; chroma that no screen shows is taken back, hue and lightness kept."""
    least, most = 0.0, color.chroma
    if _is_shown(color):
        least = most
    for _halving in range(12):
        middle = (least + most) / 2
        if _is_shown(color._replace(chroma=middle)):
            least = middle
        else:
            most = middle
    channels = _to_linear(color._replace(chroma=least))
    return Rgb(*(round(255 * _gamma(min(max(value, 0.0), 1.0))) for value in channels))


def _is_shown(color: Oklch) -> bool:
    return all(-1e-4 <= value <= 1 + 1e-4 for value in _to_linear(color))
