"""How values look on a page: template filters and functions, registered once on the application."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from babel import Locale
from babel.dates import get_day_names
from babel.support import NullTranslations
from flask import Flask, current_app, g, url_for
from flask_babel import format_date, format_datetime, get_locale, get_translations, ngettext
from flask_babel import gettext as _
from markupsafe import Markup

from core.clock import DEFAULT_ZONE, now, today
from core.config import ROOT
from core.immutable import asset_digest
from core.language import locale_name, reader_locale
from core.money import format_brl
from core.text import format_km, format_phone, whatsapp_link
from dealership.hours import Hours, Interval, format_opening, week_summary
from dealership.identity import StoreProfile, format_cnpj
from inventory.offers import Offer, OfferPhoto
from inventory.vocabulary import label
from leads.consent import MARKETING, NOTICE, Text, current_text
from showroom.contact_links import department_place
from showroom.photo_words import photo_alt
from showroom.seo import department_name
from showroom.theme import ground_class, stylesheet_path

NEW_ARRIVAL_DAYS = 7
SPECIAL_DAYS_AHEAD = 45
# Below this share a cheaper price is noise; above it, it is worth a word.
FIPE_WORTH_SAYING_PERCENT = 3


def init_display(app: Flask) -> None:
    """Give every template the product's own filters and functions."""
    app.jinja_env.filters.update(
        brl=format_brl,
        brl2=lambda cents: format_brl(cents, with_cents=True),
        km=format_km,
        phone=phone_text,
        cnpj=format_cnpj,
        postal_code=lambda code: f"{code[:5]}-{code[5:]}",
        time=lambda moment: format_datetime(moment, "HH:mm", rebase=False),
        opening=format_opening,
        visit_day=format_visit,
        day=lambda when: format_date(when, "dd/MM/yyyy"),
        day_time=lambda when: format_datetime(when, "dd/MM/yyyy HH:mm"),
        month=lambda when: format_date(when, "MMMM 'de' yyyy"),
        days_ago=days_ago,
        percent_points=lambda value: f"{format_decimal(value)}%",
        is_new_arrival=is_new_arrival,
        reason=reason,
        week_rows=week_rows,
        special_rows=special_rows,
        department=department_name,
    )
    app.jinja_env.globals.update(
        asset=asset,
        stylesheet_path=stylesheet_path,
        ground_class=ground_class,
        label=label,
        srcset=srcset,
        fallback=fallback,
        largest=largest,
        photo_alt=photo_alt,
        whatsapp=whatsapp_link,
        department_place=department_place,
        share_link=share_link,
        page_numbers=page_numbers,
        marketing_text=lambda: wording(MARKETING),
        notice_text=lambda: wording(NOTICE),
        drop_empty=lambda values: {k: v for k, v in values.items() if v is not None},
    )
    app.jinja_env.globals.update(_=_said, gettext=_said, ngettext=_said_of)


def html_lang() -> str:
    """The language tag of the page: "pt-BR"."""
    return str(get_locale() or "pt_BR").replace("_", "-")


@lru_cache(maxsize=64)
def _address(name: str, _modified: float) -> str:
    return url_for("static", filename=name, v=asset_digest(name))


def asset(name: str) -> str:
    """Address of a static file, named by its content so that it may be kept for ever. Kept here
    too: a list of the staff door names its icons two hundred times. Files change under a running
    process in development only."""
    if not current_app.debug:
        return _address(name, 0)
    return _address(name, (ROOT / "static" / name).stat().st_mtime)


def _said(text: str, /, **values: Any) -> Markup:
    """`text` in the reader's language, for a template, `values` put in escaped. The library looks
    everything up anew for each word, and a long page has eight hundred."""
    words = _words()
    if values:
        return words.pattern(text) % values
    said = words.finished.get(text)
    if said is None:
        said = words.finished[text] = words.pattern(text) % values
    return said


def _said_of(one: str, many: str, count: int, /, **values: Any) -> Markup:
    """The same for a number of things, which the text calls `num`."""
    values.setdefault("num", count)
    return Markup(_words().catalogue.ungettext(one, many, count)) % values  # noqa: S704


@dataclass(frozen=True)
class _Words:
    """What was said in one language before; its catalogue has no more than that."""

    catalogue: NullTranslations
    patterns: dict[str, Markup] = field(default_factory=dict)
    finished: dict[str, Markup] = field(default_factory=dict)  # where there is nothing to put in

    def pattern(self, text: str) -> Markup:
        known = self.patterns.get(text)
        if known is None:
            known = self.patterns[text] = Markup(self.catalogue.ugettext(text))  # noqa: S704
        return known


def _words() -> _Words:
    locale = reader_locale()
    kept: tuple[Locale | None, _Words] | None = g.get("words")
    if kept is None or kept[0] is not locale:
        languages: dict[str, _Words] = current_app.extensions.setdefault("vitrine_words", {})
        name = locale_name()
        if name not in languages:
            languages[name] = _Words(get_translations())
        kept = g.words = (locale, languages[name])
    return kept[1]


def wording(kind: str) -> Text:
    """The wording of `kind`, read once per request however many forms a page has."""
    name = f"wording:{kind}"  # as `remembered` calls it, which forgets this one, too
    if name not in g:
        setattr(g, name, current_text(kind))
    found: Text = getattr(g, name)
    return found


# ---- pictures ----


def srcset(photo: OfferPhoto, kind: str) -> str:
    """All widths of `photo` in the format `kind` (avif, webp, jpg), for a srcset attribute."""
    return ", ".join(f"/media/{photo.stem}-{width}.{kind} {width}w" for width in photo.widths)


def fallback(photo: OfferPhoto) -> str:
    """The JPEG for browsers that know neither AVIF nor WebP: a middling width."""
    width = next((w for w in photo.widths if w >= 640), photo.widths[-1])
    return f"/media/{photo.stem}-{width}.jpg"


def largest(photo: OfferPhoto) -> str:
    """The largest JPEG: what a photo's link opens without the script."""
    return f"/media/{photo.stem}-{photo.widths[-1]}.jpg"


def share_link(text: str) -> str:
    """Opens WhatsApp with `text` and lets the visitor choose to whom: works without the script."""
    return f"https://wa.me/?text={quote(text)}"


# ---- words ----


def phone_text(e164: str) -> str:
    """A phone number that does not break over two lines."""
    return format_phone(e164).replace(" ", "\xa0").replace("-", "\u2011")


def reason(offer: Offer) -> str:
    """Why this card deserves a look, in true words; empty when there is nothing to say."""
    if offer.is_sold or offer.is_reserved:
        return ""
    if offer.previous_price_cents:
        drop = offer.previous_price_cents - offer.price_cents
        return _("Down by %(value)s", value=format_brl(drop))
    percent = offer.fipe_difference_percent
    if percent is not None and percent <= -FIPE_WORTH_SAYING_PERCENT:
        return _("%(n)s%% below the FIPE table", n=-percent)
    if offer.history.get("single_owner"):
        return _("Single owner")
    return ""


def is_new_arrival(offer: Offer) -> bool:
    """Published within the last week."""
    if offer.published_at is None:
        return False
    return now() - offer.published_at < timedelta(days=NEW_ARRIVAL_DAYS)


def days_ago(moment: datetime) -> str:
    """ "today", "yesterday", "5 days ago", in the calendar of the country's main zone."""
    days = (today() - moment.astimezone(DEFAULT_ZONE).date()).days
    if days <= 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    return ngettext("%(num)s day ago", "%(num)s days ago", days)


def format_visit(moment: datetime) -> str:
    """When a visit is, `moment` in the store's zone: "Tuesday, 24 November, 10:30"."""
    return str(format_datetime(moment, "EEEE, d 'de' MMMM, HH:mm", rebase=False)).capitalize()


def week_rows(store: StoreProfile) -> list[tuple[str, list[str]]]:
    """Rows such as ("Monday to Friday", ["08:00–12:00", "13:30–18:00"]); closed days are empty."""
    return [
        (_day_names(row.days), [_span(hours) for hours in row.intervals])
        for row in week_summary(store.schedule)
    ]


def special_rows(store: StoreProfile) -> list[tuple[str, list[str]]]:
    """Holidays of the next weeks, named, with their own hours or none."""
    first = today(store.zone)
    last = first + timedelta(days=SPECIAL_DAYS_AHEAD)
    return [
        (
            " ".join(
                (format_date(special.date, "dd/MM"), store.special_names.get(special.date, ""))
            ),
            [_span(hours) for hours in special.intervals],
        )
        for special in store.schedule.special_days
        if first <= special.date <= last
    ]


def _day_names(days: tuple[int, ...]) -> str:
    # "segunda-feira" is "segunda" to everybody who reads a shop window.
    wide = get_day_names("wide", locale=get_locale() or "pt_BR")
    names = {day: name.removesuffix("-feira") for day, name in wide.items()}
    first, last = names[days[0]], names[days[-1]]
    if len(days) == 1:
        return first.capitalize()
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return _("%(first)s to %(last)s", first=first.capitalize(), last=last)
    return ", ".join(names[day] for day in days).capitalize()


def _span(hours: Interval | Hours) -> str:
    return f"{hours.opens:%H:%M}–{hours.closes:%H:%M}"


def format_decimal(value: Decimal | float) -> str:
    """Two decimals with a comma: rates of interest."""
    return f"{value:.2f}".replace(".", ",")


def page_numbers(page: int, pages: int) -> Iterator[int | None]:
    """The numbers a pager shows: the ends, the neighbours, None for a gap."""
    shown = sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)})
    last = 0
    for number in shown:
        if number == last + 2:
            yield last + 1
        elif number > last + 2:
            yield None
        yield number
        last = number
