"""CSV and TSV: a first line that names the columns, and a row on each further one."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from synthgen.errors import SeedError
from synthgen.formats.kinds.json_stream import foreign
from synthgen.formats.kinds.row import LATIN, Row, cut
from synthgen.formats.opening import Content, content_of, text_of

LONGEST = 1 << 28
"""Characters of the longest cell."""


def rows(path: Path, content: Content) -> Iterator[Row]:
    """The rows of the file; numbers count the rows below the first line.

    Raises:
        SeedError: the first line names no columns, or two by one name.
    """
    limit = csv.field_size_limit(LONGEST)
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
