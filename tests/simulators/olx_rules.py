"""What OLX takes of an ad and what it turns away.

developers.olx.com.br/anuncio/api/import.html, …/anuncio/api/autos/sub_auto.html,
sub_motorcycle.html, sub_truck.html. Catalogue ids are invented: the real ones are asked for.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulators.catalogue import CAR, MOTORCYCLE, Catalogue, Row
from tests.simulators.simulator import POISON, is_clean

CARS, MOTORCYCLES, TRUCKS = 2020, 2060, 2040
CATEGORIES = frozenset({CARS, MOTORCYCLES, TRUCKS, 2050, 2080})
MOST_IMAGES = 20
CATALOGUE: tuple[Row, ...] = (
    ("C", 21, "FIAT", 55, "ARGO", 7, "DRIVE 1.0 FIREFLY FLEX"),
    ("C", 21, "FIAT", 55, "ARGO", 8, "TREKKING 1.3 FLEX"),
    ("C", 21, "FIAT", 56, "UNO", 9, "MILLE 1.0"),
    ("C", 22, "CHEVROLET", 60, "ONIX", 11, "1.0 LT FLEX MANUAL"),
    ("C", 22, "CHEVROLET", 60, "ONIX", 12, "1.0 LTZ TURBO FLEX AUT."),
    ("C", 22, "CHEVROLET", 61, "TRACKER", 13, "1.2 TURBO PREMIER AUT."),
    ("C", 23, "TOYOTA", 70, "COROLLA", 21, "2.0 XEI FLEX AUT."),
    ("C", 23, "TOYOTA", 70, "COROLLA", 22, "1.8 GLI FLEX AUT."),
    ("C", 24, "HYUNDAI", 80, "HB20", 31, "1.0 SENSE FLEX"),
    ("C", 25, "VOLKSWAGEN", 90, "GOL", 41, "1.0 TRENDLINE"),
    ("C", 25, "VOLKSWAGEN", 91, "T-CROSS", 42, "200 TSI"),
    ("M", 3, "HONDA", 31, "CG 160", 301, "FAN"),
    ("M", 3, "HONDA", 31, "CG 160", 302, "TITAN"),
    ("M", 3, "HONDA", 32, "BIZ 125", 303, "ES"),
    ("M", 4, "YAMAHA", 41, "FAZER 250", 401, "ABS"),
)
SMALL = Catalogue.of(CATALOGUE)
CUBIC: dict[str, int] = {"50": 1, "125": 2, "250": 3, "500": 4, "750": 5, "1000": 6, "150": 7,
                         "200": 8, "300": 9, "350": 10, "400": 11, "100": 22}  # fmt: skip


def _numbers(*numbers: int) -> frozenset[str]:
    return frozenset(str(number) for number in numbers)


_YES_NO = _numbers(1, 2)
_COMMON = {"financial": _numbers(2, 3, 4), "financial_status": _YES_NO, "exchange": _YES_NO,
           "owner": _YES_NO, "carcolor": _numbers(*range(1, 11))}  # fmt: skip
_CAR: dict[str, frozenset[str]] = {
    **_COMMON,
    "zero_km": _numbers(0, 1),
    "gearbox": _numbers(1, 2, 3, 4),
    "fuel": _numbers(1, 2, 3, 5, 6, 7),
    "gnv_kit": _YES_NO,
    "cartype": _numbers(2, 3, 5, 6, 7, 8, 9, 10, 11, 12),
    "doors": _numbers(1, 2, 3),
    "car_steering": _numbers(1, 2, 3, 5),
    "motorpower": _numbers(*range(1, 13)),
    "car_features": _numbers(1, *range(3, 21)),
    "owner_manual": _YES_NO,
    "dealership_review": _YES_NO,
    "extra_key": _YES_NO,
    "warranty": _YES_NO,
    "vehicle_history": _YES_NO,
}
_MOTORCYCLE: dict[str, frozenset[str]] = {
    **_COMMON,
    "gearbox": _numbers(1, 2, 3),
    "fuel": _numbers(1, 2, 3, 4, 5, 6),
    "cubiccms": _numbers(*range(1, 23)),
    "mototype": _numbers(*range(1, 18)),
    "moto_features": _numbers(*range(1, 11)),
}
_TRUCK: dict[str, frozenset[str]] = {
    **_COMMON,
    "gearbox": _numbers(1, 2, 3, 4),
    "fuel": _numbers(1, 2, 3, 4, 5, 6, 7),
    "trucktype": _numbers(*range(1, 13)),
    "truck_features": _numbers(*range(1, 6)),
    "car_steering": _numbers(1, 2, 3, 5),
}
VALUES = {CARS: _CAR, MOTORCYCLES: _MOTORCYCLE, TRUCKS: _TRUCK}
_FREE = {CARS: {"vehicle_tag", "end_tag", "chassi", "renavam", "cpf_cnpj"}}
_KNOWN = {"vehicle_brand", "vehicle_model", "vehicle_version", "regdate", "mileage"}
LISTS = frozenset({"car_features", "moto_features", "truck_features", "financial"})
NEEDED = {
    CARS: ("vehicle_brand", "vehicle_model", "vehicle_version", "regdate", "mileage"),
    MOTORCYCLES: ("vehicle_brand", "vehicle_model", "vehicle_version", "regdate", "mileage",
                  "fuel", "cubiccms"),
    TRUCKS: ("regdate", "mileage"),
}  # fmt: skip
# Codes that once were good have an error of their own.
_OLD = {("fuel", "4"): "ERROR_FUEL_4_DEPRECATED", ("financial", "1"): "ERROR_FINANCIAL_INVALID",
        ("car_features", "2"): "ERROR_CAR_FEATURE_2_INVALID",
        ("cartype", "1"): "ERROR_CAR_TYPE_1_OR_4_INVALID",
        ("cartype", "4"): "ERROR_CAR_TYPE_1_OR_4_INVALID"}  # fmt: skip
_OLD_YEARS = {"1975", "1970", "1965", "1960", "1955", "1950"}
_ID = re.compile(r"[A-Za-z0-9_{}-]{1,19}")
_PLATE = re.compile(r"[A-Z]{3}\d[A-Z0-9]\d{2}")
_TAGS = re.compile(r"</?[a-zA-Z][^>]*>")
_VIDEO = re.compile(r"https?://(www\.)?(youtube\.com/watch\?v=|youtu\.be/)[\w-]{6,}")


def wrongs(
    ad: Mapping[str, Any], catalogue: Catalogue = SMALL, *, any_term: bool = False
) -> list[str]:
    """Why `ad` cannot be taken: the codes of the manual, or ERROR_<FIELD>_INVALID where it has
    none. `any_term`: makes, models and versions are not looked up."""
    if not isinstance(ad.get("id"), str) or not _ID.fullmatch(ad["id"]):
        return ["UNDEFINED_AD_ID"]
    if ad.get("operation") == "delete":
        return []
    if ad.get("operation") != "insert":
        return ["ERROR_OPERATION_INVALID"]
    return [*_of_ad(ad), *_of_params(ad, None if any_term else catalogue)]


def is_poison(ad: Mapping[str, Any]) -> bool:
    """Whether it is refused for ever."""
    return POISON in str(ad)


def _of_ad(ad: Mapping[str, Any]) -> Iterator[str]:
    if ad.get("category") not in CATEGORIES or isinstance(ad.get("category"), bool):
        yield "ERROR_CATEGORY_INVALID"
    subject, body = ad.get("subject"), ad.get("body")
    if not isinstance(subject, str) or not 2 <= len(subject) <= 90 or not is_clean(subject):
        yield "ERROR_SUBJECT_INVALID"
    is_plain = isinstance(body, str) and is_clean(body) and not _TAGS.search(body)
    if not is_plain or not 2 <= len(body) <= 6000:
        yield "ERROR_BODY_INVALID"
    phone, price = ad.get("phone"), ad.get("price")
    if type(phone) is not int or not 10 <= len(str(phone)) <= 11:
        yield "ERROR_PHONE_INVALID"
    if type(price) is not int or price <= 0:
        yield "ERROR_PRICE_INVALID"
    if ad.get("type") not in {"s", "u"}:
        yield "ERROR_TYPE_INVALID"
    if not re.fullmatch(r"\d{8}", str(ad.get("zipcode"))):
        yield "NO_REGION"
    images = ad.get("images")
    if not images or not isinstance(images, list):
        yield "NO_IMAGE"
    elif len(images) > MOST_IMAGES or len(set(images)) < len(images):
        yield "ERROR_IMAGES_INVALID"
    if "videos" in ad and (len(ad["videos"]) != 1 or not _VIDEO.match(ad["videos"][0])):
        yield "ERROR_VIDEOS_URL_INVALID"


def _of_params(ad: Mapping[str, Any], catalogue: Catalogue | None) -> Iterator[str]:
    params, category = ad.get("params"), ad.get("category")
    if not isinstance(params, dict):
        yield "ERROR_PARAMS_INVALID"
        return
    for name in NEEDED.get(category, ()):
        if name not in params:
            yield f"ERROR_{name.upper()}_INVALID"
    for name, value in params.items():
        yield from _of_param(category, name, value)
    if category in {CARS, MOTORCYCLES} and catalogue:
        yield from _of_terms(params, catalogue, CAR if category == CARS else MOTORCYCLE)
    tag = params.get("vehicle_tag")
    is_new = params.get("zero_km") == "1"
    if category == CARS and ((tag is None and not is_new) or (tag and not _PLATE.fullmatch(tag))):
        yield "ERROR_VEHICLE_TAG_INVALID"
    if params.get("vehicle_history") == "1" and not {"renavam", "cpf_cnpj"} <= set(params):
        yield "ERROR_VEHICLE_HISTORY_INVALID"


def _of_param(category: Any, name: str, value: Any) -> Iterator[str]:
    wrong = f"ERROR_{name.upper()}_INVALID"
    if name == "mileage":
        if type(value) is not int or value < 0:
            yield wrong
        return
    if value in ("", 0, None, [], {}):  # optional, and sent empty
        yield wrong
        return
    given = value if isinstance(value, list) else [value]
    if isinstance(value, list) != (name in LISTS) or not all(type(one) is str for one in given):
        yield wrong
        return
    if name == "regdate":
        year = int(value) if value.isdigit() else 0
        if not 1980 <= year <= 2028 and value not in _OLD_YEARS:
            yield wrong
        return
    allowed = VALUES.get(category, {}).get(name)
    if allowed is None:
        if category in VALUES and name not in _KNOWN | _FREE.get(category, set()):
            yield wrong
        return
    for one in given:
        if one not in allowed:
            yield _OLD.get((name, one), wrong)


def _of_terms(params: Mapping[str, Any], catalogue: Catalogue, kind: str) -> Iterator[str]:
    make, model, trim = (
        str(params.get(name)) for name in ("vehicle_brand", "vehicle_model", "vehicle_version")
    )
    if catalogue.makes.get(make, ("", ""))[1] != kind:
        yield "ERROR_VEHICLE_BRAND_INVALID"
    elif model not in catalogue.models:
        yield "ERROR_VEHICLE_MODEL_INVALID"
    elif trim not in catalogue.trims:
        yield "ERROR_VEHICLE_VERSION_INVALID"
    elif (catalogue.make_of(model), catalogue.model_of(trim)) != (make, model):
        yield "ERROR_VEHICLE_BRAND_MODEL_VERSION_INVALID"
