"""Leads in words that staff read: where they came from, what they are about, what happened."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

SOURCES: Final[Mapping[str, LazyString]] = {
    "form:contato": _l("Contact form"),
    "form:oferta": _l("Offer page"),
    "form:ligacao": _l("Call-back form"),
    "form:test-drive": _l("Test drive form"),
    "form:pos-venda": _l("Workshop form"),
    "form:avaliacao": _l("Trade-in form"),
    "form:financiamento": _l("Financing simulator"),
    "form:alerta": _l("Price alert"),
    "form:newsletter": _l("Newsletter"),
    "form:privacidade": _l("Privacy form"),
    "landing": _l("Landing page"),
    "telephony": _l("Telephone"),
    "whatsapp": _l("WhatsApp"),
    "meta": _l("Meta (Facebook, Instagram)"),
    "generic": _l("Own integration"),
    "mail": _l("Portal by e-mail"),
    "adf": _l("Portal by e-mail (ADF)"),
}
# Names of companies are nobody's to translate.
PORTALS: Final[Mapping[str, str]] = {
    "mercadolivre": "Mercado Livre",
    "olx": "OLX",
    "chavesnamao": "Chaves na Mão",
    "webmotors": "Webmotors",
    "icarros": "iCarros",
    "mobiauto": "Mobiauto",
}
DEPARTMENTS: Final[Mapping[str, LazyString]] = {
    "sales": _l("Sales"),
    "service": _l("Workshop"),
    "parts": _l("Parts"),
    "fleet": _l("Fleet"),
}
STATES: Final[Mapping[str, LazyString]] = {
    "waiting": _l("In the queue"),
    "assigned": _l("Assigned"),
    "trying": _l("Being contacted"),
    "talking": _l("In conversation"),
    "qualified": _l("Qualified"),
    "scheduled": _l("Scheduled"),
    "no_show": _l("Did not come"),
    "visited": _l("Came to the store"),
    "offered": _l("Offered to a seller"),
    "with_seller": _l("With the seller"),
    "proposal": _l("Proposal sent"),
    "reserved": _l("Car reserved"),
    "nurture": _l("Sleeping"),
    "won": _l("Sale made"),
    "lost": _l("Lost"),
    "duplicate": _l("Duplicate"),
    "invalid": _l("Not a lead"),
    "blocked": _l("Wants no contact"),
    "erased": _l("Erased"),
}
SUSPICIONS: Final[Mapping[str, LazyString]] = {
    "honeypot": _l("It filled in a field that people do not see"),
    "too_quick": _l("It was sent faster than anybody types"),
    "no_stamp": _l("It did not come from our page"),
    "cross_site": _l("It was sent from another site"),
    "links": _l("Its message is full of links"),
    "link_in_name": _l("It has a link for a name"),
    "foreign_script": _l("Its message is in a foreign script"),
    "unknown_fields": _l("It has fields that the form does not"),
    "busy_address": _l("Many posts came from the same network"),
    "busy_identity": _l("The same person sent many in an hour"),
    "no_proof": _l("It did not do the browser's little sum"),
}
EVENTS: Final[Mapping[str, LazyString]] = {
    "details": _l("Added more on the thank-you page"),
    "booked": _l("Booked a time"),
    "booking_cancelled": _l("Cancelled the booked time"),
    "mail_sent": _l("Mail sent"),
    "mail_failed": _l("Mail could not be delivered"),
    "mail_stopped": _l("Mail not sent: they asked for no contact"),
    "human_contact": _l("Somebody of the team answered"),
    "corrected": _l("Corrected their own data"),
    "erased": _l("Personal data erased"),
    "cleared": _l("Marked as a real person"),
    "call": _l("Telephone call"),
}


def source_label(source: str) -> str:
    """Where a lead came from: "Offer page", "OLX"."""
    if source in SOURCES:
        return str(SOURCES[source])
    return PORTALS.get(source) or source.removeprefix("form:")


def department_label(department: str) -> str:
    return str(DEPARTMENTS.get(department, department))


def state_label(state: str) -> str:
    return str(STATES.get(state, state))


def event_label(kind: str, data: Mapping[str, Any]) -> str:
    """One line of a lead's history."""
    if kind == "enquiry":
        return _("Wrote for the first time") if data.get("is_first") else _("Wrote again")
    return str(EVENTS.get(kind, kind.replace("_", " ")))


def actor_label(actor: str, kind: str = "") -> str:
    """Who did it: the person themselves, a portal's name, a colleague's address; empty for what
    the site does of its own accord."""
    if kind.startswith("mail_"):
        return ""
    if actor in {"site", "person"}:
        return _("the person, on the site")
    return actor.removeprefix("portal:")
