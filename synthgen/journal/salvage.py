"""What can be read of a damaged journal: the rows in its pages, one page after the other, without SQLite's help.

SQLite reads a table through the pages above it and a write-ahead log up to the first byte that is wrong, so one damaged
page can hide all rows. The format is https://www.sqlite.org/fileformat2.html; sections are named where they are used.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAGIC = b"SQLite format 3\x00"
WAL_HEADER, FRAME_HEADER = 32, 24
LEAF_TABLE, LEAF_INDEX, INNER_INDEX = 0x0D, 0x0A, 0x02
PAGE_SIZE = 4096
"""SQLite's default, for a file whose header is lost."""

Value = int | float | str | bytes | None


@dataclass(slots=True)
class Salvaged:
    """The rows of all tables, by rowid and page, and the rows of all indexes; damaged and foreign ones among them."""

    rows: list[tuple[Value, ...]] = field(default_factory=list)
    entries: list[tuple[Value, ...]] = field(default_factory=list)


def salvage(path: Path) -> Salvaged:
    """All rows in the pages of a database and of the log beside it. `OSError` where they cannot be read."""
    data, log = path.read_bytes(), _log_of(path)
    pages = _Pages(data, log, _page_size(data, log))
    found = Salvaged()
    for number in pages.numbers:
        for kind, row in pages.cells(number):
            (found.rows if kind == LEAF_TABLE else found.entries).append(row)
    return found


def log_is_broken(path: Path) -> bool:
    """Whether the log beside the database holds whole transactions behind a place that is damaged.

    SQLite takes the damage for the end of the log and drops them. What a kill has cut off is no such thing: nothing
    follows it.
    """
    log = _log_of(path)
    intact, follows = True, False
    for frame in _frames(log):
        if not frame.whole:
            intact = False
        elif not intact and frame.ends:
            follows = True
    return follows


def _log_of(path: Path) -> bytes:
    log = path.with_name(path.name + "-wal")
    return log.read_bytes() if log.is_file() else b""


def _page_size(data: bytes, log: bytes) -> int:
    sizes = [int.from_bytes(data[16:18]) if data.startswith(MAGIC) else 0, int.from_bytes(log[8:12])]
    sizes = [65536 if size == 1 else size for size in sizes]
    return next((size for size in sizes if 512 <= size <= 65536 and size & (size - 1) == 0), PAGE_SIZE)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A page in the log: where its content begins, and whether it `ends` a transaction and is `whole`."""

    page: int
    at: int
    ends: bool
    whole: bool


def _frames(log: bytes) -> Iterator[_Frame]:
    """The frames of the log's present generation. Each carries the checksum up to it, so the next can be checked."""
    size = _page_size(b"", log)
    step = FRAME_HEADER + size
    salts, sums = log[16:24], _sums(log[24:32])
    if not _header_is_whole(log):
        salts, sums = _shared_salts(log, step), (-1, -1)
    for at in range(WAL_HEADER, len(log) - step + 1, step):
        head = log[at : at + FRAME_HEADER]
        ours = head[8:16] == salts
        if not ours and log[at + step + 8 : at + step + 16] != salts:
            return  # of an earlier generation; a damaged head is followed by good ones
        content = head[:8] + log[at + FRAME_HEADER : at + step]
        whole = ours and sums != (-1, -1) and _checksum(content, sums, log) == _sums(head[16:24])
        page, ends = struct.unpack(">II", head[:8])
        yield _Frame(page, at + FRAME_HEADER, ends > 0, whole)
        sums = _sums(head[16:24])


def _shared_salts(log: bytes, step: int) -> bytes:
    """The salts of the first two frames in a row that have the same."""
    for at in range(WAL_HEADER + 8, len(log) - step, step):
        if log[at : at + 8] == log[at + step : at + step + 8]:
            return log[at : at + 8]
    return b""


def _header_is_whole(log: bytes) -> bool:
    return len(log) >= WAL_HEADER and _checksum(log[:24], (0, 0), log) == _sums(log[24:32])


def _sums(data: bytes) -> tuple[int, int]:
    return struct.unpack(">II", data) if len(data) == 8 else (-1, -1)


def _checksum(data: bytes, sums: tuple[int, int], log: bytes) -> tuple[int, int]:
    """Section 4.2: two sums over pairs of words, in the byte order that the log's magic number tells."""
    big = {b"\x37\x7f\x06\x82": False, b"\x37\x7f\x06\x83": True}.get(log[:4], sys.byteorder == "big")
    first, second = sums
    words = struct.unpack(f"{'>' if big else '<'}{len(data) // 4}I", data)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


class _Pages:
    """The pages as the last whole frame of the log has them, else as the database has them."""

    def __init__(self, data: bytes, log: bytes, size: int) -> None:
        self.size = size
        self._pages = {number + 1: data[number * size : (number + 1) * size] for number in range(-(-len(data) // size))}
        for frame in _frames(log):
            if frame.whole:
                self._pages[frame.page] = log[frame.at : frame.at + size]

    @property
    def numbers(self) -> list[int]:
        """The pages that there are."""
        return sorted(self._pages)

    def cells(self, number: int) -> Iterator[tuple[int, tuple[Value, ...]]]:
        """The rows of a table's leaf, or of a page of an index, that can be read (section 1.6)."""
        page = self._pages[number]
        head = 100 if number == 1 else 0
        if len(page) < head + 12 or (kind := page[head]) not in (LEAF_TABLE, LEAF_INDEX, INNER_INDEX):
            return
        pointers = head + (12 if kind == INNER_INDEX else 8)
        count = int.from_bytes(page[head + 3 : head + 5])
        for pointer in range(pointers, min(pointers + 2 * count, len(page) - 1), 2):
            at = int.from_bytes(page[pointer : pointer + 2]) + (4 if kind == INNER_INDEX else 0)
            try:
                length, at = _varint(page, at)
                rowid = None
                if kind == LEAF_TABLE:
                    rowid, at = _varint(page, at)
                row = _record(self._payload(page, at, length, kind))
            except (IndexError, ValueError, KeyError, struct.error):
                continue  # damaged: the next cell may be whole
            yield kind, row if rowid is None else (rowid, *row)

    def _payload(self, page: bytes, at: int, length: int, kind: int) -> bytes:
        """The bytes of a cell; what a page has no room for lies in a chain of others (section 1.6)."""
        least = (self.size - 12) * 32 // 255 - 23
        most = self.size - 35 if kind == LEAF_TABLE else (self.size - 12) * 64 // 255 - 23
        if length <= most:
            return page[at : at + length]
        local = least + (length - least) % (self.size - 4)
        local = local if local <= most else least
        parts = [page[at : at + local]]
        following = int.from_bytes(page[at + local : at + local + 4])
        left, seen = length - local, 0
        while left > 0:
            seen += 1
            if seen > len(self._pages):
                raise ValueError("a chain without an end")
            further = self._pages[following]
            parts.append(further[4 : 4 + left])
            left -= self.size - 4
            following = int.from_bytes(further[:4])
        return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next thing begins."""
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError("no number")


_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer by its serial type (section 2.1)."""


def _record(data: bytes) -> tuple[Value, ...]:
    """The columns of a row (section 2.1). `ValueError` where it is not whole."""
    end, at = _varint(data, 0)
    if end > len(data):
        raise ValueError("a cut row")
    kinds = []
    while at < end:
        kind, at = _varint(data, at)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        size = _INTEGERS.get(kind, 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else 0)
        part = data[at : at + size]
        if len(part) < size:
            raise ValueError("a cut row")
        at += size
        if kind in _INTEGERS:
            values.append(int.from_bytes(part, signed=True))
        elif kind == 7:
            values.append(float(struct.unpack(">d", part)[0]))
        elif kind >= 12:
            values.append(part.decode() if kind % 2 else part)
        else:
            values.append({8: 0, 9: 1}.get(kind))
    return tuple(values)
