"""What Webmotors is told of a car, and that as its `pAnuncio`. Pure.

Facts of the stock service come from public code that uses it, not from its manual
(integracao.webmotors.com.br/manualintegracao), which is for integrators only. A flag that we do not
know is left out: "N" would be a claim.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from integrators.portals.portal import Car, Draft, Problem, Secrets, Terms
from integrators.portals.webmotors_soap import Fields
from integrators.portals.wording import missing, text_of, unknown
from inventory import vocabulary

MOST_PHOTOS: Final = 20
MOST_TEXT: Final = 1500  # of two limits that are told (3000 the other), the one that always holds
_MARK: Final = "\n\nRef. "  # a stock reference, as dealers write it: our key is found by it again
_MARKED: Final = re.compile(r"Ref\. ([A-Za-z0-9_-]{1,19})\s*\Z")
_PLATE: Final = re.compile(r"[A-Z]{3}[0-9][A-Z0-9][0-9]{2}\Z")
_FLAGS: Final = (
    ("Blindado", "armored"),
    ("AdaptadoDeficientesFisicos", "pcd"),
    ("UnicoDono", "single_owner"),
    ("Alienado", "financed"),
    ("IpvaPago", "ipva_paid"),
    ("NaoAceitaTroca", "accepts_trade"),  # turned round
    ("RevisoesEmConcessionaria", "service_history"),
    ("GarantiaDeFabrica", "manufacturer_warranty"),
    ("Licenciado", "licensed"),
    ("Leilao", "auction"),
)
# Where the service wants each of them: it reads the elements of an ad in this order only.
ORDER: Final = (
    "CodigoAnuncio", "CodigoModalidade", "TipoAnuncio", "CodigoMarca", "CodigoModelo",
    "CodigoVersao", "AnoDoModelo", "AnoFabricacao", "Km", "Placa", "CodigoCambio", "NrPortas",
    "CodigoCor", "CodigoCombustivel", "Blindado", "AdaptadoDeficientesFisicos", "UnicoDono",
    "Alienado", "IpvaPago", "NaoAceitaTroca", "RevisadoOficinaAgendaDoCarro",
    "RevisoesEmConcessionaria", "GarantiaDeFabrica", "Licenciado", "Leilao", "PrecoReal",
    "PrecoVenda", "Observacao", "Opcional",
)  # fmt: skip


def draft(car: Car, terms: Terms, secrets: Secrets) -> Draft:
    """`car` part by part."""
    offer = car.offer
    codes = _Codes(car, terms)
    facts: dict[str, Any] = {
        "TipoAnuncio": "N" if offer.condition == "new" else "U",
        **codes.known(),
        "AnoDoModelo": offer.model_year,
        "AnoFabricacao": offer.built_year or offer.model_year,
        "Km": offer.mileage_km or 0,
        "Placa": secrets.plate,
        "NrPortas": offer.doors or 0,
        **_flags(offer.history),
    }
    parts: dict[str, Any] = {
        "facts": {name: value for name, value in facts.items() if value != ""},
        "price": f"{offer.price_cents / 100:.2f}",
        "text": text_of(car, MOST_TEXT - len(_MARK) - 19),
        "features": codes.features(),
        "photos": list(dict.fromkeys(car.photos))[:MOST_PHOTOS],
    }
    problems = (*_problems(car, secrets, parts), *codes.problems)
    return Draft(parts, offer.price_cents, problems)


def advertisement(key: str, number: str, modality: str, parts: Mapping[str, Any]) -> Fields:
    """The fields of `pAnuncio`, in their order; `number` "0" makes a new ad."""
    told = {
        "CodigoAnuncio": number,
        "CodigoModalidade": modality,
        **parts["facts"],
        "PrecoReal": parts["price"],
        "PrecoVenda": parts["price"],
        "Observacao": f"{parts['text']}{_MARK}{key}",
        "Opcional": [("OpcionalWM", [("CodigoOpcional", code)]) for code in parts["features"]]
        or None,
    }
    return [(name, told[name]) for name in ORDER if name in told]


def key_in(text: str) -> str:
    """Our key, as the text of an ad tells it; "" where it does not."""
    found = _MARKED.search(text)
    return found[1] if found else ""


def _flags(history: Mapping[str, bool]) -> dict[str, str]:
    said = {
        name: history[code] is not (code == "accepts_trade")
        for name, code in _FLAGS
        if code in history
    }
    return {name: "S" if is_so else "N" for name, is_so in said.items()}


def _problems(car: Car, secrets: Secrets, parts: Mapping[str, Any]) -> Iterator[Problem]:
    offer = car.offer
    if car.category != "car":
        yield missing("category_not_taken")  # motorcycles have another service, not built here
    if offer.price_cents <= 0:
        yield missing("no_price")
    if not parts["photos"]:
        yield missing("no_photo")
    if offer.mileage_km is None and offer.condition == "used":
        yield missing("no_mileage")
    if not offer.doors:
        yield missing("no_doors")
    if offer.condition == "used" and not secrets.plate:
        yield missing("no_plate")
    elif secrets.plate and not _PLATE.match(secrets.plate):
        yield missing("bad_plate")


class _Codes:
    """The car's words in Webmotors' numbers, and what is missing for them."""

    def __init__(self, car: Car, terms: Terms) -> None:
        self.car, self.terms = car, terms
        self.problems: list[Problem] = []

    def known(self) -> dict[str, str]:
        """One unknown make or model hides what is below it."""
        offer = self.car.offer
        make, model, trim = offer.make_slug, offer.model_slug, self.car.trim_slug
        found = {"CodigoMarca": self._code("make", offer.make, make)}
        if found["CodigoMarca"]:
            found["CodigoModelo"] = self._code("model", offer.name, make, model)
        if found.get("CodigoModelo"):
            if trim:
                name = f"{offer.name} {offer.trim}"
                found["CodigoVersao"] = self._code("trim", name, make, model, trim)
            else:
                self.problems.append(missing("no_trim"))
        found["CodigoCambio"] = self._word("transmission", offer.transmission, "no_gearbox")
        found["CodigoCor"] = self._word("color", offer.color, "no_color")
        found["CodigoCombustivel"] = self._word("fuel", offer.fuel, "no_fuel")
        return found

    def features(self) -> list[str]:
        """What of the equipment they have a number for. The rest stands in the text."""
        known = set(vocabulary.codes("feature"))
        codes = (self.terms.code("feature", one) for one in self.car.offer.features if one in known)
        return sorted({code for code in codes if code})

    def _word(self, kind: str, ours: str | None, lacking: str) -> str:
        if not ours:
            self.problems.append(missing(lacking))
            return ""
        return self._code(kind, str(vocabulary.label(kind, ours)), ours)

    def _code(self, list_name: str, name: str, *ours: str) -> str:
        code = self.terms.code(list_name, *ours)
        if not code:
            self.problems.append(unknown(name))
        return code
