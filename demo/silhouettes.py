"""The measures of the demo's body types, in metres, the nose at x = 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

from demo.drawing_surface import Points


@dataclass(frozen=True)
class Silhouette:
    """One body type: where its lines run. Heights are from the floor."""

    length: float
    width: float
    axles: tuple[float, float]
    wheel: float  # tyre radius
    sill: Points
    edge: Points  # top edge of the lower body, (x, z)
    crown: Points  # rise of bonnet and deck over that edge, (x, rise)
    cowl: float  # x of the windscreen's foot, car's middle
    back: float  # x of the rear window's foot
    header: float  # x of the windscreen's top
    roof_end: float
    roof: Points  # roof's edge, (x, z)
    doors: tuple[float, ...]  # x of the shut lines, front to rear
    panes: tuple[tuple[float, float], ...]  # side windows, x from and to; ends follow the pillars
    lamp: tuple[float, float]  # headlamp, z from and to
    tail_lamp: tuple[float, float]
    tail_reach: float = 0.34  # how far the tail lamp runs in from the corner, of half the width
    nose_depth: float = 0.62
    nose_power: float = 2.7
    tail_depth: float = 0.42
    tail_power: float = 3.2
    tumble: float = 0.17  # how far the roof's edge stands inside the belt
    front: Points = (
        (0.0, 0.11),
        (0.10, 0.045),
        (0.28, 0.0),
        (0.50, 0.012),
        (0.62, 0.035),
        (0.80, 0.075),
        (0.92, 0.125),
        (1.0, 0.21),
    )
    side: Points = (
        (0.0, 0.075),
        (0.09, 0.040),
        (0.20, 0.028),
        (0.38, 0.012),
        (0.55, 0.004),
        (0.70, 0.004),
        (0.80, 0.016),
        (0.90, 0.040),
        (0.96, 0.062),
        (1.0, 0.095),
    )
    rear: Points = (
        (0.0, 0.12),
        (0.10, 0.05),
        (0.25, 0.0),
        (0.42, 0.0),
        (0.47, 0.035),
        (0.80, 0.055),
        (0.94, 0.085),
        (1.0, 0.13),
    )
    roof_crown: float = 0.055
    screen_depth: float = 0.52
    rear_glass_depth: float = 0.36
    plate_height: float = 0.70
    rails: bool = False
    cladding: bool = False
    kind: str = "car"  # car, pickup, van, open
    bed: tuple[float, float] | None = None
    traits: tuple[str, ...] = ()
    cargo: tuple[float, float, float, float, float] | None = None  # x, x, half width, z, z

    @property
    def overall(self) -> float:
        """Length with what stands behind the body."""
        return self.length if self.cargo is None else self.cargo[1]


_HATCH = Silhouette(
    length=3.98,
    width=1.74,
    axles=(0.80, 3.33),
    wheel=0.315,
    sill=((0.0, 0.20), (0.5, 0.18), (2.0, 0.19), (3.5, 0.21), (3.98, 0.27)),
    edge=(
        (0.0, 0.73),
        (0.25, 0.80),
        (0.9, 0.885),
        (1.4, 0.93),
        (2.4, 0.955),
        (3.4, 1.0),
        (3.98, 1.0),
    ),
    crown=((0.0, 0.0), (0.2, 0.03), (0.9, 0.09), (1.3, 0.09), (3.6, 0.05), (3.98, 0.03)),
    cowl=0.98,
    back=3.90,
    header=1.78,
    roof_end=3.42,
    roof=((1.7, 1.425), (2.1, 1.455), (2.6, 1.455), (3.1, 1.425), (3.42, 1.385)),
    doors=(1.28, 2.30, 3.18),
    panes=((0.0, 2.26), (2.36, 3.36)),
    lamp=(0.60, 0.735),
    tail_lamp=(0.74, 0.97),
    plate_height=0.58,
)

_SEDAN = Silhouette(
    length=4.56,
    width=1.78,
    axles=(0.86, 3.54),
    wheel=0.32,
    sill=((0.0, 0.20), (0.5, 0.18), (2.0, 0.185), (3.9, 0.20), (4.56, 0.27)),
    edge=(
        (0.0, 0.71),
        (0.25, 0.78),
        (1.0, 0.875),
        (1.5, 0.915),
        (2.6, 0.945),
        (3.6, 0.985),
        (4.2, 0.985),
        (4.56, 0.975),
    ),
    crown=(
        (0.0, 0.0),
        (0.2, 0.03),
        (1.0, 0.085),
        (1.5, 0.08),
        (3.6, 0.05),
        (4.1, 0.055),
        (4.45, 0.045),
        (4.56, 0.02),
    ),
    cowl=1.08,
    back=4.02,
    header=1.98,
    roof_end=3.24,
    roof=((1.9, 1.395), (2.3, 1.425), (2.7, 1.425), (3.0, 1.40), (3.24, 1.36)),
    doors=(1.40, 2.46, 3.36),
    panes=((0.0, 2.41), (2.51, 3.62)),
    lamp=(0.585, 0.71),
    tail_lamp=(0.73, 0.90),
    tail_reach=0.44,
    plate_height=0.72,
    rear_glass_depth=0.34,
)

_SUV = Silhouette(
    length=4.42,
    width=1.83,
    axles=(0.85, 3.48),
    wheel=0.375,
    sill=((0.0, 0.30), (0.5, 0.25), (2.0, 0.27), (3.8, 0.30), (4.42, 0.38)),
    edge=(
        (0.0, 0.95),
        (0.2, 1.03),
        (0.9, 1.105),
        (1.4, 1.135),
        (2.6, 1.155),
        (3.6, 1.18),
        (4.42, 1.18),
    ),
    crown=((0.0, 0.0), (0.15, 0.03), (0.9, 0.085), (1.4, 0.085), (4.0, 0.04), (4.42, 0.03)),
    cowl=1.12,
    back=4.34,
    header=1.76,
    roof_end=4.08,
    roof=((1.7, 1.665), (2.1, 1.695), (2.8, 1.705), (3.6, 1.69), (4.08, 1.655)),
    doors=(1.40, 2.43, 3.36),
    panes=((0.0, 2.38), (2.49, 3.26), (3.36, 4.02)),
    lamp=(0.80, 0.935),
    tail_lamp=(0.90, 1.15),
    tail_reach=0.36,
    nose_depth=0.56,
    nose_power=3.0,
    tail_depth=0.36,
    tail_power=3.6,
    tumble=0.15,
    plate_height=0.80,
    rails=True,
    cladding=True,
)

_CROSSOVER = Silhouette(
    length=4.26,
    width=1.79,
    axles=(0.82, 3.44),
    wheel=0.345,
    sill=((0.0, 0.27), (0.5, 0.23), (2.0, 0.25), (3.6, 0.28), (4.26, 0.36)),
    edge=(
        (0.0, 0.81),
        (0.22, 0.885),
        (0.9, 0.965),
        (1.4, 1.0),
        (2.4, 1.025),
        (3.4, 1.10),
        (4.26, 1.13),
    ),
    crown=((0.0, 0.0), (0.18, 0.03), (0.9, 0.085), (1.4, 0.085), (3.9, 0.03), (4.26, 0.03)),
    cowl=1.02,
    back=4.22,
    header=1.86,
    roof_end=3.58,
    roof=((1.7, 1.50), (2.1, 1.535), (2.5, 1.538), (3.1, 1.495), (3.58, 1.42)),
    doors=(1.33, 2.38, 3.24),
    panes=((0.0, 2.33), (2.43, 3.62)),
    lamp=(0.69, 0.785),
    tail_lamp=(0.90, 1.04),
    tail_reach=0.62,
    tail_power=3.4,
    plate_height=0.66,
    cladding=True,
)

_COUPE = Silhouette(
    length=4.44,
    width=1.84,
    axles=(0.88, 3.58),
    wheel=0.335,
    sill=((0.0, 0.16), (0.5, 0.14), (2.0, 0.15), (3.8, 0.17), (4.44, 0.25)),
    edge=(
        (0.0, 0.61),
        (0.25, 0.70),
        (0.7, 0.79),
        (1.1, 0.825),
        (1.6, 0.84),
        (2.6, 0.855),
        (3.4, 0.915),
        (4.0, 0.93),
        (4.44, 0.91),
    ),
    crown=((0.0, 0.0), (0.2, 0.03), (1.0, 0.075), (1.6, 0.075), (3.8, 0.04), (4.44, 0.03)),
    cowl=1.26,
    back=4.20,
    header=2.16,
    roof_end=3.00,
    roof=((2.1, 1.25), (2.4, 1.285), (2.7, 1.28), (3.00, 1.235)),
    doors=(1.62, 2.94),
    panes=((0.0, 2.82), (2.88, 3.42)),
    lamp=(0.515, 0.615),
    tail_lamp=(0.70, 0.83),
    tail_reach=0.55,
    nose_depth=0.80,
    nose_power=2.4,
    tail_depth=0.55,
    tail_power=2.8,
    tumble=0.22,
    plate_height=0.50,
    screen_depth=0.62,
)

_WAGON = replace(
    _SEDAN,
    length=4.60,
    edge=(
        (0.0, 0.71),
        (0.25, 0.78),
        (1.0, 0.875),
        (1.5, 0.915),
        (2.6, 0.94),
        (3.8, 0.975),
        (4.6, 0.985),
    ),
    sill=((0.0, 0.20), (0.5, 0.18), (2.0, 0.185), (3.9, 0.20), (4.6, 0.27)),
    crown=((0.0, 0.0), (0.2, 0.03), (1.0, 0.085), (1.5, 0.08), (4.3, 0.04), (4.6, 0.03)),
    back=4.53,
    roof_end=4.16,
    roof=((1.9, 1.40), (2.3, 1.432), (2.9, 1.44), (3.6, 1.422), (4.16, 1.375)),
    panes=((0.0, 2.41), (2.51, 3.38), (3.46, 4.22)),
    tail_lamp=(0.74, 0.96),
    tail_reach=0.34,
    plate_height=0.62,
    rails=True,
)

_MINIVAN = Silhouette(
    length=4.52,
    width=1.80,
    axles=(0.84, 3.62),
    wheel=0.325,
    sill=((0.0, 0.21), (0.5, 0.19), (2.0, 0.20), (3.9, 0.22), (4.52, 0.30)),
    edge=(
        (0.0, 0.76),
        (0.25, 0.84),
        (0.8, 0.93),
        (1.3, 0.965),
        (2.6, 0.99),
        (3.8, 1.03),
        (4.52, 1.03),
    ),
    crown=((0.0, 0.0), (0.2, 0.04), (0.7, 0.11), (1.2, 0.11), (4.2, 0.04), (4.52, 0.03)),
    cowl=0.66,
    back=4.46,
    header=1.74,
    roof_end=4.16,
    roof=((1.6, 1.60), (2.0, 1.645), (2.7, 1.665), (3.6, 1.65), (4.16, 1.60)),
    doors=(1.30, 2.40, 3.34),
    panes=((0.0, 2.35), (2.45, 3.36), (3.44, 4.16)),
    lamp=(0.62, 0.775),
    tail_lamp=(0.76, 1.015),
    tail_reach=0.28,
    nose_depth=0.66,
    tail_depth=0.34,
    tail_power=3.8,
    tumble=0.14,
    plate_height=0.64,
)

_VAN = Silhouette(
    length=5.10,
    width=1.94,
    axles=(0.92, 4.06),
    wheel=0.36,
    sill=((0.0, 0.24), (0.5, 0.22), (2.0, 0.24), (4.4, 0.28), (5.10, 0.36)),
    edge=((0.0, 0.92), (0.2, 1.0), (0.7, 1.10), (1.2, 1.14), (2.4, 1.15), (5.10, 1.15)),
    crown=((0.0, 0.0), (0.2, 0.04), (0.7, 0.10), (1.2, 0.10), (4.9, 0.02), (5.10, 0.01)),
    cowl=0.62,
    back=5.09,
    header=1.36,
    roof_end=5.02,
    roof=((1.3, 1.98), (1.8, 2.06), (2.6, 2.09), (4.4, 2.09), (5.02, 2.06)),
    doors=(1.14, 2.22, 3.34),
    panes=((0.0, 2.14),),
    lamp=(0.74, 0.93),
    tail_lamp=(0.70, 1.08),
    tail_reach=0.15,
    nose_depth=0.52,
    nose_power=3.2,
    tail_depth=0.12,
    tail_power=5.0,
    tumble=0.10,
    roof_crown=0.05,
    screen_depth=0.55,
    rear_glass_depth=0.10,
    plate_height=0.62,
    kind="van",
)

_PICKUP_CD = Silhouette(
    length=5.30,
    width=1.88,
    axles=(0.92, 4.06),
    wheel=0.40,
    sill=((0.0, 0.36), (0.5, 0.33), (2.0, 0.35), (4.6, 0.40), (5.30, 0.48)),
    edge=(
        (0.0, 1.06),
        (0.2, 1.13),
        (0.9, 1.185),
        (1.5, 1.205),
        (2.8, 1.215),
        (3.62, 1.23),
        (3.74, 1.25),
        (5.30, 1.26),
    ),
    crown=(
        (0.0, 0.0),
        (0.15, 0.03),
        (0.9, 0.085),
        (1.5, 0.085),
        (3.5, 0.02),
        (3.75, 0.0),
        (5.3, 0.0),
    ),
    cowl=1.30,
    back=3.66,
    header=1.98,
    roof_end=3.46,
    roof=((1.9, 1.79), (2.2, 1.82), (2.7, 1.83), (3.2, 1.815), (3.46, 1.785)),
    doors=(1.52, 2.56, 3.46),
    panes=((0.0, 2.51), (2.61, 3.48)),
    lamp=(0.88, 1.04),
    tail_lamp=(0.80, 1.17),
    tail_reach=0.14,
    nose_depth=0.52,
    nose_power=3.2,
    tail_depth=0.10,
    tail_power=5.0,
    tumble=0.14,
    rear_glass_depth=0.16,
    plate_height=0.58,
    kind="pickup",
    bed=(3.76, 5.22),
    cladding=True,
)

_PICKUP = replace(
    _PICKUP_CD,
    length=4.50,
    width=1.76,
    axles=(0.84, 3.58),
    wheel=0.325,
    sill=((0.0, 0.25), (0.5, 0.23), (2.0, 0.25), (3.8, 0.28), (4.50, 0.36)),
    edge=(
        (0.0, 0.79),
        (0.2, 0.86),
        (0.9, 0.94),
        (1.4, 0.975),
        (2.2, 0.99),
        (2.62, 1.01),
        (2.76, 1.06),
        (4.50, 1.08),
    ),
    crown=(
        (0.0, 0.0),
        (0.15, 0.03),
        (0.9, 0.085),
        (1.4, 0.085),
        (2.5, 0.02),
        (2.76, 0.0),
        (4.5, 0.0),
    ),
    cowl=1.02,
    back=2.70,
    header=1.78,
    roof_end=2.46,
    roof=((1.7, 1.47), (2.0, 1.495), (2.2, 1.495), (2.46, 1.46)),
    doors=(1.28, 2.40),
    panes=((0.0, 2.50),),
    lamp=(0.645, 0.78),
    tail_lamp=(0.74, 1.05),
    plate_height=0.50,
    nose_depth=0.58,
    nose_power=2.8,
    bed=(2.80, 4.43),
    cladding=False,
)

_CONVERTIBLE = replace(
    _COUPE,
    panes=(),
    header=1.98,
    roof=((1.9, 1.20), (2.16, 1.225), (2.4, 1.22)),
    back=3.30,
    roof_end=2.40,
    kind="open",
)

_BUGGY = replace(
    _HATCH,
    length=3.40,
    width=1.56,
    axles=(0.62, 2.72),
    wheel=0.36,
    sill=((0.0, 0.42), (0.5, 0.30), (1.7, 0.28), (2.8, 0.40), (3.40, 0.56)),
    edge=(
        (0.0, 0.70),
        (0.3, 0.80),
        (0.9, 0.90),
        (1.2, 0.86),
        (2.2, 0.82),
        (2.7, 0.92),
        (3.4, 0.86),
    ),
    crown=((0.0, 0.0), (0.2, 0.05), (0.9, 0.10), (1.3, 0.06), (2.8, 0.06), (3.4, 0.03)),
    cowl=1.02,
    back=2.50,
    header=1.32,
    roof_end=2.10,
    roof=((1.2, 1.40), (1.5, 1.42), (2.1, 1.40)),
    doors=(),
    panes=(),
    lamp=(0.60, 0.74),
    tail_lamp=(0.68, 0.80),
    tail_reach=0.2,
    nose_depth=0.85,
    nose_power=2.2,
    tail_depth=0.6,
    tail_power=2.4,
    plate_height=0.56,
    kind="open",
    traits=("buggy",),
)

_TRUCK = replace(
    _VAN,
    length=1.98,
    width=2.06,
    axles=(0.98, 4.95),
    wheel=0.42,
    sill=((0.0, 0.42), (0.6, 0.42), (1.98, 0.50)),
    edge=((0.0, 1.26), (0.2, 1.30), (0.8, 1.36), (1.98, 1.36)),
    crown=((0.0, 0.0), (0.2, 0.03), (0.6, 0.05), (1.98, 0.02)),
    cowl=0.12,
    back=1.96,
    header=0.52,
    roof_end=1.88,
    roof=((0.4, 2.16), (0.8, 2.24), (1.3, 2.27), (1.88, 2.25)),
    doors=(0.62, 1.66),
    panes=((0.0, 1.50),),
    lamp=(0.70, 0.90),
    nose_depth=0.34,
    nose_power=3.6,
    screen_depth=0.34,
    kind="van",
    traits=("truck",),
    cargo=(2.12, 6.20, 1.08, 0.92, 2.85),
)

SILHOUETTES: dict[str, Silhouette] = {
    "hatch": _HATCH,
    "sedan": _SEDAN,
    "suv": _SUV,
    "crossover": _CROSSOVER,
    "coupe": _COUPE,
    "convertible": _CONVERTIBLE,
    "wagon": _WAGON,
    "minivan": _MINIVAN,
    "van": _VAN,
    "pickup": _PICKUP,
    "pickup_cd": _PICKUP_CD,
    "buggy": _BUGGY,
    "truck": _TRUCK,
}


def stretched(shape: Silhouette, along: float, upward: float) -> Silhouette:
    """The same body type drawn longer and taller by two factors near 1; its wheels stay round."""

    def line(points: Points) -> Points:
        return tuple((x * along, z * upward) for x, z in points)

    cargo = shape.cargo
    if cargo is not None:
        cargo = (cargo[0] * along, cargo[1] * along, cargo[2], cargo[3], cargo[4] * upward)
    return replace(
        shape,
        length=shape.length * along,
        axles=(shape.axles[0] * along, shape.axles[1] * along),
        sill=tuple((x * along, z) for x, z in shape.sill),
        edge=line(shape.edge),
        crown=line(shape.crown),
        cowl=shape.cowl * along,
        back=shape.back * along,
        header=shape.header * along,
        roof_end=shape.roof_end * along,
        roof=line(shape.roof),
        doors=tuple(x * along for x in shape.doors),
        panes=tuple((start * along, end * along) for start, end in shape.panes),
        lamp=(shape.lamp[0] * upward, shape.lamp[1] * upward),
        tail_lamp=(shape.tail_lamp[0] * upward, shape.tail_lamp[1] * upward),
        bed=None if shape.bed is None else (shape.bed[0] * along, shape.bed[1] * along),
        cargo=cargo,
    )
