"""Cars that are open: load beds, cockpits without a roof, and box bodies."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from demo import drawing_paint as paints
from demo.drawing_glass import glass, paint_seats
from demo.drawing_shell import HOLE, HOLLOW, Shell, flat
from demo.drawing_space import Array, Easel, Material, curve
from demo.drawing_surface import mirrored


def paint_bed(shell: Shell, easel: Easel, bed: tuple[float, float]) -> None:
    """The open load bed behind a pickup's cab."""
    loop = shell.rim_loop(bed[0], bed[1], 0.90)
    well = easel.sheet()
    well.fill(loop, (24, 24, 26, 255))
    floor = loop - np.array([0.0, 0.0, 0.46])
    well.fill(floor, (38, 38, 41, 255))
    _keep_inside(well, loop)
    easel.lay(well)
    edge = np.concatenate([loop, loop[:1]])
    easel.stroke(edge, (18, 18, 20, 255), 0.028)


def paint_cockpit(shell: Shell, easel: Easel) -> None:
    """An open car's seats, screen and bars, hidden below the doors' edge."""
    shape = shell.shape
    loop = shell.rim_loop(shape.cowl + shape.screen_depth * 0.9, shape.back, 0.86)
    easel.fill(loop, (16, 16, 17, 255))
    ahead = easel.camera.position[0] < shape.length / 2
    upper = easel.sheet()
    if not ahead:
        _windscreen(shell, upper)
    seats = easel.sheet()
    _wheel_and_dash(shell, seats)
    paint_seats(shell, seats)
    _hide_below(seats, loop)
    upper.lay(seats)
    if "buggy" in shape.traits:
        _bars(shell, upper)
    if ahead:
        _windscreen(shell, upper)
    easel.lay(upper)


def _wheel_and_dash(shell: Shell, easel: Easel) -> None:
    x = shell.shape.cowl + shell.shape.screen_depth + 0.30
    z = float(curve(shell.shape.edge, np.array(x))) + 0.02
    a = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([x + 0.07 * np.sin(a), 0.36 + 0.18 * np.cos(a), z + 0.17 * np.sin(a)], axis=-1)
    easel.stroke(ring, (20, 20, 21, 255), 0.03)


def _windscreen(shell: Shell, easel: Easel) -> None:
    core = shell.core()
    frame = shell.pane(np.full(16, 0.0), np.full(16, 0.70), (flat(0.0), flat(0.92)))
    pane = shell.pane(np.full(16, 0.0), np.full(16, 0.62), (flat(0.03), flat(0.85)), 44, 34)
    sheet = easel.sheet()
    dark = "buggy" in shell.shape.traits
    for net in (frame, mirrored(frame)):
        sheet.grid(
            net, paints.SATIN_BLACK if dark else shell.look.paint, inside=core, both_sides=True
        )
    for net in (pane, mirrored(pane)):
        sheet.grid(net, HOLLOW, inside=core, both_sides=True)
    easel.lay(sheet)
    tint = easel.sheet()
    for net in (pane, mirrored(pane)):
        tint.grid(net, glass(easel, 0.16), inside=core, both_sides=True)
    easel.lay(tint)


def _bars(shell: Shell, easel: Easel) -> None:
    """The hoop behind a buggy's seats and the two stays behind it."""
    x, half, top = shell.shape.header + 0.92, 0.60, 1.40
    foot = float(curve(shell.shape.edge, np.array(x)))
    hoop = [(x, -half, foot), (x, -half, top - 0.12), (x, -half + 0.12, top)]
    hoop += [(x, -py, pz) for _, py, pz in hoop[::-1]]
    for y in (-half + 0.06, half - 0.06):
        stay = np.array([(x, y, top - 0.06), (x + 0.75, y, foot + 0.03)])
        easel.stroke(stay, (26, 26, 28, 255), 0.045)
    easel.stroke(np.array(hoop), (30, 30, 32, 255), 0.055)
    easel.stroke(np.array(hoop) + np.array([-0.01, 0.0, 0.012]), (96, 97, 100, 255), 0.012)


def _lower_edge(easel: Easel, loop: Array) -> list[tuple[float, float]]:
    """The lower boundary in the picture of a closed outline, left to right, in pixels."""
    flat = easel.camera.project(loop)
    ends = np.roll(flat, -1, axis=0)
    t = np.linspace(0, 1, 30)[None, :, None]
    dense = (flat[:, None, :] * (1 - t) + ends[:, None, :] * t).reshape(-1, 2)
    left, right = dense[:, 0].min(), dense[:, 0].max()
    bins = np.clip(((dense[:, 0] - left) / (right - left) * 160).astype(int), 0, 159)
    low = np.full(160, -np.inf)
    np.maximum.at(low, bins, dense[:, 1])
    x = np.linspace(left, right, 160)
    return [(float(a), float(b)) for a, b in zip(x, low, strict=True) if np.isfinite(b)]


def _hide_below(easel: Easel, loop: Array) -> None:
    """Clear what lies under the near edge of an opening."""
    edge = _lower_edge(easel, loop)
    bottom = float(easel.image.size[1])
    easel.pen.polygon(
        [*edge, (edge[-1][0] + bottom, bottom), (edge[0][0] - bottom, bottom)], fill=HOLE
    )


def _keep_inside(easel: Easel, loop: Array) -> None:
    """Clear what lies outside an outline."""
    mask = Image.new("L", easel.image.size, 0)
    flat = easel.camera.project(loop).reshape(-1).tolist()
    ImageDraw.Draw(mask).polygon(flat, fill=255)
    easel.image.putalpha(ImageChops.multiply(easel.image.getchannel("A"), mask))


def paint_cargo(easel: Easel, cargo: tuple[float, float, float, float, float]) -> None:
    """A box body: x from and to, half width, z from and to; its frame hangs under it."""
    x0, x1, half, z0, z1 = cargo
    core = np.array([(x0 + x1) / 2, 0.0, (z0 + z1) / 2])

    def wall(corner: tuple[float, float, float], a: Array, b: Array, material: Material) -> None:
        s = np.linspace(0, 1, 24)[:, None, None]
        t = np.linspace(0, 1, 24)[None, :, None]
        easel.grid(np.array(corner) + s * a + t * b, material, inside=core)

    long, wide = np.array([x1 - x0, 0.0, 0.0]), np.array([0.0, 2 * half, 0.0])
    tall = np.array([0.0, 0.0, z1 - z0])
    box = Material((0.70, 0.71, 0.71), gloss=0.03)
    for y in (-half, half):
        wall((x0, y, z0), long, tall, box)
    for x in (x0, x1):
        wall((x, -half, z0), wide, tall, box)
    wall((x0, -half, z1), long, wide, box)
    rim = 0.05
    near = half if easel.camera.position[1] > 0 else -half
    end = x0 if easel.camera.position[0] < (x0 + x1) / 2 else x1
    for z in (z0, z1 - rim):
        wall((x0, near, z), long, np.array([0.0, 0.0, rim]), paints.STEEL)
        wall((end, -half, z), wide, np.array([0.0, 0.0, rim]), paints.STEEL)
    for x in np.linspace(x0, x1, 9)[1:-1]:
        line = np.array([[x, near, z0 + rim], [x, near, z1 - rim]])
        easel.stroke(line, (176, 177, 178, 255), 0.008)
    if end == x1:
        door = np.array([[x1, 0.0, z0 + rim], [x1, 0.0, z1 - rim]])
        easel.stroke(door, (60, 60, 62, 255), 0.014)
        for y in (-0.25, 0.25):
            easel.stroke(door + np.array([0.0, y, 0.0]), (120, 121, 123, 255), 0.022)
