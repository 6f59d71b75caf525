"""What one visitor chose: favourites, recently seen, comparison. Private pages, never cached."""

from collections.abc import Sequence

from flask import Response, abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from core.config import current
from dealership.identity import identity
from inventory import search
from inventory.offers import Offer
from showroom import choices, seo
from showroom.comparison import MOST_OFFERS, compare

SUGGESTIONS = 4


def favourites_page() -> Response:
    """`GET /favoritos`: what the visitor saved and saw on this device."""
    saved = choices.chosen(request, "favoritos")
    offers = _still_here(saved)
    ids = {offer.public_id for offer in offers}
    seen = [one for one in choices.chosen(request, "vistos") if one not in ids]
    crumbs = [(_("Home"), "/"), (_("Favourites"), "/favoritos")]
    page = _private_page(_("Your favourites"), "/favoritos", crumbs)
    first = ",".join(offer.public_id for offer in offers[:MOST_OFFERS])
    body = render_template(
        "showroom/favourites.html",
        page=page,
        crumbs=crumbs,
        offers=offers,
        gone=len(saved) - len(offers),
        seen=_still_here(seen),
        compare_path=f"/comparar?ids={first}",
    )
    return _unkept(make_response(body))


def change_favourites() -> BaseResponse:
    """`POST /favoritos`: `id` saves a vehicle, `remover` takes it out. For pages without script."""
    _refuse_cross_site()
    ids = choices.chosen(request, "favoritos")
    removed = request.form.get("remover", "")
    added = request.form.get("id", "")
    ids = [one for one in ids if one not in {removed, added}]
    if added:
        ids.insert(0, added)
    response = redirect("/favoritos", code=303)
    return choices.remember(response, "favoritos", ids, secure=_is_https())  # type: ignore[arg-type]


def compare_page() -> Response:
    """`GET /comparar?ids=a,b`: two to four offers side by side; without ids, what was chosen."""
    asked = request.args.get("ids", "")
    wanted = (
        choices.clean_ids(asked.replace(" ", ",").split(","), MOST_OFFERS)
        if asked
        else choices.chosen(request, "comparar")
    )
    offers = _still_here(wanted)
    crumbs = [(_("Home"), "/"), (_("Compare"), "/comparar")]

    def removal_path(offer: Offer) -> str:
        rest = ",".join(one.public_id for one in offers if one is not offer)
        return f"/comparar?ids={rest}" if rest else "/comparar?ids=-"

    suggestions: list[Offer] = []
    if 0 < len(offers) < MOST_OFFERS:
        shown = {offer.id for offer in offers}
        similar = [i for i in search.similar(offers[0].id, SUGGESTIONS + 3) if i not in shown]
        suggestions = search.find_offers(similar[:SUGGESTIONS])
    body = render_template(
        "showroom/compare.html",
        page=_private_page(_("Compare vehicles side by side"), "/comparar", crumbs),
        crumbs=crumbs,
        offers=offers,
        missing=len(wanted) - len(offers),
        rows=compare(offers) if offers else [],
        removal_path=removal_path,
        suggestions=suggestions,
    )
    response = make_response(body)
    return response if asked else _unkept(response)


def change_comparison() -> BaseResponse:
    """`POST /comparar`: adds `id` to the comparison and shows it. For pages without script."""
    _refuse_cross_site()
    ids = choices.chosen(request, "comparar")
    added = request.form.get("id", "")
    ids = choices.clean_ids([added, *ids], MOST_OFFERS)
    response = redirect(f"/comparar?ids={','.join(ids)}", code=303)
    return choices.remember(response, "comparar", ids, secure=_is_https())  # type: ignore[arg-type]


def mark_seen(public_id: str) -> Response:
    """`GET /vistos/<id>`: an empty picture that pages without script ask for; it keeps the id on
    the visitor's device, so that shared pages need no cookie of their own."""
    ids = [public_id, *(one for one in choices.chosen(request, "vistos") if one != public_id)]
    response = _unkept(Response(_EMPTY_GIF, mimetype="image/gif"))
    return choices.remember(response, "vistos", ids, secure=_is_https())


# The smallest valid picture: one transparent pixel.
_EMPTY_GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def _still_here(public_ids: Sequence[str]) -> list[Offer]:
    """The offers among `public_ids` that are still for sale, in that order."""
    return search.find_offers(search.ids_of(public_ids))


def _private_page(title: str, path: str, crumbs: seo.Crumbs) -> seo.Page:
    dealer = identity()
    return seo.house_page(
        dealer,
        [title],
        _(
            "The vehicles you chose at %(name)s, kept on this device without an account, with "
            "prices and availability as they are now.",
            name=dealer.name,
        ),
        path,
        crumbs,
        is_indexable=False,
    )


def _unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _refuse_cross_site() -> None:
    if choices.is_cross_site(request):
        abort(403)


def _is_https() -> bool:
    return current().base_url.startswith("https:")
