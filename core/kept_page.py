"""One finished page in memory, ready to be given away: a body per encoding, with its headers.

RFC 9110 is the source of the rules: a tag per encoding (8.8.3), what a 304 repeats (15.4.5), which
encoding a browser takes (12.5.3).
"""

import gzip
import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import brotli  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Headers = list[tuple[str, str]]
Environ = dict[str, Any]
OnRead = Callable[[Environ], None]

PLAIN: Final = ""
SMALLEST_PACKED_BYTES: Final = 500  # below this the packing weighs more than it saves
# Once per page and encoding: a little slower than what is packed for one reader, and smaller.
_PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "br": lambda body: bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=5)),
    "zstd": lambda body: zstd.compress(body, level=6),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
# Of the body, not of the page: a 304 says nothing of it; the rest of the head stays true.
_OF_THE_BODY: Final = frozenset({"content-type", "content-length", "content-encoding"})
# Of one answer alone.
_OF_ONE: Final = frozenset({"content-length", "content-encoding", "date", "x-request-id", "etag"})
# What a page weighs beside its bodies: objects, header lists, its place in a dictionary.
_AROUND_BYTES: Final = 3_000


class Variant:
    """A page in one encoding. The lists are the server's to read, never to change."""

    __slots__ = ("body", "etag", "headers", "unchanged")

    def __init__(self, body: bytes, etag: str, headers: Headers) -> None:
        self.body = [body]
        self.etag = etag
        self.headers = headers
        self.unchanged = [pair for pair in headers if pair[0].lower() not in _OF_THE_BODY]


class KeptPage:
    """An answer as the application gave it, and what was made of it for those who ask.

    `on_read` is called with the environment of each request that the page answers. `was_read`
    is the cache's own note.
    """

    __slots__ = ("_body", "_digest", "_headers", "on_read", "status", "variants", "was_read")

    def __init__(
        self, status: str, headers: Iterable[tuple[str, str]], body: bytes, on_read: OnRead | None
    ) -> None:
        self.status = status
        self.on_read = on_read
        self.was_read = False
        self.variants: dict[str, Variant] = {}
        self._body = body
        self._digest = hashlib.blake2b(body, digest_size=12).hexdigest()
        self._headers = _told_of_encodings(
            [pair for pair in headers if pair[0].lower() not in _OF_ONE]
        )

    def variant(self, encoding: str) -> Variant:
        """The page in `encoding`, one of those that `encoding_for` names; made at the first
        question."""
        found = self.variants.get(encoding)
        if found is None:
            found = self.variants[encoding] = self._packed(encoding)
        return found

    def _packed(self, encoding: str) -> Variant:
        if encoding != PLAIN and len(self._body) < SMALLEST_PACKED_BYTES:
            return self.variant(PLAIN)
        body = _PACKERS[encoding](self._body) if encoding != PLAIN else self._body
        etag = f'"{self._digest}-{encoding}"' if encoding != PLAIN else f'"{self._digest}"'
        headers = [*self._headers, ("ETag", etag), ("Content-Length", str(len(body)))]
        if encoding != PLAIN:
            headers.append(("Content-Encoding", encoding))
        return Variant(body, etag, headers)

    @property
    def bytes(self) -> int:
        """What it takes of the memory, about."""
        packed = sum(len(one.body[0]) for name, one in list(self.variants.items()) if name != PLAIN)
        return _AROUND_BYTES + len(self._body) + packed


def _told_of_encodings(headers: Headers) -> Headers:
    """`headers` with one Vary that names Accept-Encoding."""
    names = [
        name.strip()
        for key, value in headers
        if key.lower() == "vary"
        for name in value.split(",")
        if name.strip()
    ]
    if "accept-encoding" not in {name.lower() for name in names}:
        names.append("Accept-Encoding")
    return [pair for pair in headers if pair[0].lower() != "vary"] + [("Vary", ", ".join(names))]


@lru_cache(maxsize=512)
def encoding_for(accepted: str | None) -> str:
    """The best encoding that an Accept-Encoding header takes; PLAIN without one, and where it
    takes none of ours."""
    if not accepted:
        return PLAIN
    weights: dict[str, float] = {}
    for part in accepted.split(",")[:20]:
        name, _semicolon, parameters = part.partition(";")
        weights[name.strip().lower()] = _weight(parameters)
    rest = weights.get("*", 0.0)
    asked = {name: weights.get("x-gzip", rest) if name == "gzip" else rest for name in _PACKERS}
    asked |= {name: weight for name, weight in weights.items() if name in _PACKERS}
    best = max(asked, key=lambda name: asked[name])  # the first of equals: smallest comes first
    return best if asked[best] > 0 else PLAIN


def packed(body: bytes, encoding: str) -> bytes:
    """`body` in `encoding`, one of those that `encoding_for` names besides PLAIN."""
    return _PACKERS[encoding](body)


def _weight(parameters: str) -> float:
    name, _equals, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def is_known(variant: Variant, asked: str) -> bool:
    """Whether an If-None-Match header holds the variant's tag. Compared weakly, as for GET."""
    if asked == variant.etag:
        return True
    tags: Sequence[str] = [tag.strip().removeprefix("W/") for tag in asked[:2000].split(",")]
    return variant.etag in tags or tags == ["*"]
