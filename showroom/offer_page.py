"""The page of one vehicle, from arrival to thirty days after its sale; and the forms on it.

A form is kept before anything about the car is looked up: who writes while it is being sold, or
while the database is away, is answered with similar ones, not with an error.
"""

from dataclasses import dataclass, replace
from typing import Final

from flask import abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.clock import DEFAULT_ZONE, today
from core.text import format_km, inside_a_sentence
from dealership.identity import identity
from dealership.sessions import HOUSE_COOKIE
from inventory import search
from inventory.availability import Availability
from inventory.offers import Offer
from inventory.provenance import public_answers
from inventory.visits import count_visit
from inventory.vocabulary import codes, feature_group, label
from leads.answer_time import typical_answer_minutes
from leads.audience import is_reader
from leads.forms import InterestForm, PriceAlertForm
from leads.reception import receive, thanks_path
from showroom import seo
from showroom.bookings import public_id_of
from showroom.contact_links import contact_of_offer
from showroom.simulator import simulator_for, wish_form

SIMILAR: Final = 6
ALERT: Final = "alerta"  # ?formulario=: which of the page's forms was sent
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
        return _gone_page(offer, InterestForm.blank())
    if offer.path != request.path:
        return redirect(offer.path, code=301)
    _count(offer)
    return _render(offer, InterestForm.blank(), PriceAlertForm.blank())


def send_interest(name: str) -> Response | tuple[str, int]:
    """A proposal wanted, or with `?formulario=alerta` word of a lower price: 303 once it is safe,
    422 redrawn when refused. A car that was sold meanwhile is asked for all the same: it stands
    for others like it."""
    public_id = public_id_of(name.rpartition("-")[2].lower())
    if not public_id:
        abort(404)
    wants_alert = request.args.get("formulario") == ALERT
    form = (PriceAlertForm if wants_alert else InterestForm).posted(request)
    receipt = receive(form, page=f"/oferta/{name}", vehicle=public_id)
    if receipt is not None:
        return redirect(thanks_path(receipt), code=303)
    status = 413 if form.too_large else 422
    offer = search.find_offer(public_id)
    if offer is None or offer.availability is Availability.HIDDEN:
        abort(404)
    interest = form if isinstance(form, InterestForm) else InterestForm.blank()
    alert = form if isinstance(form, PriceAlertForm) else PriceAlertForm.blank()
    if offer.availability is Availability.GONE:
        return _gone_page(offer, interest)[0], status
    return _render(offer, interest, alert), status


def preview_page(offer: Offer) -> str:
    """The page of `offer` as staff see it before anybody else: kept out of search engines, counted
    for nobody."""
    return _render(offer, InterestForm.blank(), PriceAlertForm.blank(), is_preview=True)


def _count(offer: Offer) -> None:
    """One visit more, if a buyer looks: no machine, nobody of the house."""
    if is_reader(request) and HOUSE_COOKIE not in request.cookies:
        store = identity().store(offer.store.slug)
        count_visit(offer.id, today(store.zone if store else DEFAULT_ZONE))


def _render(
    offer: Offer, interest: InterestForm, alert: PriceAlertForm, *, is_preview: bool = False
) -> str:
    dealer = identity()
    store = dealer.store(offer.store.slug)
    crumbs = [
        (_("Home"), "/"),
        (_("Stock"), "/estoque"),
        (offer.make, f"/estoque/{offer.make_slug}"),
        (offer.model_name, _model_path(offer)),
        (" ".join(part for part in (offer.trim, str(offer.model_year)) if part), offer.path),
    ]
    simulation = None if offer.is_sold or not offer.price_cents else simulator_for(offer, {})
    head = seo.offer_page(offer, dealer, store, crumbs)
    return render_template(
        "showroom/offer.html",
        page=replace(head, is_indexable=False, nodes=()) if is_preview else head,
        is_preview=is_preview,
        provenance=public_answers(offer.id),
        crumbs=crumbs,
        offer=offer,
        store=store,
        facts=_facts(offer),
        feature_groups=_feature_groups(offer),
        history=_history(offer),
        not_informed=_not_informed(offer),
        similar=search.find_offers(search.similar(offer.id, SIMILAR)),
        simulation=simulation,
        wish=wish_form(simulation) if simulation else None,
        interest=interest,
        alert=alert,
        alert_path=f"{offer.path}?formulario={ALERT}",
        answer_minutes=typical_answer_minutes(store.id if store else None),
        model_path=_model_path(offer),
        has_whatsapp=bool(contact_of_offer(dealer, offer).whatsapp),
        share_text=f"{offer.title}: {seo.absolute(offer.path)}",
    )


def _gone_page(offer: Offer, form: InterestForm) -> tuple[str, int]:
    """410 with a way on: the address is not coming back, the wish is still there."""
    heading = _("The %(car)s has left our stock", car=offer.title)
    text = _("This page will not come back, but the wish can still come true.")
    body = render_template(
        "showroom/gone.html",
        page=seo.Page(
            title=seo.fit([heading], ""), description=text, path=request.path, is_indexable=False
        ),
        heading=heading,
        text=text,
        offer=offer,
        form=form,
        similar=search.find_offers(search.similar(offer.id, SIMILAR)),
    )
    return body, 410


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
