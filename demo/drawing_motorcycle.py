"""A street motorcycle built of tubes and rounded parts, painted farthest part first."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from demo import drawing_paint as paints
from demo.drawing_shell import Look, blob
from demo.drawing_space import Array, Easel, Material, curve
from demo.drawing_wheel import WheelDesign, paint_wheel

Point = tuple[float, float, float]
_FRONT, _REAR, _RADIUS = 0.32, 1.72, 0.315
_TYRE = 0.13


def tube(points: tuple[Point, ...], radius: float, fine: int = 24) -> Array:
    """A bent pipe through `points` as a net (along, around, 3), metres."""
    p = np.array(points)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    s = np.linspace(0, along[-1], fine)
    knots = [tuple(zip(along.tolist(), p[:, k].tolist(), strict=True)) for k in range(3)]
    spine = np.stack([curve(knot, s) for knot in knots], axis=-1)
    heading = np.gradient(spine, axis=0)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    helper = np.where(np.abs(heading[:, 1:2]) < 0.8, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(heading, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(heading, first)
    a = np.linspace(0, 2 * math.pi, 21)[None, :, None]
    net: Array = spine[:, None, :] + radius * (
        np.cos(a) * first[:, None] + np.sin(a) * second[:, None]
    )
    return net


class Motorcycle:
    """Paints one motorcycle on an easel; same duties as `Car`."""

    overall = 2.06
    width = 0.78
    axles = (_FRONT, _REAR)
    wheel_radius = _RADIUS
    wheel_face = _TYRE / 2

    def __init__(self, look: Look) -> None:
        self.look = look

    def hull(self) -> Array:
        """Points (n, 3) that enclose it, floor included."""
        return np.array(
            [
                (x, y, z)
                for x, y, z in (
                    (0.0, 0.0, 0.0),
                    (2.04, 0.0, 0.0),
                    (0.0, 0.0, 0.6),
                    (2.04, 0.0, 0.8),
                    (0.62, 0.42, 1.22),
                    (0.62, -0.42, 1.22),
                )
            ]
        )

    def footprint(self) -> Array:
        """The outline (n, 3) of its shade on the floor."""
        a = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        return np.stack([1.02 + 0.92 * np.cos(a), 0.16 * np.sin(a), a * 0], axis=-1)

    def paint(self, easel: Easel) -> None:
        """Paint it, farthest parts first, on a transparent easel."""
        near = 1.0 if easel.camera.position[1] > 0 else -1.0
        fine = int(np.clip(easel.camera.scale / 220, 2, 6))
        parts: list[tuple[Point, Callable[[], None]]] = []

        def pipe(points: tuple[Point, ...], radius: float, material: Material) -> None:
            net = tube(points, radius)
            middle = net.mean(axis=(0, 1))
            spine = net.mean(axis=1)[:-1, None, :]
            parts.append((tuple(middle), lambda: easel.grid(net, material, inside=spine)))

        def lump(
            at: Point, radii: Point, material: Material, power: float, lean: float = 0.0
        ) -> None:
            net = blob(at, radii, power, lean, fine=fine)
            parts.append((at, lambda: easel.grid(net, material, inside=np.array(at))))

        for side in (-1.0, 1.0):
            self._side_parts(side, pipe, lump)
        self._middle_parts(pipe, lump)
        for x in self.axles:
            face = (x, near * _TYRE / 2, _RADIUS)
            design = WheelDesign(
                self.look.wheel.spokes, self.look.wheel.kind, paints.DARK_ALLOY, 0.72
            )
            parts.append(
                (
                    (x, 0.0, _RADIUS),
                    lambda face=face, design=design: paint_wheel(  # type: ignore[misc]
                        easel, face, _RADIUS, near, design, _TYRE
                    ),
                )
            )
        position = easel.camera.position
        parts.sort(key=lambda part: -float(np.linalg.norm(np.array(part[0]) - position)))
        for _, draw in parts:
            draw()

    def _side_parts(
        self,
        side: float,
        pipe: Callable[[tuple[Point, ...], float, Material], None],
        lump: Callable[..., None],
    ) -> None:
        y = side * 0.105
        pipe(((_FRONT, y, _RADIUS), (0.44, y, 0.58)), 0.030, paints.STEEL)
        pipe(((0.44, y, 0.58), (0.62, y, 0.98)), 0.024, paints.CHROME)
        pipe(
            ((0.66, side * 0.08, 0.90), (0.80, y, 0.42), (1.12, y, 0.27), (1.34, y, 0.62)),
            0.020,
            paints.PLASTIC,
        )
        pipe(((1.18, y, 0.40), (_REAR, y, _RADIUS)), 0.026, paints.DARK_ALLOY)
        pipe(((1.42, y, 0.70), (1.58, y, 0.38)), 0.030, paints.PLASTIC)
        pipe(
            ((1.42, y, 0.68), (1.53, y, 0.46)),
            0.036,
            self.look.paint if self.look.chrome else paints.STEEL,
        )
        pipe(
            ((0.64, side * 0.06, 1.00), (0.66, side * 0.20, 1.05), (0.72, side * 0.36, 1.04)),
            0.014,
            paints.CHROME,
        )
        pipe(((0.715, side * 0.29, 1.045), (0.73, side * 0.40, 1.038)), 0.021, paints.RUBBER)
        pipe(((0.67, side * 0.24, 1.05), (0.63, side * 0.30, 1.18)), 0.007, paints.PLASTIC)
        lump((0.63, side * 0.33, 1.20), (0.02, 0.065, 0.042), paints.PLASTIC, 2.4)
        lump((0.47, side * 0.16, 0.82), (0.030, 0.035, 0.024), paints.AMBER, 2.2)
        lump((1.80, side * 0.13, 0.74), (0.030, 0.030, 0.022), paints.AMBER, 2.2)
        lump((1.06, side * 0.17, 0.36), (0.10, 0.03, 0.10), paints.DARK_ALLOY, 2.2)
        pipe(((1.10, side * 0.12, 0.26), (1.13, side * 0.22, 0.27)), 0.014, paints.RUBBER)

    def _middle_parts(
        self,
        pipe: Callable[[tuple[Point, ...], float, Material], None],
        lump: Callable[..., None],
    ) -> None:
        paint = self.look.paint
        arc = np.linspace(0.16 * math.pi, 0.74 * math.pi, 7)
        mud = tuple((_FRONT + 0.335 * math.cos(a), 0.0, _RADIUS + 0.335 * math.sin(a)) for a in arc)
        pipe(mud, 0.055, paint)
        lump((0.90, 0.0, 0.47), (0.17, 0.13, 0.17), paints.DARK_ALLOY, 3.2)
        lump((1.10, 0.0, 0.42), (0.17, 0.14, 0.14), paints.DARK_ALLOY, 2.6)
        for k in range(4):
            lump((0.86, 0.0, 0.55 + 0.034 * k), (0.13, 0.145, 0.011), paints.STEEL, 3.6, -0.4)
        lump((1.18, 0.0, 0.62), (0.18, 0.11, 0.10), paints.PLASTIC, 3.0)
        lump((0.93, 0.0, 0.84), (0.30, 0.155, 0.125), paint, 2.5, -0.25)
        lump((0.80, 0.0, 0.76), (0.13, 0.20, 0.085), paint, 2.6, -0.4)
        lump((1.38, 0.0, 0.80), (0.32, 0.14, 0.045), paints.RUBBER, 3.0, 0.1)
        lump((1.66, 0.0, 0.855), (0.22, 0.115, 0.045), paints.RUBBER, 3.0, 0.3)
        lump((1.68, 0.0, 0.79), (0.26, 0.095, 0.048), paint, 2.6, 0.5)
        lump((1.925, 0.0, 0.825), (0.025, 0.075, 0.030), paints.TAIL_RED, 2.6)
        pipe(((1.80, 0.0, 0.74), (1.98, 0.0, 0.52)), 0.022, paints.PLASTIC)
        lump((1.985, 0.0, 0.60), (0.008, 0.10, 0.07), paints.PLATE, 6.0, -0.6)
        lump((0.535, 0.0, 0.90), (0.10, 0.135, 0.125), paint, 2.5)
        lump((0.475, 0.0, 0.885), (0.065, 0.095, 0.085), paints.LENS, 2.2)
        lump((0.425, 0.0, 0.885), (0.020, 0.045, 0.040), paints.LED, 2.2)
        lump((0.60, 0.0, 1.04), (0.05, 0.08, 0.05), paints.PLASTIC, 2.6, 0.5)
        pipe(
            ((0.80, 0.12, 0.52), (0.74, 0.15, 0.34), (1.00, 0.17, 0.25), (1.30, 0.18, 0.30)),
            0.024,
            paints.CHROME,
        )
        pipe(((1.28, 0.185, 0.30), (1.80, 0.20, 0.46)), 0.050, paints.STEEL)
