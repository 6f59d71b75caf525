"""The form of an account's rules: what was typed, read and refused in words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from core.money import NotMoney, format_brl, parse_brl
from core.text import clean_text
from integrators.listings.rules import LONGEST_TEXT, ORDERS, RuleRefused, Rules

CONDITIONS: Final = ("used", "new")
MOST_PHOTOS: Final = 30
MOST_PLACES: Final = 100_000


def typed_rules(form: MultiDict[str, str], kept: Rules, store_ids: Mapping[int, str]) -> Rules:
    """The rules that were typed; what the form does not show stays as in `kept`. `store_ids` are
    the stores that may be chosen. Raises RuleRefused."""
    problems: dict[str, str] = {}
    low = _money(form, "preco_min", problems)
    high = _money(form, "preco_max", problems)
    if low is not None and high is not None and low > high:
        problems["preco_max"] = _("The highest price is below the lowest.")
    text = form.get("texto", "").strip()
    if len(text) > LONGEST_TEXT:
        problems["texto"] = _("%(n)s characters at most.", n=LONGEST_TEXT)
    order = form.get("ordem", kept.order)
    chosen = {number for number in store_ids if str(number) in form.getlist("lojas")}
    rules = replace(
        kept,
        # Stores of other people that were chosen before stay chosen.
        store_ids=tuple(sorted(chosen | (set(kept.store_ids) - set(store_ids)))),
        conditions=tuple(one for one in CONDITIONS if one in form.getlist("condicao")),
        price_min_cents=low,
        price_max_cents=high,
        photos_min=_whole(form, "fotos", MOST_PHOTOS, problems) or 0,
        slots=_whole(form, "vagas", MOST_PLACES, problems),
        order=order if order in ORDERS else kept.order,
        keeps_reserved=form.get("reservados") == "1",
        extra_text=clean_text(text, LONGEST_TEXT),
    )
    if problems:
        raise RuleRefused(problems)
    return rules


def told(rules: Rules) -> dict[str, Any]:
    """The rules as the audit log keeps them."""
    return {
        "stores": ", ".join(map(str, rules.store_ids)),
        "condition": ", ".join(rules.conditions),
        "lowest_cents": rules.price_min_cents,
        "highest_cents": rules.price_max_cents,
        "photos": rules.photos_min,
        "places": rules.slots,
        "order": rules.order,
        "keeps_reserved": rules.keeps_reserved,
        "text": rules.extra_text,
    }


def money_text(cents: int | None) -> str:
    """A price as it stands in a field; empty when there is none."""
    return "" if cents is None else format_brl(cents).removeprefix("R$").strip()


def _money(form: MultiDict[str, str], name: str, problems: dict[str, str]) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_brl(text)
    except NotMoney as error:
        problems[name] = str(error)
        return None


def _whole(form: MultiDict[str, str], name: str, most: int, problems: dict[str, str]) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
        problems[name] = _("Type a whole number up to %(n)s.", n=most)
        return None
    return int(text)
