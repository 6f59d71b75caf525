"""Where the FIPE table is asked for a code: our own stock by default, another machine by setting.

FIPE's own service is not declared public, so nothing here depends on it: who runs a mirror or has
a contract names its address (`VITRINE_FIPE_URL`), everybody else starts from what the stock knows.
The answer's form is that of BrasilAPI, `GET {base}/api/fipe/preco/v1/{code}`: a list of one entry
per model year with `marca`, `modelo`, `anoModelo`, `combustivel`, `codigoFipe`, `valor` and
`mesReferencia`.

DomainError
├── FipeUnavailable    the other machine did not answer, or not with a table
└── NotMonth           text that is no month
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol
from urllib.parse import quote

import sqlalchemy as sa
from flask_babel import gettext as _

from core import config
from core.db import db
from core.errors import DomainError
from core.fetch import FetchFailed, FetchRefused, fetch
from core.money import NotMoney, parse_brl
from core.text import clean_line, fold
from inventory.catalogue import canonical_make
from inventory.models import CarModel, Make, Trim, Vehicle
from inventory.vocabulary import read_code

LARGEST_ANSWER_BYTES: Final = 512 * 1024
SECONDS: Final = 4.0  # a person waits
NEW_CAR_YEAR: Final = 32_000  # how the table writes "zero km"
_MONTHS: Final = (
    "janeiro", "fevereiro", "marco", "abril", "maio", "junho", "julho", "agosto", "setembro",
    "outubro", "novembro", "dezembro",
)  # fmt: skip
NOT_FOUND: Final = 404


class FipeUnavailable(DomainError):
    """The table cannot be asked now."""


@dataclass(frozen=True)
class FipeEntry:
    """One line of the table: a version in one model year (None: zero km), its price in cents and
    the first day of the reference month."""

    code: str
    make: str
    name: str  # model and version as the table writes them
    model_year: int | None
    fuel: str | None
    price_cents: int | None
    month: date | None


class NotMonth(DomainError, ValueError):
    """Text that is no month."""


def parse_month(text: str) -> date:
    """'11/2026' or 'novembro de 2026' as the first day of that month. Raises NotMonth."""
    found = re.fullmatch(r"(0?[1-9]|1[0-2])\s*[/-]\s*((?:19|20)\d\d)", text.strip())
    month = date(int(found[2]), int(found[1]), 1) if found else _month(text)
    if month is None:
        raise NotMonth(_("Write the month like 11/2026."))
    return month


def written_month(month: date) -> str:
    """The way `parse_month` reads it."""
    return f"{month:%m/%Y}"


class FipeSource(Protocol):
    """Somebody who knows the table."""

    def look_up(self, code: str) -> list[FipeEntry]:
        """Every line of the normalised code; empty for one nobody knows. Raises FipeUnavailable."""
        ...


class StockFipe:
    """What cars of our own stock were entered with."""

    def look_up(self, code: str) -> list[FipeEntry]:
        """One entry per model year, the newest month of each. One statement."""
        rows = db.session.execute(
            sa.select(
                Make.name, CarModel.name, Trim.name, Vehicle.model_year, Vehicle.fuel,
                Vehicle.fipe_price_cents, Vehicle.fipe_month,
            )
            .join(CarModel, CarModel.id == Vehicle.car_model_id)
            .join(Make, Make.id == CarModel.make_id)
            .outerjoin(Trim, Trim.id == Vehicle.trim_id)
            .where(Vehicle.fipe_code == code)
            .order_by(sa.nulls_last(Vehicle.fipe_month.desc()), Vehicle.id.desc())
            .limit(500)
        ).all()  # fmt: skip
        newest: dict[int, FipeEntry] = {}
        for make, model, trim, year, fuel, price, month in rows:
            name = " ".join(part for part in (model, trim) if part)
            newest.setdefault(year, FipeEntry(code, make, name, year, fuel, price, month))
        return list(newest.values())


class HttpFipe:
    """A machine that answers as BrasilAPI does. `base_url` without a slash at its end."""

    def __init__(self, base_url: str, *, allow_private: bool = False) -> None:
        self._base, self._allow_private = base_url.rstrip("/"), allow_private

    def look_up(self, code: str) -> list[FipeEntry]:
        """Asks over the network: never inside `core.db.writing()`."""
        try:
            answer = fetch(
                f"{self._base}/api/fipe/preco/v1/{quote(code)}",
                max_bytes=LARGEST_ANSWER_BYTES,
                accept="application/json",
                allow_private=self._allow_private,
                timeout_seconds=SECONDS,
            )
        except FetchFailed as failure:
            if failure.status == NOT_FOUND:
                return []
            raise FipeUnavailable(_("The FIPE table does not answer now.")) from failure
        except FetchRefused as refusal:
            raise FipeUnavailable(str(refusal)) from refusal
        with answer.file:
            return _entries(code, answer.read())


def fipe_source() -> FipeSource:
    """The configured source; our own stock without one."""
    settings = config.current()
    if not settings.fipe_url:
        return StockFipe()
    # Typed by the operator, as a portal's address is.
    return HttpFipe(settings.fipe_url, allow_private=True)


def _entries(code: str, body: bytes) -> list[FipeEntry]:
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise FipeUnavailable(_("The FIPE table answered with something that is no table."))
    return [_entry(code, row) for row in rows if isinstance(row, dict) and row.get("modelo")]


def _entry(code: str, row: Mapping[str, Any]) -> FipeEntry:
    year = row.get("anoModelo")
    is_year = isinstance(year, int) and 1900 < year < NEW_CAR_YEAR
    return FipeEntry(
        code,
        canonical_make(clean_line(str(row.get("marca", "")), 60)),
        clean_line(str(row["modelo"]), 160),
        year if is_year else None,
        read_code("fuel", str(row.get("combustivel", ""))),
        _price(str(row.get("valor", ""))),
        _month(str(row.get("mesReferencia", ""))),
    )


def _price(text: str) -> int | None:
    try:
        return parse_brl(text) or None
    except NotMoney:
        return None


def _month(text: str) -> date | None:
    """'novembro de 2026' -> the first of November."""
    found = re.fullmatch(r"([a-z]+)(?: de)? (\d{4})", fold(text))
    if not found or found[1] not in _MONTHS:
        return None
    return date(int(found[2]), _MONTHS.index(found[1]) + 1, 1)
