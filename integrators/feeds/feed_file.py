"""A feed on the disk: one file that holds it plain and packed, and can be made anew in parts.

The file is a row of segments: the head, for each block of cars their pieces, between two blocks the
separator, the foot. Each segment is there twice, plain and packed, and a block is followed by its
list of cars. After them comes the index, one line of JSON, and where it begins. So whoever has
opened the file sees one state of the feed, however often it is replaced meanwhile, and a new file
takes over what did not change as it lies on the disk.

Packed segments are raw DEFLATE data that end at a byte and refer to nothing before them (a full
flush, RFC 1951): one after the other, with the header and the checksum of RFC 1952 around them,
they are one ordinary gzip file.

FeedDamaged     what lies there is no feed that we wrote
"""

import hashlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.errors import DomainError

FORMAT: Final = 1
LEVEL: Final = 6  # of packing
PIECE_BYTES: Final = 256 * 1024  # how much is read and sent at once
_GZIP_HEAD: Final = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))  # RFC 1952, no name, no time
_LAST_BLOCK: Final = b"\x03\x00"  # an empty final DEFLATE block
# Where the index begins, its length; the stock's version that the feed is true of, and until when
# (seconds since 1970): these two may grow in place when nothing else changed.
_TAIL: Final = struct.Struct(">QQQd8s")
_GROWS: Final = struct.Struct(">Qd")
_GROWS_AT: Final = 16
_ALIGN: Final = 64  # so that they never lie across two pages
_MARK: Final = b"vitfeed1"


class FeedDamaged(DomainError):
    """What lies there is no feed that we wrote."""


class Entry(NamedTuple):
    """One car in a block: how many bytes its piece has, what it was told to cost (cents), and what
    it was made from (`integrators.listings.wanted.Wish.basis`)."""

    vehicle_id: int
    size: int
    price_cents: int
    basis: str


@dataclass
class Segment:
    """A part of the file, by offsets and lengths in bytes. `key` is the block's number, -1 for what
    stands between them; `stamp` is the same while the block would be the same."""

    at: int
    size: int
    packed: int
    digest: str
    key: int = -1
    stamp: str = ""
    listed: int = 0  # bytes of the list of cars, behind the packed part
    count: int = 0
    left_out: list[tuple[int, str, str]] = field(default_factory=list)  # vehicle id, code, basis

    @property
    def packed_at(self) -> int:
        return self.at + self.size

    @property
    def listed_at(self) -> int:
        return self.packed_at + self.packed

    @property
    def end(self) -> int:
        return self.listed_at + self.listed


@dataclass
class Index:
    """What is known of the feed without reading it."""

    state: str  # of all but the stock that the feed is made from
    made_at: float  # when its content was made, in seconds since 1970; later for later content
    title: str
    count: int = 0
    crc: int = 0  # of the plain content
    segments: list[Segment] = field(default_factory=list)
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Plain bytes."""
        return sum(one.size for one in self.segments)

    @property
    def packed_size(self) -> int:
        """Bytes as gzip."""
        inner = sum(one.packed for one in self.segments)
        return len(_GZIP_HEAD) + inner + len(_LAST_BLOCK) + 8

    @property
    def digest(self) -> str:
        """Of the content: the same for the same bytes in the same blocks."""
        parts = "".join(one.digest for one in self.segments)
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    @property
    def left_out(self) -> list[tuple[int, str]]:
        """(vehicle id, code) of the cars that the format did not take."""
        return [(one[0], one[1]) for segment in self.segments for one in segment.left_out]


class FeedFile:
    """One state of a feed, open for reading. Close it; it may be replaced or deleted meanwhile.
    Raises FeedDamaged, and FileNotFoundError when none was made yet."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.stock_version, self.valid_until = 0, 0.0
        try:
            self.index = self._read_index()
        except (ValueError, TypeError, KeyError, struct.error) as error:
            os.close(self._handle)
            raise FeedDamaged(f"{path.name}: {type(error).__name__}") from None
        except BaseException:
            os.close(self._handle)
            raise
        self.blocks = {one.key: one for one in self.index.segments if one.key >= 0}

    def __enter__(self) -> "FeedFile":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _read_index(self) -> Index:
        size = os.fstat(self._handle).st_size
        self._tail_at = max(0, size - _TAIL.size)
        at, length, version, until, mark = _TAIL.unpack(self.read(self._tail_at, _TAIL.size))
        if mark != _MARK or at + length != self._tail_at:
            raise ValueError(mark)
        self.stock_version, self.valid_until = version, until
        known: dict[str, Any] = json.loads(self.read(at, length))
        if known["format"] != FORMAT:
            raise ValueError(known["format"])
        known["segments"] = [Segment(**one) for one in known["segments"]]
        return Index(**known)

    def still_true(self, stock_version: int, valid_until: float) -> None:
        """Note that nothing of the content changed up to `stock_version`. Raises OSError."""
        data = _GROWS.pack(stock_version, valid_until)
        os.pwrite(self._handle, data, self._tail_at + _GROWS_AT)
        self.stock_version, self.valid_until = stock_version, valid_until

    def read(self, at: int, length: int) -> bytes:
        """Bytes of the file as they lie there."""
        return os.pread(self._handle, length, at)

    def plain(self) -> Iterator[bytes]:
        """The feed."""
        for one in self.index.segments:
            yield from self._in_pieces(one.at, one.size)

    def gzip(self) -> Iterator[bytes]:
        """The feed as a gzip file."""
        yield _GZIP_HEAD
        for one in self.index.segments:
            yield from self._in_pieces(one.packed_at, one.packed)
        yield _LAST_BLOCK + struct.pack("<II", self.index.crc, self.index.size & 0xFFFFFFFF)

    def entries(self, block: Segment) -> list[Entry]:
        """The cars of a block, in their order."""
        return [Entry(*one) for one in json.loads(self.read(block.listed_at, block.listed))]

    def pieces(self, block: Segment, separator: bytes) -> dict[int, tuple[Entry, bytes]]:
        """The cars of a block with what is told of each, by vehicle id."""
        text, found, at = self.read(block.at, block.size), {}, 0
        for entry in self.entries(block):
            found[entry.vehicle_id] = entry, text[at : at + entry.size]
            at += entry.size + len(separator)
        return found

    def mapped(self) -> mmap.mmap:
        """The whole file as memory that the kernel reads when it is looked at. Close it."""
        return mmap.mmap(self._handle, 0, prot=mmap.PROT_READ)

    def _in_pieces(self, at: int, length: int) -> Iterator[bytes]:
        end = at + length
        while at < end:
            piece = self.read(at, min(PIECE_BYTES, end - at))
            if not piece:
                raise FeedDamaged("cut short")
            yield piece
            at += len(piece)


class FeedWriter:
    """Writes a new state of a feed beside the old one and puts it in its place when it is whole.

    Use it as a context manager; without `finish` nothing changes. A process that is killed leaves
    at most a file that the next one removes."""

    def __init__(self, path: Path, separator: bytes, old: FeedFile | None) -> None:
        self._path = path
        self._separator = separator
        self._old = old.mapped() if old is not None else None
        self._unfinished = path.with_name(f"{path.name}.part")
        self._file = open(self._unfinished, "wb", buffering=PIECE_BYTES)  # noqa: SIM115
        self._at = 0
        self._crc = 0
        self.segments: list[Segment] = []

    def __enter__(self) -> "FeedWriter":
        return self

    def __exit__(self, *error: object) -> None:
        if self._old is not None:
            self._old.close()
        if not self._file.closed:
            self._discard()

    def _discard(self) -> None:
        with suppress(OSError):  # what is still in the buffer: the disk may be full
            self._file.close()
        self._unfinished.unlink(missing_ok=True)

    @property
    def count(self) -> int:
        """Cars written so far."""
        return sum(one.count for one in self.segments)

    def text(self, data: bytes) -> None:
        """The head or the foot."""
        self._add(data, Segment(0, 0, 0, ""), ())

    def block(
        self,
        key: int,
        stamp: str,
        cars: Sequence[tuple[Entry, bytes]],
        left_out: Iterable[tuple[int, str, str]],
    ) -> None:
        """The cars of one block, freshly put together. A block without cars is kept in the index
        for its stamp alone."""
        segment = Segment(0, 0, 0, "", key, stamp, count=len(cars), left_out=list(left_out))
        self._part(bool(cars))
        data = self._separator.join(piece for _entry, piece in cars)
        self._add(data, segment, [entry for entry, _piece in cars])

    def copy(self, block: Segment) -> None:
        """A block of the old file, as it lies there."""
        assert self._old is not None
        self._part(bool(block.count))
        lying = memoryview(self._old)
        self._crc = zlib.crc32(lying[block.at : block.at + block.size], self._crc)
        self._file.write(lying[block.at : block.end])
        lying.release()
        self.segments.append(Segment(**{**vars(block), "at": self._at}))
        self._at += block.end - block.at

    def finish(self, index: Index, stock_version: int, valid_until: float) -> None:
        """Put the new state in the old one's place; it survives a power cut. Sets the index's
        segments, count and checksum. Raises OSError, and then the old one stays."""
        index.segments, index.count, index.crc = self.segments, self.count, self._crc
        data = json.dumps(asdict(index), separators=(",", ":")).encode()
        data += b" " * (-(self._at + len(data)) % _ALIGN)
        self._file.write(data + _TAIL.pack(self._at, len(data), stock_version, valid_until, _MARK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        try:
            with FeedFile(self._unfinished):  # what cannot be read back is not put anywhere
                self._unfinished.replace(self._path)
        finally:
            self._unfinished.unlink(missing_ok=True)
        _sync_folder(self._path.parent)

    def _part(self, has_cars: bool) -> None:
        if has_cars and self._separator and self.count:
            self._add(self._separator, Segment(0, 0, 0, ""), ())

    def _add(self, data: bytes, segment: Segment, entries: Sequence[Entry]) -> None:
        packed = _packed(data) if data else b""
        listed = json.dumps(entries, separators=(",", ":")).encode() if segment.key >= 0 else b""
        segment.at, segment.size = self._at, len(data)
        segment.packed, segment.listed = len(packed), len(listed)
        segment.digest = hashlib.sha256(data).hexdigest()[:32] if data else ""
        self._crc = zlib.crc32(data, self._crc)
        for part in (data, packed, listed):
            self._file.write(part)
        self._at = segment.end
        self.segments.append(segment)


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut: the name is the folder's data, not the file's."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
