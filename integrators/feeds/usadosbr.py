"""The feed of Usadosbr and Moto.com.br, as far as known.

Known: the names of some fields of their API, which are the names here, and that a file with the
whole stock is said to be taken. Our assumption: those names as elements below `<Veiculo>`, the rest
in their manner of writing. Their field for the plate is left out: a feed has no business with it.
https://ajuda.usadosbr.com/base/integracao-de-estoque-via-api-usadosbr-moto-com-br
"""

from typing import Final

from integrators.feeds.dialect import (
    Dialect,
    FeedFacts,
    always,
    check_xml,
    description_of,
    element,
    full_price_cents,
    promo_price_cents,
    reais,
)
from integrators.portals.portal import Car, Secrets
from inventory import vocabulary

LONGEST_DESCRIPTION: Final = 4000


def _piece(car: Car, _secrets: Secrets) -> str:
    offer, promo = car.offer, promo_price_cents(car)
    armored = offer.history.get("armored")
    told = (
        ("Codigo", offer.public_id),
        ("Status", "Ativo"),
        ("Valor", reais(full_price_cents(car))),
        ("ValorPromocional", reais(promo) if promo else ""),
        ("Marca", offer.make),
        ("Modelo", offer.model_name),
        ("Versao", offer.trim),
        ("AnoFabricacao", offer.built_year or offer.model_year),
        ("AnoModelo", offer.model_year),
        ("ZeroKm", "1" if offer.condition == "new" else "0"),
        ("Km", offer.mileage_km),
        ("Blindagem", "" if armored is None else "1" if armored else "0"),
        ("Estilo", _label("body", offer.body)),
        ("Cor", _label("color", offer.color)),
        ("Combustivel", _label("fuel", offer.fuel)),
        ("Cambio", _label("transmission", offer.transmission)),
        ("Porta", offer.doors),
        ("Descricao", description_of(car, LONGEST_DESCRIPTION)),
        ("Url", car.url),
        ("Cidade", car.store.city),
        ("UF", car.store.state_code),
    )
    facts = "".join(element(name, value) for name, value in told)
    words = "".join(element("Opcional", _label("feature", one)) for one in offer.features)
    photos = "".join(element("Foto", one) for one in car.photos)
    return f"<Veiculo>{facts}<Opcionais>{words}</Opcionais><Fotos>{photos}</Fotos></Veiculo>\n"


def _label(kind: str, code: str | None) -> str:
    return str(vocabulary.label(kind, code)) if code else ""


def _head(_feed: FeedFacts) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>\n<Veiculos>\n'


USADOSBR: Final = Dialect(
    "usadosbr.xml", "usadosbr", "application/xml", _head, _piece, always("</Veiculos>\n"), check_xml
)
