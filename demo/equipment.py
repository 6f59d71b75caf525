"""What a car of a given trim and age has on board."""

import random
from typing import Final

from demo.catalogue import MarketEntry
from inventory import vocabulary

MOST: Final = 22
_COUNTS: Final = {1: (6, 9), 2: (9, 13), 3: (13, 17), 4: (16, 20), 5: (19, MOST)}
_ALWAYS: Final = ("air_conditioning", "power_steering", "airbag", "abs")
_BY_LEVEL: Final = {
    1: ("isofix", "power_windows", "power_locks", "usb", "split_seat", "spare_tire",
        "immobilizer", "height_seat"),
    2: ("power_mirrors", "multimedia", "bluetooth", "alarm", "onboard_computer",
        "steering_controls", "esc", "traction_control", "hill_assist"),
    3: ("alloy_wheels", "rear_camera", "carplay", "android_auto", "parking_sensor",
        "cruise_control", "fog_lights", "drl", "side_airbag", "light_sensor", "start_stop"),
    4: ("leather_seats", "digital_ac", "led_headlights", "keyless_entry", "push_start",
        "rain_sensor", "paddle_shift", "curtain_airbag", "remote_start", "wireless_charger"),
    5: ("adaptive_cruise", "lane_assist", "blind_spot", "aeb", "power_seat", "dual_zone_ac",
        "camera_360", "park_assist", "power_tailgate", "head_up_display", "panoramic_roof",
        "sunroof", "gps"),
}  # fmt: skip
# The year from which it was common in Brazil.
_SINCE: Final = {
    "isofix": 2014, "carplay": 2017, "android_auto": 2017, "drl": 2015, "start_stop": 2016,
    "wireless_charger": 2020, "adaptive_cruise": 2018, "lane_assist": 2018, "blind_spot": 2017,
    "aeb": 2018, "camera_360": 2018, "head_up_display": 2018, "led_headlights": 2017,
    "remote_start": 2018, "esc": 2014, "hill_assist": 2014, "rear_camera": 2014,
    "power_tailgate": 2016, "multimedia": 2013,
}  # fmt: skip
# What a trim must cost new, in thousands of reais, before it has such a thing.
_FROM_PRICE: Final = {
    "adaptive_cruise": 120, "lane_assist": 115, "aeb": 115, "camera_360": 140, "park_assist": 150,
    "dual_zone_ac": 145, "panoramic_roof": 150, "power_tailgate": 170, "power_seat": 140,
    "head_up_display": 210, "paddle_shift": 100,
}  # fmt: skip
_BOX_BODIES: Final = {"suv", "wagon", "crossover"}
_NO_BACK_SEAT: Final = {"pickup", "van"}


def features_of(entry: MarketEntry, built_year: int, chance: random.Random) -> tuple[str, ...]:
    """Codes of what is on board, in the vocabulary's order: all that a better trim is bought
    for first, then some of the rest."""
    level = entry.trim.level
    wanted = chance.randint(*_COUNTS[level])
    extras = [code for code in _extras(entry) if chance.random() < 0.5]
    chosen = dict.fromkeys([*_ALWAYS, *extras])
    for step in range(level, 0, -1):
        possible = [
            code
            for code in _BY_LEVEL[step]
            if built_year >= _SINCE.get(code, 0) and _fits(code, entry)
        ]
        # The best things of a trim vary from car to car, the plain ones hardly.
        keep = 0.75 if step == level else 0.85
        chosen |= dict.fromkeys(code for code in possible if chance.random() < keep)
    _drop_contradictions(chosen)
    kept = set(list(chosen)[:wanted])
    return tuple(code for code in vocabulary.codes("feature") if code in kept)


def _extras(entry: MarketEntry) -> tuple[str, ...]:
    if entry.body in {"pickup", "pickup_cd"}:
        return ("bed_cover", "tow_hitch")
    return ("roof_rack",) if entry.body in _BOX_BODIES else ()


def _fits(code: str, entry: MarketEntry) -> bool:
    """Whether such a car can have it at all."""
    body = entry.body
    if entry.trim.new_price < _FROM_PRICE.get(code, 0):
        return False
    if code in {"paddle_shift", "remote_start", "adaptive_cruise", "park_assist"}:
        return entry.facts.transmission not in {"manual", "single_speed"}
    if code == "start_stop":
        return entry.facts.fuel != "electric"
    if code == "power_tailgate":
        return body in _BOX_BODIES
    if code in {"panoramic_roof", "sunroof"}:
        return body not in {"convertible", "pickup_cd", "pickup", "van", "minivan"}
    if code in {"split_seat", "isofix"}:
        return body not in _NO_BACK_SEAT | {"convertible"}
    return True


def _drop_contradictions(chosen: dict[str, None]) -> None:
    """Of two that exclude or include each other, the better one says it all."""
    for better, plain in (
        ("panoramic_roof", "sunroof"),
        ("adaptive_cruise", "cruise_control"),
        ("power_seat", "height_seat"),
        ("camera_360", "rear_camera"),
    ):
        if better in chosen:
            chosen.pop(plain, None)
    if "keyless_entry" not in chosen:
        chosen.pop("push_start", None)
