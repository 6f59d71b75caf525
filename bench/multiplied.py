"""A large stock out of a small one: the demo's cars are copied in the database, by statements.

Loading cars one by one through the verbs takes minutes for 50,000; copying them takes seconds.
Copies differ from their car in number, price and mileage, so that orders and ranges have as many
values as a stock of that length has.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

BASE: Final = 5_000  # loaded one by one; more are copies of these
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
# What hangs on a car and shows on its page.
_HANGING: Final = ("photo", "price_change", "state_change")


def multiply(path: Path, vehicles: int) -> None:
    """Copy the cars of the SQLite file at `path` until there are `vehicles`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.create_function("public_id", 1, _public_id, deterministic=True)
        (there, step) = database.execute("SELECT count(*), max(id) FROM vehicle").fetchone()
        copy = 0
        while there < vehicles:
            copy += 1
            wanted = min(vehicles - there, step)
            database.execute("BEGIN")
            there += _copy(database, copy, step, wanted)
            database.execute("COMMIT")
        database.execute("UPDATE stock_version SET number = number + 1")
        database.execute("ANALYZE")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(database: sqlite3.Connection, copy: int, step: int, wanted: int) -> int:
    """Copy number `copy` of the first `wanted` cars; how many cars that were."""
    shift = copy * step
    changed = {
        "id": f"id + {shift}",
        "public_id": f"public_id(id + {shift})",
        "source_id": f"source_id || '-{copy}'",
        # Within 2 %, and to whole reais, as prices are.
        "price_cents": f"price_cents + ((id * 7 + {copy} * 13) % 41 - 20) * (price_cents / 100000)"
        " * 100",
        "mileage_km": f"CASE WHEN mileage_km > 500 THEN mileage_km + (id + {copy} * 17) % 997 "
        "ELSE mileage_km END",
        "highlight_rank": "NULL",
    }
    made = _insert(database, "vehicle", changed, f"id <= {wanted}")
    for table in _HANGING:
        changed = {"id": "NULL", "vehicle_id": f"vehicle_id + {shift}"}
        _insert(database, table, changed, f"vehicle_id <= {wanted}")
    return made


def _insert(database: sqlite3.Connection, table: str, changed: dict[str, str], which: str) -> int:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    picked = ", ".join(changed.get(name, name) for name in names)
    return database.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {picked} FROM {table} WHERE {which}"
    ).rowcount


def _public_id(number: int) -> str:
    """Like the real ones, and as scattered: an odd factor gives each number another id."""
    scattered = number * 2_654_435_761 % 2**40
    return "".join(_ALPHABET[scattered >> shift & 31] for shift in range(0, 40, 5))
