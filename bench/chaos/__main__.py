"""`python -m bench.chaos`: every accepted post is there once, whatever was killed, locked or full,
every waiting lead is claimed once (bench.chaos.claims), and the portals show what is for sale and
nothing else (bench.chaos.portals).

Starts the real site on a throw-away database, several buyers who retry, and a saboteur. At the end
every 2xx or 3xx answer is compared with the database and with `leads export`. Exit status 1 when
one is lost or doubled. Nothing leaves loopback.

The disk that gets full is a small tmpfs in a mount namespace of this run (root, or a system that
gives its users such namespaces); elsewhere that attack is left out, and said so.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from bench.chaos import claims, clients, portals, verdict
from bench.chaos.processes import (
    Kept,
    flask,
    free_port,
    postgres_programs,
    start_postgres,
    wait_for_port,
)
from bench.chaos.saboteur import Saboteur
from core import config as settings
from core.config import ROOT
from core.serving import web_command

INSIDE = "CHAOS_NAMESPACE"  # of the copy of this program for one database; empty: no mounts
STALL_SECONDS = 300.0  # without one more post read: longer than any pause of the attacks
STOCK = "20"
SITE_DISK_MB, SERVER_DISK_MB = 96, 320  # and room for what the posts become
POSTS_PER_MB = 25


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", choices=("posts", "claims", "portals"), help="leave the others out"
    )
    parser.add_argument("--attendants", type=int, default=50, help="who claim leads at once")
    parser.add_argument("--leads", type=int, default=5_000, help="that wait for them")
    parser.add_argument("--cars", type=int, default=200, help="advertised on the portals")
    parser.add_argument("--seeds", type=int, default=5, help="so many storms over the portals")
    parser.add_argument("--faults", type=float, default=0.2, help="share of a portal's answers")
    parser.add_argument("--portals", nargs="+", default=list(portals.SIMULATORS), help="which")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="spread the posts over at least this long")
    parser.add_argument("--lock-seconds", type=float, default=10.0, help="how long SQLite is held")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two attacks")
    parser.add_argument("--lease-seconds", type=float, default=15.0, help="of the worker's jobs")
    parser.add_argument("--keep", action="store_true", help="leave the logs where they are")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # everything is stopped on the way out
    if chosen.database != "both" and INSIDE in os.environ:
        return _on_one_database(chosen)
    codes = []
    for database in ("sqlite", "postgres") if chosen.database == "both" else (chosen.database,):
        namespace = mount_namespace(database)
        own = [sys.executable, "-m", "bench.chaos", *sys.argv[1:], "--database", database]
        env = {**os.environ, INSIDE: "1" if namespace else ""}
        codes.append(subprocess.run([*namespace, *own], check=False, cwd=ROOT, env=env).returncode)
    return max(codes)


def _on_one_database(chosen: argparse.Namespace) -> int:
    codes = []
    if chosen.only in {None, "posts"}:
        codes.append(Run(chosen, chosen.database).whole())
    if chosen.only in {None, "claims"}:
        codes.append(claims.run(chosen, chosen.database))
    if chosen.only in {None, "portals"}:
        codes.append(portals.run(chosen, chosen.database))
    return max(codes)


def mount_namespace(database: str) -> list[str]:
    """The words in front of a command that may mount, and kill, without anybody else noticing;
    none where the system gives no such namespaces. What it started ends with it."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        if database == "postgres":
            return []  # it refuses to run as root, even of a namespace
        words.append("--map-root-user")
    if not shutil.which("unshare"):
        return []
    probe = subprocess.run([*words, "true"], check=False, stderr=subprocess.DEVNULL)
    return [] if probe.returncode else words


class Run:
    """One database under fire, from the first post to the verdict."""

    def __init__(self, chosen: argparse.Namespace, database: str) -> None:
        self.chosen, self.database = chosen, database
        self.folder = Path(tempfile.mkdtemp(prefix=f"chaos-{database}-"))
        self.folder.chmod(0o711)  # the server's own user walks through
        self.instance, self.server = self.folder / "instance", self.folder / "server"
        self.mounted: list[Path] = []
        self.kept: list[Kept] = []

    def whole(self) -> int:
        if self.database == "postgres" and postgres_programs() is None:
            print("postgres: left out, there is no initdb here that this user can run.")
            return 0
        try:
            return self._whole()
        finally:
            for kept in reversed(self.kept):
                kept.stop()
            for path in self.mounted:
                subprocess.run(["umount", "--lazy", str(path)], check=False)
            if self.chosen.keep:
                print(f"Logs: {self.folder}")
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _whole(self) -> int:
        started = time.monotonic()
        self._mount(self.instance, SITE_DISK_MB)
        self._mount(self.server, SERVER_DISK_MB)
        env, port = self._prepare()
        saboteur = self._start(env, port)
        logs = self._fire(saboteur, port)
        settled = time.monotonic()
        self._settle(env)
        settled = time.monotonic() - settled
        export = self._export(env)
        with export.open() as lines:
            found = verdict.judge(verdict.read_logs(logs), env["VITRINE_DATABASE_URL"], lines)
        self._print(found, saboteur, settled, time.monotonic() - started)
        return 0 if found.is_good else 1

    def _mount(self, path: Path, least_mb: int) -> None:
        path.mkdir()
        if os.environ.get(INSIDE):
            size = f"size={least_mb + self.chosen.posts // POSTS_PER_MB}m"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], check=True)
            self.mounted.append(path)

    def _prepare(self) -> tuple[dict[str, str], int]:
        port = free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
        env = {
            **own,
            "VITRINE_INSTANCE_DIR": str(self.instance),
            "VITRINE_DATABASE_URL": f"sqlite:///{self.instance}/vitrine.db",
            "VITRINE_LEAD_RATE_LIMIT": "1000000 per minute",  # all buyers share one address here
            "VITRINE_BASE_URL": f"http://127.0.0.1:{port}",
            "VITRINE_LOG_LEVEL": "warning",
        }
        if self.database == "postgres":
            server = free_port()
            self.postgres = start_postgres(self.server, server, self.folder / "postgres.log")
            self.kept.append(self.postgres)
            env["VITRINE_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{server}/postgres"
            _wait_for_database(env["VITRINE_DATABASE_URL"])
        flask("db", "upgrade", env=env)
        flask("demo", "load", "--no-photos", "--vehicles", STOCK, env=env)
        return env, port

    def _start(self, env: dict[str, str], port: int) -> Saboteur:
        config = settings.load(env)
        web = Kept("web", web_command(config, "127.0.0.1", port), env, self.folder / "web.log")
        self.kept.append(web)
        lease = str(self.chosen.lease_seconds)
        command = [sys.executable, "-m", "bench.chaos.worker", lease]
        worker = Kept("worker", command, env, self.folder / "worker.log")
        self.kept.append(worker)
        wait_for_port(port)
        is_postgres = self.database == "postgres"
        return Saboteur(
            port,
            web,
            worker,
            self.postgres if is_postgres else None,
            None if is_postgres else self.instance / "vitrine.db",
            (self.server if is_postgres else self.instance) if self.mounted else None,
            self.chosen.seed,
            lock_seconds=self.chosen.lock_seconds,
            pause_seconds=self.chosen.pause,
        )

    def _fire(self, saboteur: Saboteur, port: int) -> list[Path]:
        chosen = self.chosen
        seconds = chosen.seconds or chosen.posts / 80
        plans = [
            clients.Plan(
                number,
                len(range(number, chosen.posts, chosen.clients)),
                seconds,
                port,
                chosen.seed,
                self.folder / f"client-{number}.jsonl",
            )
            for number in range(chosen.clients)
        ]
        processes = clients.start(plans)
        over = threading.Event()
        fire = threading.Thread(target=saboteur.run, args=(over,), daemon=True)
        fire.start()
        for process in processes:
            process.join()
        over.set()
        fire.join()
        if any(process.exitcode for process in processes):
            raise RuntimeError("a client ended before its time")
        return [plan.log_path for plan in plans]

    def _settle(self, env: dict[str, str]) -> None:
        """Wait until nothing is spooled and every post has been read, for as long as the worker
        gets on. A job whose worker was killed twice waits for a person, who tries it again."""
        engine = sa.create_engine(env["VITRINE_DATABASE_URL"], pool_pre_ping=True)
        deadline = time.monotonic() + STALL_SECONDS
        dead = sa.text("SELECT id FROM job WHERE state = 'dead' AND kind = 'process_submission'")
        new = sa.text("SELECT count(*) FROM submission WHERE state = 'new'")
        self.put_aside = 0
        unread = before = -1
        while time.monotonic() < deadline:
            time.sleep(0.5)
            try:
                with engine.connect() as connection:
                    unread, waiting = connection.scalar(new), list(connection.scalars(dead))
            except sa.exc.OperationalError:
                continue  # PostgreSQL may be about to start
            if unread != before:
                before, deadline = unread, time.monotonic() + STALL_SECONDS
            for job_id in waiting:
                self.put_aside += 1
                flask("jobs", "retry", str(job_id), env=env)
            if not unread and not any((self.instance / "spool" / "new").iterdir()):
                break
        else:
            print(f"Not everything was read in time: {unread} posts are not.")
        engine.dispose()

    def _export(self, env: dict[str, str]) -> Path:
        path = self.folder / "leads.jsonl"
        path.write_text(flask("leads", "export", "--format", "jsonl", env=env))
        return path

    def _print(
        self, found: verdict.Verdict, saboteur: Saboteur, settled: float, seconds: float
    ) -> None:
        web_log = (self.folder / "web.log").read_text(errors="replace")
        parked = len(list((self.instance / "spool" / "parked").iterdir()))
        lines = [
            f"{self.database}: {found.posts} posts in {found.requests} requests, "
            f"{self.chosen.clients} clients, seed {self.chosen.seed}, {seconds:.0f} s "
            f"({settled:.0f} s of it until all was read)",
            f"  accepted {found.accepted}   refused {found.refused}   lost {len(found.lost)}   "
            f"doubled {len(found.doubled)}",
            f"  spooled {web_log.count('submission_spooled')}   put aside: jobs {self.put_aside}, "
            f"spool files {parked}",
            f"  broken connections {found.failures}   answers that took nothing: "
            + (", ".join(f"{n} × {status}" for status, n in sorted(found.statuses.items())) or "0"),
            "  " + ", ".join(f"{name}: {n}" for name, n in sorted(saboteur.done.items())),
            f"  starts: {', '.join(f'{kept.name} {kept.starts}' for kept in self.kept)}",
            f"  longest outage {found.longest_outage_seconds:.1f} s",
        ]
        if not self.mounted:
            lines.append("  disk full: left out, no small disk can be mounted here")
        for title, rows in (("LOST", found.lost), ("DOUBLED", found.doubled), ("ODD", found.odd)):
            lines += [f"  {title} {row}" for row in rows[:20]]
        print("\n".join(lines), flush=True)


def _wait_for_database(url: str) -> None:
    engine = sa.create_engine(url)
    deadline = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
            break
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
