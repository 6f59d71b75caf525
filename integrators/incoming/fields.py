"""Reading what others wrote: JSON that may be broken, dates without a zone, half a phone."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE, now
from core.db import db
from core.text import NotPhone, clean_line, parse_phone
from dealership.models import Store
from integrators.accounts import Account
from integrators.incoming.source import Unreadable
from integrators.models import Listing
from inventory.models import Vehicle

LONGEST_DETAIL: Final = 500
_MOST_AHEAD: Final = timedelta(hours=24)
_OLDEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BRACKETED: Final = re.compile(r"\[\s*([A-Za-z0-9_-]{1,40})\s*\]")
_LOCAL_DIGITS: Final = (8, 9)
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._/-]{1,120}\Z")


def text_of(body: bytes) -> str:
    """`body` as text: UTF-8, else what Brazilian systems send when they do not say."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("windows-1252", errors="replace")


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises Unreadable, also for one nested absurdly deep."""
    try:
        value = json.loads(text_of(body))
    except (ValueError, RecursionError):
        raise Unreadable(_("This is not JSON, or is cut short.")) from None
    if not isinstance(value, dict):
        raise Unreadable(_("This JSON is not an object."))
    return value


def json_or_nothing(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, empty when there is none."""
    try:
        return json_object(body)
    except Unreadable:
        return {}


def text(value: Any) -> str:
    """`value` as text; "" for what is none (null, lists, objects)."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    return str(value) if isinstance(value, int | float) else ""


def table(value: Any) -> dict[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """The JSON objects in a JSON list; whatever else stands there is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def details(**values: Any) -> dict[str, str]:
    """What is worth keeping beside the lead's own fields: short texts, nothing empty."""
    cleaned = {key: clean_line(text(value), LONGEST_DETAIL) for key, value in values.items()}
    return {key: value for key, value in cleaned.items() if value}


def instant(value: Any) -> datetime | None:
    """When the sender says it happened: ISO 8601, RFC 2822 or Unix seconds (or milliseconds).
    Without a zone it is Brasília's. None for what is no date, or none of this time."""
    written = text(value)
    if not written:
        return None
    try:
        moment = _parsed(written)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=DEFAULT_ZONE)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        return None
    return moment if _OLDEST < moment < now() + _MOST_AHEAD else None


def _parsed(written: str) -> datetime:
    if re.fullmatch(r"[0-9]{9,13}(?:\.[0-9]+)?", written):
        seconds = float(written)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    try:
        return datetime.fromisoformat(written.replace(" ", "T", 1))
    except ValueError:
        return parsedate_to_datetime(written)


def phone(value: Any, store: Store | None) -> str:
    """A phone as the source gives it; one without area code gets the store's. What is still no
    number is returned as it is: it is kept with the lead."""
    written = text(value)
    digits = re.sub(r"\D", "", written)
    for candidate in (written, f"+{digits}", _with_area(digits, store)):
        try:
            return parse_phone(candidate)
        except NotPhone as error:
            if error.suggestion:
                return error.suggestion
    return written


def _with_area(digits: str, store: Store | None) -> str:
    area = store.phone[3:5] if store is not None and store.phone.startswith("+55") else ""
    return f"+55{area}{digits}" if area and len(digits) in _LOCAL_DIGITS else ""


def fingerprint(*parts: str) -> str:
    """A key for an event that names none itself, made of what tells it from others."""
    return hashlib.sha256("\x1f".join(parts).encode(errors="surrogatepass")).hexdigest()


# --- our side --------------------------------------------------------------------------------


def find_vehicle(*references: str) -> Vehicle | None:
    """The car that one of `references` means: the key or the number of an ad of ours, our public
    id, the stock's own id, or either in brackets inside a text, with or without the V that stands
    before it there."""
    for reference in references:
        written = reference.strip()
        candidates = [written] if _REFERENCE.match(written) else []
        for inner in _BRACKETED.findall(written[:2000]):
            candidates += [inner, inner[1:]] if inner[:1] in "Vv" else [inner]
        for candidate in candidates:
            if found := _vehicle(candidate):
                return found
    return None


def _vehicle(reference: str) -> Vehicle | None:
    if not reference:
        return None
    found = db.session.scalars(
        sa.select(Vehicle).where(Vehicle.public_id == reference.lower())
    ).first()
    if found := found or _advertised(reference):
        return found
    same = db.session.scalars(
        sa.select(Vehicle).where(Vehicle.source_id == reference).limit(2)
    ).all()
    # Two sources may use one number: then nobody knows which car is meant.
    return same[0] if len(same) == 1 else None


def _advertised(reference: str) -> Vehicle | None:
    """The car whose ad has that key or that number on a portal."""
    ads = db.session.scalars(
        sa.select(Vehicle)
        .join(Listing, Listing.vehicle_id == Vehicle.id)
        .where(sa.or_(Listing.key == reference, Listing.external_id == reference))
        .limit(2)
    ).unique()
    same = {vehicle.id: vehicle for vehicle in ads}
    return next(iter(same.values())) if len(same) == 1 else None


def store_for(account: Account, vehicle: Vehicle | None = None) -> Store | None:
    """The store a lead goes to: the account's own, the car's, or the only one there is."""
    store_id = account.store_id or (vehicle.store_id if vehicle else None)
    if store_id:
        return db.session.get(Store, store_id)
    stores = db.session.scalars(sa.select(Store).limit(2)).all()
    return stores[0] if len(stores) == 1 else None


def portal_touch(source: str) -> dict[str, str]:
    """The touch of a lead that a portal brought."""
    return {"source": source, "medium": "portal"}
