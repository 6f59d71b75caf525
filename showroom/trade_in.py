"""`/avaliacao`: the car somebody has, with photos from the phone in their hand.

`?oferta=` names the car that theirs would pay for in part. Photos are stored before the lead is
kept; what goes wrong with them never costs the lead, and the thank-you says what did not arrive.
"""

from functools import partial
from typing import Final

from flask import redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.text import clean_line
from dealership.identity import identity
from inventory import search
from leads.forms import TradeInForm
from leads.photos import keep_uploads
from leads.reception import receive, thanks_path
from showroom import seo
from showroom.bookings import public_id_of

PATH: Final = "/avaliacao"
PREFILLED: Final = ("marca", "modelo", "ano")
LONGEST: Final = 120


def trade_in_page() -> str:
    """The form, with make, model and year filled in when a link brings them."""
    known = {name: clean_line(request.args.get(name, ""), LONGEST) for name in PREFILLED}
    return _render(TradeInForm.blank(**known, oferta=request.args.get("oferta", "")))


def send_trade_in() -> Response | tuple[str, int]:
    """303 to the thank-you once it is safe, 422 redrawn when refused (a browser forgets chosen
    photos then, and the page says so), 413 when the whole is too large."""
    form = TradeInForm.posted(request)
    receipt = receive(
        form,
        page=PATH,
        vehicle=public_id_of(form.oferta.data),
        attach=partial(keep_uploads, uploads=form.uploads),
    )
    if receipt is None:
        return _render(form), 413 if form.too_large else 422
    return redirect(thanks_path(receipt), code=303)


def _render(form: TradeInForm) -> str:
    dealer = identity()
    public_id = public_id_of(form.oferta.data)
    offer = search.find_offer(public_id) if public_id else None
    if offer is not None and (offer.is_sold or not offer.availability.has_page):
        offer = None
    crumbs = [(_("Home"), "/"), (_("Sell or trade in your car"), PATH)]
    store = dealer.store(offer.store.slug) if offer else None
    return render_template(
        "showroom/trade_in.html",
        page=seo.house_page(
            dealer,
            [_("What is your car worth?")],
            _(
                "Send make, model, year and photos of your car and %(name)s answers with a "
                "value, as a trade-in or to sell. No obligation.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
            seo.dealer_node(dealer, None),
            is_indexable=not request.args,
        ),
        crumbs=crumbs,
        form=form,
        path=PATH,
        offer=offer,
        store=store or (dealer.stores[0] if len(dealer.stores) == 1 else None),
        lost_photos=len(form.uploads),
    )
