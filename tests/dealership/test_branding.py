"""Whatever colour a dealership has, its pages stay readable."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dealership import branding
from dealership.branding import NotAColor, contrast, palette, parse_color

LIGHT = (branding.LIGHT_GROUND, branding.LIGHT_SURFACE, branding.LIGHT_SUNKEN)
DARK = (branding.DARK_GROUND, branding.DARK_SURFACE, branding.DARK_SUNKEN)
USES = {"accent", "accent_hover", "on_accent", "accent_text", "accent_edge", "focus"}

colors = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_colors_are_read():
    assert parse_color("#1d4ed8") == (29, 78, 216)
    assert parse_color(" #1D4ED8 ") == (29, 78, 216)
    assert parse_color("#fA0") == (255, 170, 0)
    assert parse_color("#1D4ED8").hex == "#1d4ed8"


@pytest.mark.parametrize(
    "text", ["", "#", "1d4ed8", "#1d4ed", "#1d4ed8ff", "red", "#ggg", "#１２３", "#fff;}", "#fff\0"]
)
def test_what_is_no_color_is_refused(text):
    with pytest.raises(NotAColor):
        parse_color(text)
    with pytest.raises(NotAColor):
        palette(text)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#1d4ed8", "#1d4ed8", 1.0),
        ("#767676", "#ffffff", 4.54),  # the well-known lightest grey for text on white
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert round(contrast(one, other), 2) == ratio


def holds(brand):
    modes = palette(brand)
    for mode, grounds in (("light", LIGHT), ("dark", DARK)):
        uses = modes[mode]
        assert set(uses) == USES
        assert all(parse_color(value).hex == value for value in uses.values())
        assert contrast(uses["on_accent"], uses["accent"]) >= 4.5
        assert contrast(uses["on_accent"], uses["accent_hover"]) >= 4.5
        assert contrast(uses["accent_hover"], uses["accent"]) >= 1.2
        for ground in grounds:
            assert contrast(uses["accent_text"], ground) >= 4.5
            assert contrast(uses["accent_edge"], ground) >= 3
            assert contrast(uses["focus"], ground) >= 3


@example("#000000")
@example("#ffffff")
@example("#ffff00")
@example("#0000ff")
@example("#00ff00")
@example("#757575")
@given(colors)
def test_any_color_keeps_every_contrast(brand):
    holds(brand)


@pytest.mark.parametrize("level", range(256))
def test_every_gray_keeps_every_contrast(level):
    holds(f"#{level:02x}{level:02x}{level:02x}")


@given(colors)
def test_the_primary_action_is_the_brands_own_color(brand):
    modes = palette(brand)
    assert modes["light"]["accent"] == modes["dark"]["accent"] == brand


def test_a_color_that_already_reads_is_left_alone():
    light = palette("#1d4ed8")["light"]
    assert light["accent_text"] == light["focus"] == "#1d4ed8"
    assert light["on_accent"] == "#ffffff"


def test_a_pale_color_is_darkened_on_paper_and_kept_at_night():
    modes = palette("#ffd500")
    assert modes["dark"]["accent_text"] == "#ffd500"
    red, green, blue = parse_color(modes["light"]["accent_text"])
    assert red > green > blue  # still a yellow, only darker
    assert contrast(modes["light"]["accent_text"], "#ffffff") < 6  # no darker than needed
    assert modes["light"]["on_accent"] == "#1b1a17"


@given(colors)
def test_lightness_moves_without_changing_the_hue_much(brand):
    start = branding._to_oklch(parse_color(brand))
    for uses in palette(brand).values():
        moved = branding._to_oklch(parse_color(uses["accent_text"]))
        if min(start.chroma, moved.chroma) > 0.05:  # below that a hue is only rounding
            turn = abs(start.hue - moved.hue) % (2 * 3.14159265)
            assert min(turn, 2 * 3.14159265 - turn) < 0.25


@given(colors)
def test_color_spaces_lead_back(brand):
    back = branding._to_rgb(branding._to_oklch(parse_color(brand)))
    assert all(abs(a - b) <= 1 for a, b in zip(back, parse_color(brand), strict=True))


def test_a_palette_handed_out_is_the_callers_own():
    palette("#1d4ed8")["light"]["accent"] = "broken"
    assert palette("#1d4ed8")["light"]["accent"] == "#1d4ed8"


def test_the_grounds_are_those_of_the_stylesheet():
    css = (Path(__file__).parents[2] / "static" / "site.css").read_text(encoding="utf-8")
    pattern = r"--ground:\s*(#\w+);\s*--surface:\s*(#\w+);\s*--sunken:\s*(#\w+)"
    found = [
        tuple(parse_color(value).hex for value in values) for values in re.findall(pattern, css)
    ]
    assert found == [LIGHT, DARK]
