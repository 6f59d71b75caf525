"""The two skins a car is made of, as surfaces that can be read at any point.

A ring runs around half a car seen from above: parameter 0 to 1 is the quarter from the middle of
the nose to the flank, 1 to 2 the flank, 2 to 3 the quarter to the middle of the tail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.drawing_space import Array, curve, smoothstep

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Ring:
    """A half outline seen from above, with superelliptic ends."""

    start: float
    end: float
    half_width: float
    front_depth: float
    rear_depth: float
    front_power: float = 2.6
    rear_power: float = 3.0
    barrel: float = 0.0
    rear_half_width: float | None = None

    def at(self, u: Array) -> tuple[Array, Array]:
        """x and y at ring positions `u`."""
        rear_width = self.half_width if self.rear_half_width is None else self.rear_half_width
        t0 = np.clip(u, 0.0, 1.0) * np.pi / 2
        t1 = np.clip(3.0 - u, 0.0, 1.0) * np.pi / 2
        flank = np.clip(u - 1.0, 0.0, 1.0)
        pf, pr = 2 / self.front_power, 2 / self.rear_power
        x = np.where(
            u <= 1,
            self.start + self.front_depth * (1 - np.abs(np.cos(t0)) ** pf),
            np.where(
                u >= 2,
                self.end - self.rear_depth * (1 - np.abs(np.cos(t1)) ** pr),
                self.start
                + self.front_depth
                + flank * (self.end - self.rear_depth - self.start - self.front_depth),
            ),
        )
        width = self.half_width + flank * (rear_width - self.half_width)
        y = width * np.where(u <= 1, np.sin(t0) ** pf, np.where(u >= 2, np.sin(t1) ** pr, 1.0))
        middle = (self.start + self.end) / 2
        y = y * (1 - self.barrel * ((x - middle) / (self.end - middle)) ** 2)
        return x, y

    def outward(self, u: Array) -> tuple[Array, Array]:
        """Unit direction away from the outline at `u`."""
        eps = 1e-3
        low, high = np.clip(u - eps, 0.0, 3.0), np.clip(u + eps, 0.0, 3.0)
        x0, y0 = self.at(low)
        x1, y1 = self.at(high)
        dx, dy = x1 - x0, y1 - y0
        size = np.maximum(np.hypot(dx, dy), 1e-12)
        return -dy / size, dx / size

    def even(self, count: int) -> Array:
        """`count` ring positions spread over the outline, closer where it turns."""
        u = np.linspace(0.0, 3.0, 1500)
        x, y = self.at(u)
        nx, ny = self.outward(u)
        # turning counts as well as travelling, so that corners get the finer facets
        turn = 0.9 * np.hypot(np.diff(nx), np.diff(ny))
        length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)) + turn)])
        return np.interp(np.linspace(0.0, length[-1], count), length, u)

    def at_x(self, x: Array) -> Array:
        """Ring positions on the half outline at lengths `x`."""
        u = np.linspace(0.0, 3.0, 1200)
        return np.interp(x, self.at(u)[0], u)

    def at_front_y(self, y: Array) -> Array:
        """Ring positions in the nose quarter at widths `y` (never past the corner)."""
        u = np.linspace(0.0, 1.0, 400) ** 4  # close to the middle, where y moves fastest
        return np.interp(y, self.at(u)[1], u)

    def at_rear_y(self, y: Array) -> Array:
        """Ring positions in the tail quarter at widths `y` (never past the corner)."""
        u = 3.0 - np.linspace(0.0, 1.0, 400) ** 4
        return np.interp(y, self.at(u)[1], u)


@dataclass(frozen=True)
class Skirt:
    """The lower body: a ring carried up from the sill to the edge of bonnet, belt and boot."""

    ring: Ring
    bottom: Points  # (x, z)
    edge: Points  # (x, z)
    front: Points  # (height fraction, inset in metres)
    side: Points
    rear: Points
    crown: Points  # (x, rise of the middle over the edge)
    crease: float = 0.79  # height fraction of the line pressed into the flank

    def bounds(self, u: Array) -> tuple[Array, Array]:
        """Lowest and highest z at ring positions `u`."""
        x, _ = self.ring.at(u)
        return curve(self.bottom, x), curve(self.edge, x)

    def at(self, u: Array, v: Array) -> Array:
        """Points (..., 3) at ring positions `u` and height fractions `v` (0 sill, 1 edge)."""
        u, v = np.broadcast_arrays(u, v)
        x, y = self.ring.at(u)
        nx, ny = self.ring.outward(u)
        low, high = curve(self.bottom, x), curve(self.edge, x)
        f = np.clip(v, 0.0, 1.0)
        inset = (
            np.where(nx < 0, nx**2, 0.0) * curve(self.front, f)
            + np.where(nx > 0, nx**2, 0.0) * curve(self.rear, f)
            + ny**2 * curve(self.side, f)
        )
        away = f - self.crease
        pressed = np.exp(-((away / np.where(away < 0, 0.085, 0.022)) ** 2))
        inset = inset - 0.011 * pressed * ny**2 * smoothstep(0.45, 0.9, np.abs(u - 0.2))
        return np.stack([x - nx * inset, y - ny * inset, low + v * (high - low)], axis=-1)

    def at_height(self, u: Array, z: Array) -> Array:
        """Points at ring positions `u` and heights `z`, held within the skin."""
        low, high = self.bounds(u)
        return self.at(u, np.clip((z - low) / (high - low), 0.0, 1.0))

    def on_side(self, x: Array, z: Array) -> Array:
        """Points of the driver's flank over (x, z), carried on straight below the sill."""
        u = self.ring.at_x(x)
        low, high = self.bounds(u)
        points = self.at(u, (z - low) / (high - low))
        points[..., 0] = x
        return points

    def top(self, x: Array, across: Array) -> Array:
        """Points of bonnet or deck at lengths `x`; `across` is -1 to 1 from side to side."""
        x, across = np.broadcast_arrays(x, across)
        edge = self.at(self.ring.at_x(x), np.ones(np.shape(x)))
        z = edge[..., 2] + self.rise(x, across)
        return np.stack([edge[..., 0], edge[..., 1] * across, z], axis=-1)

    def rise(self, x: Array, across: Array) -> Array:
        """How far the top stands over its edge."""
        crease = 0.006 * np.exp(-(((np.abs(across) - 0.62) / 0.07) ** 2))
        crown = curve(self.crown, x)
        result: Array = crown * (1 - np.abs(across) ** 2.6) + crease * np.clip(crown * 25, 0, 1)
        return result


@dataclass(frozen=True)
class Cabin:
    """The glasshouse: a ring at the belt joined to a smaller ring at the roof."""

    base: Ring
    roof: Ring
    skirt: Skirt
    roof_height: Points  # (x, z of the roof's edge)
    roof_crown: float
    path: Points = (
        (0.0, 0.0),
        (0.25, 0.235),
        (0.5, 0.48),
        (0.7, 0.69),
        (0.82, 0.81),
        (0.91, 0.905),
        (1.0, 1.0),
    )
    lift: Points = (
        (0.0, 0.0),
        (0.25, 0.29),
        (0.5, 0.575),
        (0.7, 0.79),
        (0.82, 0.905),
        (0.91, 0.97),
        (1.0, 1.0),
    )

    def at(self, u: Array, v: Array) -> Array:
        """Points (..., 3) at ring positions `u` and height fractions `v` (0 belt, 1 roof)."""
        u, v = np.broadcast_arrays(u, v)
        x0, y0 = self.base.at(u)
        x1, y1 = self.roof.at(u)
        edge = self.skirt.at(self.skirt.ring.at_x(x0), np.ones(np.shape(x0)))
        across = np.clip(y0 / np.maximum(edge[..., 1], 1e-6), 0.0, 1.0)
        z0 = edge[..., 2] + self.skirt.rise(x0, across) - 0.012
        z1 = curve(self.roof_height, x1)
        a, h = curve(self.path, v), curve(self.lift, v)
        return np.stack([x0 + a * (x1 - x0), y0 + a * (y1 - y0), z0 + h * (z1 - z0)], axis=-1)

    def at_x(self, x: float, v: Array) -> Array:
        """Ring positions where the glasshouse flank stands over length `x` at heights `v`."""
        u = np.linspace(0.3, 2.7, 400)
        a = curve(self.path, v)
        along = self.base.at(u)[0], self.roof.at(u)[0]
        found = [np.interp(x, along[0] + s * (along[1] - along[0]), u) for s in a.reshape(-1)]
        return np.array(found).reshape(a.shape)

    def roof_at(self, u: Array, across: Array) -> Array:
        """Points of the roof between its two edges at ring positions `u`."""
        u, across = np.broadcast_arrays(u, across)
        edge = self.at(u, np.ones(np.shape(u)))
        half = self.roof.half_width
        y = edge[..., 1] * across
        z = edge[..., 2] + self.roof_crown * (
            (1 - np.abs(y / half) ** 2.4) - (1 - np.abs(edge[..., 1] / half) ** 2.4)
        )
        return np.stack([edge[..., 0], y, z], axis=-1)


def mirrored(points: Array) -> Array:
    """The same points on the passenger's side."""
    return np.asarray(points * np.array([1.0, -1.0, 1.0]))
