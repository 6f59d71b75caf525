"""`/mapa-do-site`: every list and page of the site as plain links.

Whoever follows links, with or without a script, comes from the home page by way of this one to
every offer in three steps: each page of each model's list is linked from here.
"""

from typing import Final

from flask import render_template
from flask_babel import gettext as _

from dealership.identity import identity
from showroom import list_index, seo

PATH: Final = "/mapa-do-site"


def site_map_page() -> str:
    """Makes with their models, further lists, what else the site has."""
    dealer = identity()
    crumbs = [(_("Home"), "/"), (_("Makes, models and lists"), PATH)]
    entries = list_index.all_lists()
    heading = _("All makes, models and lists")
    return render_template(
        "showroom/site_map.html",
        page=seo.house_page(
            dealer,
            [heading],
            _(
                "Every make and model that %(name)s has in stock, the lists by year, city, body "
                "type, fuel and price, and all pages of the site.",
                name=dealer.name,
            ),
            PATH,
            crumbs,
        ),
        crumbs=crumbs,
        heading=heading,
        makes=list_index.hub(),
        narrower=_by_model(entries),
        cities=[one for one in entries if one.kind == "city"],
        facets=[one for one in entries if one.kind == "facet" and one.is_indexed],
    )


def _by_model(entries: list[list_index.ListEntry]) -> dict[str, list[list_index.ListEntry]]:
    """Years and cities worth a link, by the address of their model."""
    found: dict[str, list[list_index.ListEntry]] = {}
    for entry in entries:
        if entry.kind in {"year", "model_city"} and entry.is_indexed:
            found.setdefault(entry.path.rpartition("/")[0], []).append(entry)
    return found
