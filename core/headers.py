"""Security headers on every answer: one policy, no inline script or style, and no third party but
the tags that the dealer's settings name."""

from collections.abc import Collection, Mapping

from flask import Flask, Response, g, request

from core.kept_page import PLAIN, SMALLEST_PACKED_BYTES, encoding_for, packed

SOURCES: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "manifest-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "frame-ancestors": ("'none'",),
    "object-src": ("'none'",),
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}
HSTS = "max-age=31536000; includeSubDomains"
IMMUTABLE = "public, max-age=31536000, immutable"
# Staff pages mix what must not be known with what an address says, and a packed page's length tells
# of both (BREACH). Whoever guesses has to make our reader's browser ask, from a page of his own.
OWN_PAGES = frozenset({"same-origin", "none"})


def policy(
    also: Mapping[str, Collection[str]], instead: Mapping[str, Collection[str]] | None = None
) -> str:
    """The content policy, with the sources in `also` added by directive and those of `instead`
    standing for a directive's own."""
    sources = {**SOURCES, **(instead or {})}
    directives = dict.fromkeys([*sources, *sorted(also)])
    return "; ".join(
        " ".join([name, *dict.fromkeys([*sources.get(name, ()), *also.get(name, ())])])
        for name in directives
    )


def allow_being_framed() -> None:
    """This answer may stand in a frame of our own pages: a preview. Nobody else's."""
    g.frame_policy = {"frame-ancestors": ("'self'",)}


def allow_framing() -> None:
    """This answer may hold a frame with a page of ours."""
    g.frame_policy = {"frame-src": ("'self'",)}


def init_headers(
    app: Flask,
    *,
    is_https: bool,
    media_origin: str = "",
    also: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Add the headers to every answer of `app` that does not set its own.

    `media_origin` is where pictures come from when it is not this site (an object store); `also`
    are further hosts by directive, those of the tags that the dealer chose.
    """
    allowed = {name: list(hosts) for name, hosts in (also or {}).items()}
    if media_origin:
        allowed["img-src"] = [media_origin, *allowed.get("img-src", [])]
    always = {"Content-Security-Policy": policy(allowed), **HEADERS}
    if is_https:
        always["Strict-Transport-Security"] = HSTS

    def add(response: Response) -> Response:
        framing = g.pop("frame_policy", None)
        wanted = (
            {**always, "Content-Security-Policy": policy(allowed, framing)} if framing else always
        )
        # One look, not one search each: every answer passes here.
        own = {name.lower() for name, _value in response.headers}
        response.headers.extend({name: wanted[name] for name in wanted if name.lower() not in own})
        return response

    app.after_request(add)


def pack_errors(app: Flask) -> None:
    """Errors are packed like other pages: Flask-Compress packs only what went well, and a form with
    a mistake in it is given back whole."""

    def pack(response: Response) -> Response:
        is_page = response.mimetype == "text/html" and not response.is_streamed
        if response.status_code < 400 or not is_page or "Content-Encoding" in response.headers:
            return response
        response.vary.add("Accept-Encoding")
        encoding = encoding_for(request.headers.get("Accept-Encoding"))
        body = response.get_data()
        if encoding != PLAIN and len(body) >= SMALLEST_PACKED_BYTES:
            response.set_data(packed(body, encoding))
            response.headers["Content-Encoding"] = encoding
        return response

    app.after_request(pack)


def pack_own_readers_only(app: Flask, prefix: str) -> None:
    """Answers below `prefix` are packed where our own pages, or the reader's own typing, asked."""

    def ask_for_plain() -> None:
        if not request.path.startswith(prefix):
            return
        asked_by = request.headers.get("Sec-Fetch-Site", "" if request.is_secure else "none")
        if asked_by not in OWN_PAGES:
            request.environ.pop("HTTP_ACCEPT_ENCODING", None)

    app.before_request(ask_for_plain)
