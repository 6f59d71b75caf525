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
    "form:fila": _l("Line for a held car"),
    "desk": _l("Entered at the desk"),
    "form:privacidade": _l("Privacy form"),
    "landing": _l("Landing page"),
    "telephony": _l("Telephone"),
    "whatsapp": _l("WhatsApp"),
    "meta": _l("Meta (Facebook, Instagram)"),
    "generic": _l("Own integration"),
    "mail": _l("Portal by e-mail"),
    "adf": _l("Portal by e-mail (ADF)"),
    "api": _l("Other system (API)"),
    "referral": _l("Named by a customer"),
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
    "mail_written": _l("Wrote an e-mail"),
    "mail_sent": _l("Mail sent"),
    "mail_failed": _l("Mail could not be delivered"),
    "mail_stopped": _l("Mail not sent: they asked for no contact"),
    "answer_written": _l("Answered on the portal"),
    "answer_sent": _l("The answer stands on the portal"),
    "answer_failed": _l("The answer did not reach the portal"),
    "human_contact": _l("Somebody of the team answered"),
    "corrected": _l("Corrected their own data"),
    "asked_to_stop": _l("Answered SAIR: no more offers"),
    "mail_bounced": _l("The e-mail came back: that address does not exist"),
    "mail_complained": _l("Marked our e-mail as unwanted"),
    "erased": _l("Personal data erased"),
    "cleared": _l("Marked as a real person"),
    "call": _l("Telephone call"),
    "call_missed": _l("Missed call"),
    "call_answered": _l("Answered call"),
    "reply": _l("Answered us"),
    "claimed": _l("Took the lead"),
    "assigned": _l("Got the lead by turn"),
    "taken_over": _l("The lead was given to somebody else"),
    "returned": _l("Back into the queue"),
    "escalated": _l("Passed to the supervisors"),
    "attempted": _l("Tried to reach them"),
    "talked": _l("Talked with them"),
    "qualified": _l("Qualified: need and means are known"),
    "next_action": _l("Next step set"),
    "no_show": _l("Did not come"),
    "visited": _l("Came to the store"),
    "handoff_offered": _l("Offered to a seller"),
    "handoff_accepted": _l("The seller accepted"),
    "handoff_refused": _l("The seller refused"),
    "handoff_expired": _l("The seller did not answer in time"),
    "given_back": _l("Given back by the seller"),
    "caught_up": _l("Talk after the delivery"),
    "catch_up_tried": _l("Nobody answered after the delivery"),
    "proposal_sent": _l("Proposal sent"),
    "reserved": _l("Car reserved"),
    "reservation_ended": _l("Reservation ended"),
    "line_joined": _l("Joined the line for a held car"),
    "line_turn": _l("It is their turn: the car is kept for them"),
    "line_answered": _l("Wants the car, in their turn"),
    "line_over": _l("The car they waited for is gone: tell them"),
    "car_sold": _l("The car was marked as sold in the stock"),
    "visit_confirmed": _l("Confirmed the visit"),
    "visit_moved": _l("Moved the visit"),
    "arrived": _l("Is in the store"),
    "placed": _l("No store was named: given to the first one"),
    "won": _l("Sale made"),
    "lost": _l("Lost"),
    "slept": _l("Put to sleep"),
    "woke": _l("Woke up"),
    "marked_invalid": _l("Marked as no lead"),
    "blocked": _l("Asked not to be contacted"),
    "merged": _l("Joined with another lead"),
    "unmerged": _l("Separated again"),
    "absorbed": _l("Another lead of the person was joined to this one"),
    "skate_alert": _l("A colleague entered this customer anew"),
    "undone": _l("Step undone"),
    "reopened": _l("Opened again"),
    "note": _l("Note"),
}
URGENCIES: Final[Mapping[int, LazyString]] = {
    0: _l("Urgent"),
    1: _l("Priority"),
    2: _l("Agreed for today"),
    3: _l("Win back"),
}
NEXT_ACTIONS: Final[Mapping[str, LazyString]] = {
    "answer": _l("Answer them"),
    "contact": _l("First contact"),
    "retry": _l("Try again"),
    "reply": _l("Reply"),
    "follow_up": _l("Follow up"),
    "visit": _l("Visit: note what came of it"),
    "rescue": _l("Did not come: call now"),
    "outcome": _l("Note what came of the visit"),
    "accept_handoff": _l("Seller accepts or refuses"),
    "propose": _l("Make a proposal"),
    "follow_proposal": _l("Ask about the proposal"),
    "end_reservation": _l("Reservation ends"),
    "line_turn": _l("Their turn for the car: call now"),
    "wake": _l("Wakes up"),
    "call": _l("Call"),
    "message": _l("Send a message"),
}
RETURN_REASONS: Final[Mapping[str, LazyString]] = {
    "not_mine": _l("Another department or store"),
    "busy": _l("I cannot get to it now"),
    "knows_somebody": _l("Asked for a colleague"),
}
LOSS_REASONS: Final[Mapping[str, LazyString]] = {
    "no_answer": _l("Never answered"),
    "price": _l("Price"),
    "trade_in": _l("Trade-in value"),
    "credit": _l("Credit refused"),
    "bought_elsewhere": _l("Bought elsewhere"),
    "sold": _l("The car was sold"),
    "no_stock": _l("We had no such car"),
    "gave_up": _l("Gave up buying"),
    "distance": _l("Too far away"),
}
INVALID_REASONS: Final[Mapping[str, LazyString]] = {
    "wrong_number": _l("Wrong number"),
    "spam": _l("Advertising or a machine"),
    "test": _l("A test"),
    "job": _l("Looks for a job, sells something"),
}
REFUSAL_REASONS: Final[Mapping[str, LazyString]] = {
    "busy": _l("With another customer"),
    "off": _l("Not in the store"),
    "not_ready": _l("The lead is not ready"),
    "conflict": _l("A colleague knows the person"),
}
REASONS: Final[Mapping[str, LazyString]] = {
    **RETURN_REASONS, **LOSS_REASONS, **INVALID_REASONS, **REFUSAL_REASONS,
    "timer": _l("Nobody acted in time"),
    "shift_end": _l("The shift ended"),
    "left": _l("Its owner's account was closed"),
    "late": _l("It was late"),
    "returns": _l("It came back too often"),
    "came_back": _l("The person came back"),
    "moved": _l("By the supervisor"),
    "stuck": _l("The next step was long overdue"),
    "lapsed": _l("Its time was over"),
    "lifted": _l("The car was put back on sale"),
    "withdrawn": _l("The car left the site"),
    "sold_car": _l("The car was sold"),
    "sampled": _l("Given up too soon"),
}  # fmt: skip
# Steps of the ladder that need saying; the turn is the usual one.
RULES: Final[Mapping[str, LazyString]] = {
    "known": _l("knows the person"),
    "named": _l("came by their link"),
    "special": _l("special rule"),
}
SPECIAL_RULES: Final[Mapping[str, LazyString]] = {
    "fleet": _l("Fleet and direct sale"),
    "adapted": _l("Adapted car (PcD)"),
    "price": _l("Car of a price from"),
    "make": _l("Car of a make"),
    "campaign": _l("Campaign or landing page"),
    "captor": _l("Whoever brought the car in"),
}
OUTCOMES: Final[Mapping[str, LazyString]] = {
    "no_answer": _l("did not answer"),
    "busy": _l("line busy"),
    "voicemail": _l("voice mail"),
}
CHANNELS: Final[Mapping[str, LazyString]] = {
    "whatsapp": _l("WhatsApp"),
    "phone": _l("Phone"),
    "mail": _l("E-mail"),
    "sms": _l("SMS"),
    "visit": _l("In the store"),
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
    said = str(EVENTS.get(kind, kind.replace("_", " ")))
    if kind == "assigned" and data.get("rule") in RULES:
        said = _("Got the lead")  # not by turn
    more = [
        str(words[value])
        for name, words in _TOLD.items()
        if isinstance(value := data.get(name), str) and value in words
    ]
    return f"{said} ({', '.join(more)})" if more else said


_TOLD: Final[Mapping[str, Mapping[str, LazyString]]] = {
    "channel": CHANNELS,
    "outcome": OUTCOMES,
    "reason": REASONS,
    "rule": RULES,
}


def actor_label(actor: str, kind: str = "") -> str:
    """Who did it: the person themselves, a portal's name, a colleague's address; empty for what
    the site does of its own accord."""
    if kind.startswith("mail_"):
        return ""
    if actor == "system":
        return _("by the rules")
    if actor in {"site", "person"}:
        return _("the person, on the site")
    return source_label(actor.removeprefix("portal:")) if actor.startswith("portal:") else actor
