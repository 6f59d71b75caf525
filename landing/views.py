"""`/lp/<slug>`: the door of landing pages. One page, one action, and what comes after it."""

import re
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
import structlog
from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.clock import now
from core.db import db
from core.head import Page, absolute, fit, shorten
from core.headers import allow_being_framed
from dealership.hours import format_opening
from dealership.identity import Identity, StoreProfile, identity, last_known_identity
from inventory import search
from inventory.offers import Offer
from landing import experiments, visits
from landing.blocks import Content, read_content, rendered
from landing.editing import find_live, read_preview
from landing.goals import FIELDS, FORMS, Goal
from landing.matching import match
from landing.models import LandingPage, LandingRevision
from landing.showing import Shown, kept_parameters, nearest_offer, show
from leads.answer_time import typical_answer_minutes
from leads.forms import DetailsForm, LeadForm
from leads.reception import receive
from leads.thanks import thanks_for

SIMILAR: Final = 3
NEWEST: Final = 4
SHARE_PX: Final = 1200
_PUBLIC_ID: Final = re.compile(r"[a-z0-9]{1,16}")
QUESTIONS: Final = ("prazo", "pagamento", "troca")

log = structlog.get_logger("vitrine.landing")
landing = Blueprint("landing", __name__)


@landing.get("/lp/<slug>")
def landing_page(slug: str) -> Response:
    """The page as this visitor sees it; after its end, where its offer is now."""
    if token := request.args.get("previa", ""):
        return _preview(slug, token)
    page, revision = _found(slug)
    moment = now()
    if page.state != "published" or page.is_early(moment):
        abort(404)
    content = read_content(revision.content)
    if page.is_over(moment):
        return _after_the_end(content)
    return _drawn(page, content, _blank(page), 200)


@landing.post("/lp/<slug>")
def send_landing_form(slug: str) -> Response:
    """The filled-in form: 303 to the thank-you once it is safe, 422 redrawn when refused.

    A page that ended, or was taken down, while somebody was writing still takes what they wrote;
    so does every page while the database is away.
    """
    if _is_preview(slug):
        return redirect(url_for("landing.thank_you", slug=slug), code=303)
    known = _known(slug)
    form_class = _form_class(known[0] if known else None)
    form = form_class.posted(request)
    content = read_content(known[1].content) if known else None
    receipt = receive(
        form,
        page=f"/lp/{slug}",
        vehicle=_chosen(),
        source="landing",
        source_ref=slug,
        channel="landing",
        meta=_meta(slug, content, known[1].number if known else 0),
    )
    if receipt is not None:
        return redirect(url_for("landing.thank_you", slug=slug, pedido=receipt.id), code=303)
    status = 413 if form.too_large else 422
    if known is None or content is None:
        return make_response(_bare_form(form), status)
    return _drawn(known[0], content, form, status)


@landing.get("/lp/<slug>/obrigado")
def thank_you(slug: str) -> Response:
    """What happens next. Never kept by a cache, never in an index."""
    try:
        body = _thanks(slug)
    except sa.exc.SQLAlchemyError:
        # The lead is safe on disk; the page that says so needs nothing else.
        db.session.rollback()
        body = render_template(
            "showroom/received.html",
            heading=_("We have your request"),
            text=_("It is safe with us. The store reads it in a moment and answers you."),
            dealer=last_known_identity(),
        )
    response = make_response(body)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address names the request
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


# ---- the page ----


def _found(slug: str) -> tuple[LandingPage, LandingRevision]:
    if not slug.isascii() or "\x00" in slug:
        abort(404)
    found = find_live(slug, now())
    if found is None:
        abort(404)
    return found


def _drawn(page: LandingPage, content: Content, form: LeadForm | None, status: int) -> Response:
    """The page with `form`, in this visitor's variant, counted when it is a first view."""
    visit = None
    if len(content.weights) > 1:
        visit = experiments.enter(request, page.slug, content.weights, request.args.get("v", ""))
    shown = show(
        page,
        content,
        variant_key=visit.variant if visit else "",
        matched=match(content, request.args),
        chosen=_chosen(),
        arguments=request.args,
    )
    variant, visitor = (visit.variant, visit.visitor) if visit else ("", "")
    page_id, path = page.id, shown.path
    response = make_response(_render(shown, form, variant, visitor=visitor), status)
    if request.method == "POST":
        return response
    if visit is not None:
        response = experiments.log(visit, response, path=path)
    visits.count_view(request, page_id, visit)
    return response


def _preview(slug: str, token: str) -> Response:
    """Any revision, for who holds its token: never indexed, never counted, sends nothing."""
    found = read_preview(slug, token)
    if found is None:
        abort(404)
    page, revision = found
    content = read_content(revision.content)
    if content.hero is None:
        return _no_opening()
    allow_being_framed()
    key = request.args.get("v", "")
    shown = show(
        page,
        content,
        variant_key=key if key in content.variants else "",
        matched=match(content, request.args),
        chosen=_chosen(),
    )
    body = _render(shown, _blank(page), key, preview=revision)
    response = make_response(body)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _no_opening() -> Response:
    """What a preview says of a page that cannot be drawn yet."""
    heading = _("The opening is missing")
    body = render_template(
        "showroom/error.html",
        page=Page(title=heading, description=heading, path=request.path, is_indexable=False),
        heading=heading,
        text=_("Add the opening block to the page: it holds the promise of the ad."),
        offers=(),
    )
    allow_being_framed()
    response = make_response(body, 422)
    response.headers["Cache-Control"] = "no-store"
    return response


def _after_the_end(content: Content) -> Response:
    """302 to the nearest live offer: the address may run again. Else 410 with what we have."""
    offer = nearest_offer(content)
    if offer is not None:
        query = kept_parameters(request.args)
        address = f"{offer.path}?{urlencode(query)}" if query else offer.path
        response = redirect(address, code=302)
        response.headers["Cache-Control"] = "no-store"
        return response
    heading = _("This offer has ended")
    body = render_template(
        "showroom/error.html",
        page=Page(title=heading, description=heading, path=request.path, is_indexable=False),
        heading=heading,
        text=_("The campaign is over and its cars are gone. Search, or see what just arrived:"),
        offers=search.newest(NEWEST),
        offers_heading=_("Just arrived"),
    )
    return make_response(body, 410)


def _render(
    shown: Shown,
    form: LeadForm | None,
    variant: str,
    *,
    visitor: str = "",
    preview: LandingRevision | None = None,
) -> str:
    dealer = identity()
    query = {**shown.query}
    if shown.car:
        query["carro"] = shown.car.public_id
    if variant:
        query["v"] = variant
    if shown.has_form:
        query["g"] = shown.goal.value
    if preview:
        query["previa"] = request.args["previa"]
    return render_template(
        "landing/page.html",
        page=_head(shown, dealer, is_preview=preview is not None),
        shown=shown,
        form=form,
        fields=FIELDS.get(shown.goal, ()),
        form_action=f"{shown.path}?{urlencode(query)}" if query else shown.path,
        whatsapp_path=lambda offer=None: _whatsapp(shown, offer, visitor),
        answer_minutes=typical_answer_minutes(shown.store.id if shown.store else None),
        rendered=rendered,
        preview=preview,
    )


def _head(shown: Shown, dealer: Identity, *, is_preview: bool) -> Page:
    content = shown.content
    photo = shown.picture.photo if shown.picture else None
    image = absolute("/static/card.jpg")
    if photo:
        width = next((w for w in photo.widths if w >= SHARE_PX), photo.widths[-1])
        image = absolute(f"/media/{photo.stem}-{width}.jpg")
    offers: list[dict[str, Any]] = [
        {"@type": "ListItem", "position": number, "url": absolute(offer.path)}
        for number, offer in enumerate(shown.offers, 1)
    ]
    address = absolute(shown.path)
    node: dict[str, Any] = {
        "@type": "WebPage",
        "@id": address,
        "url": address,
        "name": content.title,
        "description": content.description,
        "inLanguage": "pt-BR",
        "publisher": {
            key: value
            for key, value in {
                "@type": "Organization",
                "name": dealer.name,
                "legalName": dealer.legal_name,
                "taxID": dealer.cnpj,
                "url": absolute("/"),
            }.items()
            if value
        },
    }
    if offers:
        node["mainEntity"] = {"@type": "ItemList", "itemListElement": offers}
    return Page(
        title=content.title,
        description=content.description,
        path=shown.path,
        is_indexable=content.is_indexable and not is_preview,
        image=image,
        image_alt=content.title,
        nodes=(node,),
    )


def _whatsapp(shown: Shown, offer: Offer | None, visitor: str) -> str:
    """The counted way to WhatsApp: the store that answers, the message naming the vehicle, and
    in an experiment whose tap it is."""
    if offer:
        place = f"oferta-{offer.public_id}"
    elif shown.store:
        place = f"loja-{shown.store.slug}"
    else:
        place = "geral"
    query = {"lp": shown.page.slug, **shown.query}
    if visitor:
        query["visitante"] = visitor
    return f"/w/{place}?{urlencode(query)}"


# ---- the form ----


def _blank(page: LandingPage) -> LeadForm | None:
    form_class = FORMS.get(Goal(page.goal))
    return form_class.blank() if form_class else None


def _known(slug: str) -> tuple[LandingPage, LandingRevision] | None:
    """The page that was posted to, whatever its window; None while the database is away."""
    try:
        return _found(slug)
    except sa.exc.SQLAlchemyError as error:
        db.session.rollback()
        log.error("landing_page_unread", slug=slug, error=type(error).__name__)
        return None


def _is_preview(slug: str) -> bool:
    """Whether staff try the form out. A token that opens nothing must not swallow a lead."""
    token = request.args.get("previa", "")
    try:
        return bool(token) and read_preview(slug, token) is not None
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return False


def _form_class(page: LandingPage | None) -> type[LeadForm]:
    """The form of the page's goal. Without a database the address says which goal it was."""
    goal = page.goal if page else request.args.get("g", "")
    return next((form for key, form in FORMS.items() if key == goal), LeadForm)


def _chosen() -> str:
    """The vehicle's public id in the address, if it can be one."""
    chosen = request.args.get("carro", "")
    return chosen if _PUBLIC_ID.fullmatch(chosen) else ""


def _meta(slug: str, content: Content | None, number: int) -> dict[str, Any]:
    """What the submission keeps about the page it came from."""
    meta: dict[str, Any] = {"landing_page": slug, "revision": number}
    shown = request.args.get("v", "")
    if content is not None and len(content.weights) > 1:
        meta |= experiments.lead_meta(request, slug, content.weights, shown)
    return meta


def _bare_form(form: LeadForm) -> str:
    """The refused form again while the database is away: what was typed must not be lost."""
    return render_template(
        "landing/bare.html",
        heading=_("Almost there"),
        text=_("Correct what is marked and send it again."),
        form=form,
        fields=FIELDS.get(_goal_of_address(), ("nome", "telefone")),
        form_action=request.full_path,
    )


def _goal_of_address() -> Goal:
    goal = request.args.get("g", "")
    return Goal(goal) if goal in set(Goal) else Goal.PROPOSAL


# ---- after the form ----


def _thanks(slug: str) -> str:
    page, revision = _found(slug)
    dealer = identity()
    goal = Goal(page.goal)
    number = request.args.get("pedido", "")
    thanks = thanks_for(number, dealer)
    shown = show(page, read_content(revision.content))
    store = (thanks.store if thanks else None) or shown.store
    offer = thanks.offer if thanks else None
    similar = thanks.similar if thanks else ()
    others = [one for one in shown.offers if offer is None or one.id != offer.id]
    place = thanks.contact_place if thanks else f"loja-{store.slug}" if store else "geral"
    return render_template(
        "landing/thanks.html",
        page=Page(
            title=fit([_("We have your request")], f" | {dealer.name}"),
            description=shorten(
                _(
                    "%(name)s has your request. What happens next, when the answer comes and how "
                    "to reach the store before it does.",
                    name=dealer.name,
                )
            ),
            path=f"/lp/{slug}/obrigado",
            is_indexable=False,
        ),
        heading=_thanks_heading(goal),
        steps=_next_steps(goal, store, thanks.answer_minutes if thanks else None),
        thanks=thanks,
        offer=offer,
        store=store,
        similar=similar or others[:SIMILAR],
        place=f"{place}?lp={slug}",
        form=DetailsForm.blank() if thanks else None,
        questions=QUESTIONS,
    )


def _thanks_heading(goal: Goal) -> str:
    return {
        Goal.PROPOSAL: _("We have your request for a proposal"),
        Goal.TEST_DRIVE: _("We have your request for a test drive"),
        Goal.TRADE_IN: _("We have your car's details"),
        Goal.FINANCING: _("We have your request for a simulation"),
        Goal.CALL_BACK: _("We will call you"),
        Goal.WHATSAPP: _("We have your message"),
    }[goal]


def _next_steps(goal: Goal, store: StoreProfile | None, minutes: int | None) -> list[str]:
    """What happens, who does it and when, in the order it happens."""
    who = store.name if store else _("The store's team")
    first = {
        Goal.PROPOSAL: _("%(who)s writes to you with the price and the conditions.", who=who),
        Goal.TEST_DRIVE: _("%(who)s writes to you to set the day and the time.", who=who),
        Goal.TRADE_IN: _("%(who)s writes to you with a first value for your car.", who=who),
        Goal.FINANCING: _("%(who)s writes to you with the instalments in writing.", who=who),
        Goal.CALL_BACK: _("%(who)s calls the number you gave.", who=who),
        Goal.WHATSAPP: _("%(who)s answers on WhatsApp.", who=who),
    }[goal]
    last = {
        Goal.TEST_DRIVE: _("Bring your driving licence."),
        Goal.TRADE_IN: _("The final value comes after somebody looks at the car with you."),
        Goal.FINANCING: _("Every offer of credit depends on the bank's analysis."),
    }.get(goal, _("You decide calmly: asking commits you to nothing."))
    return [first, _when(store, minutes), last]


def _when(store: StoreProfile | None, minutes: int | None) -> str:
    """When the answer comes: the store's real hours, and the measured time where there is one."""
    if store is None:
        return _("The answer comes within opening hours, by WhatsApp or phone.")
    if store.is_open:
        if minutes:
            return _("The store is open now and usually answers in about %(n)s min.", n=minutes)
        return _("The store is open now: the answer comes by WhatsApp or phone.")
    if store.opens_at:
        when = format_opening(store.opens_at)
        return _("The store is closed now and opens %(when)s: the answer comes then.", when=when)
    return _("The answer comes within opening hours, by WhatsApp or phone.")


@landing.app_template_filter("until")
def format_until(moment: datetime) -> str:
    """An end in words, `moment` in the zone where it ends: midnight belongs to the day before."""
    if moment.time() == time():
        day = format_date(moment.date() - timedelta(days=1), "EEEE, d 'de' MMMM")
        return _("until the end of %(day)s", day=day)
    day = format_datetime(moment, "EEEE, d 'de' MMMM", rebase=False)
    return _("until %(day)s, %(time)s", day=day, time=moment.strftime("%H:%M"))
