"""The links of the site's head and foot: the product's own until staff arrange theirs.

No rows means the product's menu, in the reader's language; the first change copies it into rows,
whose words are then the store's. Verbs flush.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from content.models import MenuEntry
from content.refusals import ContentRefused, needed
from content.targets import BadTarget, find_target
from core.db import db
from core.site_memory import remembered

HEAD, BROWSE, TALK, LEGAL = "head", "browse", "talk", "legal"
PLACES: Final[Mapping[str, str]] = {
    HEAD: _l("At the head of every page"),
    BROWSE: _l("At the foot, under Browse"),
    TALK: _l("At the foot, under Talk to us"),
    LEGAL: _l("At the foot, last line"),
}
DEFAULTS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    HEAD: (
        ("/estoque", _l("Stock")),
        ("/lojas", _l("Stores")),
        ("/financiamento", _l("Financing")),
    ),
    BROWSE: (
        ("/estoque", _l("All vehicles")),
        ("/financiamento", _l("Simulate instalments")),
        ("/comparar", _l("Compare vehicles")),
        ("/favoritos", _l("Your favourites")),
        ("/blog", _l("Blog")),
        ("/depoimentos", _l("What buyers say")),
    ),
    TALK: (
        ("/contato", _l("Contact")),
        ("/ligamos-para-voce", _l("We call you")),
        ("/test-drive", _l("Book a test drive")),
        ("/avaliacao", _l("Value my car")),
        ("/pos-venda", _l("Book the workshop")),
    ),
    LEGAL: (("/privacidade", _l("Privacy and your data")),),
}
# The law's: never hidden (LGPD art. 9).
ALWAYS: Final = frozenset({"/privacidade"})
MOST: Final = {HEAD: 4, BROWSE: 10, TALK: 8, LEGAL: 8}
Menu = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class TypedEntry:
    """One line of the form; `place_number` sorts, smaller first."""

    path: str
    label: str
    is_shown: bool = True
    place_number: int = 0


def menu() -> Menu:
    """The links to show, by place: path and words. Read anew only when the site changed."""
    if "menu" not in g:
        g.menu = remembered("menu", _read)
    found: Menu = g.menu
    return found


def _read() -> Menu:
    rows = entries()
    if not rows:
        return DEFAULTS
    return {
        place: [(row.path, row.label) for row in rows if row.place == place and row.is_shown]
        for place in PLACES
    }


def entries() -> Sequence[MenuEntry]:
    """Every kept entry, hidden ones too, in order."""
    return db.session.scalars(sa.select(MenuEntry).order_by(MenuEntry.position, MenuEntry.id)).all()


def shown_entries(place: str) -> list[TypedEntry]:
    """What the form of a place starts with."""
    rows = entries()
    if rows:
        return [
            TypedEntry(row.path, row.label, row.is_shown, number)
            for number, row in enumerate((r for r in rows if r.place == place), 1)
        ]
    return [
        TypedEntry(path, str(label), True, number)
        for number, (path, label) in enumerate(DEFAULTS[place], 1)
    ]


def set_place(place: str, typed: Sequence[TypedEntry]) -> None:
    """Arrange one place; the others stay as they are. Raises ContentRefused, naming the line."""
    checked = [_checked(number, entry) for number, entry in enumerate(typed, 1)]
    if len([entry for entry in checked if entry.is_shown]) > MOST[place]:
        raise ContentRefused(_too_many(place))
    missing = ALWAYS & {path for path, _label in DEFAULTS[place]} - {
        entry.path for entry in checked if entry.is_shown
    }
    if missing:
        raise ContentRefused(_must_stay(sorted(missing)[0]))
    if not entries():
        _adopt_defaults()
    db.session.execute(
        sa.delete(MenuEntry).where(MenuEntry.place == place),
        execution_options={"synchronize_session": False},
    )
    ordered = sorted(checked, key=lambda entry: entry.place_number)
    db.session.add_all(
        MenuEntry(
            place=place, path=entry.path, label=entry.label, position=number,
            is_shown=entry.is_shown,
        )
        for number, entry in enumerate(ordered, 1)
    )  # fmt: skip
    db.session.flush()
    g.pop("menu", None)


def _checked(number: int, entry: TypedEntry) -> TypedEntry:
    field = f"linha-{number}"
    label = needed(entry.label, 40, field)
    try:
        path = find_target(entry.path).path
    except BadTarget as error:
        raise ContentRefused(str(error), field) from None
    return TypedEntry(path, label, entry.is_shown, entry.place_number)


def _adopt_defaults() -> None:
    db.session.add_all(
        MenuEntry(place=place, path=path, label=str(label), position=number, is_shown=True)
        for place, links in DEFAULTS.items()
        for number, (path, label) in enumerate(links, 1)
    )
    db.session.flush()


def reset_menu() -> None:
    """Back to the product's own menu."""
    db.session.execute(sa.delete(MenuEntry), execution_options={"synchronize_session": False})
    g.pop("menu", None)


def _too_many(place: str) -> str:
    return str(_("At most %(n)s links are shown there.", n=MOST[place]))


def _must_stay(path: str) -> str:
    return str(_("%(path)s has to stay: the law wants it on every page.", path=path))
