"""A car's geometry: where its skins, windows and openings run, and how details lie on them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo import drawing_paint as paints
from demo.drawing_space import Array, Easel, Material, Shader
from demo.drawing_surface import Cabin, Ring, Skirt, mirrored
from demo.drawing_wheel import DESIGNS, WheelDesign
from demo.silhouettes import Silhouette, stretched

Edge = Callable[[Array], Array]
HOLE = (0, 0, 0, 0)


@dataclass(frozen=True)
class Look:
    """What makes one car of a body type differ from the next."""

    paint: Material
    roof_paint: Material
    wheel: WheelDesign
    grille: int
    lamp: int
    tail: int
    chrome: bool
    interior: Material
    along: float  # how much longer and taller than its type it is drawn
    upward: float
    cabin: int  # which of the drawn cabins is shown from inside

    @classmethod
    def of(cls, color: str, body: str, seed: int) -> Look:
        chance = random.Random(f"{body}/{seed}")
        paint = paints.PAINTS[color]
        cabin = chance.randrange(1000)
        roof = paint
        two_tone = body in ("crossover", "hatch", "suv") and chance.random() < 0.2
        if color == "multicolor":
            roof = paints.PAINTS["white"]
        elif two_tone and color not in ("black", "gray", "brown"):
            roof = paints.PAINTS["black"]
        return cls(
            paint=paint,
            roof_paint=roof,
            wheel=chance.choice(DESIGNS),
            grille=chance.randrange(4),
            lamp=chance.randrange(3),
            tail=chance.randrange(3),
            chrome=chance.random() < 0.4,
            interior=paints.LEATHER if cabin % 4 == 1 else paints.SEAT,
            along=chance.uniform(0.985, 1.02),
            upward=chance.uniform(0.985, 1.02),
            cabin=cabin,
        )


def rounded_band(
    low: float,
    high: float,
    round_low: float = 0.0,
    round_high: float = 0.0,
    ease: float = 0.12,
    ends: str = "both",
) -> tuple[Edge, Edge]:
    """Lower and upper edge of a band over 0..1 whose ends are rounded by shares of its height.

    `ends` is "both", "first" or "last": a band that meets its mirror image has one free end.
    """
    height = high - low

    def corner(s: Array) -> Array:
        end = {"both": np.minimum(s, 1 - s), "first": s, "last": 1 - s}[ends]
        t = np.clip(1 - end / ease, 0.0, 1.0)
        return np.asarray(1 - np.sqrt(np.clip(1 - t * t, 0.0, 1.0)))

    return (
        lambda s: low + corner(s) * height * round_low,
        lambda s: high - corner(s) * height * round_high,
    )


def flat(value: float) -> Edge:
    return lambda s: np.full(np.shape(s), value)


def mix(low: Edge, high: Edge, share: float) -> Edge:
    return lambda s: low(s) + (high(s) - low(s)) * share


def part(edges: tuple[Edge, Edge], start: float, end: float) -> tuple[Edge, Edge]:
    """The same edges read over a part of their run."""
    return (
        lambda s: edges[0](start + (end - start) * s),
        lambda s: edges[1](start + (end - start) * s),
    )


def disc(z: float, radius: float) -> tuple[Edge, Edge]:
    def half(s: Array) -> Array:
        return np.asarray(radius * np.sqrt(np.clip(1 - (2 * s - 1) ** 2, 0, 1)))

    return (lambda s: z - half(s), lambda s: z + half(s))


def constant(red: float, green: float, blue: float, alpha: float = 1.0) -> Shader:
    def shader(normal: Array, _view: Array) -> Array:
        return np.tile(np.array([red, green, blue, alpha]), (len(normal), 1))

    return shader


def shadowed(material: Material) -> Material:
    r, g, b = material.base
    return Material((r * 0.45, g * 0.45, b * 0.45), material.gloss * 0.7, material.metallic)


def blob(
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    power: float,
    lean: float = 0.0,
    fine: int = 1,
) -> Array:
    """A rounded box as a net; `lean` tips it back with height."""
    a = np.linspace(0, 2 * np.pi, 24 * fine + 1)[:, None]
    b = np.linspace(-np.pi / 2, np.pi / 2, 12 * fine + 1)[None, :]
    p = 2 / power

    def signed(value: Array) -> Array:
        return np.asarray(np.sign(value) * np.abs(value) ** p)

    x = signed(np.cos(b)) * signed(np.cos(a)) * radii[0]
    y = signed(np.cos(b)) * signed(np.sin(a)) * radii[1]
    z = signed(np.sin(b)) * radii[2] + a * 0
    return np.stack([centre[0] + x + lean * z, centre[1] + y, centre[2] + z], axis=-1)


HOLLOW = constant(0.0, 0.0, 0.0, 0.0)

DARK = constant(0.012, 0.012, 0.013)

BEYOND = constant(0.30, 0.305, 0.31)

GAP = constant(0.006, 0.006, 0.007)


class Shell:
    """One car as surfaces; nothing here paints but `both`."""

    def __init__(self, shape: Silhouette, look: Look) -> None:
        shape = stretched(shape, look.along, look.upward)
        self.shape = shape
        self.look = look
        self.overall = shape.overall
        self.width = shape.width
        self.axles = shape.axles
        self.wheel_radius = shape.wheel
        self.wheel_face = shape.width / 2
        ring = Ring(
            0.0,
            shape.length,
            shape.width / 2,
            shape.nose_depth,
            shape.tail_depth,
            shape.nose_power,
            shape.tail_power,
            barrel=0.045,
        )
        self.skirt = Skirt(
            ring, shape.sill, shape.edge, shape.front, shape.side, shape.rear, shape.crown
        )
        half = shape.width / 2 - 0.085
        self.cabin = Cabin(
            base=Ring(
                shape.cowl,
                shape.back,
                half,
                shape.screen_depth,
                shape.rear_glass_depth,
                3.2,
                3.6,
                rear_half_width=half - (0.06 if shape.kind == "car" else 0.0),
            ),
            roof=Ring(
                shape.header,
                shape.roof_end,
                half - shape.tumble,
                shape.screen_depth * 0.62,
                shape.rear_glass_depth * 0.6,
                3.2,
                3.6,
                rear_half_width=half - shape.tumble - (0.04 if shape.kind == "car" else 0.0),
            ),
            skirt=self.skirt,
            roof_height=shape.roof,
            roof_crown=shape.roof_crown,
        )

    def hull(self) -> Array:
        """Points (n, 3) that enclose the car, floor included."""
        shape = self.shape
        u = np.linspace(0, 3, 60)
        ring = self.skirt.at(u, np.full(60, 0.4))
        floor = ring * np.array([1.0, 1.0, 0.0])
        roof = self.cabin.roof_at(u[:, None], np.linspace(-1, 1, 7)[None, :]).reshape(-1, 3)
        parts = [ring, mirrored(ring), floor, mirrored(floor), roof]
        if shape.cargo is not None:
            x0, x1, half, _, z1 = shape.cargo
            parts.append(
                np.array([(x, y, z) for x in (x0, x1) for y in (-half, half) for z in (0, z1)])
            )
        return np.concatenate(parts)

    def footprint(self) -> Array:
        """The outline (n, 3) of the car's shade on the floor."""
        shape = self.shape
        if shape.cargo is not None:
            half, x1 = shape.cargo[2], shape.cargo[1]
            return np.array(
                [(0.1, -half, 0), (0.1, half, 0), (x1, half, 0), (x1, -half, 0)], dtype=float
            )
        u = np.linspace(0, 3, 60)
        ring = self.skirt.at(u, np.full(60, 0.3)) * np.array([1.0, 1.0, 0.0])
        return np.concatenate([ring, mirrored(ring)[::-1]])

    def patch(
        self, u0: float, u1: float, edges: tuple[Edge, Edge], n: int = 24, m: int = 6
    ) -> Array:
        """A net on the lower body between ring positions, its edges given as heights."""
        s = np.linspace(0, 1, n)
        r = np.linspace(0, 1, m)
        low, high = edges[0](s), edges[1](s)
        z = low[:, None] + (high - low)[:, None] * r[None, :]
        return self.skirt.at_height((u0 + (u1 - u0) * s)[:, None], z)

    def pane(
        self, left: Array, right: Array, edges: tuple[Edge, Edge], n: int = 28, m: int = 14
    ) -> Array:
        """A net on the glasshouse; `left` and `right` hold m ring positions, belt to roof."""
        s = np.linspace(0, 1, n)
        r = np.linspace(0, 1, m)
        low, high = edges[0](s), edges[1](s)
        v = low[:, None] + (high - low)[:, None] * r[None, :]
        rows = np.linspace(0, 1, len(left))
        lower = np.interp(v, rows, left)
        upper = np.interp(v, rows, right)
        return self.cabin.at(lower + (upper - lower) * s[:, None], v)

    def front_u(self, y: float) -> float:
        return float(self.skirt.ring.at_front_y(np.array(y)))

    def rear_u(self, y: float) -> float:
        return float(self.skirt.ring.at_rear_y(np.array(y)))

    def side_u(self, x: float) -> float:
        return float(self.skirt.ring.at_x(np.array(x)))

    def windows(self) -> list[Array]:
        """Nets of every window: windscreen and rear window in halves, side panes both sides."""
        shape = self.shape
        nets = []
        v = np.linspace(0, 1, 16)
        screen = self.pane(np.full(16, 0.0), np.full(16, 0.60), (flat(0.03), flat(0.85)), 44, 34)
        nets += [screen, mirrored(screen)]
        if shape.kind != "open":
            rear = self.pane(np.full(16, 2.44), np.full(16, 3.0), self.rear_edges(), 44, 34)
            nets += [rear, mirrored(rear)]
        for i, (start, end) in enumerate(shape.panes):
            left = np.full(16, 0.86) if start == 0.0 else self.cabin.at_x(start, v)
            last = i == len(shape.panes) - 1
            right = self.cabin.at_x(end, v)
            if last and shape.kind != "van":
                right = np.full(16, float(self.cabin.at_x(end, np.array([0.42]))[0]))
            low, high = rounded_band(
                0.045, 0.80, 0.06, 0.10 if not last else 0.28, ease=0.14 if last else 0.06
            )
            side = self.pane(left, right, (low, high))
            nets += [side, mirrored(side)]
        return nets

    def rear_edges(self) -> tuple[Edge, Edge]:
        if self.shape.kind == "van":
            return flat(0.12), flat(0.74)
        return flat(0.10), flat(0.82)

    def core(self) -> Array:
        """A point inside the cabin that tells its outside from its inside."""
        middle = (self.shape.header + self.shape.roof_end) / 2
        return np.array([middle, 0.0, 0.8])

    def arch(self, x: float, side: float, radius: float, sweep: int = 72) -> Array:
        """The wheel opening as a closed outline on the flank."""
        a = np.linspace(-0.10 * np.pi, 1.10 * np.pi, sweep)
        px = x - radius * np.cos(a)
        pz = self.shape.wheel + 0.01 + radius * np.sin(a)
        points = self.skirt.on_side(px, pz)
        foot = points[[-1, 0]]
        foot[:, 2] = -0.02
        points = np.concatenate([points, foot])
        return points if side > 0 else mirrored(points)

    def arch_radius(self) -> float:
        return self.shape.wheel + (0.065 if self.shape.cladding else 0.042)

    def both(self, body: Easel, net: Array, material: Material | Shader, core: Array) -> None:
        body.grid(net, material, inside=core)
        body.grid(mirrored(net), material, inside=core)

    def rim_loop(self, start: float, end: float, share: float) -> Array:
        """A closed outline on the deck between two lengths, `share` of the width wide."""
        x = np.concatenate(
            [
                np.linspace(start, end, 40),
                np.full(21, end),
                np.linspace(end, start, 40),
                np.full(21, start),
            ]
        )
        across = np.concatenate(
            [
                np.full(40, share),
                np.linspace(share, -share, 21),
                np.full(40, -share),
                np.linspace(-share, share, 21),
            ]
        )
        return self.skirt.top(x, across)
