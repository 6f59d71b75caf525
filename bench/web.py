"""Pages over HTTP from the server that ships, against bare applications under the same server and
against nginx, in alternated rounds: requests a second, and CPU of all the server's processes.

"Kept" pages come out of the page cache. "Fresh" ones are made with that cache off; ready parts of
pages stay allowed, as production has them. Nobody asks for compression here.
"""

import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from bench import references
from bench.load import Load, Target, burst
from bench.pages import AGAINST, GROWTH, WHAT, Pages, limit_at, raw_twins
from bench.servers import HOST, Server, bare, nginx, ours, production, served
from bench.stocked import app_of, stocked_folder
from bench.timing import CPU_US, KIB, PER_SECOND, Measured
from core.config import ROOT

ROUNDS: Final = 3
ROUND_SECONDS: Final = 2.0
WARM_SECONDS: Final = 1.0
WARM_CALLS: Final = 8
START_SECONDS: Final = 120  # until a process has read 500,000 vehicles
STYLES: Final = "static/site.css"


@dataclass(frozen=True)
class Side:
    """A server and what it is asked for."""

    server: Server
    paths: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """Medians of one side's rounds."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def web(size: int, smallest: int) -> Iterator[Measured]:
    """Fresh pages at each size; kept pages and files once, at the smallest."""
    with ExitStack() as stack:
        folder = stack.enter_context(stocked_folder(size, photos=True))
        twins = stack.enter_context(raw_twins(app_of(folder)))
        env = production(folder, VITRINE_PAGE_CACHE_MB="0")
        bare_env = {**env, references.FOLDER: str(twins.folder)}

        def bare_server(name: str) -> Server:
            target = f"bench.references:{name}"
            return stack.enter_context(served(bare(env, target), bare_env, folder / f"{name}.log"))

        fresh = stack.enter_context(served(ours(env), env, folder / "fresh.log"))
        hello, raw = bare_server("hello"), bare_server("raw")
        yield from _fresh(size, twins, fresh, raw, hello)
        pss, rss = fresh.memory_kib()
        yield Measured(
            "one web process", size, pss, hello.memory_kib()[0], "Flask hello's", None,
            f"{pss / 1024:.0f} MiB PSS, {rss / 1024:.0f} MiB RSS, after these pages", KIB,
        )  # fmt: skip
        if size > smallest:
            yield from _grown(size, smallest, twins, fresh)
        else:
            yield from _kept(size, stack, twins, folder)


def _fresh(
    size: int, twins: Pages, fresh: Server, raw: Server, hello: Server
) -> Iterator[Measured]:
    lists, offers = twins.wanted["list"], twins.wanted["offer"]
    our, their, least = samples(
        Side(fresh, [page.path for page in lists]),
        Side(raw, [f"/{page.name}" for page in lists]),
        Side(hello, ["/"]),
    )
    yield rate(WHAT["list"], size, our, least, "Flask hello, same server", 0.2)
    yield rate(WHAT["list"], size, our, their, AGAINST)
    yield cpu(WHAT["list"], size, our, their, AGAINST, limit_at(size))
    our, their = samples(
        Side(fresh, [page.path for page in offers]), Side(raw, [f"/{page.name}" for page in offers])
    )
    yield rate(WHAT["offer"], size, our, their, AGAINST)
    yield cpu(WHAT["offer"], size, our, their, AGAINST, limit_at(size))
    our, least = samples(Side(fresh, ["/"]), Side(hello, ["/"]))
    yield rate("home page, fresh", size, our, least, "Flask hello, same server")
    yield cpu("home page, fresh", size, our, least, "Flask hello, same server")


def _grown(size: int, smallest: int, twins: Pages, fresh: Server) -> Iterator[Measured]:
    with stocked_folder(smallest, photos=True) as folder:
        env = production(folder, VITRINE_PAGE_CACHE_MB="0")
        paths = [page.path for page in twins.wanted["list"]]
        with served(ours(env), env, folder / "fresh.log") as few:
            our, their = samples(Side(fresh, paths), Side(few, paths))
            against = f"the same at {smallest:,}"
            yield cpu(WHAT["list"], size, our, their, against, GROWTH)
            yield rate(WHAT["list"], size, our, their, against)
            pss, few_pss = fresh.memory_kib()[0], few.memory_kib()[0]
            each = (pss - few_pss) * 1024 / (size - smallest)
            yield Measured(
                "one web process", size, pss, few_pss, against, None,
                f"{each:,.0f} bytes for each vehicle more", KIB,
            )  # fmt: skip


def _kept(size: int, stack: ExitStack, twins: Pages, folder: Path) -> Iterator[Measured]:
    path = twins.wanted["list"][0].path.partition("?")[0]  # the canonical list of a make
    env = production(folder)
    web = stack.enter_context(served(ours(env), env, folder / "kept.log"))
    tag, page = _page(web, path)
    # The references give the very bytes of the kept page.
    (twins.folder / references.PAGE).write_bytes(page)
    ready_env = {**env, references.FOLDER: str(twins.folder)}
    ready = stack.enter_context(
        served(bare(env, "bench.references:ready_bytes"), ready_env, folder / "ready.log")
    )
    files = folder / "files"
    files.mkdir()
    (files / references.PAGE).write_bytes(page)
    shutil.copy(ROOT / STYLES, files / "site.css")
    static = stack.enter_context(nginx(files, 2))
    kept, bytes_, *file = samples(
        Side(web, [path]),
        Side(ready, ["/"]),
        *([Side(static, [f"/{references.PAGE}"])] if static else []),
    )
    if file:
        yield rate("list page, kept", size, kept, file[0], "nginx, a file of the bytes", 0.5)
        yield cpu("list page, kept", size, kept, file[0], "nginx, a file of the bytes")
    else:
        print("          nginx is not installed: no row against it")
    yield rate("list page, kept", size, kept, bytes_, "bare WSGI bytes, same server")
    yield cpu("list page, kept", size, kept, bytes_, "bare WSGI bytes, same server")
    known, bytes_ = samples(Side(web, [path], {"If-None-Match": tag}), Side(ready, ["/"]))
    yield rate("304 for a known list page", size, known, bytes_, "bare WSGI bytes, same server")
    if static:
        styles, file_ = samples(Side(web, [_styles_path(page)]), Side(static, ["/site.css"]))
        yield rate("the stylesheet", size, styles, file_, "nginx, the source as a file")


def _page(server: Server, path: str) -> tuple[str, bytes]:
    """(ETag, body) of a page that must be there."""
    line = HTTPConnection(HOST, server.port, 30)
    line.request("GET", path)
    answer = line.getresponse()
    body = answer.read()
    line.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    return answer.headers.get("ETag", '"none"'), body


def _styles_path(page: bytes) -> str:
    """The address of the stylesheet, as the page has it."""
    text = page.decode()
    start = text.index('<link rel="stylesheet"')
    return text[start:].partition('href="')[2].partition('"')[0]


def samples(*sides: Side) -> list[Sample]:
    """Each side's medians of alternated rounds, after a little warming."""
    for side in sides:
        _warm(side)
        _round(side, WARM_SECONDS)
    found: list[list[tuple[Load, float]]] = [[] for _side in sides]
    for _number in range(ROUNDS):
        for place, side in enumerate(sides):
            found[place].append(_round(side, ROUND_SECONDS))
    return [
        Sample(
            statistics.median(load.per_second for load, _cpu in rounds),
            statistics.median(cpu_us for _load, cpu_us in rounds),
            statistics.median(load.p50_ms for load, _cpu in rounds),
            statistics.median(load.p99_ms for load, _cpu in rounds),
        )
        for rounds in found
    ]


def _warm(side: Side) -> None:
    """Both processes read the stock before the first round: with much of it that takes seconds."""
    for _time in range(WARM_CALLS):
        line = HTTPConnection(HOST, side.server.port, START_SECONDS)
        line.request("GET", side.paths[0], headers=dict(side.headers))
        line.getresponse().read()
        line.close()


def _round(side: Side, seconds: float) -> tuple[Load, float]:
    before = side.server.cpu_seconds()
    load = burst(Target(HOST, side.server.port, side.paths, side.headers), seconds)
    return load, (side.server.cpu_seconds() - before) / load.requests * 1e6


def rate(
    name: str, size: int, our: Sample, their: Sample, against: str, floor: float | None = None
) -> Measured:
    """A row of requests a second; `floor` is the least share of the reference's."""
    note = f"p50 {our.p50_ms:.2f} ms, p99 {our.p99_ms:.2f} ms; CPU {our.cpu_us / 1000:.3f} ms"
    return Measured(
        name, size, our.per_second, their.per_second, against, floor,
        f"{note} a request against {their.cpu_us / 1000:.3f} ms", PER_SECOND,
    )  # fmt: skip


def cpu(
    name: str, size: int, our: Sample, their: Sample, against: str, limit: float | None = None
) -> Measured:
    """A row of CPU time a request, over HTTP and for all the server's processes."""
    return Measured(
        f"{name}, over HTTP", size, our.cpu_us, their.cpu_us, against, limit, "", CPU_US
    )
