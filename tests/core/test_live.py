"""Live streams: one look however many listen, and every place is given back."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from core import live
from core.live import Hub, Stream, allow_streams, end_streams, register_channel

LONG_SECONDS = 20  # a failure, not a measure


class Channel:
    """A channel whose version a test moves."""

    def __init__(self) -> None:
        self.version, self.reads, self.is_broken = 1, 0, False

    def read(self) -> int:
        self.reads += 1
        if self.is_broken:
            raise ZeroDivisionError
        return self.version


@pytest.fixture
def channel() -> Iterator[Channel]:
    one = Channel()
    register_channel("test", one.read)
    yield one
    live._channels.pop("test")


@pytest.fixture
def hub(app, monkeypatch) -> Iterator[Hub]:
    monkeypatch.setattr(live, "LOOK_EVERY_SECONDS", 0.01)
    allow_streams(30)
    one = Hub(app)
    yield one
    end_streams()
    until(lambda: one._thread is None)
    allow_streams(0)


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Listener:
    """A page's side: opens a stream in a thread of its own, as a request does, and keeps what
    comes."""

    def __init__(self, hub: Hub, **options) -> None:
        self.heard: list[bytes] = []
        self.stream: Stream | None = None
        self.is_over = False
        self.thread = threading.Thread(target=self._run, args=(hub, options), daemon=True)
        self.thread.start()

    def _run(self, hub: Hub, options) -> None:
        settings = {"version": 1, "seen": "1", "still_allowed": lambda: True, **options}
        self.stream = hub.open("test", **settings)
        if self.stream is None:
            return
        for message in self.stream:
            self.heard.append(message)
        self.is_over = True
        self.stream.close()

    def moves(self) -> list[bytes]:
        return [one for one in self.heard if b"event: moved" in one]


def test_one_look_serves_all_streams(hub, channel):
    pages = [Listener(hub) for _ in range(20)]
    until(lambda: hub.open_streams == 20 and hub.counts.looks > 2)
    looks, reads = hub.counts.looks, channel.reads
    channel.version = 2
    until(lambda: all(page.moves() for page in pages))
    assert [len(page.moves()) for page in pages] == [1] * 20
    assert pages[0].moves() == [b'event: moved\nid: 2\ndata: {"version": 2}\n\n']
    # Not one for each: as many reads as looks of the one thread.
    assert channel.reads - reads <= hub.counts.looks - looks + 1
    assert hub.counts.looks - looks < 20


def test_a_page_that_is_behind_is_told_at_once_and_one_that_is_not_is_left_alone(hub, channel):
    behind, new, level = (Listener(hub, seen=seen) for seen in ("0", "", "1"))
    until(lambda: behind.moves() and new.moves() and level.heard and hub.counts.looks > 3)
    assert len(behind.moves()) == len(new.moves()) == 1
    assert not level.moves()


def test_a_burst_of_changes_is_one_message(hub, channel, monkeypatch):
    page = Listener(hub)
    until(lambda: page.heard and hub.counts.looks > 1)
    with hub._app.app_context():
        for number in range(2, 50):
            page.stream.version = str(number)
        page.stream.tell(50)
        channel.version = 50
    until(lambda: page.moves())
    assert page.moves()[-1].startswith(b"event: moved\nid: 50\n")
    assert len(page.moves()) <= 2


def test_there_is_room_for_so_many_and_a_place_that_is_free_is_taken(hub, channel, monkeypatch):
    allow_streams(3)
    pages = [Listener(hub) for _ in range(3)]
    until(lambda: hub.open_streams == 3)
    refused = Listener(hub)
    refused.thread.join(LONG_SECONDS)
    assert refused.stream is None
    pages[0].stream.end()
    until(lambda: hub.open_streams == 2)
    Listener(hub)
    until(lambda: hub.open_streams == 3)


def test_a_page_that_hung_up_is_found_out_without_a_byte_and_none_stays_for_ever(
    hub, channel, monkeypatch
):
    """The server ends whoever writes to a closed connection, so something is written soon."""
    monkeypatch.setattr(live, "PROBE_SECONDS", 0.01)
    page = Listener(hub)
    until(lambda: page.heard.count(b"") > 3)
    assert not page.moves()
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.0)
    until(lambda: page.is_over and hub.open_streams == 0)


def test_a_stream_ends_with_the_permission_behind_it(hub, channel, monkeypatch):
    monkeypatch.setattr(live, "CHECK_EVERY_SECONDS", 0.02)
    may = {"leaver": True}
    leaver = Listener(hub, still_allowed=lambda: may["leaver"])
    stayer = Listener(hub)
    until(lambda: hub.counts.checks > 4)
    assert not leaver.is_over
    may["leaver"] = False
    until(lambda: leaver.is_over)
    assert not stayer.is_over
    assert hub.open_streams == 1


def test_a_process_that_stops_lets_every_stream_go_and_takes_no_more(hub, channel):
    pages = [Listener(hub) for _ in range(5)]
    until(lambda: hub.open_streams == 5)
    end_streams()
    until(lambda: all(page.is_over for page in pages) and hub.open_streams == 0)
    late = Listener(hub)
    late.thread.join(LONG_SECONDS)
    assert late.stream is None


def test_an_error_while_looking_ends_the_streams_and_the_next_one_starts_anew(
    hub, channel, monkeypatch
):
    monkeypatch.setattr(threading, "excepthook", lambda _facts: None)
    page = Listener(hub)
    until(lambda: hub.counts.looks > 1)
    channel.is_broken = True
    until(lambda: page.is_over and hub._thread is None)
    channel.is_broken = False
    again = Listener(hub)
    until(lambda: hub.open_streams == 1)
    channel.version = 2
    until(lambda: again.moves())


def test_nobody_looks_while_nobody_listens(hub, channel):
    page = Listener(hub)
    until(lambda: hub.counts.looks > 1)
    page.stream.end()
    until(lambda: hub._thread is None)
    looks = hub.counts.looks
    time.sleep(0.1)
    assert hub.counts.looks == looks


def test_a_quiet_stream_beats(hub, channel, monkeypatch):
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.02)
    page = Listener(hub)
    until(lambda: len(page.heard) > 6)
    assert page.heard[0].startswith(b"retry: ")
    assert set(page.heard[1:]) - {b""} == {b'event: beat\nid: 1\ndata: {"version": 1}\n\n'}


def test_a_server_that_says_nothing_of_its_threads_has_no_streams(app, channel):
    """Another server's few threads are for those who ask for pages."""
    hub = Hub(app)
    assert hub.open("test", version=1, seen="", still_allowed=lambda: True) is None
    assert hub._thread is None
