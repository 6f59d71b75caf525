"""The page of one vehicle, from arrival to thirty days after its sale; and the forms on it.

A form is kept before anything about the car is looked up: who writes while it is being sold, or
while the database is away, is answered with similar ones, not with an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from content.page_texts import OwnWords, offer_key, words_of
from core.clock import DEFAULT_ZONE, now, today
from core.config import current
from core.shared_pages import when_read
from core.text import format_km, inside_a_sentence
from dealership.identity import StoreProfile, identity
from dealership.sessions import HOUSE_COOKIE
from inventory import search
from inventory.availability import Availability
from inventory.offers import Offer
from inventory.provenance import public_answers
from inventory.search import OfferFilter
from inventory.visits import VisitCounter, visit_counter
from inventory.vocabulary import codes, feature_group, label
from leads import consent
from leads.answer_time import typical_answer_minutes
from leads.audience import reads
from leads.forms import InterestForm, LeadForm, LineForm, PriceAlertForm
from leads.reception import receive, thanks_path
from leads.waiting_line import NotHeld, count_waiting
from showroom import fragments, seo
from showroom.addresses import path_of
from showroom.bookings import public_id_of
from showroom.contact_links import contact_of_offer
from showroom.display import wording
from showroom.fragments import Card
from showroom.offer_head import has_twin, offer_head
from showroom.simulator import simulator_for, wish_form
from showroom.waiting_line import join_line

SIMILAR: Final = 6
A_ROW: Final = 4  # of cards, on a wide screen
ALERT: Final = "alerta"  # ?formulario=: which of the page's forms was sent
LINE: Final = "fila"
# Facts that a buyer must be warned of when they are true.
WARNINGS: Final = frozenset({"auction", "insurance_recovered", "financed"})


@dataclass(frozen=True)
class HistoryFact:
    """A known fact of the provenance sheet; a warning is one that costs the buyer, a lack one that
    would have been good to have."""

    text: str
    is_warning: bool
    is_lack: bool


def offer_page(name: str) -> bytes | Response | tuple[str, int]:
    """`/oferta/<slug>-<id>`: the id decides, a wrong slug is sent (301) to the right one."""
    public_id = name.rpartition("-")[2].lower()
    instant = now().timestamp()
    offer = fragments.find_offer(public_id)
    if offer is None or offer.availability is Availability.HIDDEN:
        abort(404)
    if offer.availability is Availability.GONE:
        # Others of its model are what was looked for; anything wider is not (a soft 404).
        if search.count(_of_model(offer)):
            return redirect(_model_path(offer), code=301)
        return _gone_page(offer, InterestForm.blank())
    if offer.path != request.path:
        return redirect(offer.path, code=301)
    _count(offer)
    return _page_of(offer, instant)


def send_interest(name: str) -> Response | tuple[bytes | str, int]:
    """A proposal wanted, or with `?formulario=alerta` word of a lower price, or with `fila` a place
    in the line of a held car: 303 once it is safe, 422 redrawn when refused. A car that was sold
    meanwhile is asked for all the same: it stands for others like it."""
    public_id = public_id_of(name.rpartition("-")[2].lower())
    if not public_id:
        abort(404)
    if request.args.get("formulario") == LINE:
        return _send_line(public_id, name)
    wants_alert = request.args.get("formulario") == ALERT
    form = (PriceAlertForm if wants_alert else InterestForm).posted(request)
    receipt = receive(form, page=f"/oferta/{name}", vehicle=public_id)
    if receipt is not None:
        return redirect(thanks_path(receipt), code=303)
    status = 413 if form.too_large else 422
    offer = search.find_offer(public_id)
    if offer is None or offer.availability is Availability.HIDDEN:
        abort(404)
    if offer.availability is Availability.GONE:
        interest = form if isinstance(form, InterestForm) else InterestForm.blank()
        return _gone_page(offer, interest)[0], status
    return _render(offer, form), status


def _send_line(public_id: str, name: str) -> Response | tuple[bytes | str, int]:
    """A place in the line. A car that is free again is not waited for: what was typed stands in
    the form that asks for it; 409."""
    form, refusal = LineForm.posted(request), ""
    try:
        path = join_line(form, public_id, f"/oferta/{name}")
        if path is not None:
            return redirect(path, code=303)
        status = 413 if form.too_large else 422
    except NotHeld as error:
        refusal, status = str(error), 409
    offer = search.find_offer(public_id)
    if offer is None or offer.availability is Availability.HIDDEN:
        abort(404)
    typed = InterestForm.blank(nome=form.nome.data, telefone=form.telefone.data)
    if offer.availability is Availability.GONE:
        return _gone_page(offer, typed)[0], status
    return _render(offer, typed if refusal else form, refusal=refusal), status


def preview_page(offer: Offer) -> str:
    """The page of `offer` as staff see it before anybody else: kept out of search engines, counted
    for nobody."""
    return _render(offer, is_preview=True).decode()


def _count(offer: Offer) -> None:
    """One visit more each time a buyer looks: no machine, nobody of the house."""
    store = identity().store(offer.store.slug)
    zone = store.zone if store else DEFAULT_ZONE
    when_read(partial(_count_reader, visit_counter(), offer.id, zone))


def _count_reader(
    counter: VisitCounter, offer_id: int, zone: ZoneInfo, environ: Mapping[str, Any]
) -> None:
    if reads(environ) and f"{HOUSE_COOKIE}=" not in environ.get("HTTP_COOKIE", ""):
        counter.count(offer_id, today(zone))


# A finished page is kept under all that it says besides the car's own and the house's, in two
# parts; nothing else may be read while one is drawn.


@dataclass(frozen=True)
class _Passing:
    """What comes and goes while nothing on the site changes."""

    wordings: tuple[str, ...]  # beside and below its forms
    waiting: int
    answer_minutes: int | None
    store_hours: tuple[Any, ...]  # whether it is open, and until or from when


@dataclass(frozen=True)
class _Around:
    """What changes with other cars, and with what the house wrote for search engines."""

    is_make_known: bool
    has_model: bool
    has_twin: bool
    words: OwnWords
    similar: bytes  # what their cards say


def _passing(offer: Offer, store: StoreProfile | None) -> _Passing:
    kinds = (consent.MARKETING, consent.NOTICE, *([consent.LINE] if offer.is_reserved else []))
    return _Passing(
        wordings=tuple(consent.published_mark(kind) for kind in kinds),
        waiting=count_waiting(offer.id) if offer.is_reserved else 0,
        answer_minutes=typical_answer_minutes(store.id if store else None),
        store_hours=(store.is_open, store.closes_at, store.opens_at) if store else (),
    )


def _around(offer: Offer, similar: Sequence[Card]) -> _Around:
    return _Around(
        is_make_known=search.is_known("make", offer.make_slug),
        has_model=bool(search.count(_of_model(offer))),
        has_twin=has_twin(offer),
        words=words_of(offer_key(offer.public_id)),
        similar=fragments.digest_of(similar),
    )


def _page_of(offer: Offer, instant: float) -> bytes:
    """The page as everybody gets it who comes by a link. `instant`: before `offer` was read."""
    passing = _passing(offer, identity().store(offer.store.slug))
    keep = fragments.parts_of(offer, instant)
    # A puzzle is of one page alone; a sold car tells of others in its head, and for a month only.
    if offer.is_sold or not offer.stock_seq or current().proof_of_work:
        return fragments.finished(_parts(offer, _similar_cards(offer), passing, keep))
    own = (offer.id, offer.stock_seq, offer.availability, fragments.ends_of(offer, instant))
    similar: list[Card] = []

    def parts() -> fragments.Parts:
        """Kept longer than the site stays the same: most changes are none of this page."""
        similar[:] = _similar_cards(offer)
        draw = partial(_parts, offer, similar, passing, keep)
        return fragments.kept_parts("offer-page", draw, *own, passing, _around(offer, similar))

    def ends() -> float:
        return min([fragments.ends_of(offer, instant), *(card.ends for card in similar)])

    return fragments.kept_until("offer-now", parts, ends, *own, passing)


def _render(
    offer: Offer, posted: LeadForm | None = None, *, refusal: str = "", is_preview: bool = False
) -> bytes:
    """The page, with the form that was `posted` and refused among its others."""
    passing = _passing(offer, identity().store(offer.store.slug))
    # The offer was read before anybody looked at the clock: nothing of this page is kept.
    draw = partial(_parts, offer, _similar_cards(offer), passing, fragments.unkept)
    return fragments.finished(draw(posted, refusal=refusal, is_preview=is_preview))


def _similar_cards(offer: Offer) -> list[Card]:
    ids = search.similar_to(offer, SIMILAR)
    return fragments.cards_of(ids, [fragments.PLAIN] * len(ids))


def _parts(
    offer: Offer,
    similar: Sequence[Card],
    passing: _Passing,
    keep: fragments.Keep,
    posted: LeadForm | None = None,
    *,
    refusal: str = "",
    is_preview: bool = False,
) -> fragments.Parts:
    dealer = identity()
    interest = posted if isinstance(posted, InterestForm) else InterestForm.blank()
    alert = posted if isinstance(posted, PriceAlertForm) else PriceAlertForm.blank()
    line = posted if isinstance(posted, LineForm) else LineForm.blank()
    store = dealer.store(offer.store.slug)
    crumbs = _crumbs(offer)
    simulation = None if offer.is_sold or not offer.price_cents else simulator_for(offer, {})
    # The head of a sold car tells of them, too.
    others = search.find_offers(search.similar_to(offer, SIMILAR)) if offer.is_sold else ()
    head = offer_head(offer, dealer, store, crumbs, others, words_of(offer_key(offer.public_id)))
    return fragments.parts_of_page(
        "showroom/offer.html",
        page=replace(head, is_indexable=False, nodes=()) if is_preview else head,
        is_preview=is_preview,
        provenance=public_answers(offer.id),
        crumbs=crumbs,
        offer=offer,
        store=store,
        keep=keep,
        facts=partial(_facts, offer),
        feature_groups=partial(_feature_groups, offer),
        history=partial(_history, offer),
        not_informed=partial(_not_informed, offer),
        similar=similar,
        similar_cards=fragments.side_by_side(similar),
        simulation=simulation,
        wish=wish_form(simulation) if simulation else None,
        interest=interest,
        alert=alert,
        alert_path=f"{offer.path}?formulario={ALERT}",
        line=line,
        line_path=f"{offer.path}?formulario={LINE}",
        line_wording=wording(consent.LINE).text if offer.is_reserved else "",
        waiting=passing.waiting,
        refusal=refusal,
        answer_minutes=passing.answer_minutes,
        model_path=_model_path(offer) if search.count(_of_model(offer)) else "",
        has_whatsapp=bool(contact_of_offer(dealer, offer).whatsapp),
        share_text=f"{offer.title}: {seo.absolute(offer.path)}",
    )


def _gone_page(offer: Offer, form: InterestForm) -> tuple[str, int]:
    """410 with a way on: the address is not coming back, the wish is still there."""
    heading = _("The %(car)s has left our stock", car=offer.title)
    text = _("This page will not come back, but the wish can still come true.")
    dealer, crumbs = identity(), _crumbs(offer)
    left = _("left our stock")
    body = render_template(
        "showroom/gone.html",
        page=seo.Page(
            title=seo.fit([offer.name, str(offer.model_year)], f": {left}"),
            description=seo.shorten(
                _(
                    "%(heading)s. See cars like it that are in stock today, or ask to be told "
                    "when a similar one comes in.",
                    heading=heading,
                )
            ),
            path=request.path,
            is_indexable=False,
            nodes=(
                seo.website_node(dealer),
                seo.breadcrumb_node(crumbs, request.path),
                seo.dealer_node(dealer, dealer.store(offer.store.slug)),
            ),
        ),
        crumbs=crumbs,
        heading=heading,
        text=text,
        offer=offer,
        form=form,
        similar=search.find_offers(search.similar(offer.id, A_ROW)),
    )
    return body, 410


def _crumbs(offer: Offer) -> list[tuple[str, str]]:
    """The way to the page, by lists that have offers: a sold car's may have none left."""
    crumbs = [(_("Home"), "/"), (_("Stock"), "/estoque")]
    if search.is_known("make", offer.make_slug):
        crumbs.append((offer.make, f"/estoque/{offer.make_slug}"))
    if search.count(_of_model(offer)):
        crumbs.append((offer.model_name, _model_path(offer)))
    last = " ".join(part for part in (offer.trim, str(offer.model_year)) if part)
    return [*crumbs, (last, offer.path)]


def _of_model(offer: Offer) -> OfferFilter:
    """All of the car's model."""
    make = offer.make_slug
    return OfferFilter(makes=(make,), models=(f"{make}/{offer.model_slug}",))


def _model_path(offer: Offer) -> str:
    return path_of(_of_model(offer))


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
            is_bad = code in WARNINGS
            facts.append(HistoryFact(text, value and is_bad, not value and not is_bad))
    return facts


def _not_informed(offer: Offer) -> str:
    """What nobody told us, in one line: "not informed" is never "no"."""
    if offer.condition == "new":  # nobody had it before
        return ""
    # Whether a car is taken in exchange is told where that is offered.
    unknown = [
        code for code in codes("history") if code not in offer.history and code != "accepts_trade"
    ]
    return ", ".join(inside_a_sentence(str(label("history", code))) for code in unknown)
