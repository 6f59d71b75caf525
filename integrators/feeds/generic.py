"""Our own feed as XML, JSON and CSV: the same facts under the names of the stock's columns.

Any system may read it, and another installation imports it as it is. `id` is the id in the offer's
address, the same for ever. Prices in reais with a point, `preco` without the promotion.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.clock import DEFAULT_ZONE
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
    xml_text,
)
from integrators.portals.portal import Car, Secrets
from inventory import vocabulary
from inventory.importing.mapping import COLUMNS, PRIVATE_COLUMNS
from inventory.importing.rows import FORMULA, escaped

VERSION: Final = "1"
LONGEST_DESCRIPTION: Final = 20_000
MOST_PHOTOS: Final = 40
# The published columns but where the car came to us from, and its page.
CSV_COLUMNS: Final = (
    *(column for column in COLUMNS if column not in PRIVATE_COLUMNS | {"origem"}),
    "url",
)
_LISTS: Final = {"opcionais": "opcional", "fotos": "foto"}
_Words = Callable[[str, str], str]


def facts_of(car: Car, words: _Words = vocabulary.public_value) -> dict[str, Any]:
    """All that the feed tells of `car`, by column; None where nobody said. `words` gives the
    receiver's own word for (kind, code)."""
    offer, promo = car.offer, promo_price_cents(car)

    def word(kind: str, code: str | None) -> str | None:
        return words(kind, code) if code else None

    return {
        "id": offer.public_id,
        "url": car.url,
        "loja": car.store.name,
        "status": words("state", "published" if offer.is_available else "reserved"),
        "condicao": word("condition", offer.condition),
        "marca": offer.make,
        "modelo": offer.model_name,
        "versao": offer.trim or None,
        "ano_fabricacao": offer.built_year,
        "ano_modelo": offer.model_year,
        "preco": reais(full_price_cents(car)),
        "preco_promocional": reais(promo) if promo else None,
        "promocao_ate": offer.promo_until.isoformat() if offer.promo_until else None,
        "km": offer.mileage_km,
        "combustivel": word("fuel", offer.fuel),
        "cambio": word("transmission", offer.transmission),
        "carroceria": word("body", offer.body),
        "cor": word("color", offer.color),
        "portas": offer.doors,
        "motor": offer.engine or None,
        "fipe": offer.fipe_code,
        "opcionais": [
            *(words("feature", feature) for feature in offer.features),
            *(words("history", flag) for flag, is_true in offer.history.items() if is_true),
        ],
        "descricao": description_of(car, LONGEST_DESCRIPTION),
        "fotos": list(car.photos),
        "video": offer.video_url or None,
    }


def place_of(car: Car) -> dict[str, Any]:
    """Where the car stands and whom to call, by our names."""
    store = car.store
    return {
        "endereco": store.street or None,
        "bairro": store.district or None,
        "cidade": store.city or None,
        "uf": store.state_code or None,
        "cep": store.postal_code or None,
        "latitude": store.latitude,
        "longitude": store.longitude,
        "telefone": store.phone or None,
        "whatsapp": store.whatsapp or None,
    }


# --- XML -------------------------------------------------------------------------------------


def xml_piece(facts: Mapping[str, Any], place: Mapping[str, Any]) -> str:
    """One `<veiculo>`, a line of its own."""
    told = "".join(_xml(name, value) for name, value in facts.items())
    where = "".join(element(name, value) for name, value in place.items())
    return f"<veiculo>{told}<contato>{where}</contato></veiculo>\n"


def _xml(name: str, value: Any) -> str:
    if name not in _LISTS:
        return element(name, value)
    return f"<{name}>{''.join(element(_LISTS[name], one) for one in value)}</{name}>"


def xml_head(feed: FeedFacts) -> str:
    """Up to the first car."""
    made_at = feed.made_at.astimezone(DEFAULT_ZONE).isoformat(timespec="seconds")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<estoque versao="{VERSION}" gerado_em="{made_at}">\n'
        f"<anunciante>{xml_text(feed.title)}</anunciante>\n"
    )


def xml_foot(count: int) -> str:
    """After the last of `count` cars."""
    return f"<total>{count}</total>\n</estoque>\n"


def _xml_piece(car: Car, _secrets: Secrets) -> str:
    return xml_piece(facts_of(car), place_of(car))


# --- JSON ------------------------------------------------------------------------------------


def _json_head(feed: FeedFacts) -> str:
    around = {
        "versao": VERSION,
        "gerado_em": feed.made_at.astimezone(DEFAULT_ZONE).isoformat(timespec="seconds"),
        "anunciante": feed.title,
    }
    return f'{json.dumps(around, ensure_ascii=False)[:-1]}, "veiculos": [\n'


def _json_piece(car: Car, _secrets: Secrets) -> str:
    return json.dumps({**facts_of(car), "contato": place_of(car)}, ensure_ascii=False)


def _json_foot(count: int) -> str:
    return f'\n], "total": {count}}}\n'


def _check_json(piece: str) -> None:
    json.loads(piece)
    piece.encode()  # a lone surrogate is JSON for Python, and for nobody else


# --- CSV -------------------------------------------------------------------------------------


def _csv_head(_feed: FeedFacts) -> str:
    return _line(list(CSV_COLUMNS))


def _csv_piece(car: Car, _secrets: Secrets) -> str:
    facts = facts_of(car)
    facts["opcionais"] = "|".join(facts["opcionais"])
    facts["fotos"] = "|".join(escaped(address) for address in facts["fotos"])
    return _line([_cell(facts[column]) for column in CSV_COLUMNS])


def _cell(value: Any) -> str:
    """As the export writes it: a `'` before what a spreadsheet would run as a formula."""
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if FORMULA.match(text) else text


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _check_csv(piece: str) -> None:
    rows = list(csv.reader(io.StringIO(piece, newline=""), strict=True))
    if [len(row) for row in rows] != [len(CSV_COLUMNS)]:
        raise ValueError("not one row of all columns")


XML: Final = Dialect(
    "estoque.xml", "estoque", "application/xml", xml_head, _xml_piece, xml_foot, check_xml,
    photos=MOST_PHOTOS,
)  # fmt: skip
JSON: Final = Dialect(
    "estoque.json", "estoque", "application/json", _json_head, _json_piece, _json_foot, _check_json,
    separator=",\n", photos=MOST_PHOTOS,
)  # fmt: skip
CSV: Final = Dialect(
    "estoque.csv", "estoque", "text/csv", _csv_head, _csv_piece, always(""), _check_csv,
    photos=MOST_PHOTOS,
)  # fmt: skip
