"""What changed between two contents of a page, block by block."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

PAGE: str = "page"


@dataclass(frozen=True)
class Difference:
    """One value that differs. `kind` is the block's, "page" or "variants"; `number` the block's
    in the newer content (in the older one when it is gone); `field` is dotted, empty for a block
    that came or went. Texts as a person reads them; empty: not there."""

    kind: str
    number: int
    field: str
    before: str
    after: str

    @property
    def is_added(self) -> bool:
        return not self.field and not self.before

    @property
    def is_removed(self) -> bool:
        return not self.field and not self.after


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Everything that differs between the contents `old` and `new` (plain values), page first."""
    return [*_page_differences(old, new), *_block_differences(old["blocks"], new["blocks"])]


def _page_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    def rest(content: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in content.items() if name != "blocks"}

    yield from _field_differences(PAGE, 0, rest(old), rest(new))


def _block_differences(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    matcher = SequenceMatcher(
        None, [block["kind"] for block in old], [block["kind"] for block in new], autojunk=False
    )
    for tag, from_old, to_old, from_new, to_new in matcher.get_opcodes():
        if tag == "equal":
            for before, after in zip(range(from_old, to_old), range(from_new, to_new), strict=True):
                kind = str(new[after]["kind"])
                yield from _field_differences(kind, after + 1, old[before], new[after])
            continue
        for number in range(from_old, to_old):
            yield Difference(old[number]["kind"], number + 1, "", excerpt(old[number]), "")
        for number in range(from_new, to_new):
            yield Difference(new[number]["kind"], number + 1, "", "", excerpt(new[number]))


def _field_differences(
    kind: str, number: int, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    before, after = dict(_flat(old)), dict(_flat(new))
    for field in dict.fromkeys([*after, *before]):
        if before.get(field, "") != after.get(field, ""):
            yield Difference(kind, number, field, before.get(field, ""), after.get(field, ""))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        if value and isinstance(value[0], Mapping):
            for number, part in enumerate(value, 1):
                yield from _flat(part, f"{path}.{number}")
        elif value:
            yield path, ", ".join(str(part) for part in value)
    elif value not in (None, ""):
        yield path, str(value)


def excerpt(block: Mapping[str, Any]) -> str:
    """What a block is told by in a list: its heading or its first words."""
    for name in ("headline", "heading", "text", "markdown"):
        if isinstance(block.get(name), str) and block[name].strip():
            return " ".join(block[name].split())[:80]
    return str(block.get("kind", ""))
