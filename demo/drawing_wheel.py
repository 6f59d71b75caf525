"""A wheel: tyre, rim, brake disc and spokes, turned and cut as a real one is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from demo.drawing_paint import ALLOY, CHROME, DARK_ALLOY, PLASTIC, RUBBER, STEEL, WELL
from demo.drawing_space import Array, Easel, Material

# Spokes as (half angle as a share of the spoke's sector, radius as a share of the rim), hub to rim
_STRAIGHT = ((0.34, 0.20), (0.17, 0.55), (0.16, 0.86), (0.26, 0.985))
_SLIM = ((0.30, 0.20), (0.13, 0.50), (0.11, 0.86), (0.20, 0.985))
_BROAD = ((0.44, 0.20), (0.26, 0.48), (0.30, 0.82), (0.42, 0.985))


@dataclass(frozen=True)
class WheelDesign:
    """What distinguishes one set of wheels from another."""

    spokes: int
    kind: str  # straight, slim, broad, split, twin
    finish: Material = ALLOY
    rim: float = 0.69  # rim radius as a share of the tyre's
    turned: float = 0.0  # radians


DESIGNS: tuple[WheelDesign, ...] = (
    WheelDesign(5, "split"),
    WheelDesign(10, "slim"),
    WheelDesign(5, "twin"),
    WheelDesign(7, "straight"),
    WheelDesign(5, "broad"),
    WheelDesign(6, "split"),
    WheelDesign(8, "broad"),
    WheelDesign(5, "twin", DARK_ALLOY),
    WheelDesign(9, "straight", DARK_ALLOY),
)


def _turned(centre: Array, side: float, radii: Array, depths: Array, angles: Array) -> Array:
    """A surface of revolution about the axle: (angles, profile, 3); depth counts inwards."""
    r, a = np.broadcast_arrays(radii[None, :], angles[:, None])
    d = np.broadcast_to(depths[None, :], r.shape)
    return np.stack(
        [
            centre[0] + r * np.cos(a),
            centre[1] - side * d,
            centre[2] + r * np.sin(a),
        ],
        axis=-1,
    )


def _spoke_outlines(design: WheelDesign) -> list[Array]:
    """Spokes as closed outlines (angle, radius share)."""
    sector = 2 * math.pi / design.spokes
    outlines = []
    for n in range(design.spokes):
        middle = n * sector + design.turned + math.pi / 2
        arms: tuple[tuple[float, float], ...]
        if design.kind == "split":
            arms = ((-0.03, 0.23), (0.03, -0.23))
        elif design.kind == "twin":
            arms = ((-0.14, -0.17), (0.14, 0.17))
        else:
            arms = ((0.0, 0.0),)
        for root, tip in arms:
            outlines.append(_arm(design.kind, middle, sector, root, tip))
    return outlines


def _arm(kind: str, middle: float, sector: float, root: float, tip: float) -> Array:
    profile = {"straight": _STRAIGHT, "broad": _BROAD, "slim": _SLIM}.get(
        kind, ((0.16, 0.20), (0.085, 0.5), (0.075, 0.86), (0.12, 0.985))
    )
    left, right = [], []
    for half, radius in profile:
        share = (radius - 0.2) / 0.785
        lean = root + (tip - root) * share
        # a spoke keeps its width in metres, so its angle shrinks towards the rim
        width = half * sector * (0.62 / max(radius, 0.34)) ** 0.55
        left.append((middle + lean * sector - width, radius))
        right.append((middle + lean * sector + width, radius))
    return np.array(left + right[::-1])


def paint_wheel(
    easel: Easel,
    centre: tuple[float, float, float],
    radius: float,
    side: float,
    design: WheelDesign,
    width: float = 0.21,
) -> None:
    """Paint one wheel whose outer face lies at `centre`; `side` is 1 on the driver's flank."""
    hub = np.array(centre)
    facets = 72 if easel.camera.scale < 900 else 216
    fine = np.linspace(0, 2 * math.pi, facets + 1)
    inner = hub - np.array([0.0, side * width / 2, 0.0])
    rim = radius * design.rim
    wall = radius - rim
    back = _turned(hub, side, np.array([radius, 0.01]), np.full(2, width), fine[::4])
    easel.grid(back, WELL, inside=hub)
    seen = _faces(easel, hub, side)
    if seen:
        _paint_rim(easel, hub, side, rim, design, fine)
    tread_r = np.array([radius - 0.018, radius - 0.004, radius, radius, radius])
    tread_d = np.array([0.006, 0.020, 0.04, width - 0.04, width])
    easel.grid(_turned(hub, side, tread_r, tread_d, fine), RUBBER, inside=inner)
    if not seen:
        return
    away = hub - np.array([0.0, side * 5.0, 0.0])
    share = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
    wall_r = rim + share * (wall - 0.018)
    wall_d = np.array([0.012, 0.002, -0.006, -0.002, 0.006])
    easel.grid(_turned(hub, side, wall_r, wall_d, fine), RUBBER, inside=away)
    lip_r = np.array([rim * 0.945, rim * 0.965, rim * 0.99, rim * 1.01])
    lip_d = np.array([0.022, 0.010, 0.006, 0.012])
    easel.grid(_turned(hub, side, lip_r, lip_d, fine), design.finish, inside=away)


def _faces(easel: Easel, hub: Array, side: float) -> bool:
    away = easel.camera.position - hub
    return bool(away[1] * side / np.linalg.norm(away) > 0.03)


def _paint_rim(
    easel: Easel, hub: Array, side: float, rim: float, design: WheelDesign, fine: Array
) -> None:
    def disc(radius: float, depth: float, material: Material) -> None:
        net = _turned(hub, side, np.array([radius, 0.0]), np.full(2, depth), fine)
        easel.grid(net, material, both_sides=True)

    disc(rim, 0.075, WELL)
    # barrel: the inside of the rim, seen on its far half
    barrel = _turned(hub, side, np.array([rim * 0.985, rim * 0.95]), np.array([0.012, 0.075]), fine)
    easel.grid(barrel, DARK_ALLOY, both_sides=True)
    disc(rim * 0.93, 0.075, WELL)
    disc(rim * 0.70, 0.070, STEEL)
    disc(rim * 0.40, 0.068, DARK_ALLOY)
    outlines = _spoke_outlines(design)
    _paint_spokes(easel, hub, side, rim, design, outlines)
    cap_r = np.array([rim * 0.25, rim * 0.235, rim * 0.2, rim * 0.15])
    cap_d = np.array([0.040, 0.030, 0.026, 0.026])
    easel.grid(_turned(hub, side, cap_r, cap_d, fine[::2]), design.finish, both_sides=True)
    for n in range(5):
        a = 2 * math.pi * n / 5 + math.pi / 2 + design.turned
        spot = hub + np.array([math.cos(a), 0.0, math.sin(a)]) * rim * 0.19
        small = _turned(spot, side, np.array([rim * 0.030, 0.0]), np.full(2, 0.025), fine[::8])
        easel.grid(small, DARK_ALLOY, both_sides=True)
    disc(rim * 0.125, 0.024, PLASTIC)
    ring = _turned(hub, side, np.array([rim * 0.125, rim * 0.11]), np.full(2, 0.022), fine[::2])
    easel.grid(ring, CHROME, both_sides=True)


def _paint_spokes(
    easel: Easel, hub: Array, side: float, rim: float, design: WheelDesign, outlines: list[Array]
) -> None:
    """Each spoke as a dark flank set deeper, then a face of two facets that catch the light."""
    edge = Material(
        (design.finish.base[0] * 0.16, design.finish.base[1] * 0.16, design.finish.base[2] * 0.17),
        gloss=0.05,
        metallic=0.4,
    )
    for outline in outlines:
        half = len(outline) // 2
        left, right = outline[:half], outline[half:][::-1]
        middle = (left + right) / 2
        t = np.linspace(0, 1, 9)
        share = np.linspace(0, 1, half)

        def place(line: Array, depth: Array, t: Array = t, share: Array = share) -> Array:
            angle = np.interp(t, share, line[:, 0])
            radius = np.interp(t, share, line[:, 1]) * rim
            return np.stack(
                [
                    hub[0] + radius * np.cos(angle),
                    hub[1] - side * depth,
                    hub[2] + radius * np.sin(angle),
                ],
                axis=-1,
            )

        dish = 0.030 - 0.016 * t**2
        crest, low, deep = dish, dish + 0.012, dish + 0.040
        lines = [place(left, deep), place(left, low), place(right, low), place(right, deep)]
        easel.grid(np.stack([lines[0], lines[1]], axis=1), edge, both_sides=True)
        easel.grid(np.stack([lines[2], lines[3]], axis=1), edge, both_sides=True)
        face = np.stack([lines[1], place(middle, crest), lines[2]], axis=1)
        easel.grid(face, design.finish, both_sides=True)
