"""How an advertisement is set: letters even, horizontal, easy to read."""

import re
from collections.abc import Iterator
from typing import Final

from flask_babel import gettext as _

from inventory.advertising.findings import CODE, DECREE, Finding, Severity
from inventory.advertising.reading import Advertisement

_VERTICAL: Final = re.compile(r"(?:^[ \t]*\w[ \t]*\n){4,}", re.MULTILINE)
_SPACED: Final = re.compile(r"\b(?:[^\W\d_] ){5,}[^\W\d_]\b")
_SMALL_LETTERS: Final = re.compile("[\u1d2c-\u1d6a\u02b0-\u02b8\u2070-\u209c]{4,}")
_STAR: Final = re.compile(r"(?:r\$\s*[\d.,]+|%|\d|[a-z])\s?\*+(?!\*)")
_NOTE: Final = re.compile(r"(?:^|[\s(])\*+\s*\w", re.MULTILINE)


def letters_are_even(ad: Advertisement) -> Iterator[Finding]:
    """Decreto 5.903 art. 9: letters even, horizontal, easy to read."""
    found = _VERTICAL.search(f"{ad.plain}\n") or _SPACED.search(ad.plain)
    if found:
        yield Finding(
            "vertical", Severity.UNLAWFUL, f"{DECREE}, art. 9 VI",
            _("Text set letter by letter is hard to read."),
            _("Write it in ordinary lines."),
            ad.excerpt(found),
        )  # fmt: skip
    small = _SMALL_LETTERS.search(ad.text)
    if small:
        yield Finding(
            "small_letters", Severity.UNLAWFUL, f"{DECREE}, art. 9 I",
            _("Small raised letters hide what they say."),
            _("Write it in ordinary letters."),
            ad.excerpt(small),
        )  # fmt: skip
    star = _STAR.search(ad.plain)
    if star and not _NOTE.search(ad.plain[star.end() :]):
        yield Finding(
            "star", Severity.WARNING, f"{CODE}, art. 31",
            _("An asterisk points to a note that is not there."),
            _("Write the condition, or take the asterisk out."),
            ad.excerpt(star),
        )  # fmt: skip
