"""What a file is, told by its content first and its name second: compression, encoding, and the kind of rows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from synthgen.errors import SeedError

Kind = Literal["parquet", "arrow", "jsonl", "json", "csv", "tsv"]

SUFFIXES: dict[str, Kind] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
}
"""What is read, by the end of a file's name, in order of preference: of a folder, the files of the first kind."""

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")

HEAD = 1 << 16

_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel sheet",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
    b"%PDF": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"\x04\x22\x4d\x18": "compressed with LZ4",
    b"7z\xbc\xaf": "a 7-Zip archive",
}

_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

NAMES = "JSON lines, JSON, CSV, TSV, Parquet or Arrow, plain or compressed (.gz, .bz2, .xz, .zst)"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds; `encoding` is that of a text. `head` is its decompressed beginning."""

    kind: Kind
    encoding: str
    head: bytes


def kind_by_name(path: Path) -> Kind | None:
    """The kind that the file's name says, whatever its case and compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed.

    Raises:
        OSError: it cannot be read.
        SeedError: the library that its compression needs is not there.
    """
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        import gzip

        return cast("IO[bytes]", gzip.open(path, "rb"))
    if magic.startswith(b"BZh"):
        import bz2

        return bz2.open(path, "rb")
    if magic.startswith(b"\xfd7zXZ"):
        import lzma

        return cast("IO[bytes]", lzma.open(path, "rb"))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstandard(path)
    return path.open("rb")


def content_of(path: Path) -> Content:
    """Looks at the beginning of the file.

    Raises:
        OSError: it cannot be read.
        SeedError: it is nothing that can be read.
    """
    with opened(path) as file:
        head = file.read(HEAD)
    named = kind_by_name(path)
    columns: Kind | None = (
        "parquet"
        if head.startswith(b"PAR1")
        else "arrow"
        if head.startswith((b"ARROW1", b"\xff\xff\xff\xff"))
        else None
    )
    if columns is not None:
        if not _begins_so(path, head):
            raise SeedError(
                f"is a compressed {columns.title()} file", file=path, hint="unpack it first: gunzip, unxz …"
            )
        return Content(columns, "", head)
    _refuse_no_data(path, head)
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise SeedError(f"is {what}, not a file that can be read", file=path, hint=f"what is read: {NAMES}")
    if named in ("parquet", "arrow") and head:
        what = "a Parquet file" if named == "parquet" else "an Arrow file"
        if b"\0" in head or head.lstrip()[:1] not in (b"{", b"["):
            raise SeedError(f"is not {what} that can be read: it does not begin as one", file=path)
    encoding = _encoding(path, head)
    begin = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")[:1]
    if begin in ("{", "["):
        return Content("json" if named in ("json", None) else "jsonl", encoding, head)
    if named is None and begin:
        raise SeedError("is not a file that can be read", file=path, hint=f"what is read: {NAMES}")
    return Content(named if named in ("csv", "tsv") else "jsonl", encoding, head)


def _begins_so(path: Path, head: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(4) == head[:4]


def _refuse_no_data(path: Path, head: bytes) -> None:
    """Raises `SeedError` for what stands in the place of a file that was not fetched."""
    begin = head[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith(b"version https://git-lfs.github.com/spec"):
        raise SeedError(
            "is a pointer of Git LFS: the data itself has not been fetched", file=path, hint="git lfs pull fetches it"
        )
    if begin.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")):
        raise SeedError(
            "is a web page or XML, not data: a server may have sent it in place of the file",
            file=path,
            hint="open it to see what it says, and fetch the file anew",
        )


def text_of(path: Path, encoding: str) -> IO[str]:
    """The file's text; bytes that are none become lone surrogates, so that only their row is lost."""
    return io.TextIOWrapper(opened(path), encoding=encoding, errors="surrogateescape", newline="")


def _encoding(path: Path, head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    sample = head[:4096]
    if b"\0" in sample:
        evens, odds = sample[::2].count(0), sample[1::2].count(0)
        half = len(sample) // 2
        if odds > half * 0.6 and evens < half * 0.1:
            return "utf-16-le"
        if evens > half * 0.6 and odds < half * 0.1:
            return "utf-16-be"
        if sample.lstrip()[:1] in (b"{", b"["):
            return "utf-8"  # a crash left zeros in it, say: the rows around them can be read
        raise SeedError("is a binary file, not one that can be read", file=path, hint=f"what is read: {NAMES}")
    return "utf-8"


def _zstandard(path: Path) -> IO[bytes]:
    import pyarrow as pa

    if not pa.Codec.is_available("zstd"):
        raise SeedError(
            "is compressed with Zstandard, which this pyarrow cannot read", file=path, hint="unpack it: zstd -d"
        )
    stream: Any = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    return io.BufferedReader(stream)
