"""`python -m bench`: prints ratios, each against a reference built in the same run."""

import argparse
import os
import sys
from pathlib import Path

from bench.rows import ON_REQUEST, ROWS, as_json, run
from bench.timing import Measured


def line(row: Measured) -> str:
    limit = "" if row.limit is None else f"  limit {row.limit:g}"
    note = f"\n{'':10}{row.note}" if row.note else ""
    return (
        f"{row.ratio:8.2f}  {row.name:34} {row.size:>8,}  {row.ours_us:>12,.0f}  "
        f"{row.reference_us:>12,.0f}  {row.reference}{limit}{note}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--vehicles", default="5000,50000", help="stock sizes, parted by commas")
    parser.add_argument("--only", choices=sorted(ROWS), action="append", help="only these rows")
    parser.add_argument("--json", type=Path, help="keep the results in this file")
    chosen = parser.parse_args()
    sizes = [int(text) for text in chosen.vehicles.split(",")]
    print(
        f"{'ratio':>8}  {'what':34} {'vehicles':>8}  {'ours us CPU':>12}  {'theirs':>12}  against"
    )
    rows = []
    for row in run(chosen.only or [name for name in ROWS if name not in ON_REQUEST], sizes):
        rows.append(row)
        print(line(row), flush=True)
    print(
        f"Load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors."
    )
    if chosen.json:
        chosen.json.write_text(as_json(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
