"""The number that grows with everything that public pages show, in the same transaction.

Nobody has to remember it: every statement that the application sends passes here on its way to the
database. One that changes a table marks its transaction, unless no public page reads that table
(`hidden`), and a marked transaction grows the number as its last act before the commit. A change
written as plain SQL, which names no table that we could read, counts as one that shows.
"""

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, db


class SiteVersion(Model):
    """One row, one number."""

    __tablename__ = "site_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.BigInteger, default=0)


NUMBER: Final = sa.select(SiteVersion.number).where(SiteVersion.id == 1)
# The same words on both databases. Last before the commit: on PostgreSQL writers wait here for
# each other, and then for nothing else.
_GROW: Final = (
    "INSERT INTO site_version (id, number) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET number = site_version.number + 1"
)
_IS_MARKED: Final = "shown_table_changed"
_CHANGES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH", "COPY", "TRUNCATE")
# An execution option of a connection: tables are being made, and this one may be missing.
MIGRATING: Final = "is_migrating"


def init_site_version(app: Flask, hidden: Collection[str]) -> None:
    """Watch what `app` writes. `hidden` are the tables that no public page reads."""
    with app.app_context():
        watch(db.engine, frozenset(hidden))


def watch(engine: Engine, hidden: frozenset[str]) -> None:
    """Grow the number with each transaction of `engine` that changes a table not in `hidden`."""
    hidden |= {SiteVersion.__tablename__}

    def look(
        connection: Connection,
        _cursor: Any,
        statement: str,
        _parameters: Any,
        context: Any,
        _is_many: bool,
    ) -> None:
        if context is None:
            return
        if context.isinsert or context.isupdate or context.isdelete:
            is_shown = context.compiled.statement.table.name not in hidden
        elif context.compiled is None or context.is_text:
            is_shown = statement.lstrip()[:8].upper().startswith(_CHANGES)
        else:
            return
        if is_shown:
            connection.info[_IS_MARKED] = True

    event.listen(engine, "before_cursor_execute", look)
    event.listen(engine, "commit", _grow_if_marked)
    event.listen(engine, "rollback", _forget_mark)


def _grow_if_marked(connection: Connection) -> None:
    if not connection.info.pop(_IS_MARKED, False):
        return
    if connection.get_execution_options().get(MIGRATING) and not sa.inspect(connection).has_table(
        SiteVersion.__tablename__
    ):
        return
    connection.exec_driver_sql(_GROW)
    connection.info.pop(_IS_MARKED, None)  # its own statement


def _forget_mark(connection: Connection) -> None:
    # One that broke took its mark along, and may not be asked before its rollback is over.
    if not connection.invalidated:
        connection.info.pop(_IS_MARKED, None)
