"""What the page of one car shows beside its form: what is missing, what was found, its past."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from admin import stock_scope
from admin.door import may
from admin.vehicle_form import VehicleForm, facts_of, own_stores, provenance_values
from core.db import db
from core.errors import DomainError
from core.money import format_brl
from core.text import clean_line
from dealership.audit import AuditEntry
from dealership.identity import identity
from dealership.models import Store
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.availability import Availability
from inventory.catalogue import canonical_make
from inventory.completeness import Completeness, completeness, is_text_unique
from inventory.conflicts import FIELD_NAMES, FactChange, mark_of
from inventory.credit_text import credit_text
from inventory.gates import Gate, TextFinding, problems_to_publish, text_findings
from inventory.models import PriceChange, StateChange, Vehicle
from inventory.offers import Offer, offer_of, price_and_former
from inventory.provenance import ITEMS, ProvenanceFact, contract_clause, provenance_of
from inventory.vocabulary import label

SHOWN_EVENTS: Final = 60
_MEASURED: Final = (
    "built_year", "mileage_km", "fuel", "transmission", "body", "color", "doors", "engine",
    "power_hp", "description", "legal_text", "video_url", "condition",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One line of a car's history."""

    at: datetime
    actor: str
    words: str


@dataclass(frozen=True)
class Standing:
    """Where a car stands: what keeps it from the site, what its texts say wrong, how complete it
    is."""

    gates: Sequence[Gate]
    findings: Sequence[TextFinding]
    completeness: Completeness
    provenance: dict[str, ProvenanceFact]
    clause: str

    def of(self, field: str) -> list[TextFinding]:
        """What was found in one text."""
        return [one for one in self.findings if one.field == field]


def title_of(vehicle: Vehicle) -> str:
    """How people call it."""
    parts = [vehicle.car_model.make.name, vehicle.car_model.name]
    parts += [vehicle.trim.name] if vehicle.trim else []
    return " ".join([*parts, str(vehicle.model_year)])


def standing(vehicle: Vehicle) -> Standing:
    """Where `vehicle` stands; a fixed number of statements."""
    findings = text_findings(vehicle)
    unlawful = next((one.field for one in findings if one.finding.is_unlawful), "")
    known = provenance_of(vehicle.id)
    return Standing(
        problems_to_publish(vehicle),
        findings,
        completeness(vehicle, unlawful_field=unlawful, has_unique_text=is_text_unique(vehicle)),
        known,
        contract_clause(title_of(vehicle), known),
    )


def form_for(vehicle: Vehicle, known: dict[str, ProvenanceFact]) -> VehicleForm:
    """The form as the car stands."""
    facts = facts_of(vehicle) | provenance_values(known)
    return VehicleForm(None, stores=stores_for(vehicle), may=may, facts=facts)


def stores_for(vehicle: Vehicle | None = None) -> dict[int, str]:
    """The stores that who is signed in may put a car into; its own stays among them."""
    stores = own_stores(stock_scope.own_stores())
    if vehicle is not None:
        stores.setdefault(vehicle.store_id, vehicle.store.name)
    return stores


def mark_for(vehicle: Vehicle, form: VehicleForm) -> str:
    """The mark of the values that `form` was drawn with."""
    return mark_of(vehicle, form.fact_names())


def shown(field: str, value: Any) -> str:
    """A value of VehicleFacts as a person reads it, for two that clash."""
    if value is None or value == "" or value == []:
        return _("empty")
    if field.endswith("_cents"):
        return format_brl(value)
    if field in {"fuel", "transmission", "body", "color", "condition"}:
        return str(label(field, value))
    if field == "store":
        store = db.session.get(Store, value)
        return store.name if store else str(value)
    if field == "features":
        return ", ".join(str(label("feature", code)) for code in value)
    if field == "history":
        return ", ".join(
            f"{label('history', code)}: {_('Yes') if answer else _('No')}"
            for code, answer in value.items()
        )
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return clean_line(str(value), 300)


# --- history -----------------------------------------------------------------------------------


def history_of(vehicle: Vehicle) -> list[Event]:
    """Prices, steps and changed facts, the newest first, with who did it. Four statements."""
    events = [*_prices(vehicle), *_steps(vehicle), *_facts(vehicle), *_provenance(vehicle)]
    events.sort(key=lambda event: event.at, reverse=True)
    shown = events[:SHOWN_EVENTS]
    names = _names({event.actor for event in shown})
    return [replace(one, actor=names.get(one.actor, one.actor)) for one in shown]


def _latest(model: Any, vehicle: Vehicle) -> Sequence[Any]:
    return db.session.scalars(
        sa.select(model)
        .where(model.vehicle_id == vehicle.id)
        .order_by(model.id.desc())
        .limit(SHOWN_EVENTS)
    ).all()


def _prices(vehicle: Vehicle) -> list[Event]:
    return [Event(row.at, row.actor, _price_words(row)) for row in _latest(PriceChange, vehicle)]


def _price_words(row: PriceChange) -> str:
    if not row.price_cents:
        return _("Price taken out")
    price = format_brl(row.price_cents)
    if not row.promo_price_cents:
        return _("Price: %(price)s", price=price)
    promo = format_brl(row.promo_price_cents)
    if row.promo_until is None:
        return _("Price: %(price)s, promotion %(promo)s", price=price, promo=promo)
    return _(
        "Price: %(price)s, promotion %(promo)s until %(day)s",
        price=price,
        promo=promo,
        day=f"{row.promo_until:%d/%m/%Y}",
    )


def _steps(vehicle: Vehicle) -> list[Event]:
    return [
        Event(
            row.at,
            row.actor,
            _("%(before)s → %(after)s", before=label("state", row.from_state),
              after=label("state", row.to_state)),
        )
        for row in _latest(StateChange, vehicle)
    ]  # fmt: skip


def _facts(vehicle: Vehicle) -> list[Event]:
    events = []
    for row in _latest(FactChange, vehicle):
        prices = {"price_cents", "promo_price_cents", "promo_until"}
        names = [str(FIELD_NAMES.get(name, name)) for name in row.fields if name not in prices]
        if "cost_cents" in row.fields and not may(Permission.SEE_COSTS):
            names = [name for name in names if name != str(FIELD_NAMES["cost_cents"])]
        if names:
            words = _("Changed: %(fields)s", fields=", ".join(names))
            events.append(Event(row.at, row.actor, words))
    return events


def _provenance(vehicle: Vehicle) -> list[Event]:
    rows = db.session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.subject == f"vehicle:{vehicle.id}")
        .where(AuditEntry.action == "stock.edit")
        .order_by(AuditEntry.id.desc())
        .limit(SHOWN_EVENTS)
    )
    events = []
    for row in rows:
        items = [item for item in ITEMS if item in row.after or item in row.before]
        if items:
            names = ", ".join(str(ITEMS[item]) for item in items)
            events.append(Event(row.at, row.actor, _("Provenance: %(items)s", items=names)))
    return events


def _names(actors: set[str]) -> dict[str, str]:
    rows = db.session.scalars(sa.select(StaffMember).where(StaffMember.email.in_(actors)))
    return {row.email: row.shown_name for row in rows}


# --- preview -----------------------------------------------------------------------------------


def drafted_offer(vehicle: Vehicle, form: VehicleForm | None) -> Offer:
    """The car as its page would show it, with what `form` says and has not saved yet. Fields that
    cannot be read show what stands in the stock."""
    offer = offer_of(vehicle)
    if not offer.availability.has_page:
        offer = replace(offer, availability=Availability.AVAILABLE)
    if form is None:
        return offer
    typed = form.facts()
    wrong = {name for name in typed if form.is_wrong(name)}
    values: dict[str, Any] = {
        name: typed[name] for name in _MEASURED if name in typed and name not in wrong
    }
    if typed.get("model_year"):
        values["model_year"] = typed["model_year"]
    values["make"] = canonical_make(typed["make"]) or offer.make
    values["model_name"] = typed["model_name"] or offer.model_name
    values["trim"] = typed["trim"]
    values["features"] = tuple(typed["features"])
    values["history"] = typed["history"]
    return replace(offer, **values, **_drafted_prices(vehicle, typed))


def _drafted_prices(vehicle: Vehicle, typed: dict[str, Any]) -> dict[str, Any]:
    if not typed.get("price_cents"):
        return {}
    price, former = price_and_former(vehicle, typed)
    return {
        "price_cents": price,
        "previous_price_cents": former,
        "promo_until": typed["promo_until"] if former else None,
    }


def credit_example(vehicle: Vehicle) -> str:
    """A lawful credit offer for the price as saved, to copy; empty where the group has no bank."""
    dealer, price = identity(), price_and_former(vehicle, {})[0]
    if not price:
        return ""
    return credit_text(
        price,
        monthly_percent=dealer.finance_monthly_percent,
        fees_cents=dealer.finance_fees_cents,
        agent=dealer.finance_agent,
    )


class Unchanged(DomainError):
    """A form that says nothing new: its transaction is given up, so no audit entry stays."""
