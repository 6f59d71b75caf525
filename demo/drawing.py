"""Draws the demo dealership's car photos: one studio, one light, every body type and colour.

The pictures are made, not taken: a small model of each body type is turned before the same camera,
so a car's front, side and rear belong together. Same arguments, same bytes.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from demo.drawing_cabin import draw_dashboard, draw_interior
from demo.drawing_car import Car
from demo.drawing_motorcycle import Motorcycle
from demo.drawing_shell import Look
from demo.drawing_space import Array, Camera, Easel, Light
from demo.silhouettes import SILHOUETTES


@dataclass(frozen=True)
class Shot:
    """One photo of a series: the angle's code, the view of `inventory.gallery` that it is, and in
    the dealership's own words what no view says. Of a view the site itself tells what it shows."""

    angle: str
    slot: str = ""
    alt: str = ""


# The series a dealership takes of a used car.
SHOTS: tuple[Shot, ...] = (
    Shot("three_quarter", "front"),
    Shot("side", "side"),
    Shot("rear", "rear"),
    Shot("front", alt="Frente"),
    Shot("interior", "seats"),
    Shot("dashboard", "dashboard"),
    Shot("wheel", "wheel"),
)
ANGLES: tuple[str, ...] = tuple(shot.angle for shot in SHOTS)


class Vehicle(Protocol):
    """What the studio needs to know of the thing it photographs; metres."""

    overall: float
    width: float
    axles: tuple[float, float]
    wheel_radius: float
    wheel_face: float

    def hull(self) -> Array: ...

    def footprint(self) -> Array: ...

    def paint(self, easel: Easel) -> None: ...


def _vehicle(body: str, look: Look) -> Vehicle:
    return Motorcycle(look) if body == "motorcycle" else Car(SILHOUETTES[body], look)


_VIEWS: dict[str, tuple[float, float, float]] = {
    # azimuth in degrees, camera height and distance in metres
    "three_quarter": (38.0, 1.42, 9.0),
    "side": (90.0, 1.15, 13.0),
    "rear": (146.0, 1.46, 9.0),
    "front": (5.0, 1.22, 9.0),
}
_SAMPLES = 3


def _extent(car: Vehicle, camera: Camera) -> tuple[float, float, float, float]:
    """The car's box in the picture: left, top, right, bottom."""
    flat = camera.project(car.hull())
    left, top = flat.min(axis=0)
    right, bottom = flat.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _framed(car: Vehicle, angle: str, size: tuple[int, int], chance: random.Random) -> Camera:
    """The camera of an angle, moved a little as a photographer would, the car filling the frame."""
    azimuth, height, distance = _VIEWS[angle]
    if angle in ("three_quarter", "rear"):
        azimuth += chance.uniform(-3.0, 3.0)
    height += chance.uniform(-0.05, 0.05)
    distance += car.overall - 4.4
    camera = Camera(azimuth, height, distance, (car.overall / 2, 0.0, 0.62), 1.0, (0, 0))
    left, top, right, bottom = _extent(car, camera)
    share = {"side": 0.86, "front": 0.60}.get(angle, 0.84)
    share *= min(1.0, 0.94 + 0.06 * (car.overall - 3.9))
    scale = min(size[0] * share / (right - left), size[1] * 0.66 / (bottom - top))
    floor = 0.76 if angle == "side" else 0.80
    centre = (size[0] / 2 - scale * (left + right) / 2, size[1] * floor - scale * bottom)
    return Camera(azimuth, height, distance, camera.target, scale, centre)


def _studio(size: tuple[int, int], horizon: float, exposure: float) -> Image.Image:
    """The empty studio: a wall lit from above that runs softly into a paler floor."""
    width, height = size
    y = np.linspace(0, 1, 192)[:, None]
    x = np.linspace(-0.5, 0.5, 128)[None, :]
    wall = 0.50 + 0.20 * np.exp(-((x / 0.55) ** 2) - ((y - horizon) / 0.42) ** 2)
    floor = 0.60 + 0.14 * np.exp(-((x / 0.60) ** 2) - ((y - horizon - 0.22) / 0.26) ** 2)
    t = np.clip((y - horizon + 0.05) / 0.10, 0, 1)
    t = t * t * (3 - 2 * t)
    screen = np.clip((wall * (1 - t) + floor * t) * exposure, 0, 1) ** (1 / 2.2) * 255
    smooth = Image.fromarray(screen.astype(np.float32))
    light = np.asarray(smooth.resize(size, Image.Resampling.BICUBIC))
    # a trace of grain keeps the slow gradients from banding
    grain = np.random.default_rng(7).random((height, width), dtype=np.float32) * 2 - 0.5
    grey = np.clip(light + grain, 0, 252)
    warm = np.stack([grey, grey * 0.998, grey * 0.991], axis=-1)
    return Image.fromarray(warm.astype(np.uint8))


def _shadow(size: tuple[int, int], car: Vehicle, camera: Camera) -> Image.Image:
    """How much light the car takes from the floor, 0-255."""
    small = (max(1, size[0] // 4), max(1, size[1] // 4))
    view = camera.scaled(0.25)
    total = np.zeros((small[1], small[0]))
    loop = car.footprint()
    for grow, blur, strength in ((1.05, 0.16, 0.42), (0.98, 0.055, 0.50)):
        layer = Image.new("L", small, 0)
        middle = np.array([car.overall / 2, 0.0, 0.0])
        ImageDraw.Draw(layer).polygon(
            view.project((loop - middle) * grow + middle).reshape(-1).tolist(), fill=255
        )
        soft = layer.filter(ImageFilter.GaussianBlur(max(0.5, blur * view.scale)))
        total = 1 - (1 - total) * (1 - np.asarray(soft) / 255.0 * strength)
    tyres = Image.new("L", small, 0)
    pen = ImageDraw.Draw(tyres)
    y = car.wheel_face
    for x in car.axles:
        for side in (1.0, -1.0):
            patch = np.array(
                [
                    [x - 0.17, side * y, 0.0],
                    [x + 0.17, side * y, 0.0],
                    [x + 0.17, side * (y - 0.22), 0.0],
                    [x - 0.17, side * (y - 0.22), 0.0],
                ]
            )
            pen.polygon(view.project(patch).reshape(-1).tolist(), fill=255)
    soft = tyres.filter(ImageFilter.GaussianBlur(max(0.4, 0.025 * view.scale)))
    total = 1 - (1 - total) * (1 - np.asarray(soft) / 255.0 * 0.75)
    dark = Image.fromarray((np.clip(total, 0, 1) * 255).astype(np.uint8))
    return dark.resize(size, Image.Resampling.BICUBIC)


def _reflection(sheet: Image.Image, car: Vehicle, camera: Camera) -> Image.Image:
    """The car upside down in the polished floor, fading with depth."""
    y = car.wheel_face
    near = 1.0 if camera.position[1] > 0 else -1.0
    ahead = camera.position[0] < car.overall / 2
    first, last = car.axles if ahead else car.axles[::-1]
    feet = np.array([[first, -near * y, 0], [first, near * y, 0], [last, near * y, 0]], dtype=float)
    # seen head on, the flank is too narrow to stand on: the nearer axle alone carries the mirror
    flat = camera.project(feet if 15 < camera.azimuth < 165 else feet[:2])
    flat = flat[np.argsort(flat[:, 0])]
    pixels = np.asarray(sheet)
    height, width = pixels.shape[:2]
    line = np.interp(np.arange(width), flat[:, 0], flat[:, 1])
    rows = np.arange(height)[:, None]
    source = np.round(2 * line[None, :] - rows).astype(int)
    ok = (source >= 0) & (source < height) & (rows > line[None, :] - 1)
    taken = np.take_along_axis(pixels, np.clip(source, 0, height - 1)[..., None], axis=0).copy()
    depth = (rows - line[None, :]) / camera.scale
    fade = 0.20 * np.exp(-depth / 0.28) * ok * np.clip((height - rows) / (0.25 * height), 0, 1)
    taken[..., 3] = (taken[..., 3] * np.clip(fade, 0, 1)).astype(np.uint8)
    image = Image.fromarray(taken)
    return image.filter(ImageFilter.GaussianBlur(max(0.5, 0.006 * camera.scale)))


def _place(picture: Image.Image, car: Vehicle, camera: Camera, light: Light) -> None:
    """Put one car with its shadow and reflection into the picture."""
    size = picture.size
    dark = _shadow(size, car, camera)
    picture.paste((26, 26, 29), (0, 0), dark)
    left, top, right, bottom = _extent(car, camera)
    pad = camera.scale * 0.30
    # a large close-up fills the whole frame: two samples a side keep its memory modest
    samples = 2 if right - left > 1.5 * size[0] > 1200 else _SAMPLES
    x0, y0 = max(0, int(left - pad)), max(0, int(top - pad))
    x1, y1 = min(size[0], int(right + pad)), min(size[1], int(bottom + pad * 2))
    box = (x1 - x0, y1 - y0)
    moved = Camera(
        camera.azimuth,
        camera.height,
        camera.distance,
        camera.target,
        camera.scale,
        (camera.centre[0] - x0, camera.centre[1] - y0),
    )
    easel = Easel.blank((box[0] * samples, box[1] * samples), moved.scaled(samples), light)
    car.paint(easel)
    sheet = easel.image.resize(box, Image.Resampling.LANCZOS, reducing_gap=1.0)
    glow = _reflection(sheet, car, moved)
    picture.paste(glow, (x0, y0), glow)
    picture.paste(sheet, (x0, y0), sheet)


# Close views: azimuth, camera height and distance, what is looked at (shares of the overall length
# and width, height in metres) and how many metres the frame's height holds
_CLOSE: dict[str, tuple[float, float, float, tuple[float, float, float], float]] = {
    "interior": (112.0, 1.35, 3.6, (0.58, 0.0, 0.72), 0.95),
    "dashboard": (158.0, 1.75, 3.4, (0.36, 0.0, 0.98), 0.80),
}


def _close(car: Vehicle, angle: str, size: tuple[int, int], chance: random.Random) -> Camera:
    """The camera of a detail: a car's front wheel, a motorcycle's seat or handlebar."""
    if angle == "wheel":
        target = (car.axles[0], car.wheel_face, car.wheel_radius)
        azimuth, height, distance, frame = 64.0, 0.62, 4.2, car.wheel_radius / 0.30
    else:
        azimuth, height, distance, where, frame = _CLOSE[angle]
        target = (where[0] * car.overall, where[1] * car.width, where[2])
    azimuth += chance.uniform(-3.0, 3.0)
    centre = (size[0] * 0.48, size[1] * (0.56 if angle == "wheel" else 0.50))
    return Camera(azimuth, height, distance, target, size[1] / frame, centre)


def draw_photo(
    body: str, color: str, angle: str, *, seed: int, size: tuple[int, int] = (1200, 900)
) -> Image.Image:
    """A studio photo of a car as an RGB image of `size` pixels; same arguments, same picture.

    Raises KeyError for a body, colour or angle that is not in the vocabulary.
    """
    look = Look.of(color, body, seed)
    car = _vehicle(body, look)
    if angle in _CLOSE and body != "motorcycle":
        draw = draw_interior if angle == "interior" else draw_dashboard
        return draw(size, look.cabin, roof=SILHOUETTES[body].kind != "open")
    chance = random.Random(f"{body}/{seed}/{angle}")
    detail = angle == "wheel" or angle in _CLOSE
    camera = (_close if detail else _framed)(car, angle, size, chance)
    exposure = chance.uniform(0.97, 1.03)
    picture = _studio(size, 0.36 if detail else 0.56, exposure)
    _place(picture, car, camera, Light(exposure=exposure, turn=camera.azimuth))
    return picture


def draw_photo_jpeg(
    body: str,
    color: str,
    angle: str,
    *,
    seed: int,
    size: tuple[int, int] = (1200, 900),
    quality: int = 88,
) -> bytes:
    """The same photo as JPEG bytes without metadata."""
    out = io.BytesIO()
    draw_photo(body, color, angle, seed=seed, size=size).save(
        out, "JPEG", quality=quality, optimize=True, progressive=True
    )
    return out.getvalue()


_BANNERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("sedan", "gray"), ("suv", "white"), ("hatch", "red")),
    (("crossover", "silver"), ("pickup_cd", "black"), ("coupe", "blue")),
    (("wagon", "white"), ("hatch", "yellow"), ("suv", "burgundy")),
    (("pickup_cd", "green"), ("sedan", "silver"), ("crossover", "orange")),
)


def draw_banner(seed: int, size: tuple[int, int] = (1600, 600)) -> Image.Image:
    """A showroom scene for the home page: three cars on the right, room for words on the left."""
    chance = random.Random(f"banner/{seed}")
    width, height = size
    exposure = chance.uniform(0.98, 1.02)
    picture = _studio(size, 0.56, exposure)
    lot = _BANNERS[seed % len(_BANNERS)]
    # (middle as a share of the width, floor as a share of the height, car's width as a share)
    places = ((0.545, 0.735, 0.255), (0.865, 0.755, 0.265), (0.705, 0.90, 0.345))
    for (body, color), (x, floor, share) in zip(lot, places, strict=True):
        car = _vehicle(body, Look.of(color, body, seed + 1))
        camera = Camera(
            36.0 + (0.70 - x) * 22, 1.5, 10.0, (car.overall / 2, 0.0, 0.62), 1.0, (0, 0)
        )
        left, top, right, bottom = _extent(car, camera)
        scale = min(width * share / (right - left), height * 0.62 / (bottom - top))
        scale *= 0.90 + 0.10 * car.overall / 4.4
        middle = min(x, 0.985 - scale * (right - left) / 2 / width)
        centre = (width * middle - scale * (left + right) / 2, height * floor - scale * bottom)
        placed = Camera(
            camera.azimuth, camera.height, camera.distance, camera.target, scale, centre
        )
        _place(picture, car, placed, Light(exposure=exposure, turn=camera.azimuth))
    return picture
