"""`/novidades`: news and offers by e-mail, confirmed by mail before the first one comes."""

from typing import Final

from flask import redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from dealership.identity import identity
from leads.forms import LeadForm, NewsletterForm
from leads.reception import receive, thanks_path
from showroom import seo

PATH: Final = "/novidades"


def newsletter_page() -> str:
    """The form by itself; the home page has it too."""
    return _render(NewsletterForm.blank())


def send_newsletter() -> Response | tuple[str, int]:
    """303 to the page that says to look for the mail; 422 redrawn when refused."""
    form = NewsletterForm.posted(request)
    receipt = receive(form, page=PATH)
    if receipt is None:
        return _render(form), 413 if form.too_large else 422
    return redirect(thanks_path(receipt), code=303)


def _render(form: LeadForm) -> str:
    dealer = identity()
    crumbs = [(_("Home"), "/"), (_("News by e-mail"), PATH)]
    return render_template(
        "showroom/newsletter.html",
        page=seo.house_page(
            dealer,
            [_("Offers and news by e-mail")],
            _(
                "New arrivals and price drops of %(name)s by e-mail. You confirm by mail and "
                "leave with one click.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
            seo.dealer_node(dealer, None),
        ),
        crumbs=crumbs,
        form=form,
        path=PATH,
    )
