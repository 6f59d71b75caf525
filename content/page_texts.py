"""What a page that the program makes says of itself in the store's own words: lists of the stock,
fixed pages, single cars. Where a field is empty the program's words stand.

DomainError
└── ContentRefused    too short, too long, or another page's title
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from content.models import PageText
from content.refusals import ContentRefused, fitting, refuse_unlawful
from core.clock import now
from core.db import db
from core.site_memory import remembered
from core.text import clean_line

# What search engines show whole, and what is too little to choose a page by.
TITLE_LENGTHS: Final = (15, 65)
DESCRIPTION_LENGTHS: Final = (70, 160)
MOST_HEADING: Final = 90
MOST_TEXT: Final = 3000
OFFERS: Final = "/oferta/"


@dataclass(frozen=True)
class OwnWords:
    """The words kept for one page; empty where nobody wrote any. `text` has paragraphs."""

    title: str = ""
    description: str = ""
    heading: str = ""
    text: str = ""

    @property
    def paragraphs(self) -> list[str]:
        return [part for part in (line.strip() for line in self.text.split("\n")) if part]


NONE: Final = OwnWords()
_COLUMNS: Final = (PageText.title, PageText.description, PageText.heading, PageText.text)


def offer_key(public_id: str) -> str:
    """Under which key the words of a car are kept: a new slug does not lose them."""
    return f"{OFFERS}{public_id}"


def words_of(key: str) -> OwnWords:
    """The words of the page at `key`, an address or an `offer_key`. No statement while nothing
    that the site shows changes."""
    return remembered("page words", all_words).get(key, NONE)


def all_words() -> dict[str, OwnWords]:
    """Every page somebody wrote words for, by key."""
    rows = db.session.execute(sa.select(PageText.path, *_COLUMNS))
    return {row[0]: OwnWords(*row[1:]) for row in rows}


def set_words(key: str, words: OwnWords, *, by: str) -> OwnWords:
    """Keep `words` for the page at `key` and answer what was kept; with no words at all the
    program's come back. Flushes. Raises ContentRefused."""
    title = _within(clean_line(words.title, 200), TITLE_LENGTHS, "titulo")
    description = _within(clean_line(words.description, 400), DESCRIPTION_LENGTHS, "descricao")
    heading = fitting(words.heading, MOST_HEADING, "cabecalho")
    text = words.text.replace("\r", "").strip()
    if len(text) > MOST_TEXT:
        raise ContentRefused(_("At most %(n)s characters.", n=MOST_TEXT), "texto")
    for field, written in (("titulo", title), ("descricao", description), ("texto", text)):
        refuse_unlawful(written, field)
    twin = sa.select(PageText.path).where(PageText.title == title, PageText.path != key)
    if title and (other := db.session.scalar(twin)):
        raise ContentRefused(
            _("The page %(path)s has this title already: each page needs its own.", path=other),
            "titulo",
        )
    kept = OwnWords(title, description, heading, text)
    row = db.session.get(PageText, key)
    if kept == NONE:
        if row is not None:
            db.session.delete(row)
    else:
        if row is None:
            row = PageText(path=key)
            db.session.add(row)
        row.title, row.description, row.heading, row.text = title, description, heading, text
        row.updated_at, row.updated_by = now(), by
    db.session.flush()
    return kept


def _within(text: str, lengths: tuple[int, int], field: str) -> str:
    least, most = lengths
    if text and not least <= len(text) <= most:
        raise ContentRefused(
            _(
                "Between %(least)s and %(most)s characters, or empty; now it has %(n)s.",
                least=least,
                most=most,
                n=len(text),
            ),
            field,
        )
    return text
