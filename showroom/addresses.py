"""Where a filter lives: the shortest address that says the same, so that one list has one."""

import re
from typing import Final
from urllib.parse import parse_qs

from inventory.filters import canonical, on_page, read_filter, sorted_by, to_query
from inventory.list_paths import STOCK, both, filter_at, list_path
from inventory.search import OfferFilter

_NUMBER: Final = re.compile(r"pagina=(?:[2-9]|[1-9][0-9]{1,3})", re.ASCII)


def path_of(wanted: OfferFilter) -> str:
    """`/estoque/fiat`, `/estoque/fiat/argo`, `/estoque/suv` where that is all; else `/estoque` with
    a query."""
    wanted = canonical(wanted)
    path = list_path(wanted)
    if path:
        query = to_query(on_page(sorted_by(OfferFilter(), wanted.sort), wanted.page))
    else:
        path, query = STOCK, to_query(wanted)
    return f"{path}?{query}" if query else path


def is_filtered(address: str) -> bool:
    """Whether `address` is one of the many that filters make, which links do not recommend."""
    return "?" in address


def is_canonical(path: str, query: str) -> bool:
    """Whether `path` and `query`, as a request has them, are exactly what `path_of` makes of the
    list they ask for: of all the ways to ask for a list only this one is worth keeping."""
    if path != STOCK and not path.startswith(f"{STOCK}/"):
        return False
    wanted = filter_at(path.split("/")[2:])
    if wanted is None:
        return False
    asked = read_filter(_Values(query)).filter
    return path_of(both(asked, wanted)) == (f"{path}?{query}" if query else path)


class _Values:
    """A query string, read like a request's arguments."""

    def __init__(self, query: str) -> None:
        self._values = parse_qs(query, keep_blank_values=True)

    def getlist(self, key: str) -> list[str]:
        return self._values.get(key, [])


def is_numbered(_path: str, query: str) -> bool:
    """Whether `query` is none, or names a page as our links do: from the second on."""
    return not query or _NUMBER.fullmatch(query) is not None
