"""What can be wrong with an advertisement, and the laws that say so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DECREE: Final = "Decreto 5.903/2006"
PRICE_LAW: Final = "Lei 10.962/2004"
CODE: Final = "CDC"


class Severity(StrEnum):
    """UNLAWFUL keeps the text from the public; WARNING asks a person to look."""

    UNLAWFUL = "unlawful"
    WARNING = "warning"


@dataclass(frozen=True)
class AdvertisedOffer:
    """What stands beside the text whatever it says. Prices in integer cents: the one that holds
    now and, while a promotion runs, the one before."""

    price_cents: int | None = None
    former_price_cents: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a text: `words` say what, `mend` how to put it right, `law` by which
    article, `excerpt` the words meant (empty where something is missing)."""

    code: str
    severity: Severity
    law: str
    words: str
    mend: str
    excerpt: str = ""

    @property
    def is_unlawful(self) -> bool:
        return self.severity is Severity.UNLAWFUL

    @property
    def sentence(self) -> str:
        """All of it in one line: what is wrong, how to mend it, by which law."""
        return f"{self.words} {self.mend} ({self.law})"
