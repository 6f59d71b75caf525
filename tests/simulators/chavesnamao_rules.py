"""What Chaves na Mão takes of a vehicle and what it turns away, and a few of its lists.

github.com/chavesnamao/vehicle-api-documentation (object for creation and editing). Ids are
invented: the real ones are asked for.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulators.catalogue import Catalogue, Row
from tests.simulators.simulator import POISON, is_clean

COLORS = frozenset(
    {"BLACK", "RED", "SILVER", "GREEN", "YELLOW", "BLUE", "METALLIC_WHITE", "PEARL_WHITE", "GREY",
     "LEAD", "BEIGE", "ORANGE", "BURGUNDY", "BROWN", "GOLDEN", "PURPLE", "PINK", "MULTICOLORED",
     "WINE", "CHAMPAGNE", "BRONZE", "OTHER"}
)  # fmt: skip
FUELS = frozenset(
    {"ETHANOL", "GASOLINE", "DIESEL", "FLEX", "GNV", "GNV+ETHANOL", "GNV+GASOLINE", "GNV+FLEX",
     "HYBRID", "ELETRIC"}
)  # fmt: skip
GEARBOXES = frozenset({"AUTOMATIC", "MANUAL"})
MOST_PICTURES = 16
ACCESSORIES = {1: "Ar-condicionado", 2: "Direção hidráulica", 3: "Airbag", 4: "Freios ABS",
               5: "Vidros elétricos", 6: "Travas elétricas", 7: "Rodas de liga leve",
               8: "Bancos de couro", 9: "Câmera de ré", 10: "Teto solar"}  # fmt: skip
OTHER_INFOS = {1: "IPVA pago", 2: "Único dono", 3: "Licenciado", 4: "Garantia de fábrica"}
CATALOGUE: tuple[Row, ...] = (
    ("C", 11, "FIAT", 111, "ARGO", 1111, "1.0 FIREFLY FLEX DRIVE MANUAL"),
    ("C", 11, "FIAT", 111, "ARGO", 1112, "1.3 TREKKING"),
    ("C", 12, "CHEVROLET", 121, "ONIX", 1211, "1.0 FLEX LT MANUAL"),
    ("C", 12, "CHEVROLET", 121, "ONIX", 1212, "1.0 TURBO FLEX LTZ AUTOMÁTICO"),
    ("C", 13, "TOYOTA", 131, "COROLLA", 1311, "2.0 FLEX XEI AUTOMÁTICO"),
    ("C", 14, "HYUNDAI", 141, "HB20", 1411, "1.0 FLEX SENSE MANUAL"),
    ("M", 21, "HONDA", 211, "CG 160", 2111, "FAN"),
)
SMALL = Catalogue.of(CATALOGUE)
_PLATE = re.compile(r"[A-Z]{3}[0-9][0-9A-Z][0-9]{2}")
_VIDEO = re.compile(r"https?://(www\.)?(youtube\.com/watch\?v=|youtu\.be/|vimeo\.com/)[\w-]+")


def wrongs(
    body: Mapping[str, Any], catalogue: Catalogue = SMALL, *, any_term: bool = False
) -> list[str]:
    """What is wrong with the fields of a vehicle (400), one sentence each. `any_term`: versions
    and accessories are not looked up."""
    return [*_texts(body), *_numbers(body), *_lists(body, None if any_term else catalogue)]


def is_poison(body: Mapping[str, Any]) -> bool:
    """Whether it is refused for ever (422)."""
    return POISON in str(body)


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(body.get("reference"), str) or not 0 < len(body["reference"]) <= 90:
        yield "reference must be a string of 90 characters at most"
    if body.get("type") not in {"C", "M"}:
        yield "type must be one of C, M"
    for name, values in (("color", COLORS), ("gearbox", GEARBOXES), ("fuel", FUELS)):
        if body.get(name) not in values:
            yield f"{name} must be one of its values"
    for name, most in (("title", 100), ("description", 4000), ("document", 20)):
        text = body.get(name, "")
        if not isinstance(text, str) or len(text) > most or not is_clean(text):
            yield f"{name} must be a string of {most} characters at most"
    plate = body.get("licensePlate")
    if (plate is None and body.get("mileage")) or (plate and not _PLATE.fullmatch(str(plate))):
        yield "licensePlate must match ^[A-Z]{3}[0-9][0-9A-Z][0-9]{2}$"
    if "videoUrl" in body and not _VIDEO.match(str(body["videoUrl"])):
        yield "videoUrl must be a YouTube or Vimeo link"
    if "acceptExchange" in body and not isinstance(body["acceptExchange"], bool):
        yield "acceptExchange must be a boolean"


def _numbers(body: Mapping[str, Any]) -> Iterator[str]:
    for name in ("value", "deposit", "amountPerInstallment", "amountOfInstallments", "mileage"):
        if not _is_number(body.get(name)) or body[name] < 0:
            yield f"{name} must be a number of 0 at least"
    doors = body.get("doors", 0)
    if body.get("type") == "C" and not (_is_number(doors) and 2 <= doors <= 5):
        yield "doors must be between 2 and 5"
    if body.get("type") == "M" and doors != 0:
        yield "doors must be 0"
    for name in ("manufacturedYear", "modelYear"):
        if name in body or name == "manufacturedYear":
            year = body.get(name)
            if not _is_number(year) or year < 1886:
                yield f"{name} must be 1886 at least"


def _lists(body: Mapping[str, Any], catalogue: Catalogue | None) -> Iterator[str]:
    trim = body.get("trimId")
    kind = catalogue.kind_of(str(trim)) if catalogue else body.get("type")
    if not _is_number(trim) or not kind:
        yield "trimId must be an id of the trims' list"
    elif kind != body.get("type"):
        yield "trimId is of another type of vehicle"
    pictures = body.get("pictures")
    if not isinstance(pictures, list) or not 1 <= len(pictures) <= MOST_PICTURES:
        yield "pictures must hold between 1 and 16 elements"
    elif not all(isinstance(one, dict) and one.get("source") for one in pictures):
        yield "each picture must have a source"
    for name, known in (("accessories", ACCESSORIES), ("otherInfos", OTHER_INFOS)):
        given = body.get(name, [] if name == "otherInfos" else None)
        if not isinstance(given, list) or not all(
            type(one) is int and (not catalogue or one in known) for one in given
        ):
            yield f"{name} must be a list of ids"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
