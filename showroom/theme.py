"""The stylesheet as served: the dealership's own colours and font before the site's rules.

One request, named by its content, so that browsers keep it for ever and a new colour is a new name.
"""

import hashlib
import re
from functools import lru_cache
from itertools import product
from pathlib import Path

from flask import Blueprint, Response, abort
from rcssmin import cssmin

from core.config import ROOT
from core.headers import IMMUTABLE
from dealership.branding import palette
from dealership.identity import identity

theme = Blueprint("theme", __name__)

STYLES = ROOT / "static" / "site.css"
GROUND_STEP = 64
UNKNOWN_GROUND = "#8b857b"
# Names of font families that are on the machine: letters, digits, spaces, commas, quotes, hyphens.
_FONT = re.compile(r"[\w\s,'\"-]{1,160}")


@lru_cache(maxsize=8)
def _stylesheet(brand_color: str, font_family: str, _modified: float) -> tuple[str, str]:
    """Name and text of the stylesheet for these looks. `_modified` renews it in development."""
    light, dark = palette(brand_color)["light"], palette(brand_color)["dark"]
    font = f"--brand-font:{font_family};" if _FONT.fullmatch(font_family) else ""
    text = (
        f":root{{{font}{_variables(light)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(dark)}}}}}"
        + cssmin(STYLES.read_text(encoding="utf-8"))
        + _grounds()
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return digest, text


def ground_class(color: str) -> str:
    """The class of a photo's ground, seen until the photo is there: its own `color` (#rrggbb), as
    near as 64 of them come. A class, since the policy forbids inline styles."""
    color = color or UNKNOWN_GROUND
    levels = [int(color[place : place + 2], 16) // GROUND_STEP for place in (1, 3, 5)]
    return "g" + "".join(map(str, levels))


def _grounds() -> str:
    """The rules of all these classes, each the middle of its colours, mostly greyed: a grey that
    lies at the edge of a class is no loud yellow while its photo is on the way."""
    levels = range(256 // GROUND_STEP)
    return "".join(
        f".{ground_class(color)}{{background:{_muted(color)}}}"
        for color in (
            "#" + "".join(f"{level * GROUND_STEP + GROUND_STEP // 2:02x}" for level in triple)
            for triple in product(levels, repeat=3)
        )
    )


def _muted(color: str) -> str:
    channels = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    grey = sum(channels) // 3
    return "#" + "".join(f"{(channel + 3 * grey) // 4:02x}" for channel in channels)


def _variables(colors: dict[str, str]) -> str:
    return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in colors.items())


def current_stylesheet() -> tuple[str, str]:
    """(digest, text) for the dealership as it looks now."""
    looks = identity()
    return _stylesheet(looks.brand_color, looks.font_family, Path(STYLES).stat().st_mtime)


def stylesheet_for(brand_color: str, font_family: str, scheme: str) -> str:
    """The stylesheet of other looks than today's, light or dark whatever the reader's own screen
    is: for samples of what is not saved yet. Raises dealership.branding.NotAColor."""
    _digest, text = _stylesheet(brand_color, font_family, Path(STYLES).stat().st_mtime)
    wanted = "all" if scheme == "dark" else "not all"
    return re.sub(r"\(prefers-color-scheme:\s*dark\)", wanted, text)


def stylesheet_path() -> str:
    return f"/estilo-{current_stylesheet()[0]}.css"


@theme.get("/estilo-<digest>.css")
def stylesheet(digest: str) -> Response:
    """The stylesheet; an older name answers the newest text, uncached, for pages kept open."""
    if not re.fullmatch(r"[0-9a-f]{12}", digest):
        abort(404)
    newest, text = current_stylesheet()
    response = Response(text, mimetype="text/css")
    response.headers["Cache-Control"] = IMMUTABLE if digest == newest else "no-store"
    return response
