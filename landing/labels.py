"""Draws a sticker with a QR code: the same shapes as SVG for a screen and as PDF for a printer.

Pure: words and an address in, text or bytes out. Sizes in millimetres from the upper left corner of
the trimmed label, letters in points. Shapes may stand outside the trim: that is the bleed.

The cash price is the largest thing on the label and never under PRICE_LEAST_PT: Lei 10.962/2004
(art. 2) wants it legible and at least twelve.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import segno
from fpdf import FPDF
from fpdf.enums import PathPaintRule
from fpdf.fonts import CORE_FONTS_CHARWIDTHS
from fpdf.output import PDFPage
from slugify import slugify

from core.text import clean_line
from dealership.branding import contrast

PRICE_LEAST_PT: Final = 12.0
LEAST_PT: Final = 6.0  # nothing on the paper is smaller
QUIET_MODULES: Final = 4  # ISO/IEC 18004: the white frame a scanner needs
BLEED_MM: Final = 3.0
MARK_MM: Final = 5.0  # length of a crop mark, which begins where the bleed ends
PT_PER_MM: Final = 72 / 25.4
CUT_MARK_MM: Final = 4.0
BLACK: Final = "#000000"
GREY: Final = "#4a4842"
WHITE: Final = "#ffffff"
_INKS: Final = (WHITE, BLACK)
_LONGEST: Final = 200
_WIDTHS: Final = {
    False: CORE_FONTS_CHARWIDTHS["helvetica"],
    True: CORE_FONTS_CHARWIDTHS["helveticaB"],
}
_WIDEST: Final = 1000  # what a letter without a known width is taken for
_NOT_IN_XML: Final = re.compile("[\ufffe\uffff]")
_TYPED: Final = str.maketrans(
    {
        **dict.fromkeys("–—−", "-"),
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("“”", '"'),
        **dict.fromkeys("\u00a0\u202f", " "),
        "…": "...",
        "•": "·",
        "€": "EUR",
    }
)


@dataclass(frozen=True)
class Size:
    """A label's trimmed size in mm."""

    name: str
    width_mm: float
    height_mm: float


SIZES: Final = {"a6": Size("a6", 105, 148), "a7": Size("a7", 74, 105)}


@dataclass(frozen=True)
class Label:
    """The words of one sticker, ready to print; empty ones are left out. `address` is what the QR
    code says, `color` the dealership's as #rrggbb."""

    dealer: str
    name: str
    address: str
    short_address: str
    detail: str = ""
    facts: str = ""
    price: str = ""
    price_note: str = ""
    invitation: str = ""
    terms: str = ""
    color: str = BLACK


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True)
class Text:
    """One line; `y` is its baseline."""

    x: float
    y: float
    text: str
    size_pt: float
    is_bold: bool = False
    color: str = BLACK


@dataclass(frozen=True)
class Code:
    """A QR code's dark modules as runs (x, y, length) in modules; `module_mm` is a module's side
    and (`x`, `y`) the corner of its first module, quiet zone outside."""

    x: float
    y: float
    module_mm: float
    runs: tuple[tuple[int, int, int], ...]


Shape = Box | Text | Code


def qr_matrix(address: str) -> tuple[tuple[int, ...], ...]:
    """The modules of `address`, 1 is dark, without the quiet zone. Error correction Q, or M where
    a long address would need modules too small to scan."""
    level = "q" if len(address.encode()) <= 84 else "m"
    code = segno.make(address, error=level, micro=False, boost_error=False)
    return tuple(tuple(int(bool(module)) for module in row) for row in code.matrix)


def svg(label: Label, size: Size, *, has_bleed: bool = False) -> str:
    """The label as a standalone SVG document; it keeps every script and emoji of its words."""
    label = _cleaned(label)
    edge = BLEED_MM + MARK_MM if has_bleed else 0.0
    width, height = size.width_mm + 2 * edge, size.height_mm + 2 * edge
    shapes = [*layout(label, size, bleed_mm=BLEED_MM if has_bleed else 0.0)]
    if has_bleed:
        shapes += crop_marks(size)
    body = "\n".join(_svg_shape(shape) for shape in shapes)
    paper = f'x="{-edge:g}" y="{-edge:g}" width="{width:g}" height="{height:g}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="{-edge:g} {-edge:g} {width:g} {height:g}">\n'
        f"<title>{escape(label.name)}</title>\n"
        f'<rect {paper} fill="{WHITE}"/>\n'
        f"{body}\n</svg>\n"
    )


def _svg_shape(shape: Shape) -> str:
    if isinstance(shape, Box):
        return (
            f'<rect x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" '
            f'height="{shape.height:g}" fill="{shape.color}"/>'
        )
    if isinstance(shape, Text):
        weight = "bold" if shape.is_bold else "normal"
        length = ""
        if all(char in _WIDTHS[False] for char in shape.text):
            # Another font in Helvetica's place must not run over the edge.
            width = width_mm(shape.text, shape.size_pt, shape.is_bold)
            length = f'textLength="{width:.5g}" lengthAdjust="spacingAndGlyphs" '
        return (
            f'<text x="{shape.x:g}" y="{shape.y:g}" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="{shape.size_pt / PT_PER_MM:.4g}" font-weight="{weight}" '
            f"{length}fill={quoteattr(shape.color)}>{escape(shape.text)}</text>"
        )
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in shape.runs)
    place = f"translate({shape.x:g} {shape.y:g}) scale({shape.module_mm:.6g})"
    return f'<path transform="{place}" fill="{BLACK}" shape-rendering="crispEdges" d="{path}"/>'


class _PrintPage(PDFPage):
    """A page that tells the printer where to cut. No state of its own, so that a page made by the
    library can become one."""

    __slots__ = ()

    @property
    def trim_box(self) -> str:
        return self._inside(BLEED_MM + MARK_MM)

    @property
    def bleed_box(self) -> str:
        return self._inside(MARK_MM)

    def _inside(self, edge_mm: float) -> str:
        width, height = self.dimensions()
        edge = edge_mm * PT_PER_MM
        return f"[{edge:.2f} {edge:.2f} {width - edge:.2f} {height - edge:.2f}]"


def pdf(label: Label, size: Size, *, has_bleed: bool = False) -> bytes:
    """The label as a PDF of exactly its size, or with 3 mm of bleed and crop marks around it.
    Vectors and the reader's own Helvetica; words are written with the letters that has."""
    return pdf_of([label], size, has_bleed=has_bleed)


def pdf_of(labels: Sequence[Label], size: Size, *, has_bleed: bool = False) -> bytes:
    """Several labels as `pdf` makes one, each on a page of its own."""
    edge = BLEED_MM + MARK_MM if has_bleed else 0.0
    document = _document(labels, (size.width_mm + 2 * edge, size.height_mm + 2 * edge))
    for number, label in enumerate(labels, 1):
        document.add_page()
        if has_bleed:
            document.pages[number].__class__ = _PrintPage
        _pdf_label(document, label, size, edge, edge, BLEED_MM if has_bleed else 0.0)
        for mark in crop_marks(size) if has_bleed else ():
            _pdf_shape(document, mark, edge, edge)
    return bytes(document.output())


def sheets(labels: Sequence[Label], size: Size) -> bytes:
    """Labels side by side on A4 sheets, touching, with marks to cut along: four of A6, eight of A7
    per sheet. Any office printer takes them."""
    is_lying = size.name == "a7"
    paper = (297.0, 210.0) if is_lying else (210.0, 297.0)
    columns, rows = int(paper[0] // size.width_mm), int(paper[1] // size.height_mm)
    left = (paper[0] - columns * size.width_mm) / 2
    top = (paper[1] - rows * size.height_mm) / 2
    document = _document(labels, paper)
    for number, label in enumerate(labels):
        place = number % (columns * rows)
        if place == 0:
            document.add_page()
        x = left + place % columns * size.width_mm
        y = top + place // columns * size.height_mm
        _pdf_label(document, label, size, x, y, 0.0)
        for mark in _cut_marks(size):
            _pdf_shape(document, mark, x, y)
    return bytes(document.output())


def _cut_marks(size: Size) -> Iterator[Box]:
    """Short hairlines in the corners of a label, on its edge."""
    thin = 0.15
    for x in (0.0, size.width_mm):
        for y in (0.0, size.height_mm):
            across = x - (CUT_MARK_MM if x else 0)
            down = y - (CUT_MARK_MM if y else 0)
            yield Box(across, y - thin / 2, CUT_MARK_MM, thin, GREY)
            yield Box(x - thin / 2, down, thin, CUT_MARK_MM, GREY)


def _document(labels: Sequence[Label], paper: tuple[float, float]) -> FPDF:
    document = FPDF(orientation="portrait", unit="mm", format=paper)
    document.set_margin(0)
    document.set_auto_page_break(False)
    first = in_latin(_cleaned(labels[0]))
    document.set_title(first.name)
    document.set_author(first.dealer)
    return document


def _pdf_label(
    document: FPDF, label: Label, size: Size, x: float, y: float, bleed_mm: float
) -> None:
    for shape in layout(in_latin(_cleaned(label)), size, bleed_mm=bleed_mm):
        _pdf_shape(document, shape, x, y)


def _pdf_shape(document: Any, shape: Shape, left: float, top: float) -> None:
    if isinstance(shape, Box):
        document.set_fill_color(shape.color)
        document.rect(shape.x + left, shape.y + top, shape.width, shape.height, style="F")
    elif isinstance(shape, Text):
        document.set_font("helvetica", style="B" if shape.is_bold else "", size=shape.size_pt)
        document.set_text_color(shape.color)
        document.text(shape.x + left, shape.y + top, shape.text)
    else:
        # One path for all modules: no hairlines between rows on any screen or printer.
        with document.new_path(paint_rule=PathPaintRule.FILL_NONZERO) as path:
            path.style.fill_color = BLACK
            path.style.stroke_color = None
            side = shape.module_mm
            for x, y, length in shape.runs:
                path.rectangle(
                    shape.x + left + x * side, shape.y + top + y * side, length * side, side
                )


def crop_marks(size: Size) -> Iterator[Box]:
    """Hairlines outside the bleed that show where to cut."""
    thin = 0.1
    for x in (0.0, size.width_mm):
        for y in (-BLEED_MM - MARK_MM, size.height_mm + BLEED_MM):
            yield Box(x - thin / 2, y, thin, MARK_MM, BLACK)
    for y in (0.0, size.height_mm):
        for x in (-BLEED_MM - MARK_MM, size.width_mm + BLEED_MM):
            yield Box(x, y - thin / 2, MARK_MM, thin, BLACK)


def layout(label: Label, size: Size, bleed_mm: float = 0.0) -> Iterator[Shape]:
    """Where everything stands. Every distance grows with the label's width."""
    unit = size.width_mm / 105
    margin = 7 * unit
    room = size.width_mm - 2 * margin

    band = 17 * unit
    ink = max(_INKS, key=lambda one: contrast(one, label.color))
    yield Box(-bleed_mm, -bleed_mm, size.width_mm + 2 * bleed_mm, band + bleed_mm, label.color)
    yield from _line(label.dealer, margin, 11.2 * unit, room, 17 * unit, 9 * unit, True, ink)

    most = 2 if label.price else 4
    y = 28 * unit
    lines, points = _fitted(label.name, room, 25 * unit, 15 * unit, most)
    for text in lines:
        yield Text(margin, y, text, points, True)
        y += points / PT_PER_MM * 1.15
    y += 0.5 * unit
    for text, is_bold, color in ((label.detail, False, GREY), (label.facts, True, BLACK)):
        if text:
            yield from _line(text, margin, y, room, 13.5 * unit, 10 * unit, is_bold, color)
            y += 6.6 * unit
    if label.price:
        yield from _line(
            label.price_note, margin, 66.5 * unit, room, 10.5 * unit, 8 * unit, False, GREY
        )
        yield from _price(label.price, margin, 81.5 * unit, room, 50 * unit)

    # Without a price the code takes its room.
    top, side = (87, 47) if label.price else (78, 54)
    yield from _code(label, margin, top * unit, side * unit, room)
    yield from _paragraph(label.terms, margin, 138.5 * unit, room, 8.5 * unit, 2, GREY)


def _price(text: str, x: float, y: float, room: float, points: float) -> Iterator[Text]:
    """The price whole, however long: it shrinks to the room but not under what the law asks."""
    fitted = points * min(1.0, room / max(width_mm(text, points, True), 0.1))
    yield Text(x, y, text, max(PRICE_LEAST_PT, fitted), True)


def _code(label: Label, x: float, y: float, side: float, room: float) -> Iterator[Shape]:
    """The QR code with its quiet zone in a square of `side`, and beside it what it is for."""
    matrix = qr_matrix(label.address)
    module = side / (len(matrix) + 2 * QUIET_MODULES)
    quiet = QUIET_MODULES * module
    # The quiet zone is white paper: it may use the margin, so the dark part stands on the edge.
    yield Box(x - quiet, y, side, side, WHITE)
    yield Code(x, y + quiet, module, tuple(_runs(matrix)))
    beside = x + side - quiet
    width = room - side + quiet
    unit = side / 47
    yield from _paragraph(
        label.invitation, beside, y + 11 * unit, width, 12.5 * unit, 4, BLACK, is_bold=True
    )
    yield from _typed_address(label.short_address, beside, y + 36 * unit, width, 9 * unit)


def _typed_address(text: str, x: float, y: float, room: float, points: float) -> Iterator[Text]:
    """An address for somebody to type: on one line, or with its path on a second; the path, which
    holds the code, is never cut."""
    points = max(points, LEAST_PT)
    host, slash, path = text.partition("/")
    whole = [text] if width_mm(text, points) <= room else [host, slash + path]
    for number, line in enumerate(whole):
        yield from _line(line, x, y + number * points * 0.45, room, points, 0, False, GREY)


def _runs(matrix: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, int]]:
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            length = 0
            while x + length < len(row) and row[x + length]:
                length += 1
            if length:
                yield x, y, length
            x += length or 1


def _line(
    text: str,
    x: float,
    y: float,
    room: float,
    points: float,
    least: float,
    is_bold: bool,
    color: str,
) -> Iterator[Text]:
    least = max(least, LEAST_PT)
    lines, fitted = _fitted(text, room, max(points, least), least, 1, is_bold)
    yield from (Text(x, y, line, fitted, is_bold, color) for line in lines)


def _paragraph(
    text: str,
    x: float,
    y: float,
    room: float,
    points: float,
    most: int,
    color: str,
    *,
    is_bold: bool = False,
) -> Iterator[Text]:
    points = max(points, LEAST_PT)
    least = max(points * 0.75, LEAST_PT)
    lines, fitted = _fitted(text, room, points, least, most, is_bold)
    for number, line in enumerate(lines):
        yield Text(x, y + number * fitted / PT_PER_MM * 1.25, line, fitted, is_bold, color)


def _fitted(
    text: str, room: float, points: float, least: float, most: int, is_bold: bool = True
) -> tuple[list[str], float]:
    """`text` in at most `most` lines of `room` mm: as large as it goes from `points` down to
    `least`, and if even that is too large, cut with "..."."""
    if not text:
        return [], points
    while True:
        lines = list(_wrapped(text, room, points, is_bold))
        fits = len(lines) <= most and all(width_mm(one, points, is_bold) <= room for one in lines)
        if fits:
            return lines, points
        if points <= least:
            break
        points = max(least, points * 0.95)
    kept = lines[:most]
    is_cut = len(lines) > most
    return [
        _shortened(line, room, points, is_bold, is_cut and number == len(kept) - 1)
        for number, line in enumerate(kept)
    ], points


def _wrapped(text: str, room: float, points: float, is_bold: bool) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and width_mm(longer, points, is_bold) > room:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


def _shortened(line: str, room: float, points: float, is_bold: bool, is_cut: bool) -> str:
    if not is_cut and width_mm(line, points, is_bold) <= room:
        return line
    while line and width_mm(f"{line}...", points, is_bold) > room:
        line = line[:-1]
    return f"{line.rstrip()}..."


def width_mm(text: str, points: float, is_bold: bool = False) -> float:
    """How wide `text` is in Helvetica (and Arial, which has the same widths)."""
    widths = _WIDTHS[is_bold]
    return sum(widths.get(char, _WIDEST) for char in text) / 1000 * points / PT_PER_MM


# --- letters -------------------------------------------------------------------------------


def printable(text: str) -> str:
    """`text` in the letters of a PDF's own fonts (Latin-1): 'Citroën' stays, 'Škoda' and 'Лада'
    become 'Skoda' and 'Lada', what has no spelling (emoji) is left out."""
    composed = unicodedata.normalize("NFC", text).translate(_TYPED)
    return " ".join("".join(_latin(run) for run in _runs_of_text(composed)).split())


def _runs_of_text(text: str) -> list[str]:
    return re.findall("[\x20-\x7e\xa1-\xff]+|[^\x20-\x7e\xa1-\xff]+", text)


def _latin(run: str) -> str:
    if run.isprintable() and all(ord(char) < 256 for char in run):
        return run
    start = " " if run[:1].isspace() else ""
    return (
        start + slugify(run, separator=" ", lowercase=False) + (" " if run[-1:].isspace() else "")
    )


def in_latin(label: Label) -> Label:
    """`label` with all words `printable`; the address of the code stays as it is."""
    words = {name: printable(value) for name, value in _words(label).items()}
    return replace(label, **words)


def _cleaned(label: Label) -> Label:
    """`label` without control characters and what XML forbids, each word at most 200 long."""
    words = {
        name: clean_line(_NOT_IN_XML.sub("", value), _LONGEST)
        for name, value in _words(label).items()
    }
    return replace(label, **words)


def _words(label: Label) -> dict[str, str]:
    kept = {"address", "color"}
    return {name: value for name, value in label.__dict__.items() if name not in kept}
