"""What the slots of a text stand for, read from a lead as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import format_datetime
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from core.clock import DEFAULT_ZONE, now
from core.config import current
from core.db import db
from core.money import format_brl
from core.text import clean_line
from dealership.identity import StoreProfile, identity
from dealership.staff import StaffMember
from inventory import search
from inventory.models import Vehicle
from inventory.offers import Offer
from leads.letters import greeting_name
from leads.models import Appointment, Lead, LeadEvent, Person

ALIKE: Final = 3
SLOTS: Final[Mapping[str, LazyString]] = {
    "nome": _l("first name of the person"),
    "carro": _l("the car they asked about"),
    "preco": _l("its price today"),
    "link": _l("the page of the car"),
    "parecidos": _l("cars like it that we have"),
    "loja": _l("name of the store"),
    "endereco": _l("address of the store"),
    "atendente": _l("first name of who writes"),
    "visita": _l("day and hour of the visit"),
    "proposta": _l("price of the proposal"),
}
# Nobody's: what a preview shows. The house's own facts are put in by `sample_facts`.
_SAMPLE: Final = {
    "nome": "Carla",
    "carro": "Chevrolet Onix 1.0 LT 2022",
    "preco": "R$ 69.900",
    "parecidos": "Fiat Argo Drive 2022, R$ 66.900\nHyundai HB20 Sense 2021, R$ 64.500",
    "visita": "sábado, 14/03, às 10:00",
    "proposta": "R$ 68.500",
}


@dataclass(frozen=True)
class AskedCar:
    """The car that a lead is about, as it is now; without an offer one that was never public."""

    offer: Offer | None
    is_sold: bool

    @property
    def is_for_sale(self) -> bool:
        return self.offer is not None and self.offer.is_available


def car_of(lead: Lead) -> AskedCar | None:
    """The car that `lead` is about; None without one."""
    row = db.session.execute(
        sa.select(Vehicle.public_id, Vehicle.state).where(Vehicle.id == lead.vehicle_id)
    ).one_or_none()
    if row is None:
        return None
    offer = search.find_offer(row[0])
    return AskedCar(offer if offer and offer.published_at else None, row[1] == "sold")


def facts_of(lead: Lead, writer: StaffMember, car: AskedCar | None) -> dict[str, str]:
    """The value of each slot for `lead` and its `car_of`, as `writer` would send it; empty where
    we know none. A fixed number of statements."""
    store = _store(lead)
    offer = car.offer if car else None
    is_for_sale = bool(car and car.is_for_sale)
    return {
        "nome": greeting_name(lead.person.name),
        "carro": offer.title if offer else "",
        "preco": _brl(offer.price_cents) if offer and is_for_sale else "",
        "link": f"{current().base_url}{offer.path}" if offer and is_for_sale else "",
        "parecidos": _alike(lead) if not is_for_sale else "",
        "loja": store.name if store else identity().name,
        "endereco": store.address_line if store else "",
        "atendente": greeting_name(writer.shown_name) or clean_line(writer.shown_name, 40),
        "visita": _visit(lead, store),
        "proposta": _proposal(lead),
    }


def visit_facts(
    person: Person, visit: Appointment, writer: StaffMember, car: str
) -> dict[str, str]:
    """The slots that a reminder of `visit` may use: no prices and links. No statement."""
    stores = identity().stores
    store = next((one for one in stores if one.id == visit.store_id), None)
    local = visit.starts_at.astimezone(store.schedule.zone if store else DEFAULT_ZONE)
    return {
        "nome": greeting_name(person.name),
        "carro": car,
        "loja": store.name if store else identity().name,
        "endereco": store.address_line if store else "",
        "atendente": greeting_name(writer.shown_name) or clean_line(writer.shown_name, 40),
        "visita": str(format_datetime(local, "EEEE, dd/MM, 'às' HH:mm", rebase=False)),
    }


def sample_facts(writer: StaffMember) -> dict[str, str]:
    """Values of an invented person in the first store, for a preview."""
    stores = identity().stores
    return {
        **_SAMPLE,
        "link": f"{current().base_url}/oferta/chevrolet-onix-exemplo",
        "loja": stores[0].name if stores else identity().name,
        "endereco": stores[0].address_line if stores else "",
        "atendente": greeting_name(writer.shown_name) or clean_line(writer.shown_name, 40),
    }


def _store(lead: Lead) -> StoreProfile | None:
    stores = identity().stores
    return next((one for one in stores if one.id == lead.store_id), stores[0] if stores else None)


def _brl(cents: int) -> str:
    return format_brl(cents).replace("\xa0", " ") if cents else ""


def _alike(lead: Lead) -> str:
    if lead.vehicle_id is None:
        return ""
    offers = search.find_offers(search.similar(lead.vehicle_id, ALIKE))
    return "\n".join(f"{one.title}, {_brl(one.price_cents)}" for one in offers)


def _visit(lead: Lead, store: StoreProfile | None) -> str:
    """The next time that is booked."""
    starts_at = db.session.scalar(
        sa.select(Appointment.starts_at)
        .where(
            Appointment.lead_id == lead.id,
            Appointment.state == "booked",
            Appointment.starts_at > now(),
        )
        .order_by(Appointment.starts_at)
        .limit(1)
    )
    if starts_at is None:
        return ""
    zone = store.schedule.zone if store else DEFAULT_ZONE
    local = starts_at.astimezone(zone)
    return str(format_datetime(local, "EEEE, dd/MM, 'às' HH:mm", rebase=False))


def _proposal(lead: Lead) -> str:
    data = db.session.scalar(
        sa.select(LeadEvent.data)
        .where(LeadEvent.lead_id == lead.id, LeadEvent.kind == "proposal_sent")
        .order_by(LeadEvent.id.desc())
        .limit(1)
    )
    price = (data or {}).get("price_cents")
    return _brl(price) if isinstance(price, int) else ""
