"""How values of a filter are shown, in the reader's language."""

from collections.abc import Mapping
from functools import lru_cache

from flask_babel import gettext as _

from core.language import locale_name
from inventory import vocabulary
from inventory.search.offer_filter import CODED_FACETS
from inventory.search.text import Key


def value_label(facet: str, value: str, names: Mapping[Key, str]) -> str:
    """The label of `value` in `facet`: a translated word, or a name of the stock."""
    if facet in CODED_FACETS:
        return coded_labels(facet, locale_name()).get(value, value)
    return names.get((facet, value), value.rpartition("/")[2])


@lru_cache(maxsize=64)
def coded_labels(facet: str, _locale: str) -> dict[str, str]:
    """Labels by code, worked out once per language: translating costs more than counting."""
    codes = vocabulary.codes(facet)
    if facet == "feature":
        codes += vocabulary.codes("history")  # "single owner" is looked for among the equipment
    return {code: str(vocabulary.label(facet, code)) for code in codes}


def sort_label(sort: str) -> str:
    """An order as the buyer chooses it."""
    return sort_labels()[sort]


def sort_labels() -> dict[str, str]:
    """All orders (`SORTS`) as the buyer chooses them."""
    return _sort_labels(locale_name())


@lru_cache(maxsize=64)
def _sort_labels(_locale: str) -> dict[str, str]:
    return {
        "relevance": _("Highlights"),
        "newest": _("Newest offers"),
        "price_asc": _("Lowest price"),
        "price_desc": _("Highest price"),
        "mileage": _("Lowest mileage"),
        "year": _("Newest year"),
    }
