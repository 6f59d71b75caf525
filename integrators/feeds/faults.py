"""What went wrong with a feed, kept beside it for staff until it is made again."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from flask_babel import gettext as _

from core.clock import now

AGAIN_SECONDS: Final = 60.0  # the same thing is not tried again before


@dataclass(frozen=True)
class Fault:
    """`code`: held (too many cars would vanish), empty (no car could be written), failed. `at` in
    seconds since 1970; `basis` is what the feed would have been made from."""

    code: str
    at: float
    basis: str
    lost: int = 0
    before: int = 0

    @property
    def words(self) -> str:
        """For people, with what to do."""
        return words_of(self.code, self.lost, self.before)


def words_of(code: str, lost: int, before: int) -> str:
    """What happened, for people, with what to do; see Fault."""
    if code == "held":
        return str(
            _(
                "%(lost)s of %(before)s cars would vanish from this feed though nobody sold them. "
                "The last good feed is kept, without the cars that are not for sale. Look at the "
                "stock, then publish the feed anyway.",
                lost=lost,
                before=before,
            )
        )
    if code == "empty":
        return str(_("None of the cars could be written into this feed. Tell support."))
    return str(
        _(
            "The feed could not be made anew. The last good one is kept, without the cars that are "
            "not for sale. Is the disk full?"
        )
    )


def remember(path: Path, fault: Fault) -> None:
    """Keep `fault` beside the feed at `path`. On a full disk the log alone has it."""
    with suppress(OSError):
        _place(path).write_text(json.dumps(asdict(fault)))


def known(path: Path) -> Fault | None:
    """What is wrong with the feed at `path`; None when nothing is known to be."""
    try:
        return Fault(**json.loads(_place(path).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def is_fresh(fault: Fault | None, basis: str) -> bool:
    """Whether the same was tried a moment ago."""
    return (
        fault is not None
        and fault.basis == basis
        and 0 <= now().timestamp() - fault.at < AGAIN_SECONDS
    )


def forget(path: Path) -> None:
    """The feed is good again."""
    with suppress(OSError):
        _place(path).unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.fault")
