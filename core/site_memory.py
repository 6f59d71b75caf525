"""What depends on the house alone, read once per process and version of the site.

`site_number` is the site's version as this process knows it, asked for at most five times a second
and once per request. What is remembered under it was read in a transaction that saw that number or
a later one, so nothing old ever stands under a new number.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from flask import Flask, current_app, g
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.db import db
from core.site_version import NUMBER

CHECK_SECONDS: Final = 0.2
_EXTENSION: Final = "vitrine_site_memory"
T = TypeVar("T")


@dataclass
class _Memory:
    """Of one application. `entries`: name -> (number, value)."""

    check_seconds: float
    is_on: bool = True
    number: int = 0
    asked_at: float = float("-inf")
    entries: dict[str, tuple[int, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def site_number() -> int:
    """The version of the site that this request goes by. Raises SQLAlchemyError."""
    if "site_number" not in g:
        memory = _memory()
        asked_at = time.monotonic()
        if asked_at - memory.asked_at >= memory.check_seconds:
            with db.engine.connect() as connection:
                number = connection.scalar(NUMBER) or 0
            with memory.lock:
                # A slower thread may come with an older answer.
                if asked_at > memory.asked_at:
                    memory.number, memory.asked_at = number, asked_at
        g.site_number = memory.number
    found: int = g.site_number
    return found


def remember_nothing(app: Flask) -> None:
    """Read anew each time in `app`: for tests, whose pages cost the same statements whenever they
    are asked for. `remember_at_once` undoes it."""
    app.extensions[_EXTENSION] = _Memory(check_seconds=0.0, is_on=False)


def remember_at_once(app: Flask) -> None:
    """Remember in `app`, and ask for the site's version every time: for tests of what is kept."""
    app.extensions[_EXTENSION] = _Memory(check_seconds=0.0)


def is_at_least(number: int) -> bool:
    """Whether what this process remembers is of the site's version `number` or a later one, after
    asking for it if need be: before a page is drawn to be kept under that number."""
    memory = _memory()
    if memory.number < number:
        memory.asked_at = float("-inf")
        g.pop("site_number", None)
    return site_number() >= number


def sees_site_number() -> bool:
    """Whether what the session reads now is as new as `site_number`: only then may something made
    of it be kept. One statement per request; False within a transaction that changes things."""
    if _is_writing():
        return False
    number = site_number()
    if g.get("seen_number", -1) < number:  # what was seen once is never unseen
        g.seen_number = db.session.scalar(NUMBER) or 0
    return bool(g.seen_number >= number)


def remembered(name: str, read: Callable[[], T]) -> T:
    """What `read` finds in the database, from memory while the site's version stays the same.
    The value is shared by all threads and must not be changed."""
    memory = _memory()
    if _is_writing() or not memory.is_on:  # a verb sees its own changes
        return read()
    number = site_number()
    kept = memory.entries.get(name)
    if kept is not None and kept[0] == number:
        found: T = kept[1]
        return found
    seen = db.session.scalar(NUMBER) or 0  # first: what is read then is as new or newer
    value = read()
    with memory.lock:
        kept = memory.entries.get(name)
        if kept is None or kept[0] <= seen:
            memory.entries[name] = (seen, value)
    return value


def _is_writing() -> bool:
    # Asking a session that is not there yet would make one, for a page that needs none.
    return db.session.registry.has() and bool(db.session.info.get("writing"))


def _memory() -> _Memory:
    memory: _Memory | None = current_app.extensions.get(_EXTENSION)
    if memory is None:
        memory = current_app.extensions.setdefault(_EXTENSION, _Memory(CHECK_SECONDS))
    return memory


def _ask_again(_session: Session) -> None:
    """Who has just saved something sees it on the next page."""
    if current_app:
        _memory().asked_at = float("-inf")
        for name in (
            "site_number",
            "seen_number",
            *_memory().entries,
        ):  # a request keeps its own, too
            g.pop(name, None)


event.listen(Session, "after_commit", _ask_again)
