"""Who asks for a page: a person, or one of the machines that show that they are one."""

import re
from typing import Final

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


def is_by_a_person(request: Request) -> bool:
    """Whether somebody tapped: no HEAD, no fetching ahead, no robot that says it is one."""
    headers = request.headers
    ahead = " ".join(
        headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    )
    agent = headers.get("User-Agent", "")
    return (
        request.method == "GET"
        and not _AHEAD.search(ahead)
        and bool(agent)
        and not _ROBOT.search(agent)
    )


def is_reader(request: Request) -> bool:
    """Whether somebody reads the page: `is_by_a_person`, in a browser that knows its person's
    language, and no program that only fetches."""
    return (
        is_by_a_person(request)
        and bool(request.headers.get("Accept-Language"))
        and not _PROGRAM.match(request.headers.get("User-Agent", ""))
    )
