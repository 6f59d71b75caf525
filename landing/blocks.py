"""What a landing page may hold: ordered blocks, each a schema. Content is data.

There is no HTML and no template code in content: texts are shown escaped, and the one block with
Markdown is rendered without links, pictures or raw HTML. A price is never typed here: it is read
from the offer when the page is drawn.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs

import nh3
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.errors import DomainError
from core.text import clean_line, clean_text
from inventory.filters import PARAMETERS, read_filter
from inventory.offers import OfferPhoto
from inventory.search import OfferFilter
from landing.goals import Goal

MOST_BLOCKS: Final = 20
MOST_VEHICLES: Final = 12
VARIANT_KEYS: Final = ("a", "b", "c", "d")
# Where staff put the car's name in a headline that follows the ad.
CAR_PLACE: Final = "{carro}"
ICONS: Final = ("check", "phone", "chat", "pin", "calculator", "share", "heart", "search")
_TOO_LONG: Final = 100_000
_TAGS: Final = {"p", "strong", "em", "ul", "ol", "li", "h3", "blockquote", "br", "hr"}


@dataclass(frozen=True)
class Problem:
    """One thing to mend, and where: `block` counts from 1, 0 is the page; `field` is dotted, as
    in "items.0.title". `suggestion` is a text that would do."""

    words: str
    block: int = 0
    field: str = ""
    suggestion: str = ""


class BadContent(DomainError):
    """Content that does not fit its schema. `reasons` are sentences with block and field,
    `problems` the same with their places."""

    def __init__(self, reasons: list[str], problems: Sequence[Problem] = ()) -> None:
        self.reasons = tuple(reasons)
        self.problems = tuple(problems)
        super().__init__(" ".join(reasons))


def _cleaned(clean: Callable[[str, int], str]) -> BeforeValidator:
    """Clean before measuring, and never cut what somebody wrote."""
    return BeforeValidator(lambda v: clean(v, _TOO_LONG) if isinstance(v, str) else v)


def line(longest: int) -> Any:
    """A text of one line that must be there, of at most `longest` characters."""
    limits = StringConstraints(min_length=1, max_length=longest)
    return Annotated[str, _cleaned(clean_line), limits]


def maybe(longest: int) -> Any:
    """A text of one line that may be empty."""
    return Annotated[str, _cleaned(clean_line), StringConstraints(max_length=longest)]


def text(longest: int) -> Any:
    """A text of several lines that must be there."""
    limits = StringConstraints(min_length=1, max_length=longest)
    return Annotated[str, _cleaned(clean_text), limits]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


PublicId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
Query = maybe(300)


class Action(_Part):
    """A button: its words and its goal. Where it leads follows from the goal."""

    text: line(40)  # type: ignore[valid-type]
    goal: Goal


class Picture(_Part):
    """A picture of ours: of a vehicle by its public id, or of the media store."""

    vehicle: PublicId | None = None
    stem: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9/_-]{1,120}$")] | None = None
    widths: tuple[int, ...] = Field(default=(), max_length=12)
    formats: tuple[Literal["avif", "webp", "jpg"], ...] = ()
    width_px: int = 0
    height_px: int = 0
    color: Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$")] = ""
    alt: maybe(160) = ""  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Picture":
        if bool(self.vehicle) is bool(self.stem):
            raise PydanticCustomError("one_picture", "a vehicle or a stored picture")
        if self.stem and (not self.widths or not self.alt):
            raise PydanticCustomError("picture_alt", "a stored picture needs its widths and alt")
        return self

    def photo(self) -> OfferPhoto | None:
        """The stored picture as pages show it; None for a vehicle's."""
        if not self.stem:
            return None
        return OfferPhoto(
            self.stem,
            self.widths,
            self.formats,
            self.width_px,
            self.height_px,
            self.color,
            self.alt,
        )


class _Stocked(_Part):
    """A block that shows vehicles: those of `vehicles`, or those that `filter` finds, written as
    the query string of /estoque. One of the two."""

    vehicles: tuple[PublicId, ...] = Field(default=(), max_length=MOST_VEHICLES)
    filter: Query = ""  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _by_hand_or_by_filter(self) -> "_Stocked":
        if bool(self.vehicles) is bool(self.filter):
            raise PydanticCustomError("hand_or_filter", "pick vehicles or give a filter")
        unknown = set(parse_qs(self.filter, keep_blank_values=True)) - set(PARAMETERS.values())
        if unknown:
            raise PydanticCustomError(
                "unknown_filter", "unknown filter", {"names": ", ".join(sorted(unknown))[:80]}
            )
        return self

    def wanted(self) -> OfferFilter | None:
        """The stock filter, or None when picked by hand."""
        return read_filter(_Arguments(self.filter)).filter if self.filter else None


class _Arguments:
    """A query string kept in content, read like a request's."""

    def __init__(self, query: str) -> None:
        self._values = parse_qs(query, keep_blank_values=True)

    def getlist(self, key: str) -> list[str]:
        return self._values.get(key, [])


class Hero(_Part):
    """The promise of the ad, a picture, up to three reasons, the action."""

    kind: Literal["hero"]
    headline: line(90)  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]
    reasons: tuple[line(70), ...] = Field(default=(), max_length=3)  # type: ignore[valid-type]
    picture: Picture | None = None  # none: the first vehicle the page shows
    action: Action


class OfferBlock(_Stocked):
    """One vehicle, large, with its price as it is now. Sold, it turns into similar ones."""

    kind: Literal["offer"]
    heading: maybe(80) = ""  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]
    action: Action

    @model_validator(mode="after")
    def _one_vehicle(self) -> "OfferBlock":
        if len(self.vehicles) > 1:
            raise PydanticCustomError("one_vehicle", "one vehicle")
        return self


class Grid(_Stocked):
    """Vehicles side by side."""

    kind: Literal["grid"]
    heading: line(80)  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]
    limit: int = Field(default=6, ge=1, le=MOST_VEHICLES)
    action: Action


class Benefit(_Part):
    icon: Literal["check", "phone", "chat", "pin", "calculator", "share", "heart", "search"] = (
        "check"
    )
    title: line(50)  # type: ignore[valid-type]
    text: maybe(180) = ""  # type: ignore[valid-type]


class Benefits(_Part):
    kind: Literal["benefits"]
    heading: maybe(80) = ""  # type: ignore[valid-type]
    items: tuple[Benefit, ...] = Field(min_length=2, max_length=6)


class Quote(_Part):
    """What a buyer said. Without their permission it is not shown (CC art. 20). One that names a
    `testimonial` of ours is drawn as that is now, and leaves with its permission."""

    testimonial: int = Field(default=0, ge=0)
    text: line(400)  # type: ignore[valid-type]
    name: line(60)  # type: ignore[valid-type]
    city: line(60)  # type: ignore[valid-type]
    bought: maybe(60) = ""  # type: ignore[valid-type]
    month: Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
    has_permission: bool = False

    @model_validator(mode="before")
    @classmethod
    def _as_it_is_there(cls, data: Any) -> Any:
        """Words of a testimonial of ours need not be typed again, nor its permission ticked."""
        if not isinstance(data, dict) or not data.get("testimonial"):
            return data
        empty = {"text": "—", "name": "—", "city": "—", "month": "2020-01"}
        typed = {name: value for name, value in data.items() if value not in ("", None)}
        return {**empty, **typed, "has_permission": True}

    @property
    def day(self) -> date:
        """The first of its month."""
        return date.fromisoformat(f"{self.month}-01")


class Testimonial(_Part):
    kind: Literal["testimonial"]
    heading: maybe(80) = ""  # type: ignore[valid-type]
    items: tuple[Quote, ...] = Field(min_length=1, max_length=3)


class Video(_Part):
    """A picture that leads to the video: nothing of a third party is loaded on the page."""

    kind: Literal["video"]
    heading: line(80)  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]
    youtube: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{11}$")]
    seconds: int = Field(default=0, ge=0, le=7200)
    picture: Picture | None = None

    @property
    def address(self) -> str:
        return f"https://www.youtube.com/watch?v={self.youtube}"


class Countdown(_Part):
    """The end of the page, or of the promotion of the vehicle it offers. Never made up, never set
    back: hurrying people with a false end is misleading (CDC art. 37)."""

    kind: Literal["countdown"]
    text: line(80)  # type: ignore[valid-type]
    until: Literal["page", "promotion"]


class Question(_Part):
    question: line(140)  # type: ignore[valid-type]
    answer: text(800)  # type: ignore[valid-type]


class Faq(_Part):
    kind: Literal["faq"]
    heading: line(80)  # type: ignore[valid-type]
    items: tuple[Question, ...] = Field(min_length=1, max_length=12)


class RichText(_Part):
    kind: Literal["text"]
    heading: maybe(80) = ""  # type: ignore[valid-type]
    markdown: text(4000)  # type: ignore[valid-type]


class FormBlock(_Part):
    kind: Literal["form"]
    heading: line(70)  # type: ignore[valid-type]
    text: maybe(180) = ""  # type: ignore[valid-type]
    action: Action


class Legal(_Part):
    kind: Literal["legal"]
    text: text(3000)  # type: ignore[valid-type]


Block = Annotated[
    Hero
    | OfferBlock
    | Grid
    | Benefits
    | Testimonial
    | Video
    | Countdown
    | Faq
    | RichText
    | FormBlock
    | Legal,
    Field(discriminator="kind"),
]


class Variant(_Part):
    """What one arm of a test shows instead. Empty: as the page has it. `order` are the numbers of
    the blocks, from 1."""

    weight: int = Field(default=1, ge=0, le=100)
    headline: maybe(90) = ""  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]
    action_text: maybe(40) = ""  # type: ignore[valid-type]
    picture: Picture | None = None
    order: tuple[int, ...] = Field(default=(), max_length=MOST_BLOCKS)


class Match(_Part):
    """A headline for visitors whose ad held all words of one of `keys`."""

    keys: tuple[line(60), ...] = Field(min_length=1, max_length=10)  # type: ignore[valid-type]
    headline: line(90)  # type: ignore[valid-type]
    text: maybe(220) = ""  # type: ignore[valid-type]


class Content(_Part):
    """All that a revision holds."""

    title: line(65)  # type: ignore[valid-type]
    description: line(160)  # type: ignore[valid-type]
    is_indexable: bool = True
    blocks: tuple[Block, ...] = Field(min_length=1, max_length=MOST_BLOCKS)
    variants: dict[Literal["a", "b", "c", "d"], Variant] = Field(default_factory=dict)
    matches: tuple[Match, ...] = Field(default=(), max_length=20)
    # A headline with {carro} for ads that name a make or model we have in stock.
    car_headline: maybe(90) = ""  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _whole(self) -> "Content":
        numbers = set(range(1, len(self.blocks) + 1))
        if any(v.order and set(v.order) != numbers for v in self.variants.values()):
            raise PydanticCustomError("variant_order", "an order names every block once")
        if self.car_headline and CAR_PLACE not in self.car_headline:
            raise PydanticCustomError("car_place", "no place for the car")
        return self

    @property
    def hero(self) -> Hero | None:
        return next((block for block in self.blocks if isinstance(block, Hero)), None)

    @property
    def form(self) -> FormBlock | None:
        return next((block for block in self.blocks if isinstance(block, FormBlock)), None)

    @property
    def actions(self) -> list[Action]:
        """Every button of the page but the form's."""
        return [
            block.action for block in self.blocks if isinstance(block, Hero | OfferBlock | Grid)
        ]

    @property
    def weights(self) -> dict[str, int]:
        """Of the variants, by key; empty when the page has one face."""
        return {key: variant.weight for key, variant in sorted(self.variants.items())}

    def as_json(self) -> dict[str, Any]:
        """Plain values, as a revision keeps them."""
        return self.model_dump(mode="json", exclude_defaults=True)


def read_content(data: Any) -> Content:
    """`data` (plain values) as content. Raises BadContent with a sentence per thing to mend."""
    try:
        return Content.model_validate(data)
    except ValidationError as error:
        own = _own_errors(error)
        raise BadContent([_sentence(one) for one in own], [_placed(one) for one in own]) from None


def _own_errors(error: ValidationError) -> list[Any]:
    """What was reported, but for lists called too short because an item in them is wrong."""
    found = error.errors()
    places = [each["loc"] for each in found]

    def is_echo(each: Mapping[str, Any]) -> bool:
        own = each["loc"]
        inside = any(len(loc) > len(own) and loc[: len(own)] == own for loc in places)
        return each["type"] == "too_short" and inside

    return [each for each in found if not is_echo(each)]


def _sentence(error: Mapping[str, Any]) -> str:
    where = error["loc"]
    words = _words(error["type"], error.get("ctx") or {})
    if len(where) >= 2 and where[0] == "blocks" and isinstance(where[1], int):
        field = _field(where[3:])
        return _(
            "Block %(n)s%(kind)s%(field)s: %(words)s",
            n=where[1] + 1,
            kind=f" ({where[2]})" if len(where) > 2 else "",
            field=f", {field}" if field else "",
            words=words,
        )
    return _("%(field)s: %(words)s", field=_field(where) or _("Page"), words=words)


def _placed(error: Mapping[str, Any]) -> Problem:
    where = error["loc"]
    words = _words(error["type"], error.get("ctx") or {})
    is_of_block = len(where) >= 2 and where[0] == "blocks" and isinstance(where[1], int)
    number = where[1] + 1 if is_of_block else 0
    return Problem(words, number, ".".join(str(part) for part in where[3 if is_of_block else 0 :]))


def _field(where: Sequence[str | int]) -> str:
    """ "items 2, title": where in a block, lists counted from 1."""
    return " ".join(f"{part + 1}" if isinstance(part, int) else part for part in where)


def _words(kind: str, context: Mapping[str, Any]) -> str:
    known = {
        "string_too_long": _("use at most %(n)s characters.", n=context.get("max_length")),
        "string_too_short": _("fill this in."),
        "missing": _("fill this in."),
        "too_long": _("use at most %(n)s.", n=context.get("max_length")),
        "too_short": _("give at least %(n)s.", n=context.get("min_length")),
        "extra_forbidden": _("this field does not exist."),
        "union_tag_invalid": _("this kind of block does not exist."),
        "union_tag_not_found": _("say which kind of block it is."),
        "enum": _("this choice does not exist."),
        "literal_error": _("this choice does not exist."),
        "string_pattern_mismatch": _("this does not have the right form."),
        "one_picture": _("choose a vehicle or a stored picture, one of the two."),
        "picture_alt": _("a stored picture needs its widths and a description."),
        "hand_or_filter": _("pick vehicles or give a filter, one of the two."),
        "unknown_filter": _("the filter does not know %(names)s.", names=context.get("names", "")),
        "one_vehicle": _("choose one vehicle."),
        "variant_order": _("the order of a variant names every block once."),
        "car_place": _("write {carro} where the car's name goes."),
    }
    return known.get(kind) or _("this value cannot be used.")


def all_texts(part: BaseModel) -> Iterator[str]:
    """Every text in `part`, at any depth."""
    for value in part.__dict__.values():
        yield from _texts_in(value)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from all_texts(value)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _texts_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts_in(each)


_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False})
_HEADING: Final = re.compile(r"^h[1-6]$")


def rendered(markdown: str) -> str:
    """Safe HTML of `markdown`: paragraphs, lists, emphasis, headings of one level. A link keeps
    its words and loses its address: the page has one way out."""
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        if _HEADING.match(token.tag):
            token.tag = "h3"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return nh3.clean(html, tags=_TAGS, attributes={}, link_rel=None)
