"""Where a filter lives: the shortest address that says the same, so that one list has one."""

from dataclasses import replace

from inventory.filters import canonical, to_query
from inventory.search import OfferFilter


def path_of(wanted: OfferFilter) -> str:
    """`/estoque/fiat`, `/estoque/fiat/argo` where that is all; else `/estoque` with a query."""
    wanted = canonical(wanted)
    path = landing_path(wanted)
    if path:
        query = to_query(replace(wanted, makes=(), models=()))
    else:
        path, query = "/estoque", to_query(wanted)
    return f"{path}?{query}" if query else path


def landing_path(wanted: OfferFilter) -> str:
    """The address of its own that a filter of one make, or one model, has; else empty. Sort and
    page aside."""
    bare = replace(wanted, sort=OfferFilter.sort, page=1, makes=(), models=())
    if not bare.is_empty:
        return ""
    if len(wanted.models) == 1 and "/" in wanted.models[0] and len(wanted.makes) <= 1:
        return f"/estoque/{wanted.models[0]}"
    if len(wanted.makes) == 1 and not wanted.models:
        return f"/estoque/{wanted.makes[0]}"
    return ""
