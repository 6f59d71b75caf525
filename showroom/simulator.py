"""The instalment simulator: reads what was typed, computes on the server, never fails. And the
form that takes a simulation further: worked out anew, kept with all its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from flask import redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from core.clock import today
from core.db import db
from core.money import NotMoney, format_brl, parse_brl
from core.text import clean_line
from dealership.identity import Identity, identity
from inventory import financing, search
from inventory.offers import Offer
from leads.forms import FinancingForm
from leads.reception import receive, thanks_path
from showroom import seo
from showroom.addresses import path_of
from showroom.bookings import public_id_of

PATH: Final = "/financiamento"
DEFAULT_PRICE_CENTS: Final = 80_000_00
DEFAULT_MONTHS: Final = 48
DEFAULT_DOWN_SHARE: Final = 5  # a fifth of the price
HIGHEST_PRICE_CENTS: Final = 10_000_000_00
WITHIN_REACH: Final = 4
ROUND_TO_CENTS: Final = 500_00


@dataclass(frozen=True)
class SimulatorView:
    """What the simulator shows: typed values kept, errors beside their field, the result if any."""

    price_cents: int
    months: int
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    result: financing.Simulation | None
    day: date
    agent: str
    offer_id: str = ""
    terms: tuple[int, ...] = field(default=financing.COMMON_TERMS)

    @property
    def is_price_fixed(self) -> bool:
        """The price of an offer is not the visitor's to type."""
        return bool(self.offer_id)

    @property
    def slider_max(self) -> int:
        """Upper end of the down-payment slider, in whole reais."""
        return max(self.price_cents // 100 - 1000, 1000)


def simulator_for(offer: Offer | None, typed: Mapping[str, str]) -> SimulatorView:
    """The simulator for `offer` (or a typed price) with what the visitor typed so far."""
    dealer = identity()
    errors: dict[str, str] = {}
    price_cents = offer.price_cents if offer else _price(typed, errors)
    down_cents = _down_payment(typed, price_cents, errors)
    months = _months(typed, errors)
    result = None
    if not errors:
        result = _simulate(dealer, price_cents, down_cents, months, errors)
    return SimulatorView(
        price_cents=price_cents,
        months=months,
        typed={
            "valor": typed.get("valor", _plain(price_cents)),
            "entrada": typed.get("entrada", _plain(down_cents)),
        },
        errors=errors,
        result=result,
        day=today(),
        agent=dealer.finance_agent,
        offer_id=offer.public_id if offer else "",
    )


def _price(typed: Mapping[str, str], errors: dict[str, str]) -> int:
    text = typed.get("valor", "").strip()
    if not text:
        return DEFAULT_PRICE_CENTS
    try:
        cents = parse_brl(text)
    except NotMoney:
        errors["valor"] = _("Write the price in reais, for example 80.000.")
        return DEFAULT_PRICE_CENTS
    if not 0 < cents <= HIGHEST_PRICE_CENTS:
        errors["valor"] = _("Use a price up to R$ 10 million.")
        return DEFAULT_PRICE_CENTS
    return cents


def _down_payment(typed: Mapping[str, str], price_cents: int, errors: dict[str, str]) -> int:
    text = typed.get("entrada", "").strip()
    if not text:
        share = price_cents // DEFAULT_DOWN_SHARE
        return share - share % ROUND_TO_CENTS
    try:
        return parse_brl(text)
    except NotMoney:
        errors["entrada"] = _("Write the down payment in reais, for example 20.000.")
        return 0


def _months(typed: Mapping[str, str], errors: dict[str, str]) -> int:
    text = typed.get("prazo", "").strip()
    if not text:
        return DEFAULT_MONTHS
    if not text.isascii() or not text.isdigit() or int(text[:4]) not in financing.COMMON_TERMS:
        errors["prazo"] = _("Choose one of the terms in the list.")
        return DEFAULT_MONTHS
    return int(text)


def _simulate(
    dealer: Identity, price_cents: int, down_cents: int, months: int, errors: dict[str, str]
) -> financing.Simulation | None:
    try:
        return financing.simulate(
            price_cents,
            down_cents,
            months,
            Decimal(dealer.finance_monthly_percent),
            dealer.finance_fees_cents,
            today(),
        )
    except financing.NotFinanceable as error:
        errors["entrada"] = str(error)
        return None


def _plain(cents: int) -> str:
    """ "16.000": an amount as people type it, without the currency."""
    return format_brl(cents).removeprefix("R$\xa0")


def financing_page() -> str:
    """`/financiamento`: for any price, or with `?oferta=` for one car."""
    offer = _offer(request.args.get("oferta", ""))
    view = simulator_for(offer, request.args)
    return _render(view, offer, wish_form(view))


def wish_form(view: SimulatorView) -> FinancingForm:
    """The form under a simulation, carrying what was typed, not what came out."""
    return FinancingForm.blank(**_inputs(view))


def _inputs(view: SimulatorView) -> dict[str, str]:
    return {
        "preco": "" if view.is_price_fixed else view.typed["valor"],
        "entrada": view.typed["entrada"],
        "prazo": str(view.months),
        "oferta": view.offer_id,
    }


def send_simulation() -> Response | tuple[str, int]:
    """303 once it is safe; 422 when a field is wrong or nothing can be financed with these
    numbers. They are worked out here anew: what a browser says of instalments counts for nothing.
    While the database is away the typed numbers are kept, and worked out by who answers."""
    form = FinancingForm.posted(request)
    typed = {
        "valor": form.preco.data or "",
        "entrada": form.entrada.data or "",
        "prazo": form.prazo.data or "",
    }
    public_id = public_id_of(form.oferta.data)
    offer, view = _recomputed(public_id, typed)
    if view is not None and view.result is None:
        form.problem = " ".join(view.errors.values())
    short = {name: clean_line(text, 40) for name, text in typed.items() if text}
    receipt = receive(
        form,
        page=PATH,
        vehicle=public_id,
        details={"simulation": snapshot(view)} if view and view.result else {"typed": short},
    )
    if receipt is not None:
        return redirect(thanks_path(receipt), code=303)
    view = view or simulator_for(offer, typed)
    for name, value in _inputs(view).items():
        form[name].data = value
    return _render(view, offer, form), 413 if form.too_large else 422


def _recomputed(
    public_id: str, typed: Mapping[str, str]
) -> tuple[Offer | None, SimulatorView | None]:
    """The car and its simulation; no simulation where no price is known: the car was sold, or the
    database is away."""
    try:
        offer = _offer(public_id)
        if offer is None and (public_id or not typed["valor"].strip()):
            return None, None
        return offer, simulator_for(offer, typed)
    except SQLAlchemyError:
        db.session.rollback()
        return None, None


def snapshot(view: SimulatorView) -> dict[str, Any]:
    """Every number of a simulation, its rates and its day, to be shown as it was however rates
    change. Amounts in cents, rates in percent."""
    assert view.result is not None
    kept = {
        name: getattr(view.result, name)
        for name in financing.Simulation.__dataclass_fields__
        if name != "schedule"
    }
    numbers = {k: str(v) if isinstance(v, Decimal) else v for k, v in kept.items()}
    return {**numbers, "day": view.day.isoformat(), "agent": view.agent}


def _offer(public_id: str) -> Offer | None:
    offer = search.find_offer(public_id) if public_id else None
    if offer is not None and (offer.is_sold or not offer.availability.has_page):
        return None
    return offer


def _render(view: SimulatorView, offer: Offer | None, form: FinancingForm) -> str:
    crumbs = [(_("Home"), "/"), (_("Financing"), PATH)]
    dealer = identity()
    return render_template(
        "showroom/financing.html",
        page=seo.house_page(
            dealer,
            [_("Simulate car financing")],
            _(
                "Work out the instalments of your next car to the cent, with IOF, fees and CET, "
                "before you talk to anybody. Nothing to fill in about you."
            ),
            PATH,
            crumbs,
            seo.dealer_node(dealer, None),
            # Numbers in the address make endless copies of one page.
            is_indexable=not request.args,
        ),
        crumbs=crumbs,
        simulation=view,
        wish=form,
        offer=offer,
        within_reach=[] if offer else _within_reach(view.price_cents),
        reach_path=path_of(_reach(view.price_cents)),
    )


def _reach(price_cents: int) -> search.OfferFilter:
    return search.OfferFilter(price_max_cents=price_cents, sort="price_desc")


def _within_reach(price_cents: int) -> list[Offer]:
    found = search.search(_reach(price_cents), WITHIN_REACH, with_facets=False)
    return search.find_offers(found.ids)
