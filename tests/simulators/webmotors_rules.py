"""What Webmotors' stock service takes of an ad, and its lists.

Of the manual (integracao.webmotors.com.br/manualintegracao) only what public code shows is known:
the elements and their order, and the meaning of some codes. Which mandatory field has which of the
codes 43|7 … 43|22 is invented, and so are the lists' numbers.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.simulators.catalogue import Catalogue, Row
from tests.simulators.simulator import POISON

GOOD, UNEXPECTED, BAD_HASH, SESSION_OVER = "500", "400", "401", "402"
NO_ROOM, NOT_YOURS, NO_REASON = "43|32", "43|39", "43|58"
TOO_MANY_PHOTOS = "42|2"
MOST_PHOTOS = 20
FLAGS = ("Blindado", "AdaptadoDeficientesFisicos", "UnicoDono", "Alienado", "IpvaPago",
         "NaoAceitaTroca", "RevisadoOficinaAgendaDoCarro", "RevisoesEmConcessionaria",
         "GarantiaDeFabrica", "Licenciado", "Leilao")  # fmt: skip
ORDER = ("CodigoAnuncio", "CodigoModalidade", "TipoAnuncio", "CodigoMarca", "CodigoModelo",
         "CodigoVersao", "AnoDoModelo", "AnoFabricacao", "Km", "Placa", "CodigoCambio", "NrPortas",
         "CodigoCor", "CodigoCombustivel", *FLAGS, "PrecoReal", "PrecoVenda", "Observacao",
         "Opcional")  # fmt: skip
NEEDED = {
    name: f"43|{number}"
    for number, name in enumerate(
        ("CodigoModalidade", "TipoAnuncio", "CodigoMarca", "CodigoModelo", "CodigoVersao",
         "AnoDoModelo", "AnoFabricacao", "Km", "Placa", "CodigoCambio", "NrPortas", "CodigoCor",
         "CodigoCombustivel", "PrecoReal", "PrecoVenda"), 7)
}  # fmt: skip
MODALITY = "11"
YEARS = range(2015, 2028)
CATALOGUE: tuple[Row, ...] = (
    ("C", 2, "CHEVROLET", 21, "ONIX", 211, "1.0 FLEX LT MANUAL"),
    ("C", 2, "CHEVROLET", 21, "ONIX", 212, "1.0 TURBO FLEX LTZ AUTOMÁTICO"),
    ("C", 3, "FIAT", 31, "ARGO", 311, "1.0 FIREFLY FLEX DRIVE MANUAL"),
    ("C", 3, "FIAT", 31, "ARGO", 312, "1.3 FIREFLY FLEX TREKKING MANUAL"),
    ("C", 4, "TOYOTA", 41, "COROLLA", 411, "2.0 VVT-IE FLEX XEI DIRECT SHIFT"),
    ("C", 5, "HYUNDAI", 51, "HB20", 511, "1.0 12V FLEX SENSE MANUAL"),
)
COLORS = {"1": "Branco", "2": "Preto", "3": "Prata", "4": "Cinza", "5": "Vermelho", "6": "Azul",
          "7": "Verde", "8": "Amarelo", "9": "Marrom", "10": "Bege", "11": "Laranja",
          "12": "Outra cor"}  # fmt: skip
GEARBOXES = {"1": "Manual", "2": "Automática", "3": "Automatizada", "4": "CVT",
             "5": "Semi-automática"}  # fmt: skip
FUELS = {"1": "Gasolina", "2": "Álcool", "3": "Diesel", "4": "Gasolina e álcool", "5": "Elétrico",
         "6": "Híbrido", "7": "Gasolina e gás natural"}  # fmt: skip
FEATURES = {"1": "Ar condicionado", "2": "Direção hidráulica", "3": "Vidros elétricos",
            "4": "Travas elétricas", "5": "Airbag", "6": "Freio ABS", "7": "Alarme",
            "8": "Rodas de liga leve", "9": "Bancos em couro", "10": "Teto solar",
            "11": "Câmera de ré", "12": "Sensor de estacionamento"}  # fmt: skip
_PLATE = re.compile(r"[A-Z]{3}\d[A-Z0-9]\d{2}")
_TAGS = re.compile(r"<[a-zA-Z/][^>]*>")
_LONGEST = 1500


def wrong(ad: Mapping[str, Any], old: Mapping[str, Any] | None, catalogue: Catalogue | None) -> str:
    """The code why `ad` cannot be taken in place of `old` (None: a new one), or "". Without a
    catalogue no list is looked up."""
    for name, code in NEEDED.items():
        is_new = name == "Placa" and ad.get("TipoAnuncio") == "N"
        if not ad.get(name) and not is_new:
            return code
    if ad["TipoAnuncio"] not in {"U", "N"}:
        return "43|55"
    text = ad.get("Observacao") or ""
    if old and old["TipoAnuncio"] != ad["TipoAnuncio"]:
        return "43|57"
    if old and float(old["Km"]) > float(ad["Km"]):
        return "43|107"
    if not _is_price(ad["PrecoVenda"]) or not _is_price(ad["PrecoReal"]):
        return "28|2"
    if catalogue and (code := _wrong_term(ad, catalogue)):
        return code
    if _TAGS.search(text):
        return "43|65"
    if len(text) > _LONGEST:
        return "43|97"
    if ad.get("Placa") and not _PLATE.fullmatch(ad["Placa"]):
        return "43|84"
    return "43|66" if POISON in str(dict(ad)) else ""


def _wrong_term(ad: Mapping[str, Any], catalogue: Catalogue) -> str:
    is_whole = (
        catalogue.make_of(ad["CodigoModelo"]) == ad["CodigoMarca"]
        and catalogue.model_of(ad["CodigoVersao"]) == ad["CodigoModelo"]
        and ad["AnoDoModelo"].isdigit()
        and int(ad["AnoDoModelo"]) in YEARS
    )
    if not is_whole:
        return "43|41"
    if ad["CodigoCombustivel"] not in FUELS:
        return "43|30"
    if ad["CodigoCor"] not in COLORS:
        return "43|42"
    if ad["CodigoModalidade"] != MODALITY or ad["CodigoCambio"] not in GEARBOXES:
        return "31|1"
    return ""


def _is_price(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,9}(\.\d{1,2})?", text)) and float(text) > 0
