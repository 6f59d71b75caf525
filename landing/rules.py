"""What a landing page may say and hold before it goes live, and what would make it better."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from flask_babel import gettext as _

from content.calls_to_action import check
from core.clock import now
from core.text import fold
from dealership.identity import identity
from inventory import search
from inventory.advertising import AdvertisedOffer, lint_advertisement
from landing.blocks import (
    Action,
    Content,
    Countdown,
    FormBlock,
    Grid,
    Hero,
    OfferBlock,
    Problem,
    RichText,
    Testimonial,
    all_texts,
    rendered,
)
from landing.goals import Goal, goal_problems
from landing.models import LandingPage

_TAG: Final = re.compile("<[^>]*>")


def refusals(page: LandingPage, content: Content) -> list[str]:
    """Every reason why `content` may not go live on `page`; empty when it may."""
    return list(dict.fromkeys(problem.words for problem in problems(page, content)))


def problems(page: LandingPage, content: Content) -> list[Problem]:
    """The same reasons with the blocks they are about."""
    return list(_problems(page, content))


def advice(content: Content) -> list[str]:
    """What would make the page better without being wrong."""
    verdicts = [check(action.text, action.goal) for _n, action in _buttons(content)]
    found = list(dict.fromkeys(verdict.advice for verdict in verdicts if verdict.advice))
    kinds = [block.kind for block in content.blocks]
    if "form" in kinds and kinds.index("form") > 1:
        found.append(_("Put the form right after the opening: phones show it without scrolling."))
    if not {"testimonial", "benefits"} & set(kinds):
        found.append(_("Add proof: testimonials, or reasons that can be checked."))
    findings = lint_advertisement(_words_of(content), _advertised(content))
    return found + [f"{one.words} {one.mend}" for one in findings if not one.is_unlawful]


def _problems(page: LandingPage, content: Content) -> Iterator[Problem]:
    actions = [action.goal for action in content.actions]
    forms = [block.action.goal for block in content.blocks if block.kind == "form"]
    for words in goal_problems(Goal(page.goal), actions, forms):
        yield Problem(words)
    for number, action in _buttons(content):
        verdict = check(action.text, action.goal)
        if verdict.problem:
            yield Problem(verdict.problem, number, "action.text", verdict.suggestion)
    yield from _shape_problems(content)
    yield from _truth_problems(page, content)
    yield from _unlawful(content)


def _unlawful(content: Content) -> Iterator[Problem]:
    """What consumer law forbids an advertisement to say, at the block that says it."""
    for one in lint_advertisement(_words_of(content), _advertised(content)):
        if one.is_unlawful:
            holders = [
                number
                for number, block in enumerate(content.blocks, 1)
                if one.excerpt and fold(one.excerpt) in fold(" ".join(all_texts(block)))
            ]
            yield Problem(f"{one.words} {one.mend} ({one.law})", holders[0] if holders else 0)


def _words_of(content: Content) -> str:
    """Everything that visitors may read on the page, in its order; a test's faces too."""
    own = [text for block in content.blocks for text in _read_texts(block)]
    faces = [text for variant in content.variants.values() for text in _read_texts(variant)]
    matched = [text for match in content.matches for text in (match.headline, match.text)]
    parts = [*own, *faces, *matched, content.car_headline, content.title, content.description]
    return "\n".join(part for part in parts if part)


def _read_texts(part: Any) -> list[str]:
    """Texts that are shown: not filters, ids or file names, and Markdown as it is read."""
    unseen = {"kind", "filter", "vehicles", "picture", "youtube", "icon", "month", "until", "order"}
    changes: dict[str, Any] = dict.fromkeys(unseen)
    if isinstance(part, RichText):
        changes["markdown"] = unescape(_TAG.sub(" ", rendered(part.markdown)))
    return list(all_texts(part.model_copy(update=changes)))


def _advertised(content: Content) -> AdvertisedOffer | None:
    """What stands beside the words: the price of the one car that the page is about."""
    cars = [one for block in content.blocks if isinstance(block, OfferBlock)
            for one in block.vehicles]  # fmt: skip
    offer = search.find_offer(cars[0]) if len(cars) == 1 else None
    if offer is None:
        return None
    return AdvertisedOffer(offer.price_cents, offer.previous_price_cents)


def _buttons(content: Content) -> list[tuple[int, Action]]:
    """Every button with the number of its block; those of variants belong to the page, 0."""
    found = [
        (number, block.action)
        for number, block in enumerate(content.blocks, 1)
        if isinstance(block, Hero | OfferBlock | Grid | FormBlock)
    ]
    goal = next((action.goal for action in content.actions), None)
    if goal:
        words = dict.fromkeys(v.action_text for v in content.variants.values() if v.action_text)
        found += [(0, Action(text=text, goal=goal)) for text in words]
    return found


def _shape_problems(content: Content) -> Iterator[Problem]:
    heroes = [n for n, block in enumerate(content.blocks, 1) if isinstance(block, Hero)]
    if heroes != [1]:
        yield Problem(
            _("A page opens with its one “hero” block: the promise of the ad."),
            next((number for number in heroes if number != 1), 0),
        )
    for key, variant in content.variants.items():
        if variant.order and heroes and variant.order[0] != heroes[0]:
            yield Problem(_("Variant %(key)s does not open with the “hero” block.", key=key))
    if content.variants:
        if "a" not in content.variants or len(content.variants) < 2:
            yield Problem(_("A test needs variant a and at least one other."))
        if not sum(content.weights.values()):
            yield Problem(_("Every variant has weight 0: nobody would see any."))


def _truth_problems(page: LandingPage, content: Content) -> Iterator[Problem]:
    """What a page may not claim: ends that are none, praise without permission, cars unknown."""
    if page.is_over(now()):
        yield Problem(_("The page's end has passed: give it another or none."))
    has_offer = any(isinstance(each, OfferBlock) for each in content.blocks)
    for number, block in enumerate(content.blocks, 1):
        if isinstance(block, Countdown):
            if block.until == "page" and page.ends_at is None:
                words = _("Block %(n)s counts down, but the page has no end.", n=number)
                yield Problem(words, number, "until")
            if block.until == "promotion" and not has_offer:
                words = _("Block %(n)s counts down a promotion that no block shows.", n=number)
                yield Problem(words, number, "until")
        if isinstance(block, Testimonial) and not all(q.has_permission for q in block.items):
            words = _("Block %(n)s: mark that the person allowed us to show their words.", n=number)
            yield Problem(words, number, "items")
    yield from _unknown_vehicles(content)
    if page.goal == Goal.WHATSAPP and not _has_whatsapp():
        yield Problem(_("The goal is WhatsApp, but neither the group nor a store has a number."))


def _unknown_vehicles(content: Content) -> Iterator[Problem]:
    picked = picked_ids(content)
    if not picked or len(search.ids_of(picked)) == len(picked):
        return
    unknown = [one for one in picked if not search.ids_of([one])]
    holders = [n for n, block in enumerate(content.blocks, 1) if set(unknown) & _cars_of(block)]
    words = _("These vehicles do not exist: %(ids)s.", ids=", ".join(unknown))
    yield Problem(words, holders[0] if holders else 0)


def _has_whatsapp() -> bool:
    dealer = identity()
    return bool(dealer.whatsapp or any(store.whatsapp for store in dealer.stores))


def picked_ids(content: Content) -> list[str]:
    """Public ids of the vehicles that staff picked, each once."""
    return list(dict.fromkeys(one for block in content.blocks for one in sorted(_cars_of(block))))


def _cars_of(block: Any) -> set[str]:
    picture = getattr(block, "picture", None)
    own = {picture.vehicle} if picture is not None and picture.vehicle else set()
    return {*getattr(block, "vehicles", ()), *own}
