"""ADF/XML 1.0, the exchange format of leads, by post or inside a message.

Read leniently, as real feeds ask for it: elements out of order or left out, wrong encodings,
stray ampersands. Document types and entities are not read at all. Specification: ADF 1.0,
studylib.net/doc/18423079.
"""

import html
import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from flask_babel import gettext as _

from integrators.accounts import Account
from integrators.incoming.fields import (
    details,
    find_vehicle,
    fingerprint,
    instant,
    phone,
    portal_touch,
    store_for,
)
from integrators.incoming.source import Reading, Unreadable
from leads.intake import Asked

MOST_PROSPECTS: Final = 200
_ADF: Final = re.compile(r"<(adf)\b", re.IGNORECASE)
_LOOSE_AND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_DECLARED: Final = re.compile(r"\A\s*<\?xml[^>]*\?>")
_KINDS: Final = {"test-drive": "test_drive", "sell": "trade_in", "trade-in": "trade_in"}
_DOCTYPE: Final = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def find_adf(written: str) -> str:
    """The ADF document inside a text (a mail's body, also as escaped HTML); "" without one."""
    for candidate in (written, html.unescape(written) if "&lt;adf" in written.lower() else ""):
        # From the first beginning to the last end: a search for pairs could be made slow.
        start, end = _ADF.search(candidate), candidate.lower().rfind("</adf")
        if start and end > start.start():
            return f"{candidate[start.start() : end]}</{start[1]}>"
    return ""


def prospects(written: str, account: Account, source: str) -> Reading:
    """Every prospect of the ADF document in `written`. Raises Unreadable."""
    reading = Reading()
    for part, prospect in enumerate(_prospects(_root(written))):
        if part >= MOST_PROSPECTS:
            reading.problems.append(_("This document holds more prospects than are read."))
            break
        reading.add(_asked(prospect, account, source, part))
    if not reading.items:
        raise Unreadable(_("This document holds no prospect."))
    return reading


def _root(written: str) -> Element:
    if _DOCTYPE.search(written):
        raise Unreadable(_("This XML defines a document type or entities, which are not read."))
    # The text is decoded already: what the document says of its encoding no longer holds.
    document = _DECLARED.sub("", written.replace("\x00", "")).strip()
    candidates = (document, _LOOSE_AND.sub("&amp;", document), find_adf(document))
    for candidate in filter(None, dict.fromkeys(candidates)):
        try:
            return fromstring(candidate, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, RecursionError):
            continue
    raise Unreadable(_("This XML cannot be read: it is damaged or was cut short."))


def _prospects(root: Element) -> Iterator[Element]:
    """Names are compared without namespace and case: senders differ."""
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = node.tag.rpartition("}")[2].lower()
    if root.tag == "prospect":
        yield root
    yield from root.iter("prospect")


def _asked(prospect: Element, account: Account, source: str, part: int) -> Asked:
    customer = prospect.find("customer")
    contact = None if customer is None else customer.find("contact")
    cars = prospect.findall("vehicle")
    wanted = next((car for car in cars if _interest(car) not in {"trade-in", "sell"}), None)
    offered = next((car for car in cars if _interest(car) in {"trade-in", "sell"}), None)
    vehicle = None
    if wanted is not None:
        references = [_text(node) for node in wanted.findall("id")]
        vehicle = find_vehicle(_of(wanted, "stock"), *references, _of(wanted, "vin"))
    store = store_for(account, vehicle)
    provider = _provider(prospect)
    about = wanted if wanted is not None else offered
    return Asked(
        source=source,
        kind=_KINDS.get(_interest(about), "interest") if about is not None else "contact",
        name=_name(contact),
        phone=phone(_phone(contact), store),
        email="" if contact is None else _of(contact, "email"),
        message=_comments(customer, wanted),
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=provider,
        external_id=_external_id(prospect, account, provider),
        details=details(
            car=_title(wanted),
            trade_in=_title(offered),
            price=None if wanted is None else _of(wanted, "price"),
            timeframe=None if customer is None else _of(customer, "timeframe/description"),
            provider=provider,
        ),
        touch=portal_touch(provider or source),
        at=instant(_of(prospect, "requestdate")),
        part=part,
        actor=f"portal:{account.name}",
    )


def _external_id(prospect: Element, account: Account, provider: str) -> str:
    """Provider and prospect id; without an id what the prospect says."""
    own = next((_text(node) for node in prospect.findall("id") if _text(node)), "")
    if own:
        return f"{account.id}:{provider[:60]}:{own[:80]}"
    said = [node.text.strip() for node in prospect.iter() if node.text and node.text.strip()]
    return f"{account.id}:{fingerprint(*said)}"


def _interest(car: Element | None) -> str:
    return "" if car is None else (car.get("interest") or "buy").strip().lower()


def _provider(prospect: Element) -> str:
    for path in ("provider/name", "provider/service"):
        if found := _of(prospect, path):
            return found[:60]
    return ""


def _name(contact: Element | None) -> str:
    if contact is None:
        return ""
    parts = {(node.get("part") or "full").lower(): _text(node) for node in contact.findall("name")}
    return parts.get("full") or " ".join(
        parts[part] for part in ("first", "middle", "last", "surname") if parts.get(part)
    )


def _phone(contact: Element | None) -> str:
    """The number they would rather be called at, else a mobile, else any."""
    phones = [] if contact is None else [node for node in contact.findall("phone") if _text(node)]
    phones.sort(
        key=lambda node: (node.get("preferredcontact") != "1", node.get("type") != "cellphone")
    )
    return _text(phones[0]) if phones else ""


def _comments(customer: Element | None, car: Element | None) -> str:
    said = ["" if node is None else _of(node, "comments") for node in (customer, car)]
    return "\n\n".join(dict.fromkeys(one for one in said if one))


def _title(car: Element | None) -> str:
    if car is None:
        return ""
    return " ".join(filter(None, (_of(car, name) for name in ("year", "make", "model", "trim"))))


def _of(node: Element, path: str) -> str:
    found = node.find(path)
    return "" if found is None else _text(found)


def _text(node: Element) -> str:
    return " ".join("".join(node.itertext()).split()) if len(node) else (node.text or "").strip()
