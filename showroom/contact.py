"""`/contato` and `/ligamos-para-voce`: anything in writing, or a call back.

`?loja=` sends it to one store; without it whoever answers for the group does.
"""

import re
from typing import Final

from flask import redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from dealership.identity import identity
from leads.forms import CallBackForm, ContactForm
from leads.reception import receive, thanks_path
from showroom import seo

PATH: Final = "/contato"
CALL_BACK_PATH: Final = "/ligamos-para-voce"
_SLUG: Final = re.compile(r"[a-z0-9-]{1,80}")
Answer = Response | tuple[str, int]


def contact_page() -> str:
    """The empty form."""
    return _contact(ContactForm.blank(loja=request.args.get("loja", "")))


def send_contact() -> Answer:
    """The filled-in form: 303 to the thank-you once it is safe, 422 redrawn when refused."""
    form = ContactForm.posted(request)
    store = form.loja.data or ""
    receipt = receive(form, page=PATH, store=store if _SLUG.fullmatch(store) else "")
    if receipt is None:
        return _contact(form), 413 if form.too_large else 422
    return redirect(thanks_path(receipt), code=303)


def call_back_page() -> str:
    """Name, phone, and the part of the day."""
    return _call_back(CallBackForm.blank())


def send_call_back() -> Answer:
    """As `send_contact`."""
    form = CallBackForm.posted(request)
    receipt = receive(form, page=CALL_BACK_PATH)
    if receipt is None:
        return _call_back(form), 413 if form.too_large else 422
    return redirect(thanks_path(receipt), code=303)


def _contact(form: ContactForm) -> str:
    dealer = identity()
    store = dealer.store(form.loja.data or "")
    form.loja.data = store.slug if store else ""
    crumbs = [(_("Home"), "/"), (_("Contact"), PATH)]
    return render_template(
        "showroom/contact.html",
        page=_page(
            _("Talk to us"),
            _(
                "Write to %(name)s: name, phone and your question. WhatsApp, phone numbers, "
                "addresses and opening hours of each store are here too.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
        ),
        crumbs=crumbs,
        form=form,
        action=PATH,
        store=store or (dealer.stores[0] if len(dealer.stores) == 1 else None),
    )


def _call_back(form: CallBackForm) -> str:
    dealer = identity()
    crumbs = [(_("Home"), "/"), (_("Contact"), PATH), (_("We call you"), CALL_BACK_PATH)]
    return render_template(
        "showroom/call_back.html",
        page=_page(
            _("We call you"),
            _(
                "Leave name and phone and %(name)s calls you back, at the time of the day that "
                "suits you.",
                name=dealer.name,
            ),
            CALL_BACK_PATH,
            crumbs,
        ),
        crumbs=crumbs,
        form=form,
        action=CALL_BACK_PATH,
        store=dealer.stores[0] if len(dealer.stores) == 1 else None,
    )


def _page(title: str, description: str, path: str, crumbs: seo.Crumbs) -> seo.Page:
    dealer = identity()
    return seo.house_page(
        dealer,
        [title],
        description,
        path,
        crumbs,
        seo.dealer_node(dealer, None),
        is_indexable=not request.args,
        kind="ContactPage",
    )
