"""`python -m bench.compare`: the same rows of two commits, or of two files of results.

With a git ref, that commit is checked out into a folder of its own and measured by its own bench,
row by row in turn with the present tree, so that both meet the same noise. With two files, nothing
is measured.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.report import Run, figure, read
from bench.rows import ROWS
from bench.timing import Measured
from core.config import ROOT

NAMES: Final = ("facets", "pages")  # unless others are asked for
HEADING: Final = (
    f"{'before':>8}  {'after':>8}  {'change':>7}  {'what':40} {'vehicles':>8}  "
    "ours before → after, against"
)
Key = tuple[str, int, str]


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("before", help="a git ref, or a file that --json wrote")
    parser.add_argument("after", nargs="?", help="another such file; nothing is measured then")
    parser.add_argument("--only", action="append", help="rows to measure")
    parser.add_argument("--vehicles", default="5000", help="stock sizes, parted by commas")
    chosen = parser.parse_args(words)
    try:
        if chosen.after:
            before, after = (read(Path(name).read_text()) for name in (chosen.before, chosen.after))
        else:
            unknown = set(chosen.only or ()) - set(ROWS)
            if unknown:
                raise ValueError(f"no such rows: {', '.join(sorted(unknown))}")
            before, after = measure(chosen.before, chosen.only or NAMES, chosen.vehicles)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines(before, after)))
    return 0


def lines(before: Run, after: Run) -> Iterator[str]:
    """The table: ratios of both, and what only one of them has."""
    was, now = _by_key(before.rows), _by_key(after.rows)
    yield f"before: {before.commit or 'unknown'} of {before.date or 'an unknown day'}"
    yield f"after:  {after.commit or 'unknown'} of {after.date or 'an unknown day'}"
    if before.machine.get("processors") != after.machine.get("processors"):
        yield "Different machines: only the ratios can be compared."
    yield HEADING
    for key in [key for key in was if key in now]:
        yield _line(was[key], now[key])
    for run, other, word in ((was, now, "before"), (now, was, "after")):
        missing = [f"{name} at {size:,} ({against})" for name, size, against in run
                   if (name, size, against) not in other]  # fmt: skip
        if missing:
            yield f"only {word}: {'; '.join(missing)}"


def _line(was: Measured, now: Measured) -> str:
    change = f"{(now.ratio / was.ratio - 1) * 100:+.0f} %" if was.ratio else ""
    return (
        f"{was.ratio:8.2f}  {now.ratio:8.2f}  {change:>7}  {now.name:40} {now.size:>8,}  "
        f"{figure(was.ours)} → {figure(now.ours)} {now.unit}, {now.reference}"
    )


def _by_key(rows: Sequence[Measured]) -> dict[Key, Measured]:
    return {(row.name, row.size, f"{row.reference}, {row.unit}"): row for row in rows}


def measure(ref: str, names: Sequence[str], sizes: str) -> tuple[Run, Run]:
    """(`ref`, the present tree). Raises ValueError for a ref that git does not know."""
    was: list[Run] = []
    now: list[Run] = []
    with checked_out(ref) as tree, tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        for name in names:
            for place, runs in ((tree, was), (ROOT, now)):
                found = _run(place, name, sizes, Path(folder) / "rows.json")
                if found is None:
                    print(f"{place if place == ROOT else ref} cannot measure {name!r}")
                else:
                    runs.append(found)
        commit = _git("rev-parse", "--short", ref)
    return _joined(was, commit), _joined(now, "")


def _joined(runs: Sequence[Run], commit: str) -> Run:
    if not runs:
        return Run([], {}, commit, "", 0)
    rows = [row for run in runs for row in run.rows]
    last = runs[-1]
    return Run(rows, last.machine, commit or last.commit, last.date, sum(r.seconds for r in runs))


def _run(tree: Path, name: str, sizes: str, results: Path) -> Run | None:
    """One row's results in `tree`; None where its bench has no such row, or not of this format."""
    results.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", name, "--vehicles", sizes,
         "--json", str(results)],
        check=False, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode or not results.exists():
        print(done.stderr[-1000:], file=sys.stderr)
        return None
    return read(results.read_text())


@contextmanager
def checked_out(ref: str) -> Iterator[Path]:
    """The tree of `ref` in a folder of its own, gone at the end. It runs with the libraries that
    are installed here."""
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        tree = Path(name) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            _compile_words(tree)
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _compile_words(tree: Path) -> None:
    program = Path(sys.executable).with_name("pybabel")
    words = [str(program) if program.exists() else shutil.which("pybabel") or "pybabel"]
    subprocess.run([*words, "-q", "compile", "-d", "translations"], check=True, cwd=tree)


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(f"git {' '.join(words)}: {done.stderr.strip() or 'no such commit'}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
