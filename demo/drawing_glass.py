"""What is behind the glass of a car, and the glass itself."""

from __future__ import annotations

import numpy as np

from demo.drawing_shell import BEYOND, DARK, Shell, blob
from demo.drawing_space import Array, Easel, Shader, curve, smoothstep
from demo.drawing_surface import mirrored


def paint_inside(shell: Shell, easel: Easel, windows: list[Array]) -> None:
    """What shows through the glass: a dark cabin, the light beyond, the seats."""
    if shell.shape.kind == "open":
        return
    u = np.linspace(0, 3, 50)[:, None]
    net = shell.cabin.at(u, np.linspace(0, 1, 6)[None, :])
    for half in (net, mirrored(net)):
        easel.grid(half, DARK, both_sides=True)
    for window in windows:
        easel.grid(window, BEYOND, inside=shell.core(), facing_away=True)
    paint_seats(shell, easel)


def paint_seats(shell: Shell, easel: Easel) -> None:
    shape = shell.shape
    first = shape.header + 0.62
    belt = float(curve(shape.edge, np.array(first)))
    rows = [first]
    if shape.kind != "van" and shape.roof_end - shape.header > 1.1:
        rows.append(min(shape.header + 1.42, shape.roof_end - 0.30))
    order = rows if easel.camera.position[0] > shape.length / 2 else rows[::-1]
    roof = float(curve(shape.roof, np.array(first)))
    near = 1.0 if easel.camera.position[1] > 0 else -1.0
    for x in order:
        for y in (-0.36 * near, 0.36 * near):
            back = (x, y, belt - 0.12)
            net = blob(back, (0.10, 0.24, 0.36), 3.0, 0.25)
            easel.grid(net, shell.look.interior, inside=np.array(back))
            head = (x + 0.10, y, min(belt + 0.33, roof - 0.16))
            net = blob(head, (0.055, 0.13, 0.085), 3.0)
            easel.grid(net, shell.look.interior, inside=np.array(head))


def glass(easel: Easel, floor: float = 0.66) -> Shader:
    """Tinted glass: dark from straight on, the room's reflection at a slant."""
    light = easel.light

    def shader(normal: Array, view: Array) -> Array:
        facing = np.clip(np.sum(normal * view, axis=-1), 0, 1)
        mirror = 2 * facing[:, None] * normal - view
        room = light.surroundings(mirror) * light.exposure
        fresnel = 0.030 + 0.9 * (1 - facing) ** 4.5
        tint = np.array([0.005, 0.006, 0.007])
        colour = tint + (fresnel * room)[:, None] * np.array([0.95, 0.98, 1.0])
        alpha = floor + (1 - floor) * smoothstep(0.0, 0.5, fresnel * room)
        return np.concatenate([colour, alpha[:, None]], axis=1)

    return shader
