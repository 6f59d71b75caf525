"""The living page of the design system, in development only: every part with hard cases."""

from dataclasses import replace

from flask import abort, render_template
from flask_babel import gettext as _

from core.config import current
from dealership.branding import palette
from dealership.identity import identity
from inventory import search
from inventory.availability import Availability
from showroom import seo
from showroom.simulator import simulator_for

LONG_TRIM = "2.0 16V Turbo Diesel Limited Edition Cabine Dupla 4x4 Automático com pacote completo"


def components_page() -> str:
    """`/_componentes`: look here after every change of the stylesheet."""
    if current().is_production:
        abort(404)
    offers = search.find_offers(search.listed_ids()[:3])
    variants = []
    if offers:
        first = offers[0]
        variants = [
            ("Plain", first),
            ("Promotion", replace(first, previous_price_cents=first.price_cents + 500_000)),
            ("Reserved", replace(first, availability=Availability.RESERVED)),
            ("Sold", replace(first, availability=Availability.SOLD)),
            ("Long names", replace(first, trim=LONG_TRIM, price_cents=1_234_567_00)),
            ("No photo", replace(first, photos=())),
            ("Little known", replace(first, mileage_km=None, transmission=None, trim="")),
        ]
    return render_template(
        "showroom/components.html",
        page=seo.Page(
            title=_("Components"),
            description="",
            path="/_componentes",
            is_indexable=False,
        ),
        variants=variants,
        colors=palette(identity().brand_color),
        simulation=simulator_for(None, {"entrada": "900.000"}),
        crumbs=[("Home", "/"), ("Components", "/_componentes")],
    )
