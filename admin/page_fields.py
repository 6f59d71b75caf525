"""The blocks of a landing page as forms: every field follows from the block's schema.

`fields_of` reads the pydantic model, `read_content_form` a post. What comes back is raw: what was
typed, whole or not; only saving checks it.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from werkzeug.datastructures import MultiDict

from content import media
from content.media import MediaRefused
from core.text import row_number
from inventory.filters import PARAMETERS, SORT_VALUES
from inventory.search import DEFAULT_SORT
from landing import blocks
from landing.blocks import Action, Match, Picture, Variant
from landing.building import arranged
from landing.pictures import picture_of

Form = MultiDict[str, str]
Raw = dict[str, Any]
LONGEST_TYPED: Final = 10_000  # characters of one field; checked properly when it is saved
MOST_READ: Final = 60  # blocks or items of one post
AREA_FROM: Final = 121  # characters: longer texts get several lines

MODELS: Final[Mapping[str, type[BaseModel]]] = {
    "hero": blocks.Hero,
    "form": blocks.FormBlock,
    "offer": blocks.OfferBlock,
    "grid": blocks.Grid,
    "benefits": blocks.Benefits,
    "testimonial": blocks.Testimonial,
    "faq": blocks.Faq,
    "text": blocks.RichText,
    "video": blocks.Video,
    "countdown": blocks.Countdown,
    "legal": blocks.Legal,
}
NAMES: Final = {
    "hero": _l("Opening"),
    "form": _l("Form"),
    "offer": _l("One car"),
    "grid": _l("Several cars"),
    "benefits": _l("Reasons"),
    "testimonial": _l("Testimonials"),
    "faq": _l("Questions and answers"),
    "text": _l("Text"),
    "video": _l("Video"),
    "countdown": _l("Countdown"),
    "legal": _l("Small print"),
    "page": _l("Page"),
    "variants": _l("A/B test"),
}
ABOUT: Final = {
    "hero": _l("The promise of the ad, a picture and the button. Every page begins with it."),
    "form": _l("Name and phone; what the goal needs is asked by itself."),
    "offer": _l("A car, large, with the price of today. Sold, it gives way to similar ones."),
    "grid": _l("Cars side by side, picked by hand or by a stock filter."),
    "benefits": _l("Two to six reasons that can be checked."),
    "testimonial": _l("What buyers said, with their permission."),
    "faq": _l("What people ask before they write."),
    "text": _l("Paragraphs and lists, without links: the page has one way out."),
    "video": _l("A picture that leads to a video on YouTube."),
    "countdown": _l("The true end of the page or of the promotion."),
    "legal": _l("Validity and conditions, at the foot of the page."),
}
# By field name, or by block and field where a name means two things.
LABELS: Final = {
    "headline": _l("Headline"),
    "heading": _l("Heading"),
    "text": _l("Text"),
    "reasons": _l("Reasons, one per line"),
    "picture": _l("Picture"),
    "action": _l("Words on the button"),
    "limit": _l("How many cars at most"),
    "stock": _l("Cars"),
    "items": _l("Items"),
    "icon": _l("Sign"),
    "title": _l("Title"),
    "name": _l("Who said it"),
    "city": _l("City"),
    "bought": _l("What they bought"),
    "month": _l("Month (2026-11)"),
    "has_permission": _l("The person allowed us to show these words and the name"),
    "youtube": _l("Code of the video on YouTube"),
    "seconds": _l("Length in seconds"),
    "until": _l("Counts to"),
    "question": _l("Question"),
    "answer": _l("Answer"),
    "markdown": _l("Text, in Markdown"),
    "countdown.text": _l("Words before the date"),
    "testimonial.text": _l("What they said"),
    "testimonial.testimonial": _l("Number of a testimonial"),
    "weight": _l("Share of the visitors"),
    "action_text": _l("Words on every button"),
    "order": _l("Order of the blocks"),
    "keys": _l("Words of the ad, one per line"),
    "description": _l("Description"),
    "car_headline": _l("Headline with the car of the ad"),
    "is_indexable": _l("Search engines may show the page"),
    "vehicles": _l("Cars"),
    "filter": _l("Stock filter"),
}
HINTS: Final = {
    "hero.headline": _l("Repeat what the ad promised."),
    "youtube": _l("The 11 letters and digits after watch?v= in the address."),
    "markdown": _l("**bold**, lists with - at the start of the line, ## headings."),
    "testimonial.testimonial": _l(
        "From Testimonials. With it the rest may stay empty: words and permission are kept there."
    ),
    "weight": _l("0 shows it to nobody; 1 and 1 is half and half."),
    "order": _l("Numbers of the blocks, such as 1 3 2 4. Empty: as the page has them."),
    "keys": _l("All words of a line must stand in the ad (utm_term, utm_content, utm_campaign)."),
}
CHOICES: Final[Mapping[str, Mapping[str, Any]]] = {
    "until": {"page": _l("the end of the page"), "promotion": _l("the end of the promotion")},
    "icon": {
        "check": _l("tick"),
        "phone": _l("phone"),
        "chat": _l("conversation"),
        "pin": _l("place"),
        "calculator": _l("calculator"),
        "share": _l("Share"),
        "heart": _l("heart"),
        "search": _l("magnifying glass"),
    },
}


@dataclass(frozen=True)
class FieldSpec:
    """One field of a form. `widget`: line, area, lines, numbers, number, check, choice, action,
    picture, stock or items; `fields` are those of an item; `most` bounds items and numbers."""

    name: str
    widget: str
    label: Any
    hint: Any = ""
    longest: int = 0
    least: int = 0
    most: int = 0
    choices: tuple[tuple[str, Any], ...] = ()
    is_required: bool = False
    is_one: bool = False  # of stock: a single car
    fields: tuple["FieldSpec", ...] = ()


@cache
def fields_of(model: type[BaseModel], kind: str = "") -> tuple[FieldSpec, ...]:
    """The fields of `model` (a block, or an item of block `kind`) as a form shows them."""
    specs = [
        _spec(name, info, kind)
        for name, info in model.model_fields.items()
        if name not in {"kind", "vehicles", "filter"}
    ]
    if "vehicles" in model.model_fields:
        is_one = model is blocks.OfferBlock
        specs.append(FieldSpec("stock", "stock", LABELS["stock"], is_one=is_one))
    last = {"stock": 1, "limit": 2, "action": 3}
    return tuple(sorted(specs, key=lambda spec: last.get(spec.name, 0)))


def _spec(name: str, info: FieldInfo, kind: str) -> FieldSpec:
    label = LABELS.get(f"{kind}.{name}") or LABELS.get(name, name)
    hint = HINTS.get(f"{kind}.{name}") or HINTS.get(name, "")
    given: dict[str, Any] = {"label": label, "hint": hint, "is_required": info.is_required()}
    inner, origin = info.annotation, get_origin(info.annotation)
    limits: dict[str, Any] = {**_limits(info.metadata)}
    if inner is Action:
        return FieldSpec(name, "action", longest=40, **given)
    if origin in {Union, types.UnionType} and Picture in get_args(inner):
        return FieldSpec(name, "picture", **given)
    if origin is tuple:
        item = get_args(inner)[0]
        if isinstance(item, type) and issubclass(item, BaseModel):
            return FieldSpec(name, "items", fields=fields_of(item, kind), **limits, **given)
        widget = "numbers" if item is int else "lines"
        return FieldSpec(name, widget, **limits, **given)
    if origin is Literal:
        named = CHOICES.get(name, {})
        choices = tuple((value, named.get(value, value)) for value in get_args(inner))
        return FieldSpec(name, "choice", choices=choices, **given)
    if inner in {bool, int}:
        return FieldSpec(name, "check" if inner is bool else "number", **limits, **given)
    is_area = limits.get("longest", 0) >= AREA_FROM
    return FieldSpec(name, "area" if is_area else "line", **limits, **given)


def _limits(metadata: list[Any]) -> dict[str, int]:
    """Longest text, least and most of a number or list, as the schema's metadata says."""
    found: dict[str, int] = {}
    for limit in metadata:
        for attribute, name in (("max_length", "most"), ("ge", "least"), ("le", "most")):
            value = getattr(limit, attribute, None)
            if isinstance(value, int):
                is_text = type(limit).__name__ == "StringConstraints"
                found["longest" if is_text and name == "most" else name] = value
    return found


# ---- reading a post ----


def read_content_form(form: Form, goal: str) -> tuple[Raw, list[str]]:
    """What the builder's form holds, raw, and the numbers its blocks were drawn with, in the
    order in which they stand now."""
    drawn = _numbers(form, "bloco")
    kept = [number for number in drawn if form.get(f"b{number}.kind") in MODELS]
    content: Raw = {
        "title": _typed(form, "title"),
        "description": _typed(form, "description"),
        "blocks": [read_block(form, f"b{number}.", goal) for number in kept],
    }
    if not form.get("is_indexable"):
        content["is_indexable"] = False
    if form.get("car_headline"):
        content["car_headline"] = _typed(form, "car_headline")
    # Not "matches": a form with such a field hides the method of that name from scripts.
    matches = [_part(form, f"anuncio.{n}.", Match, goal) for n in _numbers(form, "anuncio")]
    if matches:
        content["matches"] = matches
    variants = {
        key: _part(form, f"v.{key}.", Variant, goal)
        for key in form.getlist("variante")
        if key in blocks.VARIANT_KEYS
    }
    if variants:
        content["variants"] = variants
        places = sorted(int(number) for number in kept)
        if kept != [str(place) for place in places] and places == list(range(len(kept))):
            content = _moved(content, [int(number) for number in kept])
    return content, kept


def _moved(content: Raw, numbers: list[int]) -> Raw:
    """Orders of variants follow blocks that were dragged; the blocks stand right already."""
    before = sorted(range(len(numbers)), key=lambda place: numbers[place])
    drawn = {**content, "blocks": [content["blocks"][place] for place in before]}
    return arranged(drawn, numbers)


def read_block(form: Form, prefix: str, goal: str) -> Raw:
    """The block whose fields are named with `prefix`."""
    kind = form[f"{prefix}kind"]
    return {"kind": kind, **_part(form, prefix, MODELS[kind], goal, kind)}


def _part(form: Form, prefix: str, model: type[BaseModel], goal: str, kind: str = "") -> Raw:
    return _fields(form, prefix, fields_of(model, kind), goal)


def _fields(form: Form, prefix: str, specs: tuple[FieldSpec, ...], goal: str) -> Raw:
    raw: Raw = {}
    for spec in specs:
        if spec.widget == "stock":
            raw |= _stock(form, f"{prefix}{spec.name}", spec)
            continue
        value = _READERS[spec.widget](form, f"{prefix}{spec.name}", spec, goal)
        is_left_out = value is None or value is False or value in ("", [])
        if spec.is_required or not is_left_out:
            raw[spec.name] = value
    return raw


def _typed(form: Form, name: str) -> str:
    return form.get(name, "")[:LONGEST_TYPED].replace("\x00", "").replace("\r\n", "\n")


def _numbers(form: Form, name: str) -> list[str]:
    return [number for number in form.getlist(name)[:MOST_READ] if row_number(number) is not None]


def _line(form: Form, name: str, _spec: FieldSpec, _goal: str) -> str:
    return _typed(form, name)


def _lines(form: Form, name: str, _spec: FieldSpec, _goal: str) -> list[str]:
    return [line.strip() for line in _typed(form, name).split("\n") if line.strip()]


def _whole(text: str) -> int | str:
    number = row_number(text)
    return text if number is None else number


def _order(form: Form, name: str, _spec: FieldSpec, _goal: str) -> list[int | str]:
    return [_whole(part) for part in _typed(form, name).replace(",", " ").split()]


def _number(form: Form, name: str, _spec: FieldSpec, _goal: str) -> int | str:
    return _whole(_typed(form, name).strip())


def _check(form: Form, name: str, _spec: FieldSpec, _goal: str) -> bool:
    return bool(form.get(name))


def _action(form: Form, name: str, _spec: FieldSpec, goal: str) -> Raw:
    return {"text": _typed(form, name), "goal": goal}


def _items(form: Form, name: str, spec: FieldSpec, goal: str) -> list[Raw]:
    return [_fields(form, f"{name}.{n}.", spec.fields, goal) for n in _numbers(form, name)]


def _picture(form: Form, name: str, _spec: FieldSpec, _goal: str) -> Raw | None:
    kind, _colon, value = _typed(form, name).partition(":")
    if kind == "carro":
        return {"vehicle": value}
    if kind == "midia":
        try:
            item = media.picked(value)
        except MediaRefused:
            return None
        return picture_of(item) if item else None
    if kind == "atual":
        try:
            kept = json.loads(_typed(form, f"{name}.atual") or "null")
        except ValueError:
            return None
        return kept if isinstance(kept, dict) else None
    return None


def _stock(form: Form, name: str, spec: FieldSpec) -> Raw:
    """The cars of a block: those that are ticked, or a filter."""
    if form.get(f"{name}.modo") == "filtro":
        pairs = [
            (parameter, value.strip()[:200])
            for parameter in PARAMETERS.values()
            for value in form.getlist(f"{name}.f.{parameter}")
            if value.strip()
        ]
        usual = ("ordem", SORT_VALUES[DEFAULT_SORT])
        # A filter of nothing but the usual order means the whole stock and must be there.
        pairs = [pair for pair in pairs if pair != usual] or pairs
        return {"filter": urlencode(pairs, safe="/")}
    cars = list(dict.fromkeys(form.getlist(f"{name}.carros")))[:MOST_READ]
    return {"vehicles": cars[-1:] if spec.is_one else cars}


_READERS: Final[Mapping[str, Callable[[Form, str, FieldSpec, str], Any]]] = {
    "line": _line,
    "area": _line,
    "lines": _lines,
    "numbers": _order,
    "number": _number,
    "check": _check,
    "choice": _line,
    "action": _action,
    "items": _items,
    "picture": _picture,
}
