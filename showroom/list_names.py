"""What lists are called: headings, titles, the sentences that are true of their offers."""

from collections.abc import Sequence
from typing import Final, Protocol

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from core.head import TITLE_CHARACTERS, shorten
from core.money import format_brl
from core.text import format_km, inside_a_sentence
from inventory import search, vocabulary
from inventory.list_paths import IN_CITY, PRICE_BANDS_THOUSAND
from inventory.offers import OfferPhoto
from inventory.search import OfferFilter, Summary


class Listed(Protocol):
    """What a list's head and words look at of an offer."""

    @property
    def path(self) -> str: ...
    @property
    def photos(self) -> tuple[OfferPhoto, ...]: ...
    @property
    def fipe_difference_percent(self) -> int | None: ...


DESCRIPTION_CHARACTERS: Final = 155
_BODIES: Final = {
    "hatch": _l("Hatchbacks"), "sedan": _l("Sedans"), "suv": _l("SUVs"),
    "pickup": _l("Pickups"), "pickup_cd": _l("Double-cab pickups"), "wagon": _l("Station wagons"),
    "minivan": _l("Minivans"), "van": _l("Vans"), "coupe": _l("Coupes"),
    "convertible": _l("Convertibles"), "crossover": _l("Crossovers"), "buggy": _l("Buggies"),
    "motorcycle": _l("Motorcycles"), "truck": _l("Trucks"),
}  # fmt: skip
_OTHERS: Final = {
    "hibridos": _l("Hybrid cars"),
    "eletricos": _l("Electric cars"),
    "diesel": _l("Diesel cars"),
    "gnv": _l("Cars that run on CNG"),
    "automaticos": _l("Automatic cars"),
    "zero-km": _l("Brand new cars"),
}


def facet_list_name(slug: str) -> str:
    """What the list at `/estoque/<slug>` is about: "SUVs", "Cars up to R$ 50 thousand"."""
    if slug in _OTHERS:
        return str(_OTHERS[slug])
    for band in PRICE_BANDS_THOUSAND:
        if slug == f"ate-{band}-mil":
            return _("Cars up to R$ %(high)s thousand", high=band)
    return str(_BODIES[vocabulary.from_public("body", slug) or ""])


def subject(wanted: OfferFilter, path: str) -> str:
    """What a list with an address of its own is about, without where: "Fiat Argo 2022"."""
    if wanted.models:
        make = search.label("make", wanted.models[0].partition("/")[0])
        model = search.label("model", wanted.models[0])
        year = str(wanted.year_min) if wanted.year_min is not None else ""
        name = model if model.startswith(f"{make} ") else f"{make} {model}"
        return f"{name} {year}".strip()
    if wanted.makes:
        return search.label("make", wanted.makes[0])
    slug = path.rpartition("/")[2]
    if not path or slug.startswith(IN_CITY):
        return _("Cars")
    return facet_list_name(slug)


def heading(wanted: OfferFilter, path: str, summary: Summary) -> str:
    """The heading of a list, with the city if there is but one."""
    what = subject(wanted, path)
    conditions = dict(summary.conditions)
    if not wanted.makes and path and not wanted.cities:
        words = _("%(what)s for sale", what=what)
    elif conditions.keys() == {"new"}:
        words = _("%(what)s, brand new", what=what)
    elif conditions.keys() == {"used"}:
        words = _("Used %(what)s", what=what)
    else:
        words = _("New and used %(what)s", what=what)
    return f"{words} {in_city(wanted, summary)}".strip()


def in_city(wanted: OfferFilter, summary: Summary) -> str:
    """ "in Campinas" where all of a list is; else empty."""
    cities = wanted.cities or tuple(slug for slug, _count in summary.cities)
    return _("in %(city)s", city=search.label("city", cities[0])) if len(cities) == 1 else ""


def title(heading_text: str, page: int, house: str) -> str:
    """The title of page `page` of a list: never without its page, the house's name if it fits."""
    number = " " + _("(page %(n)s)", n=page) if page > 1 else ""
    for tail in (f"{number} | {house}", number):
        if len(heading_text + tail) <= TITLE_CHARACTERS:
            return heading_text + tail
    return shorten(heading_text, TITLE_CHARACTERS - len(number)) + number


def description(what: str, summary: Summary, page: int, house: str) -> str:
    """What a search result says under the title."""
    number = _("Page %(n)s.", n=page) + " " if page > 1 else ""
    text = f"{what}: {_how_many(summary, house)} {_spans(summary)}"
    more = _("Photos, cash price and FIPE comparison.")
    room = DESCRIPTION_CHARACTERS - len(number)
    whole = f"{text} {more}"
    return number + (whole if len(whole) <= room else shorten(text, room))


def sentences(summary: Summary, offers: Sequence[Listed], house: str) -> list[str]:
    """Two or three sentences about the offers of a list; `offers` are all of them, or none."""
    if not summary.total:
        return []
    lines = [_how_many(summary, house)]
    if spans := _spans(summary):
        lines.append(spans)
    if summary.gearboxes:
        kinds = ", ".join(
            f"{inside_a_sentence(search.label('transmission', code))} ({count})"
            for code, count in summary.gearboxes
        )
        lines.append(_("Gearboxes: %(kinds)s.", kinds=kinds))
    known = [one for one in offers if one.fipe_difference_percent is not None]
    below = sum(1 for one in known if (one.fipe_difference_percent or 0) < 0)
    if below:
        lines.append(
            ngettext(
                "%(num)s costs less than the FIPE table says.",
                "%(num)s cost less than the FIPE table says.",
                below,
            )
        )
    return lines


def _how_many(summary: Summary, house: str) -> str:
    low, high = summary.prices_cents or (0, 0)
    if low == high:
        return ngettext(
            "%(num)s offer at %(name)s, for %(low)s.",
            "%(num)s offers at %(name)s, for %(low)s each.",
            summary.total,
            name=house,
            low=format_brl(low),
        )
    return ngettext(
        "%(num)s offer at %(name)s, from %(low)s to %(high)s.",
        "%(num)s offers at %(name)s, from %(low)s to %(high)s.",
        summary.total,
        name=house,
        low=format_brl(low),
        high=format_brl(high),
    )


def _spans(summary: Summary) -> str:
    if not summary.years:
        return ""
    first, last = summary.years
    years = (
        _("Model year %(year)s", year=first)
        if first == last
        else _("Model years %(first)s to %(last)s", first=first, last=last)
    )
    if not summary.mileages_km:
        return f"{years}."
    low, high = summary.mileages_km
    if low == high:
        return _("%(years)s, %(km)s.", years=years, km=format_km(low))
    return _("%(years)s, %(low)s to %(high)s.", years=years, low=format_km(low),
             high=format_km(high))  # fmt: skip
