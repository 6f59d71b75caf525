"""Which column or node of each known layout holds which fact: data, read by one importer.

A path is a chain of names from the record down, joined by `/` and folded (`core.text.fold`), with
`@` before an attribute. Of several paths the first one that holds something counts; a list takes
what all of them hold. A layout of your own is one more `Dialect` here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from core.text import fold

Paths = tuple[str, ...]

# The published columns, in the order in which they are exported.
COLUMNS: Final[Mapping[str, str]] = {
    "id": "source_id",
    "loja": "store",
    "condicao": "condition",
    "marca": "make",
    "modelo": "model_name",
    "versao": "trim",
    "ano_fabricacao": "built_year",
    "ano_modelo": "model_year",
    "preco": "price_cents",
    "preco_promocional": "promo_price_cents",
    "promocao_ate": "promo_until",
    "km": "mileage_km",
    "combustivel": "fuel",
    "cambio": "transmission",
    "carroceria": "body",
    "cor": "color",
    "portas": "doors",
    "motor": "engine",
    "placa": "license_plate",
    "renavam": "renavam",
    "chassi": "vin",
    "fipe": "fipe_code",
    "opcionais": "features",
    "descricao": "description",
    "fotos": "photo_addresses",
    "video": "video_url",
    "status": "state",
    "origem": "source",
}
PRIVATE_COLUMNS: Final = frozenset({"placa", "renavam", "chassi"})
COLUMN_OF: Final = {fact: column for column, fact in COLUMNS.items()}

# What people call the facts in sheets of their own, folded.
COMMON_NAMES: Final[Mapping[str, str]] = {
    "codigo": "source_id", "cod": "source_id", "ref": "source_id", "referencia": "source_id",
    "fabricante": "make", "montadora": "make", "veiculo": "model_name", "carro": "model_name",
    "ano": "model_year", "ano fab": "built_year", "ano mod": "model_year",
    "fabricacao": "built_year", "valor": "price_cents", "preco venda": "price_cents",
    "preco de venda": "price_cents", "valor venda": "price_cents",
    "valor de venda": "price_cents",
    "a vista": "price_cents", "promocao": "promo_price_cents", "quilometragem": "mileage_km",
    "kms": "mileage_km", "hodometro": "mileage_km", "combust": "fuel",
    "transmissao": "transmission",
    "tipo": "body", "categoria": "body", "motorizacao": "engine", "n portas": "doors",
    "chassis": "vin", "codigo fipe": "fipe_code", "cod fipe": "fipe_code",
    "acessorios": "features", "itens": "features", "observacao": "description",
    "observacoes": "description", "obs": "description", "imagens": "photo_addresses",
    "links": "photo_addresses", "filial": "store", "unidade": "store", "patio": "store",
    "situacao": "state",
}  # fmt: skip

LIST_FACTS: Final = frozenset({"features", "photo_addresses"})
NUMBER_FACTS: Final = frozenset({"price_cents", "promo_price_cents", "mileage_km"})

_YES: Final = {"1": "new", "s": "new", "sim": "new", "true": "new", "yes": "new", "y": "new"}
_NO: Final = {"0": "used", "n": "used", "nao": "used", "false": "used", "no": "used"}
_ZERO_KM: Final = {**_YES, **_NO}
_UNSAID: Final = {"other": "", "none": "", "unknown": "", "outros": "", "outro": "", "nenhum": ""}


@dataclass(frozen=True)
class Dialect:
    """One layout. `kinds`: table, xml, json. `records`: XML tags of one vehicle, or JSON keys of
    the list of them. `words`: per fact, folded word -> code, '' for "not said".
    `is_strict`: the layout is ours and promises its words, so an unknown one is the sender's
    mistake; elsewhere it is left out with a warning. `has_html`: texts may hold HTML."""

    name: str
    kinds: frozenset[str]
    records: Paths
    facts: Mapping[str, Paths]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    is_strict: bool = False
    has_html: bool = True

    def known_paths(self) -> set[str]:
        return self.paths_of(self.facts)

    def paths_of(self, facts: Iterable[str]) -> set[str]:
        """The paths under which any of `facts` may stand."""
        return {path for fact in facts for path in self.facts.get(fact, ())}


def _path(text: str) -> str:
    return "/".join(
        f"@{fold(name)}" if name.startswith("@") else fold(name) for name in text.split("/")
    )


def _facts(**paths: str) -> dict[str, Paths]:
    """Paths as they are written in the layouts' manuals, parted by spaces; `~` is a space."""
    return {
        fact: tuple(_path(path.replace("~", " ")) for path in text.split())
        for fact, text in paths.items()
    }


VITRINE: Final = Dialect(
    name="vitrine",
    kinds=frozenset({"table", "xml", "json"}),
    records=("veiculo", "veiculos", "estoque", "vehicles", "data"),
    facts={
        **{fact: (_path(column),) for column, fact in COLUMNS.items()},
        **_facts(
            source_id="id @id",
            features="opcionais opcionais/opcional",
            photo_addresses="fotos fotos/foto fotos/url",
            mileage_km="km quilometragem",
        ),
    },
    ignored=frozenset(fold(name) for name in ("public_id", "slug", "price_cents", "available")),
    is_strict=True,
    has_html=False,
)

# One address per dealer, one <veiculo> per car.
DS_AUTO_ESTOQUE: Final = Dialect(
    name="dsautoestoque",
    kinds=frozenset({"xml"}),
    records=("veiculo",),
    facts=_facts(
        source_id="id",
        condition="zerokm",
        make="marca",
        model_name="modelo",
        trim="versao",
        built_year="anofabricacao",
        model_year="anomodelo",
        price_cents="preco",
        mileage_km="km",
        fuel="combustivel",
        transmission="cambio",
        color="cor",
        doors="portas",
        engine="tipomotor",
        license_plate="placa",
        features="opcionais/opcional acessorios/acessorio complementos/complemento",
        description="observacao",
        photo_addresses="fotos/foto fotos",
    ),
    words={"condition": _ZERO_KM},
)

# The REST list; each of make, model … is either text or {Codigo, Descricao}.
AUTOCERTO: Final = Dialect(
    name="autocerto",
    kinds=frozenset({"json"}),
    records=("veiculos", "estoque", "data", "dados", "result"),
    facts=_facts(
        source_id="Codigo",
        make="Marca/Descricao Marca",
        model_name="Modelo/Descricao Modelo",
        trim="Versao/Descricao Versao",
        built_year="AnoFabricacao",
        model_year="AnoModelo",
        price_cents="Preco Valor PrecoVenda ValorVenda",
        promo_price_cents="PrecoPromocional",
        mileage_km="Km",
        fuel="Combustivel/Descricao Combustivel",
        transmission="Cambio/Descricao Cambio",
        color="Cor/Descricao Cor",
        doors="Portas",
        license_plate="Placa",
        renavam="Renavam",
        vin="Chassi",
        features="Opcionais/Descricao Opcionais",
        description="Observacao",
        photo_addresses="Fotos/URL Fotos",
        state="Status/Descricao Status",
    ),
    words={"state": {"em estoque": "published", "estoque": "published"}},
)

AUTOCERTO_XML: Final = Dialect(
    name="autocerto-xml",
    kinds=frozenset({"xml"}),
    records=("veiculo",),
    facts=_facts(
        source_id="codigo",
        make="marca",
        model_name="modelo",
        trim="versao",
        built_year="anofabricacao",
        model_year="anomodelo",
        price_cents="preco",
        promo_price_cents="preco_promocional",
        mileage_km="quilometragem km",
        fuel="combustivel",
        transmission="cambio",
        color="cor",
        doors="portas",
        license_plate="placa",
        renavam="renavam",
        vin="chassi",
        features="opcionais/opcional opcionais",
        description="observacoes",
        photo_addresses="fotos/foto fotos/foto/url fotos/foto/@url fotos",
        armored="blindado",
    ),
)

AUTOCONF: Final = Dialect(
    name="autoconf",
    kinds=frozenset({"json"}),
    records=("veiculos",),
    facts=_facts(
        source_id="id",
        condition="zero_km",
        make="marca_nome",
        model_name="modelopai_nome modelo_nome",
        trim="versao_descricao",
        built_year="anofabricacao",
        model_year="anomodelo",
        price_cents="valorvenda",
        promo_price_cents="valorpromocao",
        mileage_km="km",
        fuel="combustivel_nome",
        transmission="cambio_nome",
        body="carroceria_nome",
        color="cor_nome",
        power_hp="potencia",
        license_plate="placa_completa",
        features="acessorios/nome",
        photo_addresses="fotos/url foto",
    ),
    words={"condition": _ZERO_KM},
)

# The automotive catalogue of Meta: the same names in tables (dots) and XML (nodes).
META: Final = Dialect(
    name="meta",
    kinds=frozenset({"table", "xml"}),
    records=("listing",),
    facts=_facts(
        source_id="vehicle_id",
        store="dealer_name",
        condition="state_of_vehicle",
        make="make",
        model_name="model",
        trim="trim",
        model_year="year",
        price_cents="price",
        promo_price_cents="sale_price",
        mileage_km="mileage/value mileage.value",
        fuel="fuel_type",
        transmission="transmission",
        body="body_style",
        color="exterior_color",
        license_plate="vehicle_registration_plate",
        vin="vin",
        features="features",
        description="description",
        photo_addresses="image/url " + " ".join(f"image[{number}].url" for number in range(20)),
        state="availability",
    ),
    words={
        "state": {
            "available": "published",
            "pending": "reserved",
            "not available": "draft",
            "unknown": "",
        },
        "condition": {"cpo": "used"},
        "fuel": _UNSAID,
        "transmission": _UNSAID,
        "body": {
            **_UNSAID,
            "small car": "hatch",
            "supermini": "hatch",
            "grandtourer": "coupe",
            "sportscar": "coupe",
            "supercar": "coupe",
            "minibus": "van",
        },
    },
)

DIALECTS: Final = (VITRINE, DS_AUTO_ESTOQUE, AUTOCERTO, AUTOCERTO_XML, AUTOCONF, META)
BY_NAME: Final = {dialect.name: dialect for dialect in DIALECTS}


def dialects_of(kind: str) -> list[Dialect]:
    """The layouts that come as `kind` (table, xml, json)."""
    return [dialect for dialect in DIALECTS if kind in dialect.kinds]


def choose(kind: str, seen: Iterable[str]) -> Dialect | None:
    """The layout whose names are most of those `seen` (folded paths); None if none fits."""
    seen = set(seen)
    ranked = sorted(
        dialects_of(kind), key=lambda dialect: -len(seen & dialect.known_paths())
    )  # stable: ours first
    best = ranked[0] if ranked else None
    return best if best and seen & best.known_paths() else None


def own_layout(columns: Mapping[str, str], like: Dialect | None) -> Dialect:
    """A layout that somebody mapped by hand: `columns` says path -> fact. Words and strictness are
    those of `like`, the layout that the file resembles."""
    facts: dict[str, Paths] = {}
    for path, fact in columns.items():
        facts[fact] = (*facts.get(fact, ()), path)
    base = like or replace(VITRINE, is_strict=False)
    return replace(base, facts=facts)


def known_columns() -> set[str]:
    """Folded names of the columns that tables may have; a delimiter is told by them."""
    known = {path for dialect in dialects_of("table") for path in dialect.known_paths()}
    return known | set(COMMON_NAMES)
