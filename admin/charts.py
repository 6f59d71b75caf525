"""Charts as SVG that our policy allows: drawn by pygal, without its style and script.

Colours, fonts and lines come from the section "charts" of static/admin.css. A chart never stands
alone: the page shows the same numbers in a table.
"""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import pygal
from markupsafe import Markup
from pygal.style import Style

WIDTH: Final = 520
HEIGHT: Final = 240
ROW: Final = 38  # px of one lying bar with its gap
ROOM: Final = 1.15  # for the value behind the longest bar
LABELS_WRITTEN: Final = 6
FONT_SIZE: Final = 18  # px of the drawing, as in the stylesheet: readable at 328 px too
_SVG: Final = "http://www.w3.org/2000/svg"
_STYLE: Final = Style(
    font_family="inherit", label_font_size=FONT_SIZE, value_font_size=FONT_SIZE,
    major_label_font_size=FONT_SIZE,
)  # fmt: skip
_numbers = count(1)

# pygal hangs a finder of its own (for plugins) into every import of the process, of a kind that
# Python 3.12 no longer knows and 3.11 warns of. We use no plugins.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

ET.register_namespace("", _SVG)


def bar_chart(title: str, values: Sequence[tuple[str, float]]) -> Markup:
    """One bar per (label, value), the value written on each; `title` is what a screen reader
    says. Empty when there are no values."""
    if not values:
        return Markup("")
    chart = pygal.Bar(
        js=[], show_legend=False, print_values=True, print_values_position="top",
        show_y_labels=False, show_y_guides=False,
        width=WIDTH, height=HEIGHT, margin=4, style=_STYLE, min_scale=1, range=(0, None),
    )  # fmt: skip
    chart.x_labels = [label for label, _value in values]
    chart.add("", [value for _label, value in values])
    return _plain(chart, title, [f"{label}: {value}" for label, value in values])


def row_chart(title: str, values: Sequence[tuple[str, float]], unit: str = "") -> Markup:
    """Like `bar_chart`, lying down: for labels that are words. The first value is on top; `unit`
    stands behind each, such as "%"."""
    if not values:
        return Markup("")
    chart = pygal.HorizontalBar(
        js=[], show_legend=False, print_values=True, print_values_position="top",
        show_x_labels=False, show_x_guides=False, show_y_guides=False, truncate_label=-1,
        width=WIDTH, height=40 + ROW * len(values), margin=4, style=_STYLE, min_scale=1,
        formatter=lambda value: f"{value:.0f}{unit}",
        range=(0, ROOM * max([1, *(value for _label, value in values)])),
    )  # fmt: skip
    upwards = list(reversed(values))
    chart.x_labels = [label for label, _value in upwards]
    chart.add("", [value for _label, value in upwards])
    return _plain(chart, title, [f"{label}: {value}{unit}" for label, value in values], "rows")


def line_chart(title: str, values: Sequence[tuple[str, float]]) -> Markup:
    """A line over time, filled below; about six of the labels are written. Empty without values."""
    if not values:
        return Markup("")
    top = _round_top(max(value for _label, value in values))
    chart = pygal.Line(
        js=[], show_legend=False, fill=True, show_dots=False, show_y_guides=True,
        show_minor_x_labels=False, truncate_label=-1, show_x_guides=False,
        width=WIDTH, height=HEIGHT, margin=4, style=_STYLE, range=(0, top),
        formatter=lambda y: f"{y:.0f}",
    )  # fmt: skip
    chart.y_labels = [0, top // 2, top]
    chart.x_labels = [label for label, _value in values]
    chart.x_labels_major_every = max(1, -(-len(values) // LABELS_WRITTEN))
    chart.add("", [value for _label, value in values])
    return _plain(chart, title, [f"{label}: {value}" for label, value in values if value], "line")


def _round_top(most: float) -> int:
    """The first of 2, 4, 10, 20, 40, 100 … that is not below `most`."""
    step = 1
    while True:
        for each in (2, 4, 10):
            if most <= each * step:
                return each * step
        step *= 10


def stacked_chart(
    title: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]]
) -> Markup:
    """Bars of several parts, one per label; the page names the parts beside their colours (class
    chart-key). Empty when all is zero."""
    if not any(any(values) for _name, values in series):
        return Markup("")
    chart = pygal.StackedBar(
        js=[], show_legend=False, print_values=True, print_values_position="center",
        show_y_labels=False, show_y_guides=False, formatter=lambda y: f"{y:.0f}" if y else "",
        width=WIDTH, height=HEIGHT + 40, margin=4, style=_STYLE, min_scale=1, range=(0, None),
    )  # fmt: skip
    chart.x_labels = list(labels)
    for name, values in series:
        chart.add(name, list(values))
    points = [
        f"{label}, {name}: {values[place]:.0f}"
        for place, label in enumerate(labels)
        for name, values in series
    ]
    return _plain(chart, title, points, "stacked")


def _plain(chart: Any, title: str, points: Sequence[str], look: str = "") -> Markup:
    """`chart` as markup with nothing but shapes and words, named `title` and described by
    `points`."""
    root = ET.fromstring(chart.render(is_unicode=True))  # noqa: S314 - drawn just above
    _strip(root)
    number = next(_numbers)
    for name in ("id", "style"):
        root.attrib.pop(name, None)
    root.set("class", f"chart {look}".strip())
    root.set("role", "img")
    root.set("aria-labelledby", f"chart-{number}-title chart-{number}-points")
    for name, text in (("desc", ", ".join(points)), ("title", title)):
        element = ET.Element(f"{{{_SVG}}}{name}", id=f"chart-{number}-{_ID[name]}")
        element.text = text
        root.insert(0, element)
    # Escaped by the serialiser; there is no script, style or handler left in it.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


_ID: Final = {"desc": "points", "title": "title"}
_DROPPED: Final = {f"{{{_SVG}}}{name}" for name in ("style", "script", "defs", "title", "desc")}


def _strip(element: ET.Element) -> None:
    for child in list(element):
        is_tooltip = "tooltip-overlay" in child.get("class", "")
        if child.tag in _DROPPED or is_tooltip or not isinstance(child.tag, str):
            element.remove(child)
        else:
            child.attrib.pop("style", None)
            _strip(child)


__all__ = ["bar_chart", "line_chart", "row_chart", "stacked_chart"]
