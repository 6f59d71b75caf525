"""The feed of the CarroSP network (Carro Ourinhos and its sister portals), as far as known.

Known (https://www.carroourinhos.com.br/integradores-carrosp): one XML address for each dealer,
fetched every two hours; the address of a photo changes when the photo does, and only then; nine
words for fuels. Not published there: the names of the elements. Ours is the layout of our own feed,
which the network maps when the address is registered, with their words for fuels in it.
"""

from typing import Final

from integrators.feeds.dialect import Dialect, check_xml
from integrators.feeds.generic import facts_of, place_of, xml_foot, xml_head, xml_piece
from integrators.portals.portal import Car, Secrets
from inventory import vocabulary

_FUEL: Final = {
    "flex": "Flex", "gasoline": "Gasolina", "ethanol": "Alcool", "diesel": "Diesel", "cng": "GNV",
    "cng_flex": "GNV e Flex", "electric": "Bateria", "hybrid": "Gasolina e Híbrido",
    "hybrid_flex": "Gasolina e Híbrido", "plugin_hybrid": "Gasolina e Híbrido",
    "mild_hybrid": "Gasolina e Híbrido",
}  # fmt: skip


def _word(kind: str, code: str) -> str:
    own = _FUEL.get(code) if kind == "fuel" else None
    return own or vocabulary.public_value(kind, code)


def _piece(car: Car, _secrets: Secrets) -> str:
    return xml_piece(facts_of(car, _word), place_of(car))


CARROSP: Final = Dialect(
    "carrosp.xml", "carrosp", "application/xml", xml_head, _piece, xml_foot, check_xml
)
