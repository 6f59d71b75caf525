"""Markdown of articles, stories and pages as safe HTML.

What people type is data: no HTML passes, links lead to our own site only, pictures are those of
the library. Sources: nh3's allow-list after markdown-it; Google asks no rel for own links.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import nh3
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from content.media import find_media
from content.refusals import ContentRefused
from content.targets import BadTarget, read_path
from core.config import current
from core.db import db

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS: Final = {
    "p", "strong", "em", "ul", "ol", "li", "h2", "h3", "blockquote", "br", "hr", "a", "img",
    "table", "thead", "tbody", "tr", "th", "td", "code", "pre",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "loading", "decoding"},
    "ol": {"start"},
}
_PICTURE: Final = re.compile(r"/media/(picture/[A-Za-z0-9_/-]+)-(\d+)\.jpg")
Sizes = Mapping[str, Sequence[int]]  # address of a picture: its width and height


def rendered(markdown: str, sizes: Sizes | None = None) -> Markup:
    """Safe HTML of `markdown`. A link to elsewhere keeps its words and loses its address; a
    picture that `sizes` does not know is left out."""
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        if re.fullmatch(r"h[1-6]", token.tag):
            token.tag = "h2" if token.tag in {"h1", "h2"} else "h3"
        if token.children:
            token.children = list(_own(token.children, sizes or {}))
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    safe = nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None, url_schemes=set())
    return Markup(safe)  # noqa: S704 - cleaned by the list above


def _own(children: Sequence[Token], sizes: Sizes) -> Iterator[Token]:
    open_links: list[bool] = []
    for token in children:
        if token.type == "link_open":
            path = _own_path(str(token.attrGet("href") or ""))
            open_links.append(bool(path))
            if not path:
                continue
            token.attrs = {"href": path}
        elif token.type == "link_close":
            if not open_links.pop():
                continue
        elif token.type == "image":
            source = str(token.attrGet("src") or "").removeprefix(current().base_url)
            if source not in sizes:
                continue
            width_px, height_px = sizes[source]
            token.attrs = {
                "src": source, "alt": "", "width": width_px, "height": height_px,
                "loading": "lazy", "decoding": "async",
            }  # fmt: skip
        yield token


def _own_path(href: str) -> str:
    if href.startswith("#"):
        return ""
    try:
        return read_path(href)
    except BadTarget:
        return ""


def pictures_in(markdown: str) -> list[str]:
    """Addresses of the pictures that a text shows, each once."""
    found = [
        str(child.attrGet("src") or "").removeprefix(current().base_url)
        for token in _MARKDOWN.parse(markdown)
        for child in token.children or ()
        if child.type == "image"
    ]
    return list(dict.fromkeys(found))


def known_pictures(markdown: str, field: str) -> dict[str, list[int]]:
    """The pictures of `markdown` with width and height, read from the library. Raises
    ContentRefused for one that is not there, or without its description."""
    wanted = pictures_in(markdown)
    if not wanted:
        return {}
    library = {item.photo["stem"]: item for item in db.session.scalars(find_media())}
    sizes = {}
    for source in wanted:
        match = _PICTURE.fullmatch(source)
        item = library.get(match[1]) if match else None
        if match is None or item is None or int(match[2]) not in item.photo["widths"]:
            raise ContentRefused(
                _("The picture %(path)s is not in the library. Send it there first and copy its "
                  "line.", path=source[:80]),
                field,
            )  # fmt: skip
        width_px = int(match[2])
        ratio = item.photo["height_px"] / item.photo["width_px"]
        sizes[source] = [width_px, round(width_px * ratio)]
    for alt in _empty_alts(markdown):
        raise ContentRefused(
            _("Say between the brackets what the picture %(path)s shows.", path=alt[:80]), field
        )
    return sizes


def _empty_alts(markdown: str) -> Iterator[str]:
    for token in _MARKDOWN.parse(markdown):
        for child in token.children or ():
            if child.type == "image" and not child.content.strip():
                yield str(child.attrGet("src") or "")


def plain(markdown: str) -> str:
    """The words of `markdown` without its signs: for descriptions and checks."""
    parts: list[str] = []
    for token in _MARKDOWN.parse(markdown):
        for child in token.children or ():
            if child.type in {"text", "code_inline"}:
                parts.append(child.content)
            elif child.type in {"softbreak", "hardbreak"}:
                parts.append(" ")
        if token.type.endswith("_close"):
            parts.append("\n")
    return "".join(parts)


def swapped(markdown: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """`markdown` with the pictures of stem `old` replaced by those of `new`."""
    widths = sorted(new["widths"])

    def other(match: re.Match[str]) -> str:
        if match[1] != old["stem"]:
            return match[0]
        wanted = int(match[2])
        width = next((one for one in widths if one >= wanted), widths[-1])
        return f"/media/{new['stem']}-{width}.jpg"

    return _PICTURE.sub(other, markdown)
