"""Counting visits without standing in their way.

A count is worth less than the page it is about: it waits for other writers for a twentieth of a
second at most, and what the database did not take is kept in this process and tried again with
the next count. Nothing here raises for a database that is locked, full or away. A process that is
killed loses what waited: a few numbers, never a lead.
"""

import threading
from collections import deque
from typing import Final

import sqlalchemy as sa
import structlog
from flask import Flask, Request, current_app

from core.db import db, writing
from leads import flood
from leads.audience import is_reader

WAIT_SECONDS: Final = 0.05
MOST_WAITING: Final = 1000  # the oldest go first
MOST_AT_ONCE: Final = 50
MOST_VIEWS: Final = "240 per minute"  # of one address; more are shown, not counted

log = structlog.get_logger("vitrine.counting")


class Waiting:
    """Statements that the database has not taken yet, for all threads of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.statements: deque[sa.Executable] = deque(maxlen=MOST_WAITING)


def init_counting(app: Flask) -> None:
    """Give `app` its place for counts that wait."""
    app.extensions["vitrine_counting"] = Waiting()


def is_person(request: Request) -> bool:
    """Whether `request` is somebody looking at a page, and not more often than the people behind
    one address do. Counts one."""
    client = flood.client_of(request.remote_addr or "")
    return is_reader(request) and flood.flood().allows(MOST_VIEWS, "view", client)


def count(statement: sa.Executable) -> bool:
    """Carry out `statement` and those that waited, in order; whether the database took them.

    Call it outside `writing()` and when the page is drawn: it ends the request's read
    transaction. A statement must be harmless when its row is there already.
    """
    waiting: Waiting = current_app.extensions["vitrine_counting"]
    with waiting.lock:
        waiting.statements.append(statement)
        batch = [
            waiting.statements.popleft() for _ in range(min(MOST_AT_ONCE, len(waiting.statements)))
        ]
    try:
        _carry_out(batch)
    except (sa.exc.IntegrityError, sa.exc.DataError) as error:
        # One of them can never be counted (its sticker is gone): the others must not wait for it.
        return _one_by_one(waiting, batch, error)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        _put_back(waiting, batch, error)
        return False
    return True


def _carry_out(batch: list[sa.Executable]) -> None:
    with writing(wait_seconds=WAIT_SECONDS) as session:
        for statement in batch:
            session.execute(statement)


def _one_by_one(waiting: Waiting, batch: list[sa.Executable], cause: Exception) -> bool:
    log.warning("count_dropped", error=type(cause).__name__)
    for place, statement in enumerate(batch):
        try:
            _carry_out([statement])
        except (sa.exc.IntegrityError, sa.exc.DataError):
            continue
        except (sa.exc.SQLAlchemyError, OSError) as error:
            _put_back(waiting, batch[place:], error)
            return False
    return True


def _put_back(waiting: Waiting, batch: list[sa.Executable], error: Exception) -> None:
    db.session.rollback()
    log.warning("count_waits", error=type(error).__name__, waiting=len(batch))
    with waiting.lock:
        room = MOST_WAITING - len(waiting.statements)
        waiting.statements.extendleft(reversed(batch[-room:] if room else []))
