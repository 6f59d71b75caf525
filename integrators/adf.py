"""A lead as ADF/XML 1.0, the form in which many CRMs take leads (Auto-lead Data Format, 2000)."""

import re
from typing import Final

from lxml import etree

from core.clock import DEFAULT_ZONE
from core.db import db
from dealership.identity import identity
from dealership.models import Store
from inventory.models import Vehicle
from inventory.offers import price_now_cents
from leads.models import Lead
from leads.words import source_label

MEDIA_TYPE: Final = "application/x-adf+xml"
# Characters that no XML 1.0 document holds (W3C, § 2.2).
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTERESTS: Final = {"test_drive": "test-drive"}


def document(lead: Lead) -> bytes:
    """The document for `lead`: UTF-8, with the prolog that the form asks for. Some statements."""
    adf = etree.Element("adf")
    prospect = _add(adf, "prospect", status="new")
    _add(prospect, "id", str(lead.id), sequence="1", source="Vitrine")
    _add(
        prospect, "requestdate", lead.created_at.astimezone(DEFAULT_ZONE).isoformat("T", "seconds")
    )
    vehicle = db.session.get(Vehicle, lead.vehicle_id) if lead.vehicle_id else None
    _add_vehicle(prospect, vehicle, _interest(lead))
    _add_customer(prospect, lead)
    _add_vendor(prospect, db.session.get(Store, lead.store_id) if lead.store_id else None)
    provider = _add(prospect, "provider")
    _add(provider, "name", "Vitrine", part="full", type="business")
    _add(provider, "service", source_label(lead.source))
    # The second of the two lines of the prolog is a processing instruction of the form's own.
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n<?adf version="1.0"?>\n'
    return head + etree.tostring(adf, encoding="UTF-8", pretty_print=True, xml_declaration=False)


def _interest(lead: Lead) -> str:
    kinds = [enquiry.kind for enquiry in lead.enquiries]
    return _INTERESTS.get(kinds[0], "buy") if kinds else "buy"


def _add_vehicle(prospect: etree._Element, vehicle: Vehicle | None, interest: str) -> None:
    if vehicle is None:
        # The form wants a car: who named none gets one without a name.
        nameless = _add(prospect, "vehicle", interest=interest, status="used")
        for name in ("year", "make", "model"):
            _add(nameless, name)
        return
    found = _add(prospect, "vehicle", interest=interest, status=vehicle.condition)
    _add(found, "id", vehicle.public_id, sequence="1", source="Vitrine")
    _add(found, "year", str(vehicle.model_year))
    _add(found, "make", vehicle.car_model.make.name)
    _add(found, "model", vehicle.car_model.name)
    _add(found, "stock", vehicle.source_id)
    if vehicle.trim:
        _add(found, "trim", vehicle.trim.name)
    if vehicle.mileage_km is not None:
        _add(found, "odometer", str(vehicle.mileage_km), status="original", units="km")
    if price := price_now_cents(vehicle):
        _add(found, "price", f"{price / 100:.2f}", type="asking", currency="BRL")


def _add_customer(prospect: etree._Element, lead: Lead) -> None:
    customer = _add(prospect, "customer")
    contact = _add(customer, "contact")
    person = lead.person
    _add(contact, "name", person.name, part="full", type="individual")
    if person.email:
        _add(contact, "email", person.email)
    if person.phone:
        _add(contact, "phone", person.phone, type="cellphone", time="nopreference")
    if lead.message:
        _add(customer, "comments", lead.message)


def _add_vendor(prospect: etree._Element, store: Store | None) -> None:
    dealer = identity()
    name = store.name if store else dealer.name
    vendor = _add(prospect, "vendor")
    _add(vendor, "vendorname", name)
    contact = _add(vendor, "contact")
    _add(contact, "name", name, part="full", type="business")
    if phone := (store.phone if store else dealer.phone):
        _add(contact, "phone", phone, type="voice")


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, name, attributes)
    element.text = _NOT_XML.sub("", text) or None
    return element
