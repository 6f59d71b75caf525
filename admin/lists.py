"""Lists of the staff door: sorted, paged, filtered by their address, in a fixed number of
statements however long they are.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from sqlalchemy.sql.base import ExecutableOption

from core.db import db
from core.text import group_thousands

PAGE_SIZE: Final = 50
LAST_PAGE: Final = 20_000


class Listing:
    """One page of `statement`, as the address asks: `ordem=campo` or `ordem=-campo`, `pagina=2`.

    `sorts` maps the names in the address to columns; the first one is the default, with `-` in
    front when `default` says so. Rows are those of `db.session.scalars` (or whole rows when
    `as_rows`). Three statements at most: the count, the page, and what `statement` loads along.

    A list of a table that grows long names in `loads` what its rows load along: the page is then
    found by its ids alone and read afterwards. To sort whole rows costs ten times as much.
    """

    def __init__(
        self,
        statement: sa.Select[Any],
        sorts: Mapping[str, Any],
        *,
        default: str,
        tie: Any,
        page_size: int = PAGE_SIZE,
        as_rows: bool = False,
        loads: Sequence[ExecutableOption] = (),
    ) -> None:
        self._statement, self._sorts, self._tie = statement, sorts, tie
        self._size, self._as_rows, self._loads = page_size, as_rows, loads
        asked = request.args.get("ordem", default)
        self.order = asked if asked.removeprefix("-") in sorts else default
        number = request.args.get("pagina", "1")
        is_number = number.isascii() and number.isdigit() and len(number) <= 6
        self._asked_page = min(int(number), LAST_PAGE) if is_number else 1

    @cached_property
    def total(self) -> int:
        """How many rows there are on all pages."""
        counted = (
            self._statement.order_by(None)
            .options()
            .with_only_columns(sa.func.count(), maintain_column_froms=True)
        )
        return db.session.scalar(counted) or 0

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self._size))

    @property
    def page(self) -> int:
        return min(max(1, self._asked_page), self.pages)

    @cached_property
    def rows(self) -> Sequence[Any]:
        """The rows of this page."""
        column = self._sorts[self.order.removeprefix("-")]
        page = (
            self._statement.order_by(_by(column, self.order.startswith("-")), self._tie)
            .limit(self._size)
            .offset((self.page - 1) * self._size)
        )
        if self._as_rows:
            return db.session.execute(page).all()
        return read_by_id(page, self._loads) if self._loads else db.session.scalars(page).all()

    @property
    def summary(self) -> str:
        """ "51–100 of 1.240"."""
        if not self.total:
            return ""
        first = (self.page - 1) * self._size + 1
        last = min(self.total, first + self._size - 1)
        return _(
            "%(first)s–%(last)s of %(total)s",
            first=group_thousands(first),
            last=group_thousands(last),
            total=group_thousands(self.total),
        )

    def direction_of(self, key: str) -> str:
        """ "ascending" or "descending" for the column that sorts, else empty."""
        if self.order.removeprefix("-") != key:
            return ""
        return "descending" if self.order.startswith("-") else "ascending"

    def sort_path(self, key: str) -> str:
        """The address that sorts by `key`; the other way round where it does already."""
        return self._path(ordem=f"-{key}" if self.order == key else key)

    def page_path(self, number: int) -> str:
        """The address of page `number` of this list."""
        return self._path(ordem=self.order, pagina=str(number) if number > 1 else "")

    def _path(self, **changes: str) -> str:
        kept = [
            (name, value)
            for name, values in request.args.lists()
            if name not in {"ordem", "pagina"}
            for value in values
        ]
        query = urlencode([*kept, *((name, value) for name, value in changes.items() if value)])
        return f"{request.path}?{query}" if query else request.path


def _by(column: Any, is_descending: bool) -> sa.UnaryExpression[Any]:
    """Unknown values last. Said only where there can be some: PostgreSQL's index of a column, read
    backwards, has them first, and would not be used."""
    by = sa.desc(column) if is_descending else sa.asc(column)
    return sa.nulls_last(by) if getattr(column, "nullable", True) else by


def read_by_id(page: sa.Select[Any], loads: Sequence[ExecutableOption]) -> list[Any]:
    """The entities of `page`, in its order, with `loads`: their ids first, then these rows."""
    entity = page.column_descriptions[0]["entity"]
    ids = db.session.scalars(page.with_only_columns(entity.id)).all()
    rows = db.session.scalars(sa.select(entity).where(entity.id.in_(ids)).options(*loads))
    found = {row.id: row for row in rows}
    return [found[number] for number in ids if number in found]
