"""What views say of pages that are the same for everybody, for the cache in front of Flask
(`core.page_cache`): which they are, under which address, and what happens when one is read."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from flask import has_request_context, request

from core.kept_page import OnRead

P = ParamSpec("P")
R = TypeVar("R")
NOTES: Final = "vitrine.page_notes"  # in the environment of a request that draws for everybody


class Notes:
    """What a view said of the page that is being drawn."""

    __slots__ = ("is_for_one", "is_own_address", "on_read")

    def __init__(self) -> None:
        self.is_own_address = False
        self.is_for_one = False
        self.on_read: OnRead | None = None


def without_query(_path: str, query: str) -> bool:
    """The address rule of pages that no query changes."""
    return not query


def shared(
    view: Callable[P, R], is_own_address: Callable[[str, str], bool] = without_query
) -> Callable[P, R]:
    """`view`, whose page is the same for everybody who asks for the same path and query.

    `is_own_address` gets both, the path decoded and the query as it came, inside the request:
    whether exactly this is what our own links say. Only then is the page kept.
    """

    @wraps(view)
    def drawn(*arguments: P.args, **named: P.kwargs) -> R:
        answer = view(*arguments, **named)
        notes: Notes | None = request.environ.get(NOTES)
        if notes is not None:
            query = request.environ.get("QUERY_STRING", "")
            notes.is_own_address = is_own_address(request.path, query)
        return answer

    drawn.is_shared = True  # type: ignore[attr-defined]
    return drawn


def is_shared(view: object) -> bool:
    """Whether `view` was declared so."""
    return hasattr(view, "is_shared")


def when_read(call: OnRead) -> None:
    """Call `call` with the environment of each request that the page being drawn answers: at once
    without a cache, else now and at each time it is given away. It runs outside of the
    application's context, must be quick and must not raise."""
    notes: Notes | None = request.environ.get(NOTES)
    if notes is None:
        call(request.environ)
    else:
        notes.on_read = call


def keep_for_one() -> None:
    """The page being drawn is good for one reader: it holds something to be used once, or says
    less than it should because something failed."""
    if has_request_context() and (notes := request.environ.get(NOTES)) is not None:
        notes.is_for_one = True
