"""What the builder shows of a page: its newest content or one's own draft, and what stands against
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qs

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from admin.page_fields import LABELS, NAMES
from content import media
from inventory import search
from inventory.filters import PARAMETERS, public_value, read_filter
from inventory.offers import Offer
from landing import editing
from landing.blocks import BadContent, Content, Problem, read_content
from landing.drafts import find_draft
from landing.models import LandingDraft, LandingPage, LandingRevision
from landing.pictures import picture_of

CHIPS: Final = ("condition", "body", "transmission", "fuel")
FACET_NAMES: Final = {
    "condition": _l("New or used"),
    "body": _l("Body"),
    "transmission": _l("Gearbox"),
    "fuel": _l("Fuel"),
    "make": _l("Make"),
    "store": _l("Store"),
}
TYPED: Final = ("preco_min", "preco_max", "ano_min", "ano_max", "km_max", "q")
_SHOWN: Final = {PARAMETERS[facet] for facet in FACET_NAMES} | {*TYPED, "ordem"}


@dataclass(frozen=True)
class Judged:
    """What stands against publishing a content, by block (0: the page), and what would make it
    better. `content` is None while it does not fit its schema."""

    content: Content | None
    problems: Sequence[Problem]
    advice: Sequence[str]

    def of(self, number: int) -> list[Problem]:
        return [problem for problem in self.problems if problem.block == number]


def judge(page: LandingPage, raw: Mapping[str, Any]) -> Judged:
    """Everything that the rules say of `raw` on `page`."""
    try:
        content = read_content(raw)
    except BadContent as refusal:
        return Judged(None, refusal.problems, ())
    return Judged(content, editing.problems(page, content), editing.advice(content))


@dataclass
class Building:
    """One page as one person sees it while building."""

    page: LandingPage
    raw: dict[str, Any]
    newest: LandingRevision
    live: LandingRevision | None
    draft: LandingDraft | None = None
    found: Sequence[Offer] = field(default=())  # of the search for cars, for block `found_for`
    found_for: int = -1
    query: str = ""

    @property
    def base_number(self) -> int:
        return self.draft.base_number if self.draft else self.newest.number

    @property
    def newer(self) -> LandingRevision | None:
        """A version that somebody else saved after this draft began."""
        draft = self.draft
        if draft is None or self.newest.number == draft.base_number:
            return None
        return self.newest if self.newest.author != draft.author else None

    @property
    def is_live(self) -> bool:
        """Whether visitors see what stands here."""
        return self.draft is None and self.live is not None and self.live.id == self.newest.id

    @cached_property
    def judged(self) -> Judged:
        return judge(self.page, self.raw)

    @cached_property
    def offers(self) -> dict[str, Offer]:
        """The listed cars that the content names, by public id."""
        named: list[str] = []
        for part in [*self.raw["blocks"], *(self.raw.get("variants") or {}).values()]:
            named += part.get("vehicles") or []
            picture = part.get("picture") or {}
            named += [picture["vehicle"]] if picture.get("vehicle") else []
        ids = search.ids_of(dict.fromkeys(str(one) for one in named))
        return {offer.public_id: offer for offer in search.find_offers(ids)}

    @cached_property
    def pictures(self) -> list[tuple[str, str]]:
        """Pictures to choose from: those of the page's cars, then the library's."""
        cars = [(f"carro:{o.public_id}", _("Photo of %(car)s", car=o.title))
                for o in self.offers.values()]  # fmt: skip
        return cars + [(f"midia:{item.id}", item.title or item.alt) for item in self._library]

    @cached_property
    def _library(self) -> Sequence[media.MediaItem]:
        return media.choices()

    def picture_value(self, picture: Mapping[str, Any] | None) -> str:
        """Which of `pictures` is chosen; "atual" for a stored one that the library lacks."""
        if not picture:
            return ""
        if picture.get("vehicle"):
            return f"carro:{picture['vehicle']}"
        same = (i for i in self._library if picture_of(i).get("stem") == picture.get("stem"))
        item = next(same, None)
        return f"midia:{item.id}" if item else "atual"


def building_of(page: LandingPage, author: str) -> Building:
    """`page` as `author` left it. Raises NoSuchPage for a page without any content."""
    newest = editing.revision_of(page)
    draft = find_draft(page, author)
    raw = dict(draft.content if draft else newest.content)
    return Building(page, raw, newest, editing.live_revision(page), draft)


@dataclass(frozen=True)
class FilterChoice:
    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True)
class FilterForm:
    """A stock filter as a form shows it. `rest` are constraints that have no field of their own:
    parameter, value, words."""

    count: int
    chips: Sequence[tuple[str, Any, Sequence[FilterChoice]]]
    selects: Sequence[tuple[str, Any, Sequence[FilterChoice]]]
    typed: Mapping[str, str]
    rest: Sequence[tuple[str, str, str]]
    order: str
    notices: Sequence[str]


def filter_form(query: str) -> FilterForm:
    """The form of the filter `query` (a query string of /estoque)."""
    values = parse_qs(query, keep_blank_values=True)
    read = read_filter(MultiDict(values))

    def choices(facet: str) -> list[FilterChoice]:
        chosen = read.filter.chosen(facet)
        known = dict.fromkeys([*search.count_by(facet), *chosen])
        return [
            FilterChoice(public_value(facet, one), search.label(facet, one), one in chosen)
            for one in known
        ]

    rest = [
        (name, value, value)
        for name, found in values.items()
        if name in PARAMETERS.values() and name not in _SHOWN and name != "pagina"
        for value in found
    ]
    return FilterForm(
        count=search.count(read.filter),
        chips=[(PARAMETERS[f], FACET_NAMES[f], choices(f)) for f in CHIPS],
        selects=[(PARAMETERS[f], FACET_NAMES[f], choices(f)) for f in ("make", "store")],
        typed={name: values.get(name, [""])[0] for name in TYPED},
        rest=rest,
        order=values.get("ordem", [""])[0],
        notices=read.notices,
    )


def find_cars(text: str, limit: int = 8) -> list[Offer]:
    """Listed cars that `text` means, best first; the newest without a text."""
    if not text.strip():
        return search.newest(limit)
    read = read_filter(MultiDict({"q": [text]}))
    return search.find_offers(search.search(read.filter, limit, with_facets=False).ids)


def place_words(problem: Problem) -> str:
    """Where a problem is, as people call the field: "Items 2 Title"."""
    parts = problem.field.removesuffix("action.text").split(".")
    if problem.field == "action.text":
        parts = ["action"]
    names = {**NAMES, **LABELS}
    return " ".join(
        str(int(part) + 1) if part.isdigit() else str(names.get(part, part))
        for part in parts
        if part
    )
