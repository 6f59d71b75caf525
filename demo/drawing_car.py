"""A whole car painted from its silhouette, back to front."""

from __future__ import annotations

import numpy as np

from demo import drawing_paint as paints
from demo.drawing_face import paint_front, paint_rear
from demo.drawing_glass import glass, paint_inside
from demo.drawing_open import paint_bed, paint_cargo, paint_cockpit
from demo.drawing_shell import HOLE, HOLLOW, Shell, blob, flat, rounded_band, shadowed
from demo.drawing_space import Array, Easel, curve
from demo.drawing_surface import mirrored
from demo.drawing_wheel import paint_wheel


class Car(Shell):
    """Paints one car on an easel."""

    def paint(self, easel: Easel) -> None:
        """Paint the car, back to front, on a transparent easel."""
        shape = self.shape
        windows = self.windows()
        near = 1.0 if easel.camera.position[1] > 0 else -1.0
        if abs(easel.camera.azimuth - 90) > 35:
            self._mirror(easel, -near)
        ahead = easel.camera.position[0] < shape.overall / 2
        if shape.cargo is None:
            paint_inside(self, easel, windows)
            self._underside(easel)
        else:
            self._underside(easel)
            if ahead:
                paint_cargo(easel, shape.cargo)
            paint_inside(self, easel, windows)
        body = easel.sheet()
        self._skins(body)
        self._cut_arches(body)
        if shape.bed is not None:
            paint_bed(self, body, shape.bed)
        paint_front(self, body)
        paint_rear(self, body)
        self._flank(body)
        self._glasshouse(body)
        if shape.kind != "open":
            for net in windows:
                body.grid(net, HOLLOW, inside=self.core())
        easel.lay(body)
        if shape.kind == "open":
            paint_cockpit(self, easel)
        marks = easel.sheet()
        if shape.kind != "open":
            for net in windows:
                marks.grid(net, glass(easel), inside=self.core())
        self._shut_lines(marks)
        self._mirror(marks, near)
        easel.lay(marks)
        if shape.cargo is not None and not ahead:
            paint_cargo(easel, shape.cargo)

    def _underside(self, easel: Easel) -> None:
        shape = self.shape
        u = np.linspace(0, 3, 60)
        _low, _ = self.skirt.bounds(u)
        outline = self.skirt.at(u, np.zeros(60))
        easel.fill(np.concatenate([outline, mirrored(outline)[::-1]]), (9, 9, 10, 255))
        if shape.cargo is not None:
            for y in (-0.42, 0.42):
                rail = np.array([[1.0, y, 0.74], [shape.cargo[1], y, 0.74]])
                easel.stroke(rail, (14, 14, 15, 255), 0.24)
        y = shape.width / 2 - 0.025
        near = 1.0 if easel.camera.position[1] > 0 else -1.0
        order = [(-near, x) for x in shape.axles] + [(near, x) for x in shape.axles]
        ahead = easel.camera.position[0] < shape.length / 2
        order.sort(key=lambda p: (p[0] * near, -p[1] if ahead else p[1]))
        for side, x in order:
            if side == near and x < shape.length:
                self._well(easel, x, side)
            paint_wheel(easel, (x, side * y, shape.wheel), shape.wheel, side, self.look.wheel)

    def _well(self, easel: Easel, x: float, side: float) -> None:
        outline = self.arch(x, side, self.arch_radius() + 0.01)
        outline[-2:, 2] = float(curve(self.shape.sill, np.array(x)))
        easel.fill(outline, (8, 8, 9, 255))
        deep = outline - np.array([0.0, side * 0.22, 0.0])
        deep[:, 2] = np.maximum(deep[:, 2], self.shape.wheel * 0.9)
        easel.fill(deep, (8, 8, 9, 255))

    def _skins(self, body: Easel) -> None:
        shape, look = self.shape, self.look
        fine = float(np.clip(body.camera.scale / 560, 0.28, 1.15))
        u = self.skirt.ring.even(int(240 * fine))
        v = np.concatenate([np.linspace(0, 0.12, 7), np.linspace(0.12, 1.0, int(54 * fine))[1:]])
        net = self.skirt.at(u[:, None], v[None, :])
        core = np.zeros_like(net[:-1, :-1])
        core[..., 0] = np.clip(net[:-1, :-1, 0], 0.9, shape.length - 0.9)
        core[..., 2] = 0.55
        for half in (net, mirrored(net)):
            body.grid(half, look.paint, inside=core)
        skirt_v = np.linspace(0, 0.26 if shape.cladding else 0.09, 8)
        lower = self.skirt.at(u[:, None], skirt_v[None, :])
        core = core[:, :7]
        for half in (lower, mirrored(lower)):
            body.grid(half, paints.PLASTIC, inside=core)
        across = np.linspace(-1, 1, int(56 * fine))
        x, _ = self.skirt.ring.at(u)
        top = self.skirt.top(x[:, None], across[None, :])
        body.grid(top, look.paint, inside=np.array([shape.length / 2, 0.0, -6.0]))

    def _cut_arches(self, body: Easel) -> None:
        shape = self.shape
        for side in (1.0, -1.0):
            if body.camera.position[1] * side < 0.3:
                continue
            for x in (x for x in shape.axles if x < shape.length):
                radius = self.arch_radius()
                if shape.cladding:
                    for grow, ink in ((0.058, (30, 30, 32, 255)), (0.012, (46, 46, 49, 255))):
                        ring = self.arch(x, side, radius + grow)
                        floor = float(curve(shape.sill, np.array(x))) + 0.01
                        ring[:, 2] = np.maximum(ring[:, 2], floor)
                        body.fill(ring, ink)
                else:
                    self._arch_lip(body, x, side, radius)
                body.fill(self.arch(x, side, radius), HOLE)

    def _arch_lip(self, body: Easel, x: float, side: float, radius: float) -> None:
        rows = []
        for grow, out in ((0.030, 0.0), (0.016, 0.008), (0.0, 0.010)):
            line = self.arch(x, side, radius + grow)
            line[:, 1] += side * out
            rows.append(line)
        net = np.stack(rows, axis=1)
        net[..., 2] = np.maximum(net[..., 2], float(curve(self.shape.sill, np.array(x))) + 0.02)
        body.grid(net, self.look.paint, inside=np.array([x, 0.0, self.shape.wheel]))

    def _flank(self, body: Easel) -> None:
        """Door handles and the fuel door's side of things: what stands on the flank."""
        shape = self.shape
        if body.camera.position[1] < 0.3 and body.camera.position[1] > -0.3:
            return
        side = 1.0 if body.camera.position[1] > 0 else -1.0
        for i in range(1, len(shape.doors)):
            x = shape.doors[i] - 0.17
            z = float(curve(shape.edge, np.array(x))) - 0.135
            at = self.skirt.on_side(np.array([x]), np.array([z]))[0]
            dip = (at[0], side * (at[1] - 0.004), at[2] - 0.004)
            body.grid(
                blob(dip, (0.085, 0.010, 0.034), 2.2),
                shadowed(self.look.paint),
                inside=np.array(dip),
            )
            grip = (at[0], side * (at[1] + 0.018), at[2] + 0.004)
            metal = paints.CHROME if self.look.chrome else self.look.paint
            body.grid(blob(grip, (0.10, 0.016, 0.014), 3.0), metal, inside=np.array(grip))

    def _shut_lines(self, marks: Easel) -> None:
        shape = self.shape
        if abs(marks.camera.position[1]) < 0.3:
            return
        side = 1.0 if marks.camera.position[1] > 0 else -1.0
        v = np.linspace(0.13, 0.995, 24)
        for i, x in enumerate(shape.doors):
            xs = np.full(24, x)
            if i == 0:
                xs = x - 0.05 * np.sin(np.clip(v - 0.3, 0, 1) * 2.2)
            elif i == len(shape.doors) - 1 and len(shape.doors) > 2:
                # the last shut line runs round the rear wheel
                gap = self.arch_radius() + 0.07
                u = self.skirt.ring.at_x(xs)
                low, high = self.skirt.bounds(u)
                dz = np.clip(low + v * (high - low) - shape.wheel, -gap, gap)
                xs = np.minimum(x + 0.10, shape.axles[1] - np.sqrt(gap**2 - dz**2))
            u = self.skirt.ring.at_x(xs)
            low, high = self.skirt.bounds(u)
            points = self.skirt.on_side(xs, low + v * (high - low))
            points[:, 1] *= side
            marks.stroke(points, (0, 0, 0, 185), 0.0075)
            points[:, 0] += 0.0085
            marks.stroke(points, (255, 255, 255, 46), 0.006)
        if shape.doors:
            end = min(shape.doors[-1], shape.axles[1] - self.arch_radius() - 0.07)
            xs = np.linspace(shape.doors[0], end, 24)
            u = self.skirt.ring.at_x(xs)
            low, high = self.skirt.bounds(u)
            points = self.skirt.on_side(xs, low + 0.13 * (high - low))
            points[:, 1] *= side
            marks.stroke(points, (0, 0, 0, 140), 0.007)

    def _glasshouse(self, body: Easel) -> None:
        shape, look = self.shape, self.look
        if shape.kind == "open":
            return
        core = np.array([(shape.header + shape.roof_end) / 2, 0.0, 0.7])
        fine = float(np.clip(body.camera.scale / 560, 0.28, 1.0))
        u = self.cabin.base.even(int(160 * fine))
        net = self.cabin.at(u[:, None], np.linspace(0, 1, int(34 * fine))[None, :])
        self.both(body, net, look.paint if shape.kind == "van" else look.roof_paint, core)
        roof = self.cabin.roof_at(u[:, None], np.linspace(-1, 1, int(40 * fine))[None, :])
        body.grid(roof, look.roof_paint, inside=np.array([core[0], 0.0, -6.0]))
        self._frames(body, core)
        if shape.rails:
            self._rails(body)

    def _frames(self, body: Easel, core: Array) -> None:
        """Black round the windows; the pillars between side panes go black with it."""
        shape = self.shape
        v = np.linspace(0, 1, 16)
        screen = self.pane(np.full(16, 0.0), np.full(16, 0.64), (flat(0.0), flat(0.88)))
        self.both(body, screen, paints.SATIN_BLACK, core)
        low, high = self.rear_edges()
        rear = self.pane(
            np.full(16, 2.40), np.full(16, 3.0), (lambda s: low(s) - 0.04, lambda s: high(s) + 0.05)
        )
        self.both(body, rear, paints.SATIN_BLACK, core)
        if not shape.panes:
            return
        end = shape.panes[-1][1]
        right = np.full(16, float(self.cabin.at_x(end + 0.035, np.array([0.42]))[0]))
        if shape.kind == "van":
            right = self.cabin.at_x(end + 0.03, v)
        band = rounded_band(0.0, 0.84, 0.0, 0.28, 0.12)
        frame = self.pane(np.full(16, 0.83), right, band, 40, 14)
        self.both(body, frame, paints.SATIN_BLACK, core)
        if self.look.chrome:
            strip = self.pane(np.full(16, 0.83), right, (flat(0.0), flat(0.028)), 40, 2)
            self.both(body, strip, paints.CHROME, core)

    def _rails(self, body: Easel) -> None:
        shape = self.shape
        a = np.linspace(0, 2 * np.pi, 9)
        x = np.linspace(shape.header + 0.30, shape.roof_end - 0.12, 20)
        z = curve(shape.roof, x) + 0.045 * np.sin(np.linspace(0, np.pi, 20)) ** 0.35 - 0.004
        y = np.full(20, self.cabin.roof.half_width + 0.015)
        spine = np.stack([x, y, z], axis=-1)[:, None, :]
        tube = spine + np.stack([a * 0, 0.014 * np.cos(a), 0.014 * np.sin(a)], axis=-1)[None, :, :]
        metal = paints.ALLOY if self.look.chrome else paints.SATIN_BLACK
        near = 1.0 if body.camera.position[1] > 0 else -1.0
        for side in (-near, near):
            flip = np.array([1.0, side, 1.0])
            body.grid(tube * flip, metal, inside=(spine * flip)[:-1])

    def _mirror(self, body: Easel, side: float) -> None:
        foot = self.cabin.at(np.array([0.84]), np.array([0.08]))[0]
        at = np.array([foot[0] + 0.06, side * (foot[1] + 0.155), foot[2] + 0.055])
        arm = np.array(
            [foot * [1, side, 1] + [0.06, 0, -0.01], at + np.array([0, -side * 0.03, -0.045])]
        )
        body.stroke(arm, (20, 20, 22, 255), 0.045)
        net = blob((at[0], at[1], at[2]), (0.085, 0.115, 0.078), 2.9, fine=3)
        body.grid(net, self.look.roof_paint, inside=at)
        low = blob((at[0] + 0.004, at[1], at[2] - 0.05), (0.078, 0.108, 0.03), 2.9)
        body.grid(low, paints.SATIN_BLACK, inside=at - np.array([0, 0, 0.05]))
        if body.camera.position[0] > at[0] + 1.0:
            glass = at + np.array([0.07, 0.0, 0.006])
            a = np.linspace(0, 2 * np.pi, 24)
            rim = glass + np.stack([a * 0, 0.094 * np.cos(a), 0.060 * np.sin(a)], axis=-1)
            body.fill(rim, (70, 74, 80, 255))
