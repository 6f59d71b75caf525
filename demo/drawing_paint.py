"""Car paints and the other materials of the drawn cars."""

from __future__ import annotations

from demo.drawing_space import Material, linear


def _paint(red: int, green: int, blue: int, metallic: float, gloss: float = 0.030) -> Material:
    return Material(linear(red, green, blue), gloss=gloss, metallic=metallic)


PAINTS: dict[str, Material] = {
    "yellow": _paint(238, 186, 30, 0.15),
    "blue": _paint(18, 66, 158, 0.50),
    "beige": _paint(203, 186, 156, 0.55),
    "white": _paint(240, 241, 240, 0.0, 0.03),
    "gray": _paint(104, 108, 112, 0.70),
    "gold": _paint(186, 150, 92, 0.70),
    "burgundy": _paint(104, 20, 34, 0.50),
    "orange": _paint(222, 98, 28, 0.30),
    "brown": _paint(96, 66, 48, 0.60),
    "silver": _paint(192, 195, 198, 0.80),
    "black": _paint(15, 16, 18, 0.10, 0.030),
    "pink": _paint(222, 136, 160, 0.35),
    "purple": _paint(88, 52, 128, 0.55),
    "green": _paint(34, 92, 68, 0.55),
    "red": _paint(186, 12, 20, 0.25),
    "multicolor": _paint(42, 132, 140, 0.40),
}

PLASTIC = Material((0.022, 0.022, 0.024), gloss=0.03)
SATIN_BLACK = Material((0.008, 0.008, 0.009), gloss=0.025)
GRILLE = Material((0.006, 0.006, 0.007), gloss=0.008)
RUBBER = Material((0.016, 0.016, 0.017), gloss=0.004)
CHROME = Material((0.72, 0.73, 0.75), gloss=0.30, metallic=1.0)
ALLOY = Material((0.50, 0.51, 0.53), gloss=0.10, metallic=0.75)
DARK_ALLOY = Material((0.060, 0.061, 0.065), gloss=0.10, metallic=0.6)
STEEL = Material((0.26, 0.26, 0.27), gloss=0.10, metallic=0.8)
WELL = Material((0.004, 0.004, 0.004), gloss=0.0)
HOUSING = Material((0.035, 0.036, 0.039), gloss=0.04)
LENS = Material((0.34, 0.35, 0.37), gloss=0.10, metallic=0.6)
LED = Material((0.95, 0.96, 1.0), gloss=0.05, glow=0.45)
TAIL_RED = Material((0.36, 0.008, 0.012), gloss=0.07, glow=0.10)
TAIL_DEEP = Material((0.12, 0.004, 0.006), gloss=0.07, glow=0.05)
TAIL_CLEAR = Material((0.55, 0.50, 0.49), gloss=0.08, glow=0.05)
AMBER = Material((0.75, 0.24, 0.02), gloss=0.06, glow=0.08)
PLATE = Material((0.72, 0.73, 0.73), gloss=0.02, glow=0.08)
SEAT = Material((0.010, 0.010, 0.010), gloss=0.0)
LEATHER = Material((0.055, 0.028, 0.015), gloss=0.0)
