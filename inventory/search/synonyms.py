"""What buyers type, as data. Spellings of single codes come from `inventory.vocabulary`."""

from collections.abc import Mapping
from typing import Final

# A phrase that means several codes at once: part of the filter, its values.
WIDE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    # To a buyer every car without a clutch pedal to press is automatic, whatever the gearbox does.
    "automatico": ("transmission", ("automatic", "cvt", "dct")),
    "automatica": ("transmission", ("automatic", "cvt", "dct")),
    "cambio automatico": ("transmission", ("automatic", "cvt", "dct")),
    "aut": ("transmission", ("automatic", "cvt", "dct")),
    "auto": ("transmission", ("automatic", "cvt", "dct")),
    "automat": ("transmission", ("automatic", "cvt", "dct")),
    "at": ("transmission", ("automatic", "cvt", "dct")),
    "hibrido": ("fuel", ("hybrid", "hybrid_flex", "plugin_hybrid", "mild_hybrid")),
    "hibrida": ("fuel", ("hybrid", "hybrid_flex", "plugin_hybrid", "mild_hybrid")),
    "gnv": ("fuel", ("cng", "cng_flex")),
    "gas natural": ("fuel", ("cng", "cng_flex")),
    "kit gas": ("fuel", ("cng", "cng_flex")),
    "picape": ("body", ("pickup", "pickup_cd")),
    "pickup": ("body", ("pickup", "pickup_cd")),
    "pick up": ("body", ("pickup", "pickup_cd")),
    "caminhonete": ("body", ("pickup", "pickup_cd")),
    "camionete": ("body", ("pickup", "pickup_cd")),
    "caminhoneta": ("body", ("pickup", "pickup_cd")),
    "utilitario esportivo": ("body", ("suv",)),
    "hatches": ("body", ("hatch",)),
    "sedas": ("body", ("sedan",)),
    "mecanico": ("transmission", ("manual",)),
    "semi novo": ("condition", ("used",)),
    "segunda mao": ("condition", ("used",)),
    "zerado": ("condition", ("new",)),
    "zerinho": ("condition", ("new",)),
    "okm": ("condition", ("new",)),
    "cabine dupla": ("body", ("pickup_cd",)),
    "eletrico": ("fuel", ("electric",)),
    "eletrica": ("fuel", ("electric",)),
}

# Spellings that name a code in a stock file but say little, or something else, in a search box.
_NEVER_WORDS: Final = """
n u ev te ve man gear wine rack direto direta creme areia cafe chumbo lead demo ac tcs dies alc
gasol color
"""
NEVER: Final = frozenset(_NEVER_WORDS.split())
# The same for words that are also trims: a code only where no make, model or trim says the word.
_WEAK_WORDS: Final = """
touring custom naked esportivo estate spider spyder targa roadster cabrio scooter golden ouro
marinho escarlate chocolate graphite grafite auto at mt ar gps usb hud sw mpv certificado bateria
mild start keyless hybrid novo nova zero
"""
WEAK: Final = frozenset(_WEAK_WORDS.split())

# Phrases that ask for an order rather than for certain cars.
ORDERS: Final[Mapping[str, str]] = {
    "mais barato": "price_asc",
    "mais em conta": "price_asc",
    "barato": "price_asc",
    "barata": "price_asc",
    "menor preco": "price_asc",
    "mais caro": "price_desc",
    "pouco rodado": "mileage",
    "menos rodado": "mileage",
    "baixa km": "mileage",
    "km baixa": "mileage",
    "km baixo": "mileage",
    "baixo km": "mileage",
    "baixa quilometragem": "mileage",
    "pouca quilometragem": "mileage",
    "mais recente": "newest",
    "recem chegado": "newest",
    "mais novo": "year",
}

# Words that carry no wish of their own.
_FILLERS_WORDS: Final = """
a o as os um uma uns umas e ou de do da dos das com para pra pro por em no na nos nas que seja ate
tipo carro carros veiculo veiculos automovel automoveis quero queria procuro procurando busco
buscando preciso comprar compro ver mostrar achar marca modelo versao ano cor cambio transmissao
combustivel motor carroceria preco valor km kms reais mil loja cidade estoque oferta ofertas
promocao bom boa bem bonito completo completa conservado conservada estado mais menos maximo minimo
entre faixa acima abaixo partir tem ter porta portas venda vende se seu me meu the of oumais
opcional opcionais equipado familia
"""
FILLERS: Final = frozenset(_FILLERS_WORDS.split())
