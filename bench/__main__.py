"""`python -m bench`: prints ratios, each against a reference built in the same run."""

import argparse
import os
import sys
import time
from pathlib import Path

from bench.report import HEADING, as_json, finished, line, put_into
from bench.rows import ON_REQUEST, ROWS, run


def sizes_of(text: str) -> list[int]:
    """`5000,50000` as numbers, the smallest first. Raises ArgumentTypeError in a sentence."""
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: use numbers with commas between") from None
    if not 50 <= sizes[0] <= sizes[-1] <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r}: a stock has 50 to 1,000,000 vehicles here")
    return sizes


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--vehicles", type=sizes_of, default="5000,50000", help="stock sizes, parted by commas"
    )
    parser.add_argument("--only", choices=sorted(ROWS), action="append", help="only these rows")
    parser.add_argument("--json", type=Path, help="keep the results in this file")
    parser.add_argument("--markdown", type=Path, help="put the table into this page")
    chosen = parser.parse_args(words)
    started = time.monotonic()
    print(HEADING)
    rows = []
    for row in run(chosen.only or [name for name in ROWS if name not in ON_REQUEST],
                   chosen.vehicles):  # fmt: skip
        rows.append(row)
        print(line(row), flush=True)
    result = finished(rows, time.monotonic() - started)
    missed = [row.name for row in rows if row.verdict not in {"", "PASS"}]
    print(
        f"{result.seconds / 60:.1f} minutes; load of the machine {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} processors. Beyond the limit: {', '.join(missed) or 'none'}."
    )
    if chosen.json:
        chosen.json.write_text(as_json(result))
    if chosen.markdown:
        put_into(chosen.markdown, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
