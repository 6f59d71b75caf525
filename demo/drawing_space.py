"""Space, light and paint for the drawn cars: a small camera, a studio and a grid painter.

Lengths are metres: x runs from the nose to the tail, y from the car's middle to the driver's side,
z up from the floor. Colours are linear light until `encoded` turns them into screen values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.float64]
Rgb = tuple[float, float, float]
Rgba = tuple[int, int, int, int]


def linear(red: int, green: int, blue: int) -> Rgb:
    """Screen values 0-255 as linear light 0-1."""
    return ((red / 255) ** 2.2, (green / 255) ** 2.2, (blue / 255) ** 2.2)


def encoded(light: Array) -> Array:
    """Linear light as screen values 0-255, rolling off softly near white."""
    rolled = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3), light)
    return np.clip(rolled, 0.0, 1.0) ** (1 / 2.2) * 255.0


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, an S between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def curve(points: tuple[tuple[float, float], ...], at: Array) -> Array:
    """A smooth line through `points` that never overshoots them (monotone cubic), read at `at`.

    The slopes are the harmonic means of Fritsch and Butland (1984).
    """
    xs = np.array([p[0] for p in points])
    ys = np.array([p[1] for p in points])
    if len(xs) == 1:
        return np.full(np.shape(at), ys[0])
    step = np.diff(xs)
    slope = np.diff(ys) / step
    tangent = np.zeros(len(xs))
    same = slope[:-1] * slope[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = 2 * slope[:-1] * slope[1:] / (slope[:-1] + slope[1:])
    tangent[1:-1] = np.where(same, mean, 0.0)
    tangent[0], tangent[-1] = slope[0], slope[-1]
    x = np.clip(at, xs[0], xs[-1])
    i = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    h = step[i]
    t = (x - xs[i]) / h
    t2, t3 = t * t, t * t * t
    result: Array = (
        (2 * t3 - 3 * t2 + 1) * ys[i]
        + (t3 - 2 * t2 + t) * h * tangent[i]
        + (3 * t2 - 2 * t3) * ys[i + 1]
        + (t3 - t2) * h * tangent[i + 1]
    )
    return result


@dataclass(frozen=True)
class Camera:
    """A long lens on a tripod; `azimuth` 0 looks at the nose, 90 at the driver's side (degrees)."""

    azimuth: float
    height: float
    distance: float
    target: tuple[float, float, float]
    scale: float
    centre: tuple[float, float]

    @property
    def position(self) -> Array:
        a = math.radians(self.azimuth)
        tx, ty, _ = self.target
        return np.array(
            [tx - self.distance * math.cos(a), ty + self.distance * math.sin(a), self.height]
        )

    def axes(self) -> tuple[Array, Array, Array]:
        """Unit vectors to the right, up and into the picture."""
        forward = np.array(self.target) - self.position
        forward /= np.linalg.norm(forward)
        a = math.radians(self.azimuth)
        right = np.array([math.sin(a), math.cos(a), 0.0])
        # The frame is left-handed (y towards the driver), so "up" is the cross the other way.
        up = np.cross(forward, right)
        return right, up * np.sign(up[2]), forward

    def project(self, points: Array) -> Array:
        """Points (..., 3) in metres as picture positions (..., 2) in pixels."""
        right, up, forward = self.axes()
        away = points - self.position
        depth = away @ forward
        factor = self.scale * self.distance / depth
        return np.stack(
            [
                self.centre[0] + (away @ right) * factor,
                self.centre[1] - (away @ up) * factor,
            ],
            axis=-1,
        )

    def scaled(self, factor: float) -> Camera:
        """The same view on a canvas `factor` times as large."""
        cx, cy = self.centre
        return Camera(
            self.azimuth,
            self.height,
            self.distance,
            self.target,
            self.scale * factor,
            (cx * factor, cy * factor),
        )


@dataclass(frozen=True)
class Material:
    """How a surface answers light: its own colour, how mirror-like and how metallic it is."""

    base: Rgb
    gloss: float = 0.05
    metallic: float = 0.0
    glow: float = 0.0


@dataclass(frozen=True)
class Light:
    """The studio's light; the same for the whole series but for a small exposure change."""

    exposure: float = 1.0
    turn: float = 0.0  # degrees: the lamps stand where the camera stands, slightly left of it

    def surroundings(self, direction: Array) -> Array:
        """Brightness of the room in `direction` (..., 3): ceiling panel, wall, horizon, floor."""
        z = direction[..., 2]
        a = math.radians(self.turn)
        # side < 0: the half of the room on the camera's left
        side = direction[..., 0] * math.sin(a) + direction[..., 1] * math.cos(a)
        wall = 0.34 + 0.66 * smoothstep(0.06, 0.42, z) - 0.10 * side
        panel = 3.6 * smoothstep(0.44, 0.62, z) * (1 - 0.55 * smoothstep(0.84, 0.99, z))
        window = 2.2 * smoothstep(0.30, 0.80, -side) * smoothstep(0.04, 0.20, z)
        floor = 0.50 - 0.42 * smoothstep(0.04, 0.60, -z)
        above = wall + panel + window * (1 - smoothstep(0.38, 0.52, z))
        lower = smoothstep(-0.04, 0.05, z)
        seam = 0.22 * np.exp(-((z - 0.01) ** 2) / 0.004)
        result: Array = lower * above + (1 - lower) * floor - seam
        return result

    def soft(self, normal: Array) -> Array:
        """Even light falling on a matt surface with this normal."""
        a = math.radians(self.turn)
        key = np.array([-0.42 * math.sin(a), -0.42 * math.cos(a), 0.0]) + np.array(
            [-math.cos(a) * 0.50, math.sin(a) * 0.50, 0.80]
        )
        key /= np.linalg.norm(key)
        lit = np.clip(normal @ key, 0.0, 1.0)
        up = normal[..., 2]
        result: Array = 0.33 + 0.13 * up + 0.10 * np.clip(-up, 0, 1) + 0.62 * lit
        return result

    def shade(self, normal: Array, view: Array, material: Material) -> Array:
        """Linear colour (..., 3) of a surface seen along `view` (unit vectors to the camera)."""
        facing = np.clip(np.sum(normal * view, axis=-1), 0.0, 1.0)
        mirror = 2 * facing[..., None] * normal - view
        room = self.surroundings(mirror)
        slant = 0.26 if material.gloss > 0.02 else 0.03
        fresnel = material.gloss + (1 - material.gloss) * slant * (1 - facing) ** 5
        base = np.array(material.base)
        matt = self.soft(normal)
        flake = 1.5 * room / (1 + 0.75 * room)  # flakes scatter: lights never quite burn out
        plain = 0.78 * matt + 0.16 * flake
        own = plain * (1 - material.metallic) + material.metallic * (0.40 * matt + 0.50 * flake)
        light = own[..., None] * base + (np.clip(fresnel, 0, 1) * room)[..., None]
        return np.asarray(light * self.exposure + base * material.glow)


Shader = Callable[[Array, Array], Array]
"""From normals and views (n, 3) to linear colour (n, 3) or colour and alpha (n, 4)."""


@dataclass
class Easel:
    """A transparent sheet and the camera and light it is painted with."""

    image: Image.Image
    camera: Camera
    light: Light

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)

    @classmethod
    def blank(cls, size: tuple[int, int], camera: Camera, light: Light) -> Easel:
        return cls(Image.new("RGBA", size, (0, 0, 0, 0)), camera, light)

    def sheet(self) -> Easel:
        """Another transparent sheet of the same size, seen through the same camera."""
        return Easel.blank(self.image.size, self.camera, self.light)

    def lay(self, other: Easel) -> None:
        """Put another sheet on top of this one."""
        box = other.image.getbbox()
        if box is not None:
            self.image.alpha_composite(other.image, dest=box[:2], source=box)

    def grid(
        self,
        points: Array,
        material: Material | Shader,
        *,
        inside: Array | None = None,
        both_sides: bool = False,
        facing_away: bool = False,
    ) -> None:
        """Paint a net of points (n, m, 3) as small facets, leaving out those that face away.

        `inside` is a point within the solid, or an array of such points broadcast over the net,
        that tells outside from inside.
        """
        a, b = points[:-1, :-1], points[1:, :-1]
        c, d = points[1:, 1:], points[:-1, 1:]
        normal = np.cross(c - a, d - b).reshape(-1, 3)
        middle = ((a + b + c + d) / 4).reshape(-1, 3)
        size = np.linalg.norm(normal, axis=-1, keepdims=True)
        normal = normal / np.maximum(size, 1e-12)
        view = self.camera.position - middle
        view /= np.linalg.norm(view, axis=-1, keepdims=True)
        if inside is not None:
            core = np.broadcast_to(inside, (*a.shape[:2], 3)).reshape(-1, 3)
            normal *= np.where(np.sum(normal * (middle - core), axis=-1) < 0, -1.0, 1.0)[:, None]
        toward = np.sum(normal * view, axis=-1)
        if both_sides:
            normal *= np.where(toward < 0, -1.0, 1.0)[:, None]
            keep = np.ones(len(toward), dtype=bool)
        else:
            keep = toward < 0 if facing_away else toward > 0
        if not keep.any():
            return
        self._facets(points, keep, normal[keep], view[keep], material)

    def _facets(
        self,
        points: Array,
        keep: NDArray[np.bool_],
        normal: Array,
        view: Array,
        material: Material | Shader,
    ) -> None:
        flat = self.camera.project(points)
        corners = np.concatenate(
            [flat[:-1, :-1], flat[1:, :-1], flat[1:, 1:], flat[:-1, 1:]], axis=-1
        ).reshape(-1, 8)[keep]
        if isinstance(material, Material):
            colour = self.light.shade(normal, view, material)
        else:
            colour = material(normal, view)
        screen = np.full((len(colour), 4), 255, dtype=np.int64)
        screen[:, :3] = encoded(colour[:, :3])
        if colour.shape[1] == 4:
            screen[:, 3] = np.clip(colour[:, 3], 0, 1) * 255
        polygon = self.pen.polygon
        for xy, ink in zip(corners.tolist(), screen.tolist(), strict=True):
            polygon(xy, fill=(ink[0], ink[1], ink[2], ink[3]))

    def fill(self, points: Array, ink: Rgba) -> None:
        """Fill the outline through points (n, 3) with one screen colour; alpha 0 cuts a hole."""
        flat = self.camera.project(points)
        self.pen.polygon(flat.reshape(-1).tolist(), fill=ink)

    def stroke(self, points: Array, ink: Rgba, width: float) -> None:
        """Draw a line through points (n, 3), `width` in metres at the car's middle."""
        flat = self.camera.project(points)
        pixels = max(1, round(width * self.camera.scale))
        self.pen.line(flat.reshape(-1).tolist(), fill=ink, width=pixels, joint="curve")
