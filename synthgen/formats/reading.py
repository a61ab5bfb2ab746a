"""The rows of one file, streamed, whatever its kind: each kind has its module in `synthgen/formats/kinds/`."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path

from synthgen.errors import SeedError
from synthgen.formats.kinds import arrow, json_file, json_lines, table
from synthgen.formats.kinds.json_file import in_lines
from synthgen.formats.kinds.row import Row
from synthgen.formats.opening import Content, Kind, content_of

COUNTED = 1 << 30
"""Bytes of the largest file of JSON lines whose rows are counted before they are read: seconds on any disk."""


def rows_of(path: Path, split: str | None = None) -> Iterator[Row]:
    """The rows of one file, in order; one that is broken in itself comes with its problem.

    `split` is taken where a JSON object has a list for each split; `train` if None. A file that breaks off gives a last
    row that says so.

    Raises:
        SeedError: the file cannot be read at all.
    """
    number = 0
    try:
        content = content_of(path)
        for row in _rows(path, content, split):
            number = row.number
            yield row
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        yield from _cut(path, number, f"its compression breaks off or is damaged: {error}", error)
    except OSError as error:
        yield from _cut(path, number, f"cannot be read: {error.strerror or error}", error)


def _rows(path: Path, content: Content, split: str | None) -> Iterator[Row]:
    match _form(content):
        case "parquet" | "arrow":
            return arrow.rows(path, content)
        case "csv" | "tsv":
            return table.rows(path, content)
        case "jsonl":
            return json_lines.rows(path, content)
        case "json":
            return json_file.rows(path, content, split)


def _form(content: Content) -> Kind:
    """The kind, whatever the file's name says: `jsonl` for a row on each line, `json` for any other JSON."""
    if content.kind in ("jsonl", "json"):
        return "jsonl" if in_lines(content) else "json"
    return content.kind


def _cut(path: Path, number: int, problem: str, error: Exception) -> Iterator[Row]:
    if not number:
        raise SeedError(problem, file=path) from error
    yield Row(number + 1, None, f"the file {problem}; what follows is lost: is it whole?", last=True)


def count_of(path: Path) -> int | None:
    """How many rows a file holds where counting costs little: Parquet, plain JSON lines of up to a gibibyte; else None.

    Lines that are broken or blank count too.
    """
    content = content_of(path)
    try:
        if content.kind == "parquet":
            import pyarrow.parquet as pq

            rows: int = pq.read_metadata(path).num_rows
            return rows
        with path.open("rb") as file:
            plainly = file.read(len(content.head)) == content.head and b"\0" not in content.head
            if _form(content) != "jsonl" or not plainly or path.stat().st_size > COUNTED:
                return None
            count, last = content.head.count(b"\n"), content.head
            while block := file.read(1 << 20):
                count, last = count + block.count(b"\n"), block
            return count + (not last.endswith(b"\n"))
    except OSError:
        return None


def form_of(path: Path) -> Kind:
    """The form that the rows of a file have: `json` for an array, and for rows inside an object.

    Raises:
        SeedError: it is nothing that can be read.
    """
    try:
        content = content_of(path)
    except OSError as error:
        raise SeedError(f"cannot be read: {error.strerror or error}", file=path) from error
    return _form(content)
