"""`/obrigado/<submission id>`: what was kept, what happens next, and the questions left for later.

The id is a keyed digest that nobody can guess; the page names no person, is kept by no cache and
read by no search engine, and may be opened again as often as one likes. While the submission waits
in the spool, or the database is away, a smaller page says what is true then.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from core.db import db
from dealership.identity import identity, last_known_identity
from leads.capture import is_kept, spool
from leads.forms import DetailsForm, LeadForm
from leads.reception import receive
from leads.thanks import Thanks, is_submission_id, thanks_for
from showroom import seo
from showroom.errors import error_page
from showroom.tags import offer_facts

# What is still worth asking, by kind of request; nothing is asked twice.
QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "contact": ("prazo", "pagamento", "troca"),
    "interest": ("prazo", "pagamento", "troca", "email"),
    "call_back": ("prazo", "pagamento", "troca"),
    "test_drive": ("pagamento", "troca"),
    "trade_in": ("prazo", "pagamento", "email", "mensagem"),
    "financing": ("prazo", "troca"),
}
SAVED: Final = "salvas"


def thanks_page(submission_id: str) -> BaseResponse:
    """What happens next with the submission of that id."""
    return _answer(submission_id, DetailsForm.blank(), 200)


def send_details(submission_id: str) -> BaseResponse:
    """Answers to the further questions: 303 back to the page, which says that they are saved."""
    form = DetailsForm.posted(request)
    path = f"/obrigado/{submission_id}"
    if not is_submission_id(submission_id) or not _is_kept(submission_id):
        return _unknown()
    receipt = receive(form, page="/obrigado", meta={"about": submission_id})
    if receipt is None:
        return _answer(submission_id, form, 413 if form.too_large else 422)
    return _private(redirect(f"{path}?respostas={SAVED}", code=303))


def _is_kept(submission_id: str) -> bool:
    """Whether there is something to add to; while nobody can tell, what was typed is kept."""
    try:
        return is_kept(submission_id)
    except SQLAlchemyError:
        db.session.rollback()
        return True


def _answer(submission_id: str, form: LeadForm, status: int) -> BaseResponse:
    if not is_submission_id(submission_id):
        return _unknown()
    # The spool first: what is drained meanwhile is in the database by then.
    waits = spool().find(submission_id)
    try:
        thanks = thanks_for(submission_id, identity())
        if thanks is not None:
            return _private(make_response(_render(thanks, form), status))
    except SQLAlchemyError:
        db.session.rollback()
        return _without_database(submission_id)
    return _waiting() if waits else _unknown()


def _render(thanks: Thanks, form: LeadForm) -> str:
    dealer = identity()
    heading, words = _words(thanks)
    return render_template(
        "showroom/thanks.html",
        page=seo.Page(
            title=seo.fit([heading], f" | {dealer.name}"),
            description=seo.shorten(
                _(
                    "%(name)s has your request. What happens next, when the answer comes and how "
                    "to reach the store before it does.",
                    name=dealer.name,
                )
            ),
            path=f"/obrigado/{thanks.id}",
            is_indexable=False,
        ),
        path=f"/obrigado/{thanks.id}",
        thanks=thanks,
        heading=heading,
        words=words,
        form=form,
        questions=QUESTIONS.get(thanks.kind, ()),
        is_saved=request.args.get("respostas") == SAVED,
        has_whatsapp=bool(
            (thanks.store.whatsapp if thanks.store else "")
            or dealer.whatsapp
            or any(store.whatsapp for store in dealer.stores)
        ),
        photos_lost=_count(thanks.details, "photos_lost"),
        simulation=_simulation(thanks.details),
        event_facts={
            **(offer_facts(thanks.offer) if thanks.offer else {"currency": "BRL"}),
            "kind": thanks.kind,
        },
    )


def _count(details: Mapping[str, Any], key: str) -> int:
    value = details.get(key)
    return value if isinstance(value, int) else 0


def _simulation(details: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The snapshot as it was kept, its day as a date; None when there is none."""
    found = details.get("simulation")
    if not isinstance(found, dict) or "installment_cents" not in found:
        return None
    return {**found, "day": date.fromisoformat(str(found["day"]))}


def _words(thanks: Thanks) -> tuple[str, str | None]:
    """The heading, and what happens next where that is not an answer by a person."""
    if thanks.kind == "newsletter":
        return (
            _("One click is missing"),
            _("We have sent you an e-mail. Open the link in it and the news will come."),
        )
    if thanks.kind == "price_alert":
        return (
            _("We watch the price for you"),
            _("When this car gets cheaper you get an e-mail. Each one has a link that ends them."),
        )
    if thanks.kind == "test_drive":
        if thanks.starts_at:
            return _("Your test drive is booked"), _("The car waits for you. See you there.")
        return _("We have your wish for a test drive"), _confirming(thanks)
    if thanks.kind == "service":
        if thanks.starts_at:
            return _("Your workshop visit is booked"), _("The workshop expects you.")
        return _("We have your wish for a workshop visit"), _confirming(thanks)
    if thanks.kind == "call_back":
        return _("We call you"), _calling(thanks)
    if thanks.kind == "trade_in":
        return (
            _("We have your car's data"),
            _("Somebody who values cars every day looks at it and answers you with a value."),
        )
    if thanks.kind == "interest" and thanks.offer and thanks.offer.is_sold:
        return (
            _("We look for a car like it"),
            _("When a similar car arrives, a person from the store tells you."),
        )
    if thanks.kind == "interest":
        return _("Your request for a proposal has arrived"), None
    if thanks.kind == "financing":
        return (
            _("We have your simulation"),
            _("The store checks it with the bank and answers you. Nothing is signed yet."),
        )
    return _("Your message has arrived"), None


def _confirming(thanks: Thanks) -> str:
    if thanks.details.get("slot"):
        return _("The store confirms the time that you chose, by WhatsApp or phone.")
    return _("The store agrees a time with you, by WhatsApp or phone.")


def _calling(thanks: Thanks) -> str:
    return {
        "morning": _("The store calls the number you gave, in the morning."),
        "afternoon": _("The store calls the number you gave, in the afternoon."),
        "evening": _("The store calls the number you gave, in the early evening."),
    }.get(
        str(thanks.details.get("when")),
        _("The store calls the number you gave as soon as it can."),
    )


# ---- when there is less to say ----


def _waiting() -> BaseResponse:
    """Safe on disk, not in the database yet."""
    return _bare(
        200,
        _("We have your request"),
        _("It is safe with us. The store reads it in a moment and answers you."),
    )


def _without_database(submission_id: str) -> BaseResponse:
    """The id cannot be looked up. Who was sent here by a form of ours was sent after the request
    was safe; nobody else can have this address."""
    if spool().find(submission_id):
        return _waiting()
    return _bare(
        503,
        _("If a form of ours sent you here, your request is safe"),
        _("We cannot show it at this moment. The page is back soon."),
    )


def _bare(status: int, heading: str, text: str) -> BaseResponse:
    body = render_template(
        "showroom/received.html", heading=heading, text=text, dealer=last_known_identity()
    )
    response = make_response(body, status)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return _private(response)


def _unknown() -> BaseResponse:
    body, status = error_page(
        404,
        _("We do not find this request"),
        _("The address may be cut short. If you sent a form, the store has it all the same."),
    )
    return _private(make_response(body, status))


def _private(response: BaseResponse | Response) -> BaseResponse:
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
