"""What packages above this one hold on people: they say here how it is found and forgotten, so that
whoever asks what is held, or to be erased, reaches it too.

People are named by digests of their contacts (`contact_digest`): a holder keeps no phone or e-mail
only to be able to answer.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.config import current

Entry = dict[str, Any]
_HOLDERS: Final[dict[str, "Holder"]] = {}


@dataclass(frozen=True)
class Holder:
    """Who holds something. `find` tells what, as plain values; `forget` erases what was given up
    to the moment beside each digest, inside `writing()`."""

    find: Callable[[Collection[str]], list[Entry]]
    forget: Callable[[Mapping[str, datetime]], None]


def register_holder(name: str, holder: Holder) -> None:
    """Let `holder` be asked too; `name` is its section in what people download."""
    _HOLDERS[name] = holder


def held(digests: Collection[str]) -> dict[str, list[Entry]]:
    """All that is held above, by section; without digests the empty sections."""
    return {name: holder.find(digests) if digests else [] for name, holder in _HOLDERS.items()}


def forget(digests: Mapping[str, datetime]) -> None:
    """Erase it. Inside `writing()`; a second time changes nothing."""
    for holder in _HOLDERS.values():
        holder.forget(digests)


def contact_digest(kind: str, value: str) -> str:
    """A digest, that only this site's key makes, of a key of `leads.people`."""
    text = json.dumps(["erased", kind, value]).encode()
    return hmac.new(str(current().secret_key).encode(), text, hashlib.sha256).hexdigest()
