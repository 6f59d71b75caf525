"""What the forms of the stop list offer to choose from."""

from dataclasses import dataclass
from typing import Final

from flask_babel.speaklater import LazyString

from leads.objections import CHANNELS, PURPOSES, REASONS, WHY_LIFTED


@dataclass(frozen=True)
class StopWords:
    """Codes and their words, in the order of the lists; the first is the usual one."""

    channels: dict[str, LazyString]
    purposes: dict[str, LazyString]
    reasons: dict[str, LazyString]
    why_lifted: dict[str, LazyString]


STOP_WORDS: Final = StopWords(
    channels={str(code): words for code, words in CHANNELS.items()},
    purposes={str(code): words for code, words in PURPOSES.items()},
    reasons=dict(REASONS),
    why_lifted=dict(WHY_LIFTED),
)
