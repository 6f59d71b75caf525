"""What WhatsApp opens with when we turn to somebody: the texts of the house, filled."""

from collections.abc import Mapping

from core.text import clean_line
from dealership.identity import identity
from dealership.staff import StaffMember
from leads.letters import greeting_name
from leads.message_templates import Filled, fill, templates
from leads.models import Person


def facts_of(person: Person, writer: StaffMember, store_id: int | None) -> dict[str, str]:
    """The slots (leads.template_slots.SLOTS) that hold without a lead."""
    stores = identity().stores
    store = next((one for one in stores if one.id == store_id), stores[0] if stores else None)
    return {
        "nome": greeting_name(person.name),
        "loja": store.name if store else identity().name,
        "endereco": store.address_line if store else "",
        "atendente": greeting_name(writer.shown_name) or clean_line(writer.shown_name, 40),
    }


def text_for(situation: str, facts: Mapping[str, str]) -> Filled | None:
    """The first text for WhatsApp of `situation` that lacks nothing; None without one."""
    able = (
        fill(one, facts)
        for one in templates()
        if one.situation == situation and one.channel == "whatsapp"
    )
    return next((one for one in able if one.can_be_sent), None)
