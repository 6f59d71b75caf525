"""Changing the blocks and variants of a page's content while it is being built.

Content here is raw (plain values that may be unfinished): each function takes it and gives a
changed copy. Blocks are counted from 0. The orders that variants name follow every change.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from landing.blocks import VARIANT_KEYS
from landing.goals import Goal
from landing.starts import new_block

Raw = dict[str, Any]


def add_block(content: Mapping[str, Any], kind: str, goal: Goal) -> tuple[Raw, int]:
    """`content` with a new block and where it stands: an opening first, a form right after it,
    others before the small print."""
    kinds = [block.get("kind") for block in content["blocks"]]
    place = len(kinds)
    if kind == "hero":
        place = 0
    elif kind == "form":
        place = min(1, len(kinds))
    elif kind != "legal":
        while place and kinds[place - 1] == "legal":
            place -= 1
    return _inserted(content, new_block(kind, goal), place), place


def copy_block(content: Mapping[str, Any], place: int) -> Raw:
    """`content` with the block at `place` twice."""
    return _inserted(content, deepcopy(content["blocks"][place]), place + 1)


def remove_block(content: Mapping[str, Any], place: int) -> Raw:
    """`content` without the block at `place`."""
    left = [number for number in range(len(content["blocks"])) if number != place]
    return arranged(content, left)


def move_block(content: Mapping[str, Any], place: int, to: int) -> Raw:
    """`content` with the block at `place` standing at `to`; beyond an end it stays at that end."""
    numbers = [number for number in range(len(content["blocks"])) if number != place]
    numbers.insert(max(0, min(to, len(numbers))), place)
    return arranged(content, numbers)


def arranged(content: Mapping[str, Any], numbers: Sequence[int]) -> Raw:
    """`content` with its blocks in the order of `numbers`; those not named are gone."""
    blocks = content["blocks"]
    new_number = {old: new for new, old in enumerate(numbers)}
    changed = _reordered(
        content,
        lambda order: [new_number[old - 1] + 1 for old in order if old - 1 in new_number],
    )
    return {**changed, "blocks": [blocks[number] for number in numbers]}


def _inserted(content: Mapping[str, Any], block: Raw, place: int) -> Raw:
    def with_new(order: list[int]) -> list[int]:
        moved = [old + 1 if old > place else old for old in order]
        return [*moved[:place], place + 1, *moved[place:]]

    changed = _reordered(content, with_new)
    blocks = list(content["blocks"])
    return {**changed, "blocks": [*blocks[:place], block, *blocks[place:]]}


def _reordered(content: Mapping[str, Any], change: Callable[[list[int]], list[int]]) -> Raw:
    changed = dict(content)
    variants = {}
    for key, variant in (content.get("variants") or {}).items():
        order = variant.get("order")
        is_whole = bool(order) and all(isinstance(number, int) for number in order)
        variants[key] = {**variant, "order": change(list(order))} if is_whole else variant
    if variants:
        changed["variants"] = variants
    return changed


# ---- variants ----


def add_variant(content: Mapping[str, Any]) -> tuple[Raw, str]:
    """`content` with one more variant and its key (empty when there are four): the first time a,
    which is the page as it stands, and b beside it."""
    variants = dict(content.get("variants") or {})
    if not variants:
        variants["a"] = {"weight": 1}
    key = next((one for one in VARIANT_KEYS if one not in variants), "")
    if not key:
        return dict(content), ""
    variants[key] = {"weight": 1, "headline": _hero(content).get("headline", "")}
    return {**content, "variants": variants}, key


def remove_variant(content: Mapping[str, Any], key: str) -> Raw:
    """`content` without the variant; when only a is left, without a test."""
    variants = {one: v for one, v in (content.get("variants") or {}).items() if one != key}
    changed = {**content, "variants": variants}
    if len(variants) < 2:
        del changed["variants"]
    return changed


def choose_variant(content: Mapping[str, Any], key: str) -> Raw:
    """`content` as variant `key` shows it, and the test over."""
    variant = (content.get("variants") or {}).get(key) or {}
    changed = deepcopy({name: value for name, value in content.items() if name != "variants"})
    for block in changed["blocks"]:
        if block.get("kind") == "hero":
            block |= {
                name: variant[name] for name in ("headline", "text", "picture") if variant.get(name)
            }
        if variant.get("action_text") and isinstance(block.get("action"), dict):
            block["action"] = {**block["action"], "text": variant["action_text"]}
    order = variant.get("order") or []
    if sorted(order) == list(range(1, len(changed["blocks"]) + 1)):
        changed["blocks"] = [changed["blocks"][number - 1] for number in order]
    return changed


def _hero(content: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        (block for block in content["blocks"] if block.get("kind") == "hero"), {}
    )
    return found
