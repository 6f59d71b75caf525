"""The address of a car's film: an ordinary web address, nothing a browser would run.

DomainError
└── NotVideo    text that is no such address
"""

from typing import Final
from urllib.parse import urlsplit

from flask_babel import gettext as _

from core.errors import DomainError

LONGEST_ADDRESS: Final = 500


class NotVideo(DomainError, ValueError):
    """Text that is no address of a film."""


def normalise_video(text: str) -> str:
    """`text` as an https address; "youtu.be/…" is taken for one. Raises NotVideo for other
    schemes (javascript:, data: …), for names without a dot and for what is too long."""
    address = text.strip()
    if "://" not in address and not address.lower().startswith(("javascript:", "data:")):
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    is_fit = (
        parts.scheme in {"http", "https"}
        and "." in host
        and len(address) <= LONGEST_ADDRESS
        and not any(char.isspace() or ord(char) < 33 for char in address)
        and not parts.username
    )
    if not is_fit:
        raise NotVideo(_("Paste the address of the video, such as https://youtu.be/…"))
    return address
