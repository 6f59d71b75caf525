"""What OLX is told of a car, and that as one insert. Pure.

Manual: developers.olx.com.br/anuncio/api/import.html and …/autos/. An optional value that is sent
empty or as 0 spoils the ad, and one spoilt ad spoils its whole import: what we do not know is left
out, what OLX cannot do without is a problem before anything is sent.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from integrators.portals.portal import Car, Draft, Problem, Secrets, Terms
from integrators.portals.wording import (
    is_youtube,
    missing,
    national_phone,
    table,
    text_of,
    title_of,
    unknown,
)

MOST_TITLE: Final = 90
MOST_TEXT: Final = 6000
MOST_PHOTOS: Final = 20
CC_LIST: Final = "moto_cubiccms"
_PLATE: Final = re.compile(r"[A-Z]{3}[0-9][A-Z0-9][0-9]{2}\Z")
_LITRES: Final = re.compile(r"(?<![0-9.,])([0-9])[.,]([0-9])(?![0-9])")
_CC: Final = re.compile(r"(?<![0-9.,])([1-9][0-9]{1,3})\s*(?:cc|cm3|cm³|cilindradas)?\s*\Z", re.I)
_OLDEST: Final = 1980  # before it OLX knows every fifth year only, back to 1950
_FIRST: Final = 1950


def draft(car: Car, terms: Terms, secrets: Secrets) -> Draft:
    """`car` part by part. OLX has no part of its own to change: any change is a new insert."""
    offer = car.offer
    params = _Params(car, terms, secrets)
    parts: dict[str, Any] = {
        "category": table("olx")[car.category]["category"],
        "price": offer.price_cents // 100,  # whole reais: never more than on our own page
        "text": {"subject": title_of(car, MOST_TITLE), "body": text_of(car, MOST_TEXT)},
        "contact": {"phone": int(national_phone(car) or 0), "zipcode": car.store.postal_code},
        "params": params.known(),
        "images": list(dict.fromkeys(car.photos))[:MOST_PHOTOS],
    }
    if is_youtube(offer.video_url):
        parts["videos"] = [offer.video_url]
    problems = (*_problems(car, parts), *params.problems)
    return Draft(parts, offer.price_cents, problems)


def insert(key: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The ad as an import takes it; it makes a new one or edits the one that has `key`."""
    ad = {
        "id": key,
        "operation": "insert",
        "category": parts["category"],
        "type": "s",
        **parts["text"],
        **parts["contact"],
        "price": parts["price"],
        "params": parts["params"],
        "images": parts["images"],
    }
    return {**ad, "videos": parts["videos"]} if "videos" in parts else ad


def delete(key: str) -> dict[str, Any]:
    """Take the ad with `key` down, as an import takes it."""
    return {"id": key, "operation": "delete"}


def _problems(car: Car, parts: Mapping[str, Any]) -> Iterator[Problem]:
    if parts["price"] <= 0:
        yield missing("no_price")
    if not parts["images"]:
        yield missing("no_photo")
    if not parts["contact"]["phone"]:
        yield missing("no_phone")
    if not car.store.postal_code:
        yield missing("no_postal_code")


class _Params:
    """The category's own fields, and what is missing for them."""

    def __init__(self, car: Car, terms: Terms, secrets: Secrets) -> None:
        self.car, self.terms, self.secrets = car, terms, secrets
        self.offer = car.offer
        self.codes: dict[str, Any] = table("olx")[car.category]
        self.problems: list[Problem] = []

    def known(self) -> dict[str, Any]:
        """All that is known, in OLX's codes."""
        found: dict[str, Any] = {
            "regdate": model_year(self.offer.model_year),
            "mileage": self._mileage(),
            "gearbox": self._code("gearbox", self.offer.transmission),
            **self._fuel(),
            **self._yes_no(),
        }
        match self.car.category:
            case "car":
                found |= {**self._catalogue(""), **self._plate(), **self._car(), **self._shared()}
            case "motorcycle":
                found |= {**self._catalogue("moto_"), "cubiccms": self._cc(), **self._shared()}
                found["moto_features"] = self._features()
            case _:
                found["truck_features"] = self._features()
        return {name: value for name, value in found.items() if value not in ("", None, [])}

    def _code(self, name: str, ours: str | None) -> str:
        return str(self.codes[name].get(ours or "", ""))

    def _mileage(self) -> int:
        if self.offer.mileage_km is None and self.offer.condition == "used":
            self.problems.append(missing("no_mileage"))
        return self.offer.mileage_km or 0

    def _fuel(self) -> dict[str, str]:
        """Gas is no fuel on OLX but a kit, and a motorcycle must have a fuel."""
        fuel = self.offer.fuel
        code = self._code("fuel", fuel)
        if not code and self.car.category == "motorcycle":
            self.problems.append(missing("fuel_not_taken" if fuel else "no_fuel"))
        has_kit = self.car.category == "car" and fuel in {"cng", "cng_flex"}
        return {"fuel": code, "gnv_kit": "1" if has_kit else ""}

    def _catalogue(self, prefix: str) -> dict[str, str]:
        """Make, model and version by OLX's numbers: one unknown hides what is below it."""
        offer = self.offer
        ours = (offer.make_slug, offer.model_slug, self.car.trim_slug)
        names = (offer.make, offer.name, f"{offer.name} {offer.trim}")
        found: dict[str, str] = {}
        for depth, (param, level) in enumerate(
            (("vehicle_brand", "make"), ("vehicle_model", "model"), ("vehicle_version", "trim"))
        ):
            if not ours[depth]:
                self.problems.append(missing("no_trim"))
                break
            code = self.terms.code(f"{prefix}{level}", *ours[: depth + 1])
            if not code:
                self.problems.append(unknown(names[depth]))
                break
            found[param] = code
        return found

    def _plate(self) -> dict[str, str]:
        """OLX asks for the plate of used cars, upper case, and does not show it."""
        if self.offer.condition != "used":
            return {"zero_km": "1"}
        plate = self.secrets.plate.upper().replace("-", "").strip()
        if not _PLATE.match(plate):
            self.problems.append(missing("bad_plate" if plate else "no_plate"))
        return {"vehicle_tag": plate}

    def _car(self) -> dict[str, Any]:
        return {
            "cartype": self._code("body", self.offer.body),
            "doors": self._code("doors", str(self.offer.doors or "")),
            "motorpower": self._motorpower(),
            "car_features": self._features(),
        }

    def _motorpower(self) -> str:
        found = _LITRES.search(self.offer.engine)
        if not found:
            return ""
        whole = int(found[1])
        if whole >= 2:
            return str(min(whole + 8, 12))  # 10: two litres and more, 11: three, 12: four and more
        return self._code("motorpower", f"{found[1]}.{found[2]}")

    def _cc(self) -> str:
        """A motorcycle's size: the manual prints a part of the list, the rest is theirs to tell."""
        found = _CC.search(self.offer.engine)
        if not found:
            self.problems.append(missing("no_engine"))
            return ""
        code = self._code("cubiccms", found[1]) or self.terms.code(CC_LIST, found[1])
        if not code:
            self.problems.append(unknown(f"{found[1]} cc"))
        return code

    def _features(self) -> list[str]:
        ours = [*self.offer.features, *(["armored"] if self.offer.history.get("armored") else [])]
        codes = {self._code("features", one) for one in ours} - {""}
        return sorted(codes, key=int)

    def _yes_no(self) -> dict[str, str]:
        history = self.offer.history
        return {
            param: "1" if history[ours] else "2"
            for ours, param in self.codes["yes_no"].items()
            if ours in history
        }

    def _shared(self) -> dict[str, Any]:
        """What cars and motorcycles have and trucks have not."""
        history = self.offer.history
        status = {True: "2", False: "1", None: ""}[history.get("financed")]
        codes = [c for ours, c in table("olx")["financial"].items() if history.get(ours)]
        return {
            "carcolor": table("olx")["color"].get(self.offer.color or "", ""),
            "financial": codes,
            "financial_status": status,
        }


def model_year(year: int) -> str:
    """The year as OLX lists it."""
    if year >= _OLDEST:
        return str(year)
    return str(max(_FIRST, year - year % 5))
