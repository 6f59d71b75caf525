"""The headline that repeats the ad's promise, for visitors whose address names one.

The words of the ad only choose: what is shown is a headline that staff wrote, with the name of a
make or model as our own catalogue spells it. The ad's text itself never reaches the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.text import clean_line, fold
from inventory import search
from landing.blocks import CAR_PLACE, Content

PARAMETERS: Final = ("utm_term", "utm_content", "utm_campaign")
LONGEST: Final = 200  # characters of one parameter
LONGEST_HEADLINE: Final = 90


@dataclass(frozen=True)
class Matched:
    """What the ad asks for. `facet` and `value` name the make or model whose cars come first."""

    headline: str = ""
    text: str = ""
    facet: str = ""
    value: str = ""


def match(content: Content, arguments: Mapping[str, str]) -> Matched:
    """The headline for `arguments` (the address's own); empty where the page's own holds. The
    first of staff's keys wins, then a model, then a make that is in stock."""
    ads = [
        f" {fold(clean_line(arguments[name], LONGEST))} "
        for name in PARAMETERS
        if arguments.get(name)
    ]
    if not ads:
        return Matched()
    facet, value, name = _car(ads)
    for each in content.matches:
        if any(_names(ad, key) for ad in ads for key in each.keys):
            return Matched(each.headline, each.text, facet, value)
    if name and content.car_headline:
        headline = content.car_headline.replace(CAR_PLACE, name)
        if len(headline) <= LONGEST_HEADLINE:
            return Matched(headline, "", facet, value)
    return Matched(facet=facet, value=value)


def _names(ad: str, key: str) -> bool:
    """Whether all words of `key` stand in the ad."""
    words = fold(key).split()
    return bool(words) and all(f" {word} " in ad for word in words)


def _car(ads: list[str]) -> tuple[str, str, str]:
    """(facet, value, name) of the longest model, else make, that an ad names and we have."""
    makes = {value: search.label("make", value) for value in search.count_by("make")}
    models = []
    for value in search.count_by("model"):
        make = makes.get(value.partition("/")[0], "")
        model = search.label("model", value)
        if any(_is_named(ad, model, make) for ad in ads):
            models.append((len(model), value, f"{make} {model}"))
    if models:
        _length, value, name = max(models)
        return "model", value, name
    named = [value for value, name in makes.items() if any(_names(ad, name) for ad in ads)]
    return ("make", named[0], makes[named[0]]) if named else ("", "", "")


def _is_named(ad: str, model: str, make: str) -> bool:
    """Models such as 208 and 2 are numbers that ads are full of: those need their make too."""
    words = fold(model)
    if not words or f" {words} " not in ad:
        return False
    return (len(words) > 2 and not words.isdigit()) or _names(ad, make)
