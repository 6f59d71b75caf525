"""`/privacidade`: what we do with data, and the door to one's own.

The public page is one text that can be read, printed and linked into; the pages of a case are
private: never kept by a cache, never indexed, opened by an address that nobody can guess.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import format_datetime
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from core.clock import DEFAULT_ZONE, read_instant
from core.db import db, writing
from core.mail import is_address
from core.text import NotPhone, clean_line, parse_phone
from dealership.identity import identity
from inventory.models import Vehicle
from leads import cases, consent, flood, holdings, privacy, reception, subscriptions
from leads.models import (
    Appointment,
    Consent,
    Enquiry,
    Lead,
    Mail,
    Person,
    SubjectRequest,
    Subscription,
)
from leads.notifications import source_name, told_details
from leads.retention import PERIODS
from showroom import choices, seo

PATH = "/privacidade"
ROOM_PATH = f"{PATH}/meus-dados"
PER_CONTACT: Final = "3 per hour"
PER_ADDRESS: Final = "60 per hour"  # whole mobile networks share one
MOST_BYTES: Final = 16 * 1024
_markdown = MarkdownIt("commonmark", {"html": False})


class Cookie(NamedTuple):
    """One thing we keep on the visitor's device."""

    name: str
    purpose: str
    kept: str


def privacy_page() -> str:
    """`/privacidade`: the whole policy, summary first."""
    dealer = identity()
    crumbs = [(_("Home"), "/"), (_("Privacy"), PATH)]
    text = consent.current_text(consent.PRIVACY)
    return render_template(
        "showroom/privacy.html",
        page=seo.house_page(
            dealer,
            [_("Privacy and your data")],
            _(
                "What %(name)s asks of you and why, how long we keep it, who sees it, and how "
                "you see, correct or erase your data without an account.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
        ),
        crumbs=crumbs,
        text=text,
        # No HTML passes: the text is Markdown, typed by staff.
        summary=Markup(_markdown.render(text.text)),  # noqa: S704
        purposes=privacy.purposes(),
        periods={name: period.in_words() for name, period in PERIODS.items()},
        cookies=_cookies(),
        ad_services=privacy.ad_services(),
        room_path=ROOM_PATH,
    )


def _cookies() -> list[Cookie]:
    year = _("1 year, or until you clear it")
    found = [
        Cookie("favoritos", _("The vehicles you saved"), year),
        Cookie("comparar", _("The vehicles you chose to compare"), year),
        Cookie("vistos", _("The vehicles you saw last, to show them again"), year),
        Cookie(
            "origem",
            _("The campaign or site that brought you; goes with a form you send, nowhere else"),
            _("90 days"),
        ),
        Cookie(
            "rascunho",
            _("What you are typing into a form, so that it is not lost"),
            _("Until you send it or close the tab"),
        ),
        Cookie(
            "variante",
            _("On campaign pages with two versions: always show you the same one"),
            _("Until you close the browser"),
        ),
    ]
    if privacy.ad_services():
        found.append(
            Cookie(
                "consentimento_cookies",
                _("Your yes or no to measuring by other companies"),
                _("6 months"),
            )
        )
    return found


# ---- asking ----


def request_page() -> AnyResponse:
    """`/privacidade/meus-dados`: who asks, and for what."""
    kind = request.args.get("pedido", "access")
    return private(_request_form(kind if kind in cases.KINDS else "access"))


def send_request() -> AnyResponse:
    """Open a case. The answer is the same whether we know the person or not."""
    _guard_post()
    contact = clean_line(request.form.get("contato", ""), 254)
    kind = request.form.get("pedido", "")
    kind = kind if kind in cases.KINDS else "access"
    key = privacy.contact_key(contact)
    if not key[1]:
        error = _("Type the e-mail or the phone with area code that you gave us.")
        return private(_request_form(kind, contact, error), 422)
    if not _may_ask(key):
        error = _(
            "There were several requests for this contact within the hour. Use the last code, or "
            "try again later."
        )
        return private(_request_form(kind, contact, error), 429)
    with writing():
        case = cases.open_case(kind, contact)
        path = cases.path_of(case)
    return redirect(path, code=303)


def _may_ask(key: tuple[str, str]) -> bool:
    counters = flood.flood()
    address = flood.client_of(request.remote_addr or "")
    by_contact = counters.allows(PER_CONTACT, "privacy", *key)
    return counters.allows(PER_ADDRESS, "privacy-address", address) and by_contact


def _request_form(kind: str, contact: str = "", error: str = "") -> str:
    title = _("Your data")
    return render_template(
        "showroom/privacy_request.html",
        is_without_tags=True,
        page=_head(title),
        crumbs=_crumbs(title),
        kind=kind,
        contact=contact,
        error=error,
        wishes=_wishes(),
        action=ROOM_PATH,
        days=cases.DUE.days,
    )


def _wishes() -> list[tuple[str, str]]:
    return [
        ("access", _("See what you hold on me")),
        ("correction", _("Correct my data")),
        ("erasure", _("Erase my data")),
        ("revocation", _("Stop the messages")),
    ]


# ---- the case ----


def case_page(token: str) -> AnyResponse:
    """`/privacidade/caso/<token>`: the code's form, the room, or how the case stands."""
    case = _case(token)
    if cases.room_until(case):
        return private(_room(case))
    return private(_waiting(case))


def send_code(token: str) -> AnyResponse:
    """The code as typed: the right one opens the room, at an address of its own."""
    _guard_post()
    case = _case(token)
    if cases.room_until(case):
        return redirect(cases.path_of(case), code=303)
    with writing():
        is_right = cases.try_code(case, request.form.get("codigo", "")[:40])
        path = cases.path_of(case)
        left = cases.MOST_TRIES - case.tries
    if is_right:
        return redirect(path, code=303)
    error = (
        _("This is not the code we sent, or it is older than 30 minutes. Check it and try again.")
        if left > 0
        else _("That was the last try with this code. Ask for a new one.")
    )
    return private(_waiting(case, error), 422)


def send_new_code(token: str) -> AnyResponse:
    """Another code for the same case."""
    _guard_post()
    case = _case(token)
    if case.state == "refused" or not cases.is_by_mail(case) or cases.room_until(case):
        return redirect(cases.path_of(case), code=303)
    if not _may_ask(privacy.contact_key(case.contact)):
        error = _("There were several requests for this contact within the hour. Try again later.")
        return private(_waiting(case, error), 429)
    with writing():
        cases.ask_for_code(case)
    return redirect(cases.path_of(case), code=303)


def _waiting(case: SubjectRequest, error: str = "") -> str:
    title = _("Case %(number)s", number=case.id)
    return render_template(
        "showroom/privacy_case.html",
        is_without_tags=True,
        page=_head(title),
        crumbs=_crumbs(title),
        case=case,
        path=cases.path_of(case),
        is_by_mail=cases.is_by_mail(case),
        wish=dict(_wishes()).get(case.kind, ""),
        error=error,
        room_path=ROOM_PATH,
    )


# ---- the room ----


def _room(case: SubjectRequest, errors: dict[str, str] | None = None) -> str:
    person = db.session.get_one(Person, case.person_id)
    title = _("What we hold on you")
    leads = sa.select(Lead.id).where(Lead.person_id == person.id)
    return render_template(
        "showroom/privacy_room.html",
        is_without_tags=True,
        page=_head(title),
        crumbs=_crumbs(title),
        case=case,
        path=cases.path_of(case),
        person=person,
        errors=errors or {},
        typed=request.form if errors else {},
        until=cases.room_until(case),
        asked=_asked(case),
        enquiries=_told(Enquiry, Enquiry.person_id == person.id, _enquiry_line),
        visits=_told(Appointment, Appointment.lead_id.in_(leads), _visit_line),
        mails=[_mail_line(row) for row in privacy.mails_to(person)],
        said=[_said_line(entry) for one in privacy.held(person).values() for entry in one],
        received=_received(person.id),
        consents=_told(Consent, Consent.person_id == person.id, _consent_line),
        sources=_sources(person.id),
        purposes=privacy.purposes(),
        day=_day,
    )


def _asked(case: SubjectRequest) -> tuple[str, str] | None:
    """(anchor, words) of what the case was opened for, unless only to see."""
    anchors = {"correction": "corrigir", "revocation": "mensagens", "erasure": "apagar"}
    anchor = anchors.get(case.kind)
    return (anchor, dict(_wishes())[case.kind]) if anchor else None


def save_correction(token: str) -> AnyResponse:
    """Put right name, phone and e-mail as typed; empty takes a contact away."""
    case, person = _open_room(token)
    phone = clean_line(request.form.get("telefone", ""), 60)
    email = clean_line(request.form.get("email", ""), 254)
    errors = {}
    if phone:
        try:
            phone = parse_phone(phone)
        except NotPhone as error:
            errors["telefone"] = str(error)
    if email and not is_address(email):
        errors["email"] = _("This e-mail looks incomplete. It has the form name@example.com.")
    if not (phone or email):
        errors["telefone"] = _("Leave one way to reach you, or erase your data below.")
    if errors:
        return private(_room(case, errors), 422)
    name = request.form.get("nome", "")
    with writing():
        privacy.correct(person, name=name, phone=phone, email=email)
        if case.kind == "correction":
            cases.close_case(case)
    return redirect(f"{cases.path_of(case)}?feito=corrigido", code=303)


def stop_messages(token: str) -> AnyResponse:
    """Take back a consent, end a subscription, or all of them (`tudo`)."""
    case, person = _open_room(token)
    wanted = request.form.get("parar", "")
    with writing():
        for row in _live(person.id):
            if wanted in {f"aviso-{row.id}", "tudo"}:
                subscriptions.end(row.token, network=_network())
        for purpose in consent.PURPOSES:
            if wanted in {purpose, "tudo"}:
                consent.withdraw(person, purpose, channel="site", page=PATH, network=_network())
        if case.kind == "revocation":
            cases.close_case(case)
    return redirect(f"{cases.path_of(case)}?feito=parado", code=303)


def erasure_page(token: str) -> AnyResponse:
    """What erasing takes away and what it leaves, before it is done."""
    case, person = _open_room(token, is_post=False)
    title = _("Erase your data")
    leads = sa.select(Lead.id).where(Lead.person_id == person.id)
    coming = sa.and_(Appointment.lead_id.in_(leads), Appointment.state == "booked")
    return private(
        render_template(
            "showroom/privacy_erase.html",
            is_without_tags=True,
            page=_head(title),
            crumbs=_crumbs(title),
            case=case,
            path=cases.path_of(case),
            visits=_told(Appointment, coming, _visit_line),
            periods={name: period.in_words() for name, period in PERIODS.items()},
        )
    )


def erase_now(token: str) -> AnyResponse:
    """Erase for good, at once."""
    case, person = _open_room(token)
    with writing():
        privacy.erase(person.id, "asked by the person")
        cases.close_case(case)
    return redirect(f"{cases.path_of(case)}?feito=apagado", code=303)


def download_json(token: str) -> AnyResponse:
    """Everything, in a file that other systems read (LGPD art. 18 V)."""
    case, person = _open_room(token, is_post=False)
    body = json.dumps(privacy.dossier(person.id), ensure_ascii=False, indent=2)
    return _download(body, "application/json", f"meus-dados-{case.id}.json")


def download_csv(token: str) -> AnyResponse:
    """Everything, for a spreadsheet."""
    case, person = _open_room(token, is_post=False)
    # The mark in front tells spreadsheets that it is UTF-8.
    body = "\ufeff" + privacy.dossier_csv(privacy.dossier(person.id))
    return _download(body, "text/csv", f"meus-dados-{case.id}.csv")


def _download(body: str, mimetype: str, name: str) -> AnyResponse:
    response = Response(body.encode(), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return private(response)


def _case(token: str) -> SubjectRequest:
    case = cases.find_case(token)
    if case is None:
        abort(404)
    return case


def _open_room(token: str, *, is_post: bool = True) -> tuple[SubjectRequest, Person]:
    """The case and its person while the room is open; else the visitor is shown the door."""
    if is_post:
        _guard_post()
    case = _case(token)
    if not cases.room_until(case):
        abort(redirect(cases.path_of(case), code=303))
    person = db.session.get_one(Person, case.person_id)
    if person.erased_at and not request.path.endswith((".json", ".csv")):
        abort(redirect(cases.path_of(case), code=303))
    return case, person


def _guard_post() -> None:
    request.max_content_length = MOST_BYTES
    if choices.is_cross_site(request):
        abort(403)


def _network() -> str:
    return reception.network(request.remote_addr or "")


def private(body: str | AnyResponse, status: int = 200) -> AnyResponse:
    """An answer that nobody keeps, indexes, or passes on as a referrer."""
    response = make_response(body, status) if isinstance(body, str) else body
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _head(title: str) -> seo.Page:
    """The head; the address in it is never the case's own."""
    dealer = identity()
    return seo.Page(
        title=seo.fit([title], f" | {dealer.name}"),
        description=_(
            "See, correct or erase what %(name)s holds on you, without an account.",
            name=dealer.name,
        ),
        path=ROOM_PATH,
        is_indexable=False,
    )


def _crumbs(title: str) -> seo.Crumbs:
    return [(_("Home"), "/"), (_("Privacy"), PATH), (title, "")]


# ---- in plain words ----


class Line(NamedTuple):
    """One thing we hold, told: when, what, and the words themselves."""

    when: str
    what: str
    words: str = ""
    link: str = ""


def _told(model: type[Any], where: sa.ColumnElement[bool], tell: Callable[..., Line]) -> list[Line]:
    rows = db.session.scalars(sa.select(model).where(where).order_by(model.id.desc()).limit(200))
    return [tell(row) for row in rows]


def _day(moment: Any) -> str:
    return format_datetime(moment.astimezone(DEFAULT_ZONE), "dd/MM/yyyy HH:mm", rebase=False)


def _enquiry_line(row: Enquiry) -> Line:
    vehicle = db.session.get(Vehicle, row.vehicle_id) if row.vehicle_id else None
    details = "; ".join(f"{name}: {value}" for name, value in told_details(row.details))
    words = "\n".join(part for part in (row.message, details) if part)
    link = f"/oferta/{vehicle.slug}-{vehicle.public_id}" if vehicle else ""
    what = _("%(kind)s, through %(source)s", kind=_kind(row.kind), source=source_name(row.source))
    return Line(_day(row.at), what, words, link)


def _visit_line(row: Appointment) -> Line:
    words = _("cancelled") if row.state == "cancelled" else ""
    return Line(_day(row.starts_at), _kind(row.kind), words)


def _mail_line(row: Mail) -> Line:
    return Line(_day(row.created_at), row.subject)


def _said_line(entry: holdings.Entry) -> Line:
    names = {
        "testimonial": _("Testimonial"),
        "story": _("Story about your purchase"),
        "invitation": _("Invitation to write a testimonial, not used yet"),
    }
    about = [entry.get(name) or "" for name in ("name", "city", "car", "month")]
    if entry.get("has_photo") or entry.get("has_video"):
        about.append(_("with photo or video"))
    words = " · ".join(part for part in (entry.get("text") or "", *about) if part)
    return Line(_day(read_instant(entry["at"])), names[entry["what"]], words)


def _consent_line(row: Consent) -> Line:
    word = _("You said yes") if row.is_given else _("You took it back")
    what = f"{_purpose_name(row.purpose)}: {word}"
    version = _("Text version %(version)s:", version=row.text_version)
    return Line(_day(row.at), what, f"{version} {consent.wording_of(row)}")


def _live(person_id: int) -> list[Subscription]:
    live = sa.select(Subscription).where(
        Subscription.person_id == person_id, Subscription.ended_at.is_(None)
    )
    return list(db.session.scalars(live.order_by(Subscription.id)))


def _received(person_id: int) -> list[tuple[str, str]]:
    """(value of the button that stops it, what it is) for everything the person gets."""
    found = []
    live = _live(person_id)
    for row in live:
        vehicle = db.session.get(Vehicle, row.vehicle_id) if row.vehicle_id else None
        car = f": {vehicle.car_model.make.name} {vehicle.car_model.name}" if vehicle else ""
        found.append((f"aviso-{row.id}", _purpose_name(row.kind) + car))
    kinds = {row.kind for row in live}
    for purpose, word in consent.standing(person_id).items():
        if word.is_given and purpose not in kinds:
            found.append((purpose, _purpose_name(purpose)))
    return found


def _sources(person_id: int) -> list[str]:
    rows = db.session.scalars(
        sa.select(Enquiry.source).where(Enquiry.person_id == person_id).distinct()
    )
    return sorted({source_name(row) for row in rows})


def _purpose_name(purpose: str) -> str:
    return {
        "marketing": _("Offers and news"),
        "newsletter": _("Newsletter"),
        "price_alert": _("Price alert"),
        "line": _("Line for a held car"),
    }.get(purpose, purpose)


def _kind(kind: str) -> str:
    return {
        "contact": _("Question"),
        "interest": _("Interest in a vehicle"),
        "call_back": _("Call-back"),
        "test_drive": _("Test drive"),
        "service": _("Workshop visit"),
        "trade_in": _("Trade-in valuation"),
        "financing": _("Financing"),
        "price_alert": _("Price alert"),
        "newsletter": _("Newsletter"),
        "line": _("Line for a held car"),
    }.get(kind, _("Contact"))
