"""Who asks for a page: a person, or one of the machines that show that they are one."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from flask import Request

# Who opens addresses without a person: crawlers, link previews, measuring tools.
_ROBOT: Final = re.compile(
    r"bot\b|bot[/;]|crawl|spider|slurp|preview|scan|monitor|lighthouse|pagespeed|"
    r"facebookexternalhit|facebookcatalog|meta-external|^whatsapp/|telegram|embedly|pinterest/",
    re.IGNORECASE,
)
# Programs that fetch pages and do not call themselves robots.
_PROGRAM: Final = re.compile(
    r"^(curl|wget|python|go-http|java/|okhttp|axios|node|httpx|libwww|ruby|php|skype|discord)",
    re.IGNORECASE,
)
_AHEAD: Final = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_PURPOSES: Final = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


def is_by_a_person(request: Request) -> bool:
    """Whether somebody tapped: no HEAD, no fetching ahead, no robot that says it is one."""
    return _was_tapped(request.environ) and _is_no_robot(request.headers.get("User-Agent", ""))


def is_reader(request: Request) -> bool:
    """Whether somebody reads the page: `is_by_a_person`, in a browser that knows its person's
    language, and no program that only fetches."""
    return reads(request.environ)


def reads(environ: Mapping[str, Any]) -> bool:
    """`is_reader` for a WSGI environment: pages out of the memory have no request. Microseconds."""
    return (
        bool(environ.get("HTTP_ACCEPT_LANGUAGE"))
        and _is_browser(environ.get("HTTP_USER_AGENT", ""))
        and _was_tapped(environ)
    )


def _was_tapped(environ: Mapping[str, Any]) -> bool:
    if environ.get("REQUEST_METHOD") != "GET":
        return False
    return not any(name in environ and _AHEAD.search(environ[name]) for name in _PURPOSES)


@lru_cache(maxsize=1024)
def _is_browser(agent: str) -> bool:
    return _is_no_robot(agent) and not _PROGRAM.match(agent)


def _is_no_robot(agent: str) -> bool:
    return bool(agent) and not _ROBOT.search(agent)
