"""What this package says no with, and the checks that several of its nouns share.

DomainError
└── ContentRefused    something that cannot be kept or shown so; `field` names where it belongs
"""

from datetime import datetime

from flask_babel import gettext as _

from core.errors import DomainError
from core.text import clean_line
from inventory.advertising import lint_advertisement


class ContentRefused(DomainError):
    """Something that cannot be kept or shown so. `field` is the field to mend, empty for all."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


def needed(text: str, longest: int, field: str) -> str:
    """`text` as one line that is there and fits. Raises ContentRefused."""
    cleaned = fitting(text, longest, field)
    if not cleaned:
        raise ContentRefused(_("Fill this in."), field)
    return cleaned


def fitting(text: str, longest: int, field: str) -> str:
    """`text` as one line of at most `longest` characters, may be empty. Raises ContentRefused:
    what somebody wrote is never cut."""
    cleaned = clean_line(text, 100_000)
    if len(cleaned) > longest:
        raise ContentRefused(
            _("Too long by %(over)s: at most %(n)s characters.",
              over=len(cleaned) - longest, n=longest),
            field,
        )  # fmt: skip
    return cleaned


def refuse_unlawful(text: str, field: str) -> None:
    """An advertisement that consumer law forbids is not shown (Decreto 5.903/2006; CDC 37, 54-B).
    Raises ContentRefused with the article and the way to mend it."""
    for finding in lint_advertisement(text):
        if finding.is_unlawful:
            words = f"{finding.words} {finding.mend} ({finding.law})"
            raise ContentRefused(words, field)


def check_window(starts_at: datetime | None, ends_at: datetime | None, field: str) -> None:
    """An end comes after its start. Raises ContentRefused."""
    if starts_at and ends_at and ends_at <= starts_at:
        raise ContentRefused(_("The end must come after the start."), field)
