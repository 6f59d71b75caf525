"""Changes of many cars in words: what a rule says, what a value was and became."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from core.money import format_brl
from inventory import vocabulary
from inventory.bulk_history import BulkChange
from inventory.bulk_rules import BulkRule
from inventory.pricing import PriceRule


def rule_words(rule: BulkRule, store_names: Mapping[int, str]) -> str:
    """ "Price + 5%, rounded to R$ 100", as histories and headings say it."""
    if rule.kind == "price":
        return str(_("Price %(rule)s", rule=_pricing_words(rule.pricing)))
    if rule.kind == "promotion":
        return _promotion_words(rule)
    if rule.kind == "highlight":
        return str(_("Out of the highlights") if rule.is_off else _("Highlight"))
    if rule.kind == "store":
        return str(_("To the store %(store)s", store=store_names.get(rule.store_id or 0, "?")))
    return str(_("State: %(state)s", state=vocabulary.label("state", rule.to_state)))


def bulk_words(bulk: BulkChange, store_names: Mapping[int, str]) -> str:
    """`rule_words` of what a bulk change does."""
    return rule_words(BulkRule.from_json(bulk.rule), store_names)


def value_words(field: str, value: Any, store_names: Mapping[int, str]) -> str:
    """One value of a bulk item as people read it."""
    if field == "state":
        return str(vocabulary.label("state", value))
    if field == "store":
        return store_names.get(value, "?")
    if field == "highlight_rank":
        return str(_("highlighted") if value is not None else _("not highlighted"))
    if value is None:
        return "–"
    if field == "promo_until":
        day = date.fromisoformat(value) if isinstance(value, str) else value
        return str(_("until %(day)s", day=f"{day:%d/%m/%Y}"))
    return format_brl(value)


def values_words(values: Mapping[str, Any], store_names: Mapping[int, str]) -> str:
    """All values of one side of a bulk item."""
    words = [value_words(field, value, store_names) for field, value in values.items()]
    return " ".join(dict.fromkeys(words))


def _promotion_words(rule: BulkRule) -> str:
    if rule.is_off or rule.pricing is None or rule.until is None:
        return str(_("End of the promotion"))
    return str(
        _(
            "Promotion of %(percent)s until %(day)s",
            percent=_percent(abs(rule.pricing.percent)),
            day=f"{rule.until:%d/%m/%Y}",
        )
    )


def _pricing_words(pricing: PriceRule | None) -> str:
    if pricing is None:
        return ""
    parts = []
    if pricing.percent:
        sign = "+" if pricing.percent > 0 else "−"
        parts.append(f"{sign} {_percent(abs(pricing.percent))}")
    if pricing.amount_cents:
        sign = "+" if pricing.amount_cents > 0 else "−"
        parts.append(f"{sign} {format_brl(abs(pricing.amount_cents))}")
    if pricing.rounding == "100":
        parts.append(str(_("rounded to R$ 100")))
    if pricing.rounding == "990":
        parts.append(str(_("ending in 990")))
    if pricing.floor_cents:
        parts.append(str(_("never below %(price)s", price=format_brl(pricing.floor_cents))))
    return ", ".join(parts)


def _percent(number: Any) -> str:
    return f"{number.normalize():f}%".replace(".", ",")
