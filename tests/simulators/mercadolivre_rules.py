"""What Mercado Livre takes of a vehicle's ad and what it turns away.

developers.mercadolivre.com.br/pt_br/publicacao-de-automoveis, …/categorias-e-atributos-veiculos.
Value ids are a small part of what a public search showed in 2022.
"""

import re
from typing import Any

from tests.simulators.routes import Refusal
from tests.simulators.server import said
from tests.simulators.simulator import POISON, is_clean

CATEGORIES = frozenset(
    {"MLB1744", "MLB1763", "MLB5839", "MLB1745", "MLB47400", "MLB76421"}
)  # leaves  # fmt: skip
NEEDED = ("title", "category_id", "price", "currency_id", "available_quantity", "buying_mode",
          "listing_type_id", "channels", "location", "attributes")  # fmt: skip
FIXED = {"currency_id": "BRL", "buying_mode": "classified", "available_quantity": 1,
         "listing_type_id": "silver", "channels": ["marketplace"]}  # fmt: skip
CHANGEABLE = frozenset(
    {"title", "price", "video_id", "pictures", "location", "attributes", "status", "deleted",
     "seller_contact", "seller_custom_field", "available_quantity"}
)  # fmt: skip
MOST_PICTURES, LONGEST_TITLE, LONGEST_DESCRIPTION = 15, 60, 50_000
YES, NO = "242085", "242084"

VALUES: dict[str, dict[str, str]] = {
    "BRAND": {"58955": "Chevrolet", "67781": "Fiat", "60249": "Volkswagen", "1089": "Hyundai",
              "9909": "Renault", "60559": "Honda", "66432": "Ford", "60297": "Toyota",
              "60395": "Jeep", "60505": "Nissan"},
    "ITEM_CONDITION": {"2230284": "Novo", "2230581": "Usado"},
    "FUEL_TYPE": {"372591": "Gasolina e álcool", "64364": "Gasolina", "2517339": "Álcool",
                  "60406": "Diesel", "372593": "Gasolina e gás natural",
                  "372590": "Gasolina-Álcool e gás natural", "372592": "Gasolina e elétrico",
                  "403613": "Elétrico"},
    "TRANSMISSION": {"370877": "Manual", "370876": "Automática",
                     "1244809": "Automática sequencial"},
    "STEERING": {"370874": "Hidráulica", "405719": "Elétrica", "370875": "Mecânica",
                 "370873": "Assistida"},
    "VEHICLE_BODY_TYPE": {"479344": "Hatch", "452758": "Sedã", "452759": "SUV", "452756": "Pick-Up",
                          "452750": "Furgão", "452753": "Minivan", "452755": "Van",
                          "452752": "Monovolume", "452751": "Caminhão leve", "452754": "Off-Road",
                          "452760": "Perua", "452749": "Coupé", "452748": "Conversível",
                          "452761": "Crossover", "452757": "Roadster"},
    "COLOR": {"52055": "Branco", "52049": "Preto", "52053": "Prateado", "283165": "Cinza",
              "52051": "Cinza-escuro", "51993": "Vermelho", "52028": "Azul", "52014": "Verde",
              "52005": "Marrom", "52007": "Amarelo", "283164": "Dourado", "52001": "Bege",
              "52000": "Laranja", "51998": "Bordô"},
    "TRACTION_CONTROL": {"370879": "4x2", "493979": "Dianteira"},
}  # fmt: skip
# Whoever sends a name of its own for these is believed; for the others above it is dropped.
OPEN = frozenset({"BRAND", "MODEL"})
YES_OR_NO = frozenset(
    {"ARMORED", "SINGLE_OWNER", "WITH_FACTORY_WARRANTY", "SALE_WITH_EXCHANGE", "IS_FINANCEABLE"}
)
MODELS = {"67781": {"55001": "Argo", "55002": "Mobi"}, "58955": {"123123": "Onix"},
          "60297": {"60334": "Corolla"}, "1089": {"389507": "HB20"}}  # fmt: skip
TRIMS = {"123123": ("1.0 LT", "1.0 LTZ Turbo"), "55001": ("Drive 1.0", "Trekking 1.3"),
         "60334": ("XEi 2.0",), "389507": ("Sense 1.0",)}  # fmt: skip
_PLATE = re.compile(r"[A-Z]{3}-?\d[A-Z0-9]\d{2}")
_PERSONAL = re.compile(r"https?://|www\.|@\w+\.|\(?\d{2}\)?[\s.-]?9?\d{4}[\s.-]?\d{4}")


def refuse(message: str, code: int | str, status: int = 400, error: str = "validation_error",
           field: str = "") -> Refusal:  # fmt: skip
    """The refusal with one cause. `field` is what it is about ("item.title")."""
    cause = {"code": code, "type": "error", "message": message, "references": [field or "item"]}
    return Refusal(
        said({"message": message, "error": error, "status": status, "cause": [cause]}, status)
    )


def check_new(body: dict[str, Any], *, needs_whatsapp: bool) -> None:
    """Raises Refusal when an ad cannot be made of `body`."""
    for name in NEEDED:
        if body.get(name) in (None, "", [], {}):
            raise refuse(f"The field {name} is required", 147, field=f"item.{name}")
    if body["category_id"] not in CATEGORIES:
        raise refuse("Category is not a leaf or does not exist", 126, field="item.category_id")
    for name, only in FIXED.items():
        if body[name] != only:
            raise refuse(f"{name} must be {only}", 114, field=f"item.{name}")
    if "condition" in body:
        raise refuse("condition is replaced by ITEM_CONDITION", 120, field="item.condition")
    if not body.get("pictures"):
        raise no_picture()
    contact = body.get("seller_contact") or {}
    if needs_whatsapp and not (contact.get("country_code2") and contact.get("phone2")):
        raise refuse("phone2 is required", 181, field="item.seller_contact")
    told = {one.get("id") for one in body["attributes"] if isinstance(one, dict)}
    missing = {"BRAND", "MODEL", "VEHICLE_YEAR", "TRIM", "ITEM_CONDITION"} - told
    if missing:
        raise refuse(f"Attributes [{', '.join(sorted(missing))}] are required", 147,
                     field="item.attributes")  # fmt: skip
    check_changes(body)


def check_changes(body: dict[str, Any]) -> None:
    """Raises Refusal when one of the values cannot stand."""
    title = body.get("title", "x")
    if not isinstance(title, str) or not 0 < len(title) <= LONGEST_TITLE:
        raise refuse("title is longer than 60 characters", 101, field="item.title")
    if not is_clean(title) or not is_clean(body.get("description", "")):
        raise refuse("a text holds control characters", 102, field="item.title")
    if POISON in str(body):
        raise refuse("the item holds words that are not allowed", 3703, field="item.title")
    price = body.get("price", 1)
    if isinstance(price, bool) or not isinstance(price, int | float) or price <= 0:
        raise refuse("price must be greater than 0", 122, field="item.price")
    if "pictures" in body:
        _check_pictures(body["pictures"])
    if "attributes" in body and not all(
        isinstance(one, dict) and one.get("id") and {"value_id", "value_name"} & set(one)
        for one in body["attributes"]
    ):
        raise refuse("an attribute lacks its id or value", 148, field="item.attributes")
    contact = body.get("seller_contact") or {}
    for name in ("area_code", "phone", "area_code2", "phone2", "country_code", "country_code2"):
        if not str(contact.get(name, "0")).isdigit():
            raise refuse(f"{name} has digits only", 182, field=f"item.seller_contact.{name}")
    for one in body.get("attributes", ()):
        plate = one.get("value_name") if one["id"] == "LICENSE_PLATE" else None
        if plate and not _PLATE.fullmatch(str(plate)):
            raise refuse("LICENSE_PLATE is not one", 149, field="item.attributes")


def _check_pictures(pictures: Any) -> None:
    if not pictures:
        raise no_picture()
    if len(pictures) > MOST_PICTURES:
        raise refuse("more than 15 pictures", 124, field="item.pictures")
    if not all(isinstance(one, dict) and (one.get("source") or one.get("id")) for one in pictures):
        raise refuse("a picture has neither source nor id", 125, field="item.pictures")


def no_picture() -> Refusal:
    """Since 2026 an ad has a picture."""
    return refuse("LTP_PICTURE_REQUIRED", 173, field="item.pictures")


def kept(attributes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What remains of the attributes sent: an unknown entry of a closed list is dropped, silently,
    and those that are left have both id and name where there are two."""
    return [found for one in attributes if (found := _kept(one))]


def _kept(one: dict[str, Any]) -> dict[str, Any] | None:
    name = str(one["id"])
    value_id, value = one.get("value_id"), one.get("value_name")
    if not value_id and not value:
        return None
    values = VALUES.get(name)
    if name in YES_OR_NO or name.startswith("HAS_"):
        values = {YES: "Sim", NO: "Não"}
    if values is None:
        return {"id": name, "value_id": value_id, "value_name": value}
    if value_id is not None and str(value_id) in values:
        return {"id": name, "value_id": str(value_id), "value_name": values[str(value_id)]}
    known = next((code for code, label in values.items() if label == value), None)
    if known or (value and name in OPEN):
        return {"id": name, "value_id": known, "value_name": value}
    return None


def taken_away(attributes: list[dict[str, Any]]) -> set[str]:
    """The attributes that are sent with no value, which takes them off the ad."""
    return {
        one["id"] for one in attributes if not one.get("value_id") and not one.get("value_name")
    }


def is_personal(text: str) -> bool:
    """Whether a phone, an address or a link stands in what should hold none."""
    return bool(_PERSONAL.search(text))


def attribute(item: dict[str, Any], name: str) -> str:
    """An attribute's value of an item, or ""."""
    found = next((one for one in item.get("attributes", ()) if one["id"] == name), {})
    return str(found.get("value_name") or found.get("value_id") or "")
