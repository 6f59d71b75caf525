"""Load on a server of this machine: wrk where it is installed, or else processes of our own.

Bounded in time, connections and target: nothing but a loopback address is ever asked. The fallback
costs more than a cached page does, so that its rates say little; what the server's processes spend
per request is measured either way.
"""

import http.client
import ipaddress
import itertools
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
CONNECTIONS: Final = 16
THREADS: Final = 2
MOST_CONNECTIONS: Final = 256
MOST_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 30.0
_DONE: Final = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nJSON {"requests":%d,"us":%d,"bad":%d,"p50_us":%d,"p99_us":%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Target:
    """Where to ask: a port of a loopback address, paths that are asked for in turn, headers."""

    host: str
    port: int
    paths: Sequence[str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Load:
    """What a burst came to."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def burst(target: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """As many requests as `connections` get answered within `seconds`.

    Raises ValueError for a host that is no loopback address and for more than `MOST_SECONDS` or
    `MOST_CONNECTIONS`; RuntimeError when an answer was an error or none came.
    """
    refuse_far_hosts(target.host)
    if not 0 < seconds <= MOST_SECONDS:
        raise ValueError(f"{seconds:g} s: a burst lasts {MOST_SECONDS:g} s at most")
    if not 0 < connections <= MOST_CONNECTIONS:
        raise ValueError(f"{connections} connections: {MOST_CONNECTIONS} at most")
    program = shutil.which("wrk")
    if program:
        return _by_wrk(program, target, seconds, connections)
    return by_processes(target, seconds, connections)


def refuse_far_hosts(host: str) -> None:
    """Raise ValueError unless `host` is a loopback address, in digits: a name may lead anywhere."""
    try:
        is_near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_near = False
    if not is_near:
        raise ValueError(f"{host!r} is no loopback address: load is sent to this machine only")


def has_wrk() -> bool:
    """Whether rates are measured by a client that costs less than what it measures."""
    return shutil.which("wrk") is not None


def cpu_seconds(root: int) -> float:
    """User and system time so far of process `root` and all that descend from it."""
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            continue  # it ended meanwhile
        total += (int(fields[11]) + int(fields[12])) / TICKS
        waiting += [int(number) for number in children.split()]
    return total


def _by_wrk(program: str, target: Target, seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        script = Path(name) / "paths.lua"
        script.write_text(_lua(target))
        command = [
            program, "-t", str(min(THREADS, connections)), "-c", str(connections),
            "-d", f"{max(1, round(seconds))}s", "-s", str(script),
            f"http://{target.host}:{target.port}{target.paths[0]}",
        ]  # fmt: skip
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS
        )
    found = re.search(r"^JSON (\{.*\})$", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise RuntimeError(f"wrk: {done.stdout[-500:]} {done.stderr[-500:]}")
    said = json.loads(found[1])
    if said["bad"] or not said["requests"]:
        raise RuntimeError(f"{target.paths[0]}: {said['bad']} errors, {said['requests']} answers")
    return Load(said["requests"], said["us"] / 1e6, said["p50_us"] / 1000, said["p99_us"] / 1000)


def _lua(target: Target) -> str:
    """Each of wrk's threads takes the paths in turn; requests are put together beforehand."""
    texts = [
        "\r\n".join([
            f"GET {path} HTTP/1.1", f"Host: {target.host}:{target.port}",
            *(f"{name}: {value}" for name, value in target.headers.items()), "", "",
        ])
        for path in target.paths
    ]  # fmt: skip
    ready = ", ".join(json.dumps(text) for text in texts)
    return (
        f"local ready = {{{ready}}}\nlocal place = 0\n"
        "request = function()\n  place = place % #ready + 1\n  return ready[place]\nend\n" + _DONE
    )


def by_processes(target: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """The same without wrk: one process per processor, its connections asked in turn."""
    refuse_far_hosts(target.host)
    workers = min(os.cpu_count() or 1, connections)
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        jobs = [(target, seconds, -(-connections // workers))] * workers
        found = pool.starmap(_ask, jobs)
    times = sorted(itertools.chain.from_iterable(times for times, _took in found))
    if not times:
        raise RuntimeError(f"{target.paths[0]}: no answers")
    longest = max(took for _times, took in found)
    return Load(
        len(times), longest, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
    )


def _ask(target: Target, seconds: float, connections: int) -> tuple[list[float], float]:
    lines = [http.client.HTTPConnection(target.host, target.port, 30) for _ in range(connections)]
    asked: list[tuple[Any, float]] = []
    times = []
    paths = itertools.cycle(target.paths)
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for line in lines:
            line.request("GET", next(paths), headers=dict(target.headers))
            asked.append((line, time.perf_counter()))
        for line, at in asked:
            answer = line.getresponse()
            answer.read()
            if answer.status not in {200, 304}:
                raise RuntimeError(f"{target.paths[0]} answered {answer.status}")
            times.append(time.perf_counter() - at)
        asked.clear()
    took = time.perf_counter() - started
    for line in lines:
        line.close()
    return times, took
