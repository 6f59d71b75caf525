"""The views from inside: the front seats and the dashboard, drawn flat in the series' light."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from demo.drawing_space import Array

Ink = tuple[int, int, int]
_WIDTH, _HEIGHT = 1200.0, 900.0
_SAMPLES = 2


@dataclass(frozen=True)
class Trim:
    """The colours of one cabin."""

    shell: Ink
    pad: Ink
    seat: Ink
    stitch: Ink
    accent: Ink
    roof: Ink


_TRIMS: tuple[Trim, ...] = (
    Trim(
        (44, 45, 48), (58, 59, 63), (52, 53, 57), (120, 122, 126), (150, 153, 157), (196, 195, 191)
    ),
    Trim(
        (40, 40, 43), (54, 54, 57), (112, 74, 50), (196, 158, 126), (158, 152, 144), (192, 190, 185)
    ),
    Trim(
        (48, 48, 50), (66, 66, 69), (150, 146, 138), (98, 96, 92), (166, 167, 168), (205, 203, 198)
    ),
    Trim((38, 39, 43), (52, 54, 60), (46, 48, 54), (168, 54, 50), (120, 124, 130), (70, 71, 74)),
)


def _toned(ink: Ink, factor: float) -> Ink:
    red, green, blue = (max(0, min(255, round(c * factor))) for c in ink)
    return red, green, blue


class _Board:
    """A sheet measured 1200 by 900 whatever its pixels, with soft shading for every shape."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.scale = (size[0] * _SAMPLES / _WIDTH, size[1] * _SAMPLES / _HEIGHT)
        self.image = Image.new("RGB", (size[0] * _SAMPLES, size[1] * _SAMPLES), (30, 30, 32))

    def _pixels(self, points: Array) -> list[tuple[float, float]]:
        return [(float(x) * self.scale[0], float(y) * self.scale[1]) for x, y in points]

    def _mask(
        self, points: Array, blur: float = 0.0
    ) -> tuple[Image.Image, tuple[int, int, int, int]]:
        pixels = self._pixels(points)
        pad = round(blur * self.scale[0] * 3) + 2
        xs, ys = [p[0] for p in pixels], [p[1] for p in pixels]
        box = (
            max(0, int(min(xs)) - pad),
            max(0, int(min(ys)) - pad),
            min(self.image.size[0], int(max(xs)) + pad + 1),
            min(self.image.size[1], int(max(ys)) + pad + 1),
        )
        mask = Image.new("L", (max(1, box[2] - box[0]), max(1, box[3] - box[1])), 0)
        ImageDraw.Draw(mask).polygon([(x - box[0], y - box[1]) for x, y in pixels], fill=255)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self.scale[0]))
        return mask, box

    def shape(
        self, points: Array, top: Ink, bottom: Ink | None = None, across: float = 0.0
    ) -> None:
        """Fill an outline, `top` running to `bottom`; `across` leans the shading sideways."""
        mask, box = self._mask(points)
        if bottom is None or bottom == top:
            self.image.paste(top, box[:2], mask)
            return
        columns = 24 if across else 1
        y = np.linspace(0, 1, mask.size[1])[:, None]
        x = np.linspace(-1, 1, columns)[None, :]
        t = np.clip(y + across * x, 0, 1)[..., None]
        colour = np.array(top, dtype=float) * (1 - t) + np.array(bottom, dtype=float) * t
        ramp = Image.fromarray((colour + 0.5).astype(np.uint8))
        self.image.paste(ramp.resize(mask.size, Image.Resampling.BILINEAR), box[:2], mask)

    def shade(self, points: Array, blur: float, strength: float, ink: Ink = (0, 0, 0)) -> None:
        """Lay a blurred patch of `ink` over the sheet; `blur` in board units."""
        mask, box = self._mask(points, blur)
        self.image.paste(ink, box[:2], mask.point(lambda value: int(value * strength)))

    def line(self, points: Array, ink: Ink, width: float) -> None:
        pixels = max(1, round(width * self.scale[0]))
        ImageDraw.Draw(self.image).line(self._pixels(points), fill=ink, width=pixels, joint="curve")

    def finished(self) -> Image.Image:
        return self.image.resize(self.size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _spline(points: Sequence[tuple[float, float]], closed: bool = True, steps: int = 14) -> Array:
    """A Catmull-Rom curve through `points`."""
    p = np.array(points, dtype=float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        parts.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    if not closed:
        parts.append(p[-1:])
    return np.concatenate(parts)


def _box(x0: float, y0: float, x1: float, y1: float, radius: float) -> Array:
    """A rectangle with rounded corners."""
    r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    a = np.linspace(0, math.pi / 2, 10)
    parts = []
    for cx, cy, turn in (
        (x1 - r, y1 - r, 0),
        (x0 + r, y1 - r, 1),
        (x0 + r, y0 + r, 2),
        (x1 - r, y0 + r, 3),
    ):
        angle = a + turn * math.pi / 2
        parts.append(np.stack([cx + r * np.cos(angle), cy + r * np.sin(angle)], axis=-1))
    return np.concatenate(parts)


def _oval(x: float, y: float, rx: float, ry: float, tip: float = 0.0) -> Array:
    a = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    px, py = rx * np.cos(a), ry * np.sin(a)
    c, s = math.cos(tip), math.sin(tip)
    return np.stack([x + px * c - py * s, y + px * s + py * c], axis=-1)


def _flipped(points: Array) -> Array:
    return np.asarray(points * np.array([-1.0, 1.0]) + np.array([_WIDTH, 0.0]))


def _outside(board: _Board, horizon: float) -> None:
    """The studio seen through the windscreen."""
    board.shape(_box(0, 0, _WIDTH, horizon, 0), (188, 189, 190), (216, 216, 214))
    board.shape(_box(0, horizon, _WIDTH, _HEIGHT, 0), (222, 221, 218), (236, 235, 231))
    board.shade(_box(-80, horizon - 14, _WIDTH + 80, horizon + 14, 10), 26, 0.35, (168, 168, 168))


def _screen(
    board: _Board, x0: float, y0: float, x1: float, y1: float, chance: random.Random
) -> None:
    """A lit display: a map-like picture of soft shapes, no words."""
    board.shape(_box(x0 - 8, y0 - 8, x1 + 8, y1 + 8, 16), (20, 20, 22), (12, 12, 13))
    board.shape(_box(x0, y0, x1, y1, 9), (34, 46, 60), (22, 30, 42))
    w, h = x1 - x0, y1 - y0
    road = [(x0 + w * 0.30, y1 - 4), (x0 + w * 0.42, y0 + h * 0.62), (x0 + w * 0.66, y0 + h * 0.48)]
    road.append((x0 + w * 0.72, y0 + 6))
    for k in range(3):
        y = y0 + h * (0.25 + 0.24 * k)
        board.line(
            np.array([[x0 + 4, y], [x1 - 4, y - h * 0.12]]), (48, 62, 78), max(1.5, h * 0.012)
        )
    board.line(_spline(road, closed=False), (112, 168, 214), h * 0.035)
    board.shape(_oval(road[1][0], road[1][1], h * 0.035, h * 0.035), (240, 240, 240))
    tile = w * 0.20
    for k in range(3):
        top = y0 + h * (0.08 + 0.31 * k)
        ink = chance.choice(((62, 92, 120), (74, 80, 92), (88, 96, 110)))
        board.shape(_box(x0 + w * 0.04, top, x0 + w * 0.04 + tile, top + h * 0.23, 6), ink)
    glare = np.array([[x0 + w * 0.55, y0], [x1, y0], [x1, y0 + h * 0.7]])
    board.shade(glare, 2.0, 0.07, (255, 255, 255))


def _vent(board: _Board, x0: float, y0: float, x1: float, y1: float, trim: Trim) -> None:
    board.shape(_box(x0 - 5, y0 - 5, x1 + 5, y1 + 5, 14), trim.accent, _toned(trim.accent, 0.55))
    board.shape(_box(x0, y0, x1, y1, 10), (14, 14, 15), (24, 24, 26))
    count = 4
    for k in range(count):
        y = y0 + (y1 - y0) * (k + 0.6) / (count + 0.2)
        board.line(np.array([[x0 + 6, y], [x1 - 6, y]]), (58, 59, 62), 4)
        board.line(np.array([[x0 + 6, y + 3.4], [x1 - 6, y + 3.4]]), (8, 8, 9), 3)
    middle = (x0 + x1) / 2
    board.shape(_box(middle - 7, y0 + 5, middle + 7, y1 - 5, 5), (70, 71, 74), (34, 34, 36))


def _wheel(board: _Board, x: float, y: float, size: float, trim: Trim, spokes: int) -> None:
    """A steering wheel seen from the driver's seat, a little from above."""
    tall = size * 0.96
    board.shade(_oval(x + 6, y + 18, size * 1.02, tall), 20, 0.35)
    outer, inner = _oval(x, y, size, tall), _oval(x, y + size * 0.012, size * 0.845, tall * 0.84)
    # the ring as a strip, so that what is behind it shows through the middle
    board.shape(
        np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]), (66, 67, 70), (20, 20, 22), 0.12
    )
    board.line(
        np.concatenate([_oval(x, y, size * 0.955, tall * 0.955)[34:72]]),
        (104, 105, 109),
        size * 0.018,
    )
    arms = [((-0.90, -0.06), (-0.90, 0.10), (-0.30, 0.20), (-0.30, -0.10))]
    arms.append(((0.90, -0.06), (0.90, 0.10), (0.30, 0.20), (0.30, -0.10)))
    arms.append(((-0.13, 0.2), (-0.17, 0.9), (0.17, 0.9), (0.13, 0.2)))
    if spokes == 4:
        arms[2:] = [((-0.22, 0.2), (-0.52, 0.74), (-0.38, 0.82), (-0.05, 0.25))]
        arms.append(((0.22, 0.2), (0.52, 0.74), (0.38, 0.82), (0.05, 0.25)))
    for arm in arms:
        points = np.array(arm) * np.array([size, tall]) + np.array([x, y])
        board.shape(points, (56, 57, 60), (32, 32, 34))
    for side in (-1, 1):
        pad = _box(
            min(side * 0.42, side * 0.68) * size + x,
            y - tall * 0.045,
            max(side * 0.42, side * 0.68) * size + x,
            y + tall * 0.085,
            size * 0.05,
        )
        board.shape(pad, trim.accent, _toned(trim.accent, 0.5))
        board.shape(pad * 0.84 + pad.mean(axis=0) * 0.16, (34, 34, 36), (24, 24, 25))
    hub = _spline(
        [
            (x - size * 0.33, y - tall * 0.14),
            (x, y - tall * 0.24),
            (x + size * 0.33, y - tall * 0.14),
            (x + size * 0.30, y + tall * 0.22),
            (x, y + tall * 0.34),
            (x - size * 0.30, y + tall * 0.22),
        ]
    )
    board.shade(hub + np.array([0, size * 0.03]), 8, 0.5)
    board.shape(hub, (74, 75, 78), (34, 34, 36))
    board.shape(
        _oval(x, y + tall * 0.03, size * 0.085, size * 0.085),
        _toned(trim.accent, 1.1),
        _toned(trim.accent, 0.6),
    )
    board.shape(_oval(x, y + tall * 0.03, size * 0.068, size * 0.068), (48, 49, 51), (30, 30, 32))


def _cluster(board: _Board, x: float, y: float, w: float, h: float, chance: random.Random) -> None:
    """Two dials or one long display behind the steering wheel."""
    board.shape(_box(x - w, y - h, x + w, y + h, h * 0.5), (16, 16, 18), (10, 10, 11))
    for side in (-1, 1):
        cx = x + side * w * 0.54
        r = h * 0.80
        board.shape(_oval(cx, y, r, r), (32, 34, 38), (20, 21, 24))
        for k in range(11):
            a = math.pi * (0.80 + 1.40 * k / 10)
            tick = np.array(
                [
                    [cx + r * 0.80 * math.cos(a), y + r * 0.80 * math.sin(a)],
                    [cx + r * 0.94 * math.cos(a), y + r * 0.94 * math.sin(a)],
                ]
            )
            board.line(tick, (206, 209, 214), 2.4)
        a = math.pi * chance.uniform(0.86, 1.2)
        board.line(
            np.array([[cx, y], [cx + r * 0.72 * math.cos(a), y + r * 0.72 * math.sin(a)]]),
            (226, 78, 62),
            4,
        )
        board.shape(_oval(cx, y, r * 0.14, r * 0.14), (60, 61, 64), (26, 26, 28))
    board.shape(
        _box(x - w * 0.13, y - h * 0.55, x + w * 0.13, y + h * 0.55, 6), (40, 54, 70), (26, 36, 48)
    )


def _pillars(board: _Board, trim: Trim, header: float, belt: float, covered: bool) -> None:
    if not covered:
        bar: list[tuple[float, float]] = [
            (-20, belt + 20),
            (70, header),
            (150, header - 34),
            (600, header - 44),
        ]
        bar += [(_WIDTH - x, y) for x, y in bar[-2::-1]]
        board.line(_spline(bar, closed=False), _toned(trim.shell, 0.9), 22)
        return
    left = np.array([[0, 0], [150, 0], [128, header], [26, belt], [0, belt + 30]], dtype=float)
    for points in (left, _flipped(left)):
        board.shape(points, _toned(trim.roof, 0.86), _toned(trim.roof, 0.60))
    roof = _spline(
        [
            (-60, -60),
            (600, -60),
            (1260, -60),
            (1260, header * 0.5),
            (1040, header * 0.86),
            (600, header),
            (160, header * 0.86),
            (-60, header * 0.5),
        ]
    )
    board.shade(roof + np.array([0, 8]), 10, 0.25)
    board.shape(roof, _toned(trim.roof, 0.80), trim.roof)
    for x in (250.0, 950.0):
        visor = _box(x - 170, header * 0.30, x + 170, header * 0.86, 22)
        board.shade(visor + np.array([0, 5]), 7, 0.22)
        board.shape(visor, _toned(trim.roof, 0.98), _toned(trim.roof, 0.90))


def _rear_mirror(board: _Board, x: float, y: float, half: float) -> None:
    board.line(np.array([[x, y - 60], [x, y]]), (46, 46, 48), 14)
    board.shape(
        _box(x - half, y - half * 0.26, x + half, y + half * 0.26, half * 0.18),
        (52, 52, 55),
        (30, 30, 32),
    )
    board.shape(
        _box(x - half * 0.94, y - half * 0.20, x + half * 0.94, y + half * 0.20, half * 0.14),
        (150, 153, 156),
        (108, 111, 115),
    )


def _fascia(board: _Board, trim: Trim, top: float, low: float) -> None:
    """The dashboard's body: a soft pad above, a lighter strip, the shell below."""
    crest = [
        (-40, top + 46),
        (160, top + 10),
        (330, top - 12),
        (480, top + 14),
        (600, top + 24),
        (820, top + 16),
        (1040, top + 22),
        (1240, top + 52),
    ]
    pad = np.concatenate([_spline(crest, closed=False), [[1240, 930], [-40, 930]]])
    board.shade(pad - np.array([0, 10]), 12, 0.30)
    board.shape(pad, _toned(trim.pad, 1.18), _toned(trim.shell, 0.62))
    seam = [(-40, low + 4), (260, low - 10), (600, low - 18), (940, low - 10), (1240, low + 6)]
    strip = np.concatenate(
        [_spline(seam, closed=False), _spline([(x, y + 46) for x, y in seam], closed=False)[::-1]]
    )
    board.shade(strip + np.array([0, 14]), 12, 0.4)
    board.shape(strip, _toned(trim.seat, 1.15), _toned(trim.seat, 0.85))
    edge = _spline(seam, closed=False)
    board.line(edge, trim.accent, 5)
    board.line(edge + np.array([0, 6]), (18, 18, 19), 4)


def draw_dashboard(size: tuple[int, int], seed: int, *, roof: bool = True) -> Image.Image:
    """The dashboard from the driver's side of the cabin."""
    chance = random.Random(f"dashboard/{seed}")
    trim = _TRIMS[seed % len(_TRIMS)]
    board = _Board(size)
    _outside(board, 190)
    board.shape(
        _spline(
            [(-80, 330), (60, 282), (600, 262), (1140, 282), (1280, 330), (1280, 420), (-80, 420)]
        ),
        (92, 94, 97),
        (60, 61, 64),
    )
    _pillars(board, trim, 92, 330, roof)
    _rear_mirror(board, 640, 118, 120)
    _fascia(board, trim, 330, 500)
    hood = _spline(
        [(130, 420), (190, 330), (340, 300), (490, 330), (548, 420), (520, 470), (160, 470)]
    )
    board.shade(hood + np.array([0, 8]), 12, 0.35)
    board.shape(hood, _toned(trim.pad, 1.12), _toned(trim.shell, 0.60))
    _cluster(board, 340, 410, 168, 74, chance)
    for x0, x1 in ((24.0, 116.0), (1076.0, 1176.0)):
        _vent(board, x0, 420, x1, 484, trim)
    tall = chance.random() < 0.5
    if tall:
        _vent(board, 566, 395, 646, 470, trim)
        _vent(board, 846, 395, 926, 470, trim)
        _screen(board, 672, 352, 820, 520, chance)
    else:
        _screen(board, 580, 312, 900, 478, chance)
        _vent(board, 592, 560, 730, 602, trim)
        _vent(board, 752, 560, 890, 602, trim)
    _console(board, trim, 745, 640)
    board.shape(_box(980, 590, 1240, 760, 26), _toned(trim.shell, 1.08), _toned(trim.shell, 0.72))
    board.line(_box(980, 590, 1240, 760, 26), (20, 20, 21), 4)
    board.shape(_box(1080, 606, 1150, 622, 7), trim.accent, _toned(trim.accent, 0.6))
    _wheel(board, 340, 600, 268, trim, chance.choice((3, 4)))
    _vignette(board)
    return board.finished()


def _console(board: _Board, trim: Trim, x: float, y: float) -> None:
    """Air-conditioning knobs over the gear lever."""
    stack = _spline(
        [(x - 190, y - 20), (x + 190, y - 20), (x + 178, 960), (x - 178, 960)], steps=10
    )
    board.shade(stack, 16, 0.4)
    board.shape(
        np.array([[x - 186, y - 26], [x + 186, y - 26], [x + 170, 930], [x - 170, 930]]),
        _toned(trim.shell, 0.86),
        _toned(trim.shell, 0.50),
    )
    for dx in (-112.0, 0.0, 112.0):
        board.shade(_oval(x + dx, y + 40, 42, 42), 8, 0.5)
        board.shape(_oval(x + dx, y + 34, 42, 42), trim.accent, _toned(trim.accent, 0.45))
        board.shape(_oval(x + dx, y + 34, 34, 34), (64, 65, 68), (30, 30, 32))
        board.line(np.array([[x + dx, y + 8], [x + dx, y + 22]]), (226, 228, 230), 4)
    for k in range(5):
        left = x - 140 + k * 58
        board.shape(_box(left, y + 96, left + 48, y + 120, 6), (62, 63, 66), (40, 40, 42))
    boot = _spline([(x - 74, 920), (x - 44, 800), (x, 782), (x + 44, 800), (x + 74, 920)])
    board.shape(boot, _toned(trim.seat, 0.9), _toned(trim.seat, 0.5))
    board.shape(
        np.array([[x - 9, 830], [x + 9, 830], [x + 13, 770], [x - 13, 770]]),
        trim.accent,
        _toned(trim.accent, 0.6),
    )
    knob = _spline([(x - 34, 760), (x - 26, 722), (x, 712), (x + 26, 722), (x + 34, 760), (x, 782)])
    board.shade(knob + np.array([0, 8]), 8, 0.5)
    board.shape(knob, (92, 93, 96), (30, 30, 32))


def _seat(board: _Board, x: float, trim: Trim, lean: float) -> None:
    """A front seat seen from the back bench, its back towards us."""
    for post in (-26, 26):
        board.line(np.array([[x + post + lean, 300], [x + post, 400]]), (150, 152, 155), 9)
    head = _spline(
        [
            (x - 84 + lean, 300),
            (x - 92 + lean, 232),
            (x - 62 + lean, 190),
            (x + lean, 180),
            (x + 62 + lean, 190),
            (x + 92 + lean, 232),
            (x + 84 + lean, 300),
            (x + lean, 322),
        ]
    )
    board.shade(head + np.array([0, 10]), 10, 0.35)
    board.shape(head, _toned(trim.seat, 1.25), _toned(trim.seat, 0.62), 0.10)
    back = _spline(
        [
            (x - 150, 470),
            (x - 128, 396),
            (x - 66, 366),
            (x, 360),
            (x + 66, 366),
            (x + 128, 396),
            (x + 150, 470),
            (x + 186, 660),
            (x + 196, 920),
            (x, 980),
            (x - 196, 920),
            (x - 186, 660),
        ]
    )
    board.shade(back, 18, 0.45)
    board.shape(back, _toned(trim.seat, 1.22), _toned(trim.seat, 0.50), 0.08)
    centre = back.mean(axis=0)
    inner = (back - centre) * np.array([0.70, 0.84]) + centre + np.array([0, 26])
    board.line(np.concatenate([inner, inner[:1]]), _toned(trim.seat, 0.55), 5)
    board.line(np.concatenate([inner, inner[:1]]) + np.array([0, 4]), trim.stitch, 1.6)
    pocket = _spline(
        [(x - 120, 720), (x, 744), (x + 120, 720), (x + 126, 900), (x, 930), (x - 126, 900)]
    )
    board.shade(pocket - np.array([0, 4]), 6, 0.40)
    board.shape(pocket, _toned(trim.shell, 1.05), _toned(trim.shell, 0.60))


def draw_interior(size: tuple[int, int], seed: int, *, roof: bool = True) -> Image.Image:
    """The front seats and the dashboard from the middle of the back bench."""
    chance = random.Random(f"interior/{seed}")
    trim = _TRIMS[seed % len(_TRIMS)]
    board = _Board(size)
    _outside(board, 250)
    board.shape(
        _spline(
            [
                (-40, 430),
                (60, 372),
                (240, 326),
                (600, 306),
                (960, 326),
                (1140, 372),
                (1240, 430),
                (600, 470),
            ]
        ),
        (96, 98, 101),
        (60, 61, 64),
    )
    _pillars(board, trim, 128, 430, roof)
    _rear_mirror(board, 600, 168, 96)
    crest = [(60, 424), (150, 410), (250, 392), (360, 374), (470, 392), (600, 398), (840, 390)]
    crest += [(960, 396), (1060, 410), (1140, 424)]
    dash = np.concatenate([_spline(crest, closed=False), [[1140, 930], [60, 930]]])
    board.shade(dash - np.array([0, 6]), 10, 0.3)
    board.shape(dash, _toned(trim.pad, 1.14), _toned(trim.shell, 0.45))
    board.line(
        _spline([(130, 478), (360, 466), (600, 462), (840, 466), (1070, 478)], closed=False),
        trim.accent,
        4,
    )
    for flip in (False, True):
        door = np.array([[-20, 470], [150, 420], [236, 470], [246, 930], [-20, 930]], dtype=float)
        sill = np.array(
            [[-20, 470], [150, 420], [236, 470], [236, 500], [150, 452], [-20, 512]], dtype=float
        )
        points, edge = (_flipped(door), _flipped(sill)) if flip else (door, sill)
        board.shape(points, _toned(trim.pad, 0.95), _toned(trim.shell, 0.55))
        board.shape(edge, _toned(trim.seat, 1.1), _toned(trim.seat, 0.8))
    _cluster(board, 362, 432, 96, 38, chance)
    _screen(board, 506, 388, 694, 486, chance)
    _vent(board, 520, 508, 592, 538, trim)
    _vent(board, 608, 508, 680, 538, trim)
    for x0 in (770.0, 1000.0):
        _vent(board, x0, 436, x0 + 64, 466, trim)
    _tunnel(board, trim)
    _wheel(board, 362, 498, 122, trim, chance.choice((3, 4)))
    _seat(board, 300, trim, 10)
    _seat(board, 900, trim, -10)
    _vignette(board)
    return board.finished()


def _tunnel(board: _Board, trim: Trim) -> None:
    tunnel = np.array([[520, 556], [680, 556], [760, 930], [440, 930]], dtype=float)
    board.shade(tunnel, 14, 0.4)
    board.shape(tunnel, _toned(trim.shell, 0.90), _toned(trim.shell, 0.55))
    for dx in (-44.0, 0.0, 44.0):
        board.shape(_oval(600 + dx, 582, 15, 14), trim.accent, _toned(trim.accent, 0.5))
        board.shape(_oval(600 + dx, 582, 11, 10), (56, 57, 60), (32, 32, 34))
    board.shape(_box(566, 622, 634, 690, 14), (26, 26, 28), (18, 18, 19))
    board.shape(np.array([[595, 660], [605, 660], [607, 626], [593, 626]]), trim.accent)
    knob = _spline([(580, 624), (586, 600), (600, 594), (614, 600), (620, 624), (600, 636)])
    board.shape(knob, (92, 93, 96), (30, 30, 32))
    for y in (722.0, 772.0):
        board.shape(_oval(600, y, 34, 19), trim.accent, _toned(trim.accent, 0.5))
        board.shape(_oval(600, y + 1, 29, 15), (14, 14, 15), (30, 30, 32))
    rest = _spline([(520, 822), (680, 822), (716, 940), (484, 940)])
    board.shade(rest, 10, 0.4)
    board.shape(rest, _toned(trim.seat, 1.2), _toned(trim.seat, 0.7))


def _vignette(board: _Board) -> None:
    """The corners fall off a little, as they do through a wide lens."""
    width, height = board.image.size
    x = np.linspace(-1, 1, 60)[None, :]
    y = np.linspace(-1, 1, 45)[:, None]
    dark = np.clip((x**2 + y**2) - 0.75, 0, 1) * 0.42 * 255
    mask = Image.fromarray(dark.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    board.image.paste((0, 0, 0), (0, 0), mask)
