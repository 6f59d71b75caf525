"""From finished pages to a Jinja template and rows that give the very same bytes.

What somebody would write who had nothing but sqlite3 and Jinja: cards and filter options are
loops; what differs between two pages of the kind, or between two cards of one shape, is a value
that stands in a row; everything else is the template's text. Nothing is computed, no catalogue of
translations is asked, no count is counted: less work than this no page of this markup can be.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from html import unescape
from typing import Final

from jinja2 import Environment
from markupsafe import escape

# Delimiters that stand in no page: scripts and styles are full of braces.
MARKS: Final = {
    "block_start_string": "⟦%", "block_end_string": "%⟧", "variable_start_string": "⟦=",
    "variable_end_string": "=⟧", "comment_start_string": "⟦#", "comment_end_string": "#⟧",
}  # fmt: skip
BLOCK: Final = re.compile(
    r'<article class="card\b.*?</article>|<label class="check">.*?</label>', re.DOTALL
)
_TOKEN: Final = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<[^>]*>)", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"(=\"[^\"]*\")")
Values = list[str]


def environment() -> Environment:
    """Jinja as the reference uses it: escaping on, as ours."""
    jinja = Environment(autoescape=True, keep_trailing_newline=True, **MARKS)  # type: ignore[arg-type]
    jinja.globals["cr"] = "\r"
    return jinja


@dataclass
class Markup:
    """One page taken apart. `runs` are its loops: each row is (shape, values…)."""

    template: str
    values: Values
    runs: list[list[tuple[int, Values]]] = field(default_factory=list)


def taken_apart(page: str, sibling: str) -> Markup:
    """Template and rows of `page`; `sibling` is another page of its kind.

    Raises ValueError for a page that uses our delimiters.
    """
    if "⟦" in page or "⟧" in page:
        raise ValueError("the page holds ⟦ or ⟧")
    frame, runs = _without_blocks(page)
    template, values = _frame_template(frame, _without_blocks(sibling)[0])
    markup = Markup("", values)
    for number, run in enumerate(runs):
        loop, rows = _loop(run, number)
        template = template.replace(_place(number), loop, 1)
        markup.runs.append(rows)
    markup.template = template.replace("\r", "⟦= cr =⟧")  # which Jinja would turn into \n
    return markup


def _place(number: int) -> str:
    return f"⟦{number}⟧"


def _without_blocks(page: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """The page with a mark for each run of blocks; the runs as (text between two, blocks)."""
    frame: list[str] = []
    runs: list[tuple[str, list[str]]] = []
    end = 0
    for match in BLOCK.finditer(page):
        between = page[end : match.start()]
        if runs and runs[-1][1] and not between.strip() and runs[-1][0] in {"", between}:
            runs[-1] = (between, [*runs[-1][1], match.group()])
        else:
            frame += [between, _place(len(runs))]
            runs.append(("", [match.group()]))
        end = match.end()
    return "".join([*frame, page[end:]]), runs


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """(whether it can be a value, text): what stands between tags or as an attribute, and tags."""
    for piece in re.split(_TOKEN, text):
        if piece.startswith("<") and not piece.startswith(("<script", "<style")):
            for part in re.split(_ATTRIBUTE, piece):
                if part.startswith('="'):
                    yield False, '="'
                    yield True, part[2:-1]
                    yield False, '"'
                elif part:
                    yield False, part
        elif piece:
            yield "⟦" not in piece, piece


def _frame_template(frame: str, sibling: str) -> tuple[str, Values]:
    ours = list(_tokens(frame))
    out: list[str] = []
    values: Values = []
    matcher = SequenceMatcher(None, [t for _v, t in ours], [t for _v, t in _tokens(sibling)])
    for tag, start, end, _other, _end in matcher.get_opcodes():
        for is_value, text in ours[start:end]:
            if tag == "equal" or not is_value or not text.strip():
                out.append(text)
            else:
                out.append(_variable(f"page[{len(values)}]", [text]))
                values += _stored([text])
    return "".join(out), values


def _loop(run: tuple[str, list[str]], number: int) -> tuple[str, list[tuple[int, Values]]]:
    between, blocks = run
    shapes: dict[tuple[str, ...], list[list[str]]] = {}
    order = []
    for block in blocks:
        tokens = list(_tokens(block))
        shape = tuple("" if is_value else text for is_value, text in tokens)
        members = shapes.setdefault(shape, [])
        order.append((shape, len(members)))
        members.append([text for _is_value, text in tokens])
    drawn = {shape: _shape(shape, members) for shape, members in shapes.items()}
    numbers = {shape: place for place, shape in enumerate(shapes)}
    branches = "".join(
        f"⟦% {'elif' if place else 'if'} row[0] == {place} %⟧{drawn[shape][0]}"
        for shape, place in numbers.items()
    )
    body = branches + "⟦% endif %⟧" if len(shapes) > 1 else next(iter(drawn.values()))[0]
    joint = f"⟦% if not loop.last %⟧{between}⟦% endif %⟧" if between else ""
    loop = f"⟦% for row in runs[{number}] %⟧{body}{joint}⟦% endfor %⟧"
    return loop, [(numbers[shape], drawn[shape][1][place]) for shape, place in order]


def _shape(shape: Sequence[str], members: Sequence[Sequence[str]]) -> tuple[str, list[Values]]:
    """Blocks of one shape: their template, and the values of each."""
    out = []
    values: list[Values] = [[] for _member in members]
    for place, text in enumerate(shape):
        column = [member[place] for member in members]
        if text or len(set(column)) == 1:
            out.append(column[0])
            continue
        out.append(_variable(f"row[{len(values[0]) + 1}]", column))
        for row, value in zip(values, _stored(column), strict=True):
            row.append(value)
    return "".join(out), values


def _are_plain(texts: Sequence[str]) -> bool:
    """Whether Jinja's escaping gives the texts back."""
    return all(str(escape(unescape(text))) == text for text in texts)


def _stored(texts: Sequence[str]) -> Values:
    return [unescape(text) for text in texts] if _are_plain(texts) else list(texts)


def _variable(name: str, texts: Sequence[str]) -> str:
    return f"⟦= {name} =⟧" if _are_plain(texts) else f"⟦= {name} | safe =⟧"
