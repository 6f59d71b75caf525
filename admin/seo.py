"""How a page looks where people find it: the search result and the card of a shared link.

`templates/macros/seo.html` draws it. The cuts follow what Google shows today: a title of about
600 px in Arial 20 (65 characters at most here), a description of about 160 characters; both move,
so a text that keeps these limits is whole everywhere.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.head import absolute, shorten
from landing.labels import PT_PER_MM, width_mm

MOST_TITLE: Final = 65
MOST_DESCRIPTION: Final = 160
TITLE_WIDTH_PX: Final = 600
TITLE_SIZE_PX: Final = 20


@dataclass(frozen=True)
class Found:
    """What a search engine shows of a page, cut as it cuts."""

    title: str
    description: str
    host: str
    crumbs: str
    title_width_px: int
    is_title_cut: bool
    is_description_cut: bool


def found_as(title: str, description: str, path: str) -> Found:
    """The search result of the page at `path` (on this site). Never raises."""
    title, description = " ".join(title.split()), " ".join(description.split())
    parts = urlsplit(absolute(path or "/"))
    steps = [step for step in parts.path.split("/") if step]
    cut = cut_title(title)
    return Found(
        title=cut,
        description=shorten(description, MOST_DESCRIPTION),
        host=parts.netloc,
        crumbs=" › ".join([parts.netloc, *steps]),
        title_width_px=title_px(title),
        is_title_cut=cut != title or len(title) > MOST_TITLE,
        is_description_cut=len(description) > MOST_DESCRIPTION,
    )


def title_px(title: str) -> int:
    """How wide `title` stands in a search result, in pixels."""
    return round(width_mm(title, TITLE_SIZE_PX) * PT_PER_MM)


def cut_title(title: str) -> str:
    """`title` cut at a word where the search result has no more room."""
    if title_px(title) <= TITLE_WIDTH_PX:
        return title
    words = title.split(" ")
    while len(words) > 1 and title_px(" ".join(words) + " …") > TITLE_WIDTH_PX:
        words.pop()
    return " ".join(words) + " …"
