"""The waiting room on disk: in order, once, whoever dies in between."""

import multiprocessing
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from leads import spool as spooling
from leads.spool import Spool, SpoolFailed

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def waiting(tmp_path) -> Spool:
    return Spool(tmp_path / "spool")


def drained(spool: Spool) -> list[int]:
    found: list[int] = []

    def store(record):
        found.append(record["number"])
        return True

    spool.drain(store)
    return found


def test_what_went_in_comes_out_in_order_and_once(waiting):
    for number in range(20):
        waiting.put({"number": number, "text": "é 🚗 \x00"})
    assert drained(waiting) == list(range(20))
    assert drained(waiting) == []
    assert waiting.is_empty()


def test_nothing_but_the_owner_can_read_it(waiting):
    assert {(waiting.path / name).stat().st_mode & 0o777 for name in ("tmp", "new", "parked")} == {
        0o700
    }


def test_a_refusal_keeps_that_file_and_those_after_it_in_order(waiting):
    for number in range(3):
        waiting.put({"number": number})
    seen = []

    def store(record):
        if record["number"] == 1:
            raise ConnectionError
        seen.append(record["number"])
        return True

    with pytest.raises(ConnectionError):
        waiting.drain(store)
    assert seen == [0]
    assert drained(waiting) == [1, 2]


def test_a_crash_between_storing_and_forgetting_offers_it_again(waiting):
    waiting.put({"number": 7})

    def store_and_die(record):
        os._exit(9)

    child = multiprocessing.get_context("fork").Process(target=waiting.drain, args=(store_and_die,))
    child.start()
    child.join()
    assert child.exitcode == 9
    assert drained(waiting) == [7]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_what_cannot_be_read_is_put_aside_and_holds_up_nobody(waiting, body):
    (waiting.path / "new" / f"{0:020d}-1-0.json").write_bytes(body)
    waiting.put({"number": 1})
    assert drained(waiting) == [1]
    assert waiting.parked() == 1
    assert waiting.is_empty()


def test_what_the_disk_does_not_give_back_now_stays_and_holds_up_nobody(waiting):
    sick = waiting.path / "new" / f"{0:020d}-1-0.json"
    sick.mkdir()  # reading it is an error of the system, whoever asks
    waiting.put({"number": 1})
    assert drained(waiting) == [1]
    assert waiting.depth()[0] == 1


def test_what_no_database_takes_is_put_aside(waiting):
    waiting.put({"number": 1})
    assert waiting.drain(lambda record: False) == 0
    assert (waiting.parked(), waiting.is_empty()) == (1, True)


def test_a_file_half_written_by_a_dead_process_is_not_offered(waiting):
    (waiting.path / "tmp" / f"{0:020d}-1-0.json").write_bytes(b'{"number": 3')
    assert drained(waiting) == []


def test_only_one_drains_at_a_time(waiting):
    for number in range(3):
        waiting.put({"number": number})
    others = []

    def store(record):
        others.append(Spool(waiting.path).drain(lambda record: True))
        return True

    assert waiting.drain(store) == 3
    assert others == [0, 0, 0]


def test_depth_says_how_many_and_how_long(waiting):
    assert waiting.depth() == (0, 0.0)
    old = waiting.path / "new" / f"{time.time_ns() - 90 * 10**9:020d}-1-0.json"
    old.write_text("{}")
    waiting.put({})
    count, seconds = waiting.depth()
    assert count == 2
    assert 89 < seconds < 150


def test_a_disk_that_takes_nothing_is_told(waiting):
    """RLIMIT_FSIZE makes the kernel refuse real writes, in a process of its own."""
    waiting.put({"number": 0})
    found = _in_child(_put_with_no_room, waiting)
    assert found == "refused"
    assert drained(waiting) == [0]
    assert list((waiting.path / "tmp").iterdir()) == []


def test_ballast_makes_room_on_a_full_disk(small_disk, monkeypatch):
    monkeypatch.setattr(spooling, "BALLAST_BYTES", 64 * 1024)
    spool = Spool(small_disk / "spool")
    spool.drain(lambda record: True)
    ballast = spool.path / "ballast"
    assert ballast.stat().st_size == 64 * 1024
    _fill(small_disk)
    spool.put({"number": 1})
    assert not ballast.exists()
    with pytest.raises(SpoolFailed):
        for number in range(2, 200):
            spool.put({"number": number, "text": "x" * 1000})
    (small_disk / "filler").unlink()
    assert drained(spool)[0] == 1
    assert ballast.exists()


def test_ballast_is_not_taken_from_a_disk_that_is_nearly_full(small_disk):
    spool = Spool(small_disk / "spool")
    spool.drain(lambda record: True)  # 8 MB of 2 MB
    assert not (spool.path / "ballast").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB that can be filled to the brim."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(words).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def _put_with_no_room(spool: Spool) -> str:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        spool.put({"number": 1})
    except SpoolFailed:
        return "refused"
    return "taken"


def _in_child(work, *arguments) -> str:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def run():
        theirs.send(work(*arguments))

    child = context.Process(target=run)
    child.start()
    child.join()
    return ours.recv() if ours.poll() else f"exit {child.exitcode}"


def test_looking_for_one_that_is_drained_meanwhile_finds_nothing(waiting, monkeypatch):
    waiting.put({"id": "a" * 32})
    seen = waiting._waiting()
    drained_ids = []
    waiting.drain(lambda record: drained_ids.append(record["id"]) or True)
    monkeypatch.setattr(waiting, "_waiting", lambda: seen)  # listed a moment before
    assert not waiting.find("a" * 32)
