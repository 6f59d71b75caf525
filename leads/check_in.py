"""The code with which a buyer says at the door that they are there.

It names the visit and carries eight characters that only this site's key makes; it is the same
however often the visit is moved, and good on the visit's day only.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

import segno

from core.clock import now
from core.config import current
from core.db import db
from leads.models import Appointment
from leads.pipeline.clocks import schedule_for

_CODE: Final = re.compile(r"([1-9][0-9]{0,8})-([a-z2-7]{8})")


def code_of(appointment: Appointment) -> str:
    """'12-k7m2q9xz': what stands in the QR code and can be read aloud."""
    return f"{appointment.id}-{_sign(appointment)}"


def _sign(appointment: Appointment) -> str:
    text = f"check-in:{appointment.id}:{appointment.submission_id}"
    digest = hmac.new(str(current().secret_key).encode(), text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:5]).decode().lower()


def visit_of(code: str) -> Appointment | None:
    """The visit of that code, as typed or scanned; None when no visit has it."""
    found = _CODE.fullmatch(code.strip().lower().replace(" ", ""))
    visit = db.session.get(Appointment, int(found[1])) if found else None
    if visit is None or found is None or not hmac.compare_digest(_sign(visit), found[2]):
        return None
    return visit


def is_today(appointment: Appointment, moment: datetime | None = None) -> bool:
    """Whether the visit is on this day, by the clock of its store."""
    zone = schedule_for(appointment.store_id).zone
    day = (moment or now()).astimezone(zone).date()
    return appointment.starts_at.astimezone(zone).date() == day


def check_in_path(appointment: Appointment) -> str:
    """Where the buyer says it."""
    return f"/chegada/{code_of(appointment)}"


def qr_svg(appointment: Appointment) -> str:
    """The address as a QR code, drawn without styles; it names nobody."""
    address = f"{current().base_url}{check_in_path(appointment)}"
    drawn = segno.make(address, error="m", micro=False)
    return str(drawn.svg_inline(scale=5, border=2, dark="#000", light="#fff", omitsize=True))
