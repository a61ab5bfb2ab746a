"""The rows of one file, streamed, whatever its kind; JSON lines, CSV and TSV are read here.

JSON lines have a row on each line, in any encoding; a broken one costs itself alone. CSV and TSV have a first line that
names the columns.
"""

from __future__ import annotations

import csv
import itertools
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from synthgen.errors import SeedError
from synthgen.formats import arrow, json_file
from synthgen.formats.json_stream import foreign
from synthgen.formats.opening import Content, Kind, content_of, opened, text_of
from synthgen.formats.row import LATIN, Row, cut, kind, why

COUNTED = 1 << 30
"""Bytes of the largest file of JSON lines whose rows are counted before they are read: seconds on any disk."""

LONGEST_LINE = 1 << 28
"""Bytes of the longest line."""

LONGEST_CELL = 1 << 28
"""Characters of the longest cell."""


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
            return _of_a_table(path, content)
        case "jsonl":
            return _of_lines(path, content)
        case "json":
            return json_file.rows(path, content, split)


def _form(content: Content) -> Kind:
    """The kind, whatever the file's name says: `jsonl` for a row on each line, `json` for any other JSON."""
    if content.kind in ("jsonl", "json"):
        return "jsonl" if json_file.in_lines(content) else "json"
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


def _of_lines(path: Path, content: Content) -> Iterator[Row]:
    """The rows of the file, each with its line as `raw`."""
    plainly = content.encoding in ("utf-8", "utf-8-sig")
    with opened(path) if plainly else _encoded(path, content.encoding) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST_LINE)
            if not line:
                return
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST_LINE)
                yield Row(number, None, f"a line of more than {LONGEST_LINE:,} bytes")
                continue
            if not line.strip():
                continue
            yield _line(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def _line(number: int, line: bytes) -> Row:
    raw = line.rstrip(b"\r\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: {error.reason} at byte {error.start}; {LATIN}"
        return Row(number, None, problem, cut(raw.decode("latin-1")), raw=raw)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {why(error)}", cut(text.strip()), raw=raw)
    if isinstance(value, dict):
        return Row(number, value, raw=raw)
    return Row(number, None, f"{kind(value)} where a row is an object", cut(text.strip()), raw=raw)


def _encoded(path: Path, encoding: str) -> IO[bytes]:
    """The lines of a file in UTF-16 or UTF-32 as UTF-8."""
    return _Recoded(text_of(path, encoding))  # type: ignore[return-value]


class _Recoded:
    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def __enter__(self) -> _Recoded:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def readline(self, limit: int) -> bytes:
        return self._text.readline(limit).replace("\ufeff", "").encode("utf-8", "surrogatepass")


def _of_a_table(path: Path, content: Content) -> Iterator[Row]:
    """The rows of the file; numbers count the rows below the first line.

    Raises:
        SeedError: the first line names no columns, or two by one name.
    """
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        with text_of(path, content.encoding) as file:
            table = _table_of(path, content, file)
            yield from _table_rows(table, columns_of(_header(path, table)))
    finally:
        csv.field_size_limit(limit)


def _table_of(path: Path, content: Content, file: IO[str]) -> Any:
    if _names_separator(content):
        file.readline()
    return csv.reader(file, delimiter=separator_of(content), strict=True)


def separator_of(content: Content) -> str:
    """What stands between the cells."""
    first = content.head.decode(content.encoding, "ignore").lstrip("\ufeff").partition("\n")[0]
    if _names_separator(content):
        return first[4]
    if content.kind == "tsv" and "\t" in first:
        return "\t"
    return max(",;\t|", key=first.count)


def _names_separator(content: Content) -> bool:
    """Whether the first line says what stands between cells, as Excel reads it: `sep=;`."""
    first = content.head.decode(content.encoding, "ignore").lstrip("\ufeff").partition("\n")[0].rstrip("\r")
    return re.fullmatch(r"sep=[,;\t|]", first, re.IGNORECASE) is not None


def header_of(path: Path) -> list[str]:
    """The first line, which names the columns; empty for one that has no name."""
    content = content_of(path)
    with text_of(path, content.encoding) as file:
        return _header(path, _table_of(path, content, file))


def columns_of(header: list[str]) -> list[str]:
    """The names of columns; one that has none (an index that was written along) is called by its number."""
    return [name or f"column {number}" for number, name in enumerate(header, 1)]


def _header(path: Path, table: Any) -> list[str]:
    try:
        names = [name.lstrip("\ufeff").strip() for name in next(table, [])]
    except csv.Error as error:
        raise SeedError(f"its first line names no columns: {error}", file=path) from error
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise SeedError(f"two columns are called {twice[0]!r}", file=path, hint="give each column its own name")
    return names


def _table_rows(table: Any, names: list[str]) -> Iterator[Row]:
    for number in itertools.count(1):
        try:
            cells = next(table, None)
        except csv.Error as error:
            ends = "unexpected end" in str(error)
            problem = "a quote in it does not end: what follows is lost" if ends else str(error)
            yield Row(number, None, f"its quotes or cells are not in order: {problem}", last=ends)
            continue
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(names):
            problem = f"{len(cells)} cells where the first line names {len(names)} columns"
            yield Row(number, None, problem, cut(json.dumps(cells, ensure_ascii=False)))
        elif any(foreign(cell) for cell in cells):
            seen = json.dumps(
                [cell.encode("utf-8", "surrogateescape").decode("latin-1") for cell in cells], ensure_ascii=False
            )
            yield Row(number, None, f"holds bytes that are no UTF-8; {LATIN}", cut(seen))
        else:
            found = zip(names, cells, strict=True)
            yield Row(number, {name: cell for name, cell in found if cell or not name.startswith("column ")})
