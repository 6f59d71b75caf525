"""The frame of `make bench`: what it reads, refuses, keeps and compares. No figure is judged."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench import compare, load, report
from bench.__main__ import sizes_of
from bench.equal_markup import environment, taken_apart
from bench.multiplied import BASE
from bench.pages import pages
from bench.texts import texts
from bench.timing import PER_SECOND, Measured

COST = Measured("list", 5_000, 120.0, 100.0, "raw", 1.5)
RATE = Measured("list", 5_000, 900.0, 1_000.0, "hello", 0.2, "a note", PER_SECOND)
RUN = report.Run([COST, RATE], {"processors": "2 × X"}, "abc1234", "2026-01-02T03:04:05+00:00", 60)


def test_verdict_knows_limits_and_floors() -> None:
    assert COST.verdict == RATE.verdict == "PASS"
    assert replace(COST, ours=151.0).verdict == "OVER"
    assert replace(RATE, ours=199.0).verdict == "UNDER"
    assert replace(COST, limit=None).verdict == ""
    assert "OVER" in report.line(replace(COST, ours=151.0))


def test_sizes_are_read_and_refused() -> None:
    assert sizes_of("50000,5000,5000") == [5_000, 50_000]
    for bad in ("", "many", "49", "2000000", "5000,"):
        with pytest.raises(argparse.ArgumentTypeError):
            sizes_of(bad)
    assert sizes_of(str(BASE)) == [BASE]


def test_load_is_sent_to_this_machine_only() -> None:
    for host in ("example.com", "localhost", "10.0.0.1", "192.0.2.7", "::", "0.0.0.0", ""):
        with pytest.raises(ValueError, match="loopback"):
            load.burst(load.Target(host, 80, ["/"], {}), 1)
        with pytest.raises(ValueError, match="loopback"):
            load.by_processes(load.Target(host, 80, ["/"], {}), 1)
    near = load.Target("127.0.0.1", 9, ["/"], {})
    with pytest.raises(ValueError, match="60 s at most"):
        load.burst(near, 3600)
    with pytest.raises(ValueError, match="256 at most"):
        load.burst(near, 1, connections=10_000)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: set[tuple[str, str]] = set()

    def do_GET(self) -> None:
        self.asked.add((self.path, self.headers.get("If-None-Match", "")))
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("send", [load.burst, load.by_processes])
def test_load_takes_paths_in_turn_and_stops_at_errors(port: int, send) -> None:  # type: ignore[no-untyped-def]
    target = load.Target("127.0.0.1", port, ["/a?b=1", "/c"], {"If-None-Match": '"x"'})
    _Answers.asked.clear()
    found = send(target, 1.0, 2)
    assert found.requests > 2
    assert found.per_second > 1
    assert found.p50_ms <= found.p99_ms
    assert {("/a?b=1", '"x"'), ("/c", '"x"')} == _Answers.asked
    with pytest.raises(RuntimeError, match="/gone"):
        send(replace(target, paths=["/gone"]), 1.0, 2)


def test_results_are_kept_and_read_again() -> None:
    assert report.read(report.as_json(RUN)) == RUN
    old = report.read('[{"name": "list", "size": 5, "ours_us": 2, "reference_us": 1, "ratio": 2,'
                      ' "reference": "raw"}]')  # fmt: skip
    assert old.rows[0].ratio == 2
    for bad in ("", "{}", '{"format": 99, "rows": []}', '{"format": 1, "rows": [{}]}', "[3]"):
        with pytest.raises(ValueError, match=r"this is no|cannot be read"):
            report.read(bad)


def test_table_is_put_below_the_mark_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{report.MARK}\n\nold rows\n")
    report.put_into(page, RUN)
    text = page.read_text()
    assert text.startswith("# Before")
    assert "old rows" not in text
    assert "| list | 5,000 | 1.20 | 1.5 | PASS |" in text
    page.write_text("no mark")
    with pytest.raises(ValueError, match="has no line"):
        report.put_into(page, RUN)


def test_two_files_are_compared_even_when_rows_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(report.as_json(RUN))
    faster = replace(COST, ours=60.0)
    after.write_text(
        report.as_json(replace(RUN, rows=[faster, replace(COST, name="offer")], machine={}))
    )
    assert compare.main([str(before), str(after)]) == 0
    said = capsys.readouterr().out
    assert {"1.20", "0.60", "-50"} <= set(said.split())
    assert "only before: list at 5,000 (hello, req/s)" in said
    assert "only after: offer at 5,000" in said
    assert "Different machines" in said
    after.write_text("{}")
    assert compare.main([str(before), str(after)]) == 2
    assert compare.main(["no-such-ref-at-all"]) == 2
    assert compare.main(["HEAD", "--only", "nonsense"]) == 2


def test_page_taken_apart_comes_out_the_same() -> None:
    def page(name: str, cars: int) -> str:
        cards = "".join(
            f'<article class="card" id="{n}"><b title="&#34;{name}&#34;">R$ {n} &amp; {name}</b>'
            + ("<i>new</i>" if n % 2 else "")
            + "</article>"
            for n in range(cars)
        )
        options = "\n".join(
            f'<label class="check"><input value="{n}">{{{{ {n} }}}}</label>' for n in range(3)
        )
        script = f"<script>var a = {{}} && '<b>{name}</b>'</script>"
        head = f"<title>{name}</title><style>a{{b:c}}</style>"
        return f"{head}{options}<p>x\r\n</p>{script}{cards}<p>the end</p>\n"

    ours = page("Ação", 4)
    markup = taken_apart(ours, page("Outra", 2))
    assert [len(run) for run in markup.runs] == [3, 4]
    assert "<title>⟦=" in markup.template  # pages differ in it; all cards of one page say it
    runs = [[(shape, *values) for shape, values in run] for run in markup.runs]
    made = environment().from_string(markup.template).render(page=markup.values, runs=runs)
    assert made == ours
    with pytest.raises(ValueError, match="⟦"):
        taken_apart("⟦", ours)


def test_rows_of_a_small_stock_are_measured() -> None:
    """The references give the same bytes as our pages, or the rows raise."""
    found = [*pages(50), *texts(50)]
    assert {"list page, fresh", "offer page, fresh", "home page, fresh", "sitemap of the offers",
            "staff export, CSV"} <= {row.name for row in found}  # fmt: skip
    assert all(row.ours > 0 and row.theirs > 0 for row in found)
