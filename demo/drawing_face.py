"""The faces of a car: grille, lamps, plates and seams at its nose and tail."""

from __future__ import annotations

import numpy as np

from demo import drawing_paint as paints
from demo.drawing_shell import GAP, Shell, flat, mix, part, rounded_band, shadowed
from demo.drawing_space import Array, Easel


def paint_front(shell: Shell, body: Easel) -> None:
    shape, look = shell.shape, shell.look
    core = np.array([1.2, 0.0, 0.5])
    half = shape.width / 2
    low, high = shape.lamp
    base = shape.sill[0][1]
    tall = high - base
    # the bonnet's edge runs along the shoulder to the windscreen's foot
    foot = min(shape.cowl + shape.screen_depth * 0.6, *shape.doors[:1], shape.length)
    u = np.linspace(0.0, shell.side_u(foot), 70)
    rows = np.broadcast_to(np.array([0.928, 0.936]), (70, 2))
    shell.both(body, shell.skirt.at(u[:, None], rows), GAP, core)
    # grille, lower opening, their bars
    wide = (0.52, 0.60, 0.46, 0.56)[look.grille] * half
    grille_low = low + (0.02, -0.06, 0.05, -0.02)[look.grille] - 0.04
    _grille(shell, body, wide, grille_low, high - 0.012, core)
    z0, z1 = base + tall * 0.12, base + tall * 0.36
    intake = shell.patch(
        0.0, shell.front_u(half * 0.66), rounded_band(z0, z1, 0.0, 0.3, 0.2, "last"), 26, 6
    )
    shell.both(body, intake, paints.SATIN_BLACK, core)
    for k in range(1, 4):
        z = z0 + (z1 - z0) * k / 4
        bar = shell.patch(
            0.0, shell.front_u(half * 0.62), (flat(z - 0.004), flat(z + 0.004)), 24, 2
        )
        shell.both(body, bar, paints.PLASTIC, core)
    _fog(shell, body, base + tall * 0.30, core)
    _headlamp(shell, body, low, high, core)
    _plate(shell, body, 0.0, base + tall * 0.43, core)


def _grille(shell: Shell, body: Easel, wide: float, low: float, high: float, core: Array) -> None:
    u = shell.front_u(wide)
    if shell.look.chrome:
        frame = shell.patch(
            0.0,
            u + 0.018,
            rounded_band(low - 0.014, high + 0.012, 0.5, 0.1, 0.22, "last"),
            26,
            6,
        )
        shell.both(body, frame, paints.CHROME, core)
    net = shell.patch(0.0, u, rounded_band(low, high, 0.5, 0.1, 0.22, "last"), 26, 6)
    shell.both(body, net, paints.GRILLE, core)
    count = (3, 5, 2, 6)[shell.look.grille]
    metal = paints.CHROME if shell.look.chrome and count < 5 else paints.PLASTIC
    for k in range(1, count):
        z = low + (high - low) * k / count
        bar = shell.patch(0.0, u * 0.95, (flat(z - 0.006), flat(z + 0.006)), 24, 2)
        shell.both(body, bar, metal, core)


def _fog(shell: Shell, body: Easel, z: float, core: Array) -> None:
    half = shell.shape.width / 2
    u0, u1 = shell.front_u(half * 0.73), shell.front_u(half * 0.93)
    shell.both(
        body,
        shell.patch(u0, u1, rounded_band(z - 0.07, z + 0.06, 0.3, 0.3, 0.3), 16, 6),
        paints.SATIN_BLACK,
        core,
    )
    c = (u0 + u1) / 2
    lamp = shell.patch(
        c - 0.028, c + 0.028, rounded_band(z - 0.032, z + 0.026, 0.5, 0.5, 0.5), 12, 5
    )
    shell.both(body, lamp, paints.LENS, core)


def _headlamp(shell: Shell, body: Easel, low: float, high: float, core: Array) -> None:
    shape, look = shell.shape, shell.look
    half = shape.width / 2
    u0 = shell.front_u(half * (0.56, 0.62, 0.52)[look.lamp])
    u1 = shell.side_u(shape.nose_depth * (1.02, 0.90, 1.12)[look.lamp])
    rise = (0.035, 0.02, 0.05)[look.lamp]
    tall = high - low

    def lower(s: Array) -> Array:
        return np.asarray(low + rise * s + tall * (0.35 * (1 - s) ** 3 + 0.45 * s**4))

    def upper(s: Array) -> Array:
        return np.asarray(high - 0.012 + (rise + 0.01) * s - tall * 0.25 * s**5)

    shell.both(body, shell.patch(u0, u1, (lower, upper), 40, 8), paints.HOUSING, core)
    du = u1 - u0
    cells = (2, 3, 4)[look.lamp]
    step = 0.62 / cells
    for k in range(cells):
        first, last = 0.10 + k * step, 0.10 + (k + 0.86) * step
        for low_at, high_at, from_at, to_at, material in (
            (0.24, 0.80, 0.0, 1.0, paints.SATIN_BLACK),
            (0.28, 0.76, 0.06, 0.94, paints.LENS),
            (0.28, 0.54, 0.06, 0.94, paints.HOUSING),
            (0.63, 0.72, 0.14, 0.86, paints.LED),
        ):
            start, end = first + (last - first) * from_at, first + (last - first) * to_at
            cell = part((mix(lower, upper, low_at), mix(lower, upper, high_at)), start, end)
            net = shell.patch(u0 + du * start, u0 + du * end, cell, 12, 4)
            shell.both(body, net, material, core)
    # day light: a thin bright line along the lower or the upper edge
    if look.lamp == 2:
        drl = (mix(lower, upper, 0.84), mix(lower, upper, 0.95))
    else:
        drl = (mix(lower, upper, 0.06), mix(lower, upper, 0.17))
    shell.both(
        body,
        shell.patch(u0 + du * 0.05, u0 + du * 0.86, part(drl, 0.05, 0.86), 32, 2),
        paints.LED,
        core,
    )


def _plate(shell: Shell, body: Easel, where: float, z: float, core: Array) -> None:
    ring = shell.skirt.ring
    y = np.linspace(0, 0.20, 6)
    u = ring.at_front_y(y) if where == 0.0 else ring.at_rear_y(y)
    rows = np.linspace(z, z + 0.13, 4)
    net = shell.skirt.at_height(u[:, None], rows[None, :])
    flat = net.copy()
    flat[..., 0] = net[..., 0].mean() + (-0.02 if where == 0.0 else 0.02)
    frame = flat * np.array([1.0, 1.05, 1.0]) + (rows - rows.mean())[None, :, None] * np.array(
        [0, 0, 0.14]
    )
    shell.both(body, frame, paints.PLASTIC, core)
    shell.both(body, flat, paints.PLATE, core)


def paint_rear(shell: Shell, body: Easel) -> None:
    shape, look = shell.shape, shell.look
    core = np.array([shape.length - 1.2, 0.0, 0.6])
    half = shape.width / 2
    base = shape.sill[-1][1]
    top = shape.edge[-1][1]
    # bumper seam and lower panel
    seam = base + (top - base) * 0.46
    line = shell.patch(shell.rear_u(half * 0.95), 3.0, (flat(seam), flat(seam + 0.007)), 24, 2)
    shell.both(body, line, GAP, core)
    panel = shell.patch(
        shell.rear_u(half * 0.86),
        3.0,
        rounded_band(base, base + (top - base) * 0.20, 0, 0.4, 0.12, "first"),
        24,
        5,
    )
    shell.both(body, panel, paints.PLASTIC, core)
    reflector = shell.patch(
        shell.rear_u(half * 0.90),
        shell.rear_u(half * 0.70),
        (flat(base + (top - base) * 0.24), flat(base + (top - base) * 0.28)),
        8,
        2,
    )
    shell.both(body, reflector, paints.TAIL_DEEP, core)
    _tail_lamp(shell, body, core)
    # recess and plate
    z = shape.plate_height
    recess = shell.patch(
        shell.rear_u(0.30),
        3.0,
        rounded_band(z - 0.035, z + 0.175, 0.2, 0.2, 0.15, "first"),
        16,
        5,
    )
    shell.both(body, recess, shadowed(look.paint), core)
    _plate(shell, body, 1.0, z, core)
    bar = shell.patch(shell.rear_u(0.24), 3.0, (flat(z + 0.15), flat(z + 0.172)), 12, 3)
    shell.both(body, bar, paints.CHROME if look.chrome else paints.SATIN_BLACK, core)
    gate = shell.rear_u(half * (0.80 if shape.kind != "pickup" else 0.84))
    side = shell.patch(gate - 0.006, gate, (flat(seam), flat(top - 0.02)), 2, 10)
    shell.both(body, side, GAP, core)
    if shape.kind == "van":
        split = shell.patch(shell.rear_u(0.006), 3.0, (flat(seam), flat(top - 0.01)), 2, 10)
        shell.both(body, split, GAP, core)


def _tail_lamp(shell: Shell, body: Easel, core: Array) -> None:
    shape, look = shell.shape, shell.look
    half = shape.width / 2
    low, high = shape.tail_lamp
    start = shell.side_u(shape.length - max(shape.tail_depth * 0.92, 0.15))
    end = shell.rear_u(half * (1 - shape.tail_reach))
    tall = high - low
    if shape.tail_reach > 0.5:
        end = 3.0 if look.tail != 1 else end

    def lower(s: Array) -> Array:
        return np.asarray(low + tall * (0.30 * (1 - s) ** 3 + 0.25 * s**3))

    def upper(s: Array) -> Array:
        return np.asarray(high - tall * 0.28 * (1 - s) ** 3)

    shell.both(body, shell.patch(start, end, (lower, upper), 40, 8), paints.TAIL_DEEP, core)
    glow = (mix(lower, upper, 0.48), mix(lower, upper, 0.92))
    if look.tail == 1:
        glow = (mix(lower, upper, 0.12), mix(lower, upper, 0.50))
    span = end - start
    shell.both(
        body,
        shell.patch(start + span * 0.06, end - span * 0.05, part(glow, 0.06, 0.95), 32, 4),
        paints.TAIL_RED,
        core,
    )
    clear = (mix(lower, upper, 0.14), mix(lower, upper, 0.40))
    if look.tail == 1:
        clear = (mix(lower, upper, 0.58), mix(lower, upper, 0.86))
    shell.both(
        body,
        shell.patch(start + span * 0.52, end - span * 0.08, part(clear, 0.52, 0.92), 20, 3),
        paints.TAIL_CLEAR,
        core,
    )
