"""What the drawn car photos promise to the rest of the demo."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from demo.drawing import ANGLES, SHOTS, draw_banner, draw_photo, draw_photo_jpeg
from inventory.gallery import SLOT_OF

BODIES = [
    *("hatch", "sedan", "suv", "pickup", "pickup_cd", "wagon", "minivan", "van", "coupe"),
    *("convertible", "crossover", "buggy", "motorcycle", "truck"),
]
COLORS = [
    *("yellow", "blue", "beige", "white", "gray", "gold", "burgundy", "orange", "brown"),
    *("silver", "black", "pink", "purple", "green", "red", "multicolor"),
]
SMALL = (160, 120)
TINY = (96, 72)


def _difference(one: Image.Image, other: Image.Image) -> float:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return float(np.abs(a - b).mean())


# the other two angles of every body are drawn, and looked at closer, further down
@pytest.mark.parametrize("angle", [a for a in ANGLES if a not in ("three_quarter", "side")])
@pytest.mark.parametrize("body", BODIES)
def test_every_body_is_drawn_from_every_angle(body: str, angle: str) -> None:
    picture = draw_photo(body, "silver", angle, seed=3, size=TINY)
    assert picture.size == TINY
    assert picture.mode == "RGB"
    assert np.asarray(picture).std() > 8


@pytest.mark.parametrize("color", COLORS)
def test_every_color_is_a_paint(color: str) -> None:
    picture = draw_photo("hatch", color, "side", seed=1, size=TINY)
    assert picture.size == TINY


def test_paint_looks_like_its_name() -> None:
    def door(color: str) -> tuple[float, float, float]:
        pixels = np.asarray(
            draw_photo("sedan", color, "side", seed=1, size=(320, 240)), dtype=float
        )
        red, green, blue = pixels[150:170, 140:190].reshape(-1, 3).mean(axis=0)
        return float(red), float(green), float(blue)

    red, blue, white, black = door("red"), door("blue"), door("white"), door("black")
    assert red[0] > 1.5 * red[2]
    assert blue[2] > 1.5 * blue[0]
    assert min(white) > 140 > 90 > max(black)


@pytest.mark.parametrize("angle", ["three_quarter", "interior", "dashboard", "wheel"])
def test_same_arguments_give_the_same_bytes(angle: str) -> None:
    first = draw_photo_jpeg("suv", "green", angle, seed=11, size=SMALL)
    assert first == draw_photo_jpeg("suv", "green", angle, seed=11, size=SMALL)


def test_seed_color_body_and_angle_each_change_the_picture() -> None:
    base = draw_photo("suv", "green", "three_quarter", seed=11, size=SMALL)
    for other in (
        draw_photo("suv", "green", "three_quarter", seed=12, size=SMALL),
        draw_photo("suv", "red", "three_quarter", seed=11, size=SMALL),
        draw_photo("hatch", "green", "three_quarter", seed=11, size=SMALL),
        draw_photo("suv", "green", "rear", seed=11, size=SMALL),
    ):
        assert _difference(base, other) > 0.3


def test_body_types_are_told_apart_at_card_size() -> None:
    pictures = {b: draw_photo(b, "blue", "side", seed=2, size=SMALL) for b in BODIES}
    for i, one in enumerate(BODIES):
        for other in BODIES[i + 1 :]:
            assert _difference(pictures[one], pictures[other]) > 1.0, (one, other)


@pytest.mark.parametrize("angle", ["three_quarter", "side"])
@pytest.mark.parametrize("body", BODIES)
def test_car_stands_whole_inside_the_frame(body: str, angle: str) -> None:
    drawn = draw_photo(body, "red", angle, seed=4, size=(240, 180))
    assert (drawn.size, drawn.mode) == ((240, 180), "RGB")
    picture = np.asarray(drawn, dtype=float)
    # what is dark or coloured is the car; the empty studio is pale and grey
    car = (picture.max(axis=2) - picture.min(axis=2) > 40) | (picture.max(axis=2) < 70)
    rows, columns = np.nonzero(car)
    assert 0.05 < car.mean() < 0.60
    assert rows.min() > 4
    assert rows.max() < 172
    assert columns.min() > 4
    assert columns.max() < 236
    assert abs((columns.min() + columns.max()) / 2 - 120) < 22


def test_jpeg_carries_no_metadata() -> None:
    data = draw_photo_jpeg("sedan", "white", "front", seed=1, size=SMALL)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == SMALL
        assert not picture.getexif()
        assert "comment" not in picture.info


def test_unusual_sizes_are_drawn_as_asked() -> None:
    assert draw_photo("van", "white", "side", seed=1, size=(333, 111)).size == (333, 111)
    assert draw_photo("van", "white", "interior", seed=1, size=(111, 222)).size == (111, 222)


def test_unknown_codes_are_refused() -> None:
    for body, color, angle in (
        ("tank", "white", "side"),
        ("suv", "mauve", "side"),
        ("suv", "white", "below"),
        ("suv", "mauve", "interior"),
    ):
        with pytest.raises(KeyError):
            draw_photo(body, color, angle, seed=1, size=SMALL)


def test_banner_keeps_its_left_side_calm() -> None:
    picture = draw_banner(1, size=(640, 240))
    assert picture.size == (640, 240)
    pixels = np.asarray(picture, dtype=float)
    assert pixels[:, :200].std() < 25 < pixels[:, 260:].std()
    assert _difference(picture, draw_banner(2, size=(640, 240))) > 1


def test_every_shot_of_the_series_is_told_apart_from_the_others() -> None:
    assert [shot.angle for shot in SHOTS] == list(ANGLES)
    assert len({(shot.slot, shot.alt) for shot in SHOTS}) == len(ANGLES)
    assert all(shot.alt or shot.slot in SLOT_OF for shot in SHOTS)
