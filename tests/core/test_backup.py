"""A backup taken while leads come in holds each that was answered before, and comes back whole."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import sqlalchemy as sa

from app import create_app
from core.backup import SCRATCH, create
from core.backup_archive import DATABASES, MANIFEST, BackupFailed, opened
from core.config import ROOT
from core.db import db, writing
from core.restoring import restore
from core.storage import storage
from integrators.listings import tombstones
from integrators.listings.rules import advertiser_of
from integrators.models import Advertiser, PortalAccount
from inventory.lifecycle import move
from inventory.models import Vehicle
from leads.capture import spool
from leads.models import Submission
from tests.conftest import PG_SERVER
from tests.factories import make_vehicle

WRITERS = 3
WAITING = {"id": "waits", "source": "form:contact"}


def quiet(_progress: str) -> None:
    pass


class Buyers:
    """Threads that go on sending the form."""

    def __init__(self, app) -> None:
        self._app = app
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(WRITERS)]
        self._some = threading.Semaphore(0)

    def _send(self, number: int) -> None:
        client = self._app.test_client()
        turn = 0
        while not self._stop.is_set():
            turn += 1
            who = {"nome": f"Ana {number} {turn}", "telefone": "(11) 98765-4321"}
            answer = client.post("/contato", data=who)
            if answer.status_code == 303:
                self._some.release()

    def __enter__(self) -> "Buyers":
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._some.acquire(timeout=60)

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def elsewhere(tmp_path):
    """An empty place for a site on the same kind of database."""
    (tmp_path / "new").mkdir()
    url = f"sqlite:///{tmp_path / 'new' / 'vitrine.db'}"
    server = None
    if PG_SERVER:
        server = sa.create_engine(PG_SERVER, isolation_level="AUTOCOMMIT")
        name = f"vitrine_restored_{os.getpid()}"
        with server.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        url = server.url.set(database=name).render_as_string(hide_password=False)
    yield {"instance_dir": str(tmp_path / "new"), "database_url": url}
    if server is not None:
        with server.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        server.dispose()


@pytest.fixture
def needs_client():
    if PG_SERVER and not shutil.which("pg_dump"):
        pytest.skip("pg_dump is not on this machine")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.usefixtures("needs_client")
def test_a_backup_under_load_comes_back_and_serves(app, tmp_path, elsewhere):
    car, sold = make_vehicle(state="published"), make_vehicle(state="published")
    with writing() as session:
        account = PortalAccount(kind="olx", name="OLX", token_digest="d")
        session.add(account)
        session.flush()
        advertiser_of(account.id).is_on = True
    storage().put("photo/a.jpg", b"picture", content_type="image/jpeg", public=True)
    spool().put(WAITING)
    path = tmp_path / "site.zip"
    with Buyers(app) as buyers:
        buyers.wait_for(WRITERS * 2)
        before = set(db.session.scalars(sa.select(Submission.id)))
        taken = create(path, quiet)
        buyers.wait_for(WRITERS)  # nobody was held up for good
    assert len(before) >= WRITERS * 2
    assert path.stat().st_mode & 0o077 == 0  # people's names and phones are in it
    assert not list(tmp_path.glob(f"{SCRATCH}*"))
    with pytest.raises(BackupFailed, match="never replaces"):
        create(path, quiet)

    # Sold after the backup, on the same machine: its file beside the database goes along.
    with writing() as session:
        move(session.get(Vehicle, sold.id), "sold", "test")
    shutil.copy(Path(app.instance_path, tombstones.SOLD_FILE), elsewhere["instance_dir"])
    sold_id, car_path = sold.id, f"/oferta/{car.slug}-{car.public_id}"

    Path(elsewhere["instance_dir"], "feeds", "1").mkdir(parents=True)
    # Without pages kept in memory: whoever asks for their version has the database open.
    new = create_app(**elsewhere, base_url="http://localhost", page_cache_mb=0)
    new.testing = True
    with new.app_context():
        restored = restore(path, quiet, replaces=False)
        assert before <= set(db.session.scalars(sa.select(Submission.id)))
        counts = restored.manifest.counts
        assert counts["submission"] == db.session.scalar(sa.select(sa.func.count(Submission.id)))
        assert sum(counts.values()) == taken.rows
        assert db.session.get(Vehicle, sold_id).state == "sold"
        assert all(db.session.scalars(sa.select(Advertiser.is_wary)))
        # It makes no sense, so a drain may have put it aside before; lost it is not.
        assert any("waits" in one.read_text() for one in spool().path.glob("*/*.json"))
        db.session.rollback()
        client = new.test_client()
        assert client.get("/estoque").status_code == client.get(car_path).status_code == 200
        assert client.get("/media/photo/a.jpg").data == b"picture"
        assert not Path(elsewhere["instance_dir"], "feeds").exists()
        assert any("VITRINE_SECRET_KEY" in note for note in restored.notes)
        with pytest.raises(BackupFailed, match="There is a site already"):
            restore(path, quiet, replaces=False)
        # A damaged one changes nothing, whatever it was allowed to.
        rows = db.session.scalar(sa.select(sa.func.count(Submission.id)))
        db.session.rollback()
        for harm in (_cut, _flip, _climb, _twice, _swell, _newer):
            bad = harm(path, tmp_path / "bad.zip")
            with pytest.raises(click.ClickException):
                restore(bad, quiet, replaces=True)
            assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == rows
            db.session.rollback()
        assert client.get("/media/photo/a.jpg").data == b"picture"
        assert not (tmp_path / "climbed").exists()
        restore(path, quiet, replaces=True)
        assert before <= set(db.session.scalars(sa.select(Submission.id)))
        db.session.remove()
        db.engine.dispose()


def _remade(path: Path, bad: Path, change) -> Path:
    """The archive again, with `change(name, bytes, manifest)` telling what is written instead."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bad, "w") as new:
        manifest = json.loads(old.read(MANIFEST))
        for name in old.namelist():
            if name != MANIFEST:
                for other, data in change(name, old.read(name), manifest):
                    new.writestr(other, data)
        new.writestr(MANIFEST, json.dumps(manifest))
    return bad


def _cut(path: Path, bad: Path) -> Path:
    bad.write_bytes(path.read_bytes()[:-200])
    return bad


def _flip(path: Path, bad: Path) -> Path:
    return _remade(path, bad, lambda name, data, _m: [(name, data.replace(b"picture", b"picturE"))])


def _climb(path: Path, bad: Path) -> Path:
    def change(name, data, manifest):
        yield name, data
        if name in DATABASES.values():
            other = "media/public/../../climbed"
            manifest["files"][other] = manifest["files"][name]
            yield other, data

    return _remade(path, bad, change)


def _twice(path: Path, bad: Path) -> Path:
    return _remade(
        path, bad,
        lambda name, data, _m: [(name, data)] * (2 if name.endswith("a.jpg") else 1),
    )  # fmt: skip


def _swell(path: Path, bad: Path) -> Path:
    """Says that it needs more than any disk has."""
    bad.write_bytes(path.read_bytes())
    return _remade(
        path, bad,
        lambda name, data, m: m["files"].update({name: [2**50, m["files"][name][1]]})
        or [(name, data)],
    )  # fmt: skip


def _newer(path: Path, bad: Path) -> Path:
    return _remade(path, bad, lambda name, data, m: m.update(head="9999") or [(name, data)])


@pytest.mark.usefixtures("needs_client")
def test_a_full_disk_leaves_nothing_half(app, tmp_path):
    """In a process of its own, whose files may not grow beyond some bytes."""
    path = tmp_path / "site.zip"
    storage().put("photo/a.jpg", b"x" * 400_000, content_type="image/jpeg", public=True)
    config = app.extensions["vitrine"]
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        f"import sys; sys.argv = ['flask', '--app', 'wsgi', 'backup', 'create', {str(path)!r}];"
        "from flask.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "VITRINE_INSTANCE_DIR": config.instance_dir,
            "VITRINE_DATABASE_URL": config.database_url,
        },
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert "The disk refused" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("needs_client")
def test_what_a_killed_run_left_goes_and_what_runs_stays(app, tmp_path):
    for name in ("left", "held"):
        (tmp_path / f"{SCRATCH}{name}").mkdir()
        (tmp_path / f"{SCRATCH}{name}" / "archive").write_bytes(b"half")
    held = os.open(tmp_path / f"{SCRATCH}held", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        create(tmp_path / "site.zip", quiet)
    finally:
        os.close(held)
    assert {path.name for path in tmp_path.iterdir()} == {"site.zip", f"{SCRATCH}held"}
    with opened(tmp_path / "site.zip") as archive:
        made_at = datetime.fromisoformat(archive.manifest.made_at)
        assert abs(datetime.now(UTC) - made_at) < timedelta(minutes=5)
