"""The page of one vehicle, from arrival to thirty days after its sale."""

from dataclasses import dataclass
from typing import Final

from flask import abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.text import format_km, inside_a_sentence
from dealership.identity import identity
from inventory import search
from inventory.availability import Availability
from inventory.offers import Offer
from inventory.vocabulary import codes, feature_group, label
from showroom import seo
from showroom.errors import error_page
from showroom.simulator import simulator_for

SIMILAR: Final = 6
# Facts that a buyer must be warned of when they are true.
WARNINGS: Final = frozenset({"auction", "insurance_recovered", "financed"})


@dataclass(frozen=True)
class HistoryFact:
    """A known fact of the provenance sheet; a warning is one that costs the buyer."""

    text: str
    is_warning: bool


def offer_page(name: str) -> str | Response | tuple[str, int]:
    """`/oferta/<slug>-<id>`: the id decides, a wrong slug is sent (301) to the right one."""
    public_id = name.rpartition("-")[2].lower()
    offer = search.find_offer(public_id)
    if offer is None or offer.availability is Availability.HIDDEN:
        abort(404)
    if offer.availability is Availability.GONE:
        return _gone_page(offer)
    if offer.path != request.path:
        return redirect(offer.path, code=301)
    return _render(offer)


def _render(offer: Offer) -> str:
    dealer = identity()
    store = dealer.store(offer.store.slug)
    crumbs = [
        (_("Home"), "/"),
        (_("Stock"), "/estoque"),
        (offer.make, f"/estoque/{offer.make_slug}"),
        (offer.model_name, _model_path(offer)),
        (" ".join(part for part in (offer.trim, str(offer.model_year)) if part), offer.path),
    ]
    address = seo.absolute(offer.path)
    return render_template(
        "showroom/offer.html",
        page=seo.offer_page(offer, dealer, store, crumbs),
        crumbs=crumbs,
        offer=offer,
        store=store,
        facts=_facts(offer),
        feature_groups=_feature_groups(offer),
        history=_history(offer),
        not_informed=_not_informed(offer),
        similar=search.find_offers(search.similar(offer.id, SIMILAR)),
        simulation=None if offer.is_sold else simulator_for(offer, {}),
        model_path=_model_path(offer),
        contact_number=(store.whatsapp if store else "") or dealer.whatsapp,
        contact_message=_contact_message(offer, address),
        share_text=f"{offer.title}: {address}",
    )


def _contact_message(offer: Offer, address: str) -> str:
    if offer.is_reserved:
        return _(
            "Hello! If the reservation of the %(car)s falls through, I am next: %(address)s",
            car=offer.title,
            address=address,
        )
    return _(
        "Hello! I want a proposal for the %(car)s: %(address)s", car=offer.title, address=address
    )


def _gone_page(offer: Offer) -> tuple[str, int]:
    """410 with a way on: the address is not coming back, the wish is still there."""
    others = search.find_offers(search.similar(offer.id, SIMILAR))
    return error_page(
        410,
        _("The %(car)s has left our stock", car=offer.title),
        _("This page will not come back. These are similar and in stock today:")
        if others
        else _("This page will not come back. Search for another one:"),
        others,
        _("Similar cars"),
    )


def _model_path(offer: Offer) -> str:
    return f"/estoque/{offer.make_slug}/{offer.model_slug}"


def _facts(offer: Offer) -> list[tuple[str, str | None]]:
    """What a buyer asks first; None shows as "not informed"."""

    def coded(kind: str, code: str | None) -> str | None:
        return str(label(kind, code)) if code else None

    return [
        (_("Year"), offer.years),
        (_("Mileage"), format_km(offer.mileage_km) if offer.mileage_km is not None else None),
        (_("Gearbox"), coded("transmission", offer.transmission)),
        (_("Fuel"), coded("fuel", offer.fuel)),
        (_("Engine"), offer.engine or None),
        (_("Power"), _("%(n)s hp", n=offer.power_hp) if offer.power_hp else None),
        (_("Body"), coded("body", offer.body)),
        (_("Doors"), str(offer.doors) if offer.doors else None),
        (_("Colour"), coded("color", offer.color)),
        (_("Condition"), coded("condition", offer.condition)),
        (_("Plate ends in"), offer.plate_final_digit),
        (_("City"), offer.store.city or None),
    ]


def _feature_groups(offer: Offer) -> list[tuple[str, list[str]]]:
    """Options under their groups, in the vocabulary's order."""
    groups: dict[str, list[str]] = {}
    for code in offer.features:
        groups.setdefault(feature_group(code), []).append(str(label("feature", code)))
    return [
        (str(label("feature_group", code)), groups[code])
        for code in codes("feature_group")
        if code in groups
    ]


def _history(offer: Offer) -> list[HistoryFact]:
    """What is known of the provenance, in the vocabulary's order."""
    facts = []
    for code in codes("history"):
        value = offer.history.get(code)
        if value is not None:
            name = str(label("history", code))
            text = name if value else _("%(fact)s: no", fact=name)
            facts.append(HistoryFact(text, is_warning=value and code in WARNINGS))
    return facts


def _not_informed(offer: Offer) -> str:
    """What nobody told us, in one line: "not informed" is never "no"."""
    unknown = [code for code in codes("history") if code not in offer.history]
    return ", ".join(inside_a_sentence(str(label("history", code))) for code in unknown)
