"""Stock files made by the tests: rows by column, written as any format."""

import csv
import io
import json
from typing import Any

import openpyxl

GOOD = {
    "id": "1",
    "loja": "",
    "condicao": "seminovo",
    "marca": "Fiat",
    "modelo": "Argo",
    "versao": "Drive 1.0",
    "ano_fabricacao": "2021",
    "ano_modelo": "2022",
    "preco": "R$ 64.900,00",
    "preco_promocional": "",
    "promocao_ate": "",
    "km": "38.500 km",
    "combustivel": "Flex",
    "cambio": "Manual",
    "carroceria": "Hatch",
    "cor": "Branco",
    "portas": "4",
    "motor": "1.0",
    "placa": "ABC1D23",
    "renavam": "00639884962",
    "chassi": "9BWZZZ377VT004251",
    "fipe": "005340-6",
    "opcionais": "Ar-condicionado|Freios ABS",
    "descricao": "Revisado, com manual.",
    "fotos": "https://img.example/1.jpg|https://img.example/2.jpg",
    "video": "https://www.youtube.com/watch?v=abc",
    "status": "publicado",
}


def good(number: Any = 1, **cells: Any) -> dict[str, str]:
    """A row that goes in, changed by `cells`."""
    return {**GOOD, "id": str(number), **cells}


def as_csv(rows: list[dict[str, str]], delimiter: str = ",", columns: Any = None) -> str:
    columns = columns or list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_xlsx(rows: list[dict[str, Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    columns = list(dict.fromkeys(column for row in rows for column in row))
    sheet.append(columns)
    for row in rows:
        sheet.append([row.get(column) for column in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
