"""Which language the reader reads."""

from functools import lru_cache

from babel import Locale
from flask import g
from flask_babel import get_locale


def reader_locale() -> Locale | None:
    """`flask_babel.get_locale()`, which looks at `g` three times on its way to what it already
    knows: a long page asks thirty times. None outside of an application."""
    try:
        context = g.get("_flask_babel")
    except RuntimeError:  # no application at work
        return None
    known: Locale | None = getattr(context, "babel_locale", None)
    return get_locale() if known is None else known


def locale_name() -> str:
    """The reader's language, as the key of what depends on it."""
    return _name_of(reader_locale())


@lru_cache(maxsize=64)
def _name_of(locale: Locale | None) -> str:
    return str(locale)
