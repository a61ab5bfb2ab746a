"""A JSON file that is no JSON lines: an array of rows, objects one after the other, or rows inside an object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from synthgen.errors import SeedError
from synthgen.formats import json_stream
from synthgen.formats.files import named, split_of
from synthgen.formats.json_stream import Broken
from synthgen.formats.names import NAMES, plain
from synthgen.formats.opening import Content, content_of, text_of
from synthgen.formats.row import LATIN, Row, cut, kind
from synthgen.formats.turns import is_message

WRITE_AS_JSON = "python -m json.tool FILE shows where; correct it, or write it anew with a JSON library"

_OF_ROWS = frozenset(
    name
    for field in ("messages", "history", "chosen", "rejected", "instances", "answers", "tools", "instruction", "output")
    for name in NAMES[field]
)
"""Columns whose lists of objects are part of one row; any other list of objects in an object is one of rows."""

_TEXTS = frozenset((*NAMES["instruction"], *NAMES["output"]))
_TURNS = frozenset(("messages", "conversations", "conversation"))
"""Columns that a row has, and an object around rows has not."""


def _begin(content: Content) -> str:
    return content.head.decode(content.encoding, "ignore").lstrip("\ufeff \t\r\n")


def in_lines(content: Content) -> bool:
    """Whether a JSON file has a row on each line."""
    begin = _begin(content)
    sort = {"[": list, "{": dict}.get(begin[:1])
    return sort is None or _is_line(begin, sort, content)


def _is_line(begin: str, sort: type, content: Content) -> bool:
    """Whether the first line is a row of JSON lines (maybe a broken one) and no document of several lines, or the whole
    of one.
    """
    line, _, rest = begin.partition("\n")
    by_name = content.kind == "jsonl"
    try:
        whole = isinstance(json.loads(line), sort)
    except (ValueError, RecursionError):
        if not rest.strip():
            return by_name and sort is dict  # one line that is broken, or longer than what has been looked at
        goes_on = line.rstrip().endswith(("[", ",", ":"))
        return rest.lstrip().startswith("{") and not goes_on and (by_name or sort is dict)
    return whole and (bool(rest.strip()) or (by_name and sort is dict and not _wraps(line)))


def _wraps(line: str) -> bool:
    """Whether the only line of a file is an object around the rows."""
    value = json.loads(line)
    return any(_is_list_of_rows(key, cell) for key, cell in value.items())


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and is_message(value)


def _is_list_of_rows(key: str, cell: Any) -> bool:
    return (
        isinstance(cell, list)
        and bool(cell)
        and isinstance(cell[0], dict)
        and not _is_turn(cell[0])
        and plain(key) not in _OF_ROWS
    )


def frame_of(path: Path) -> tuple[str, str]:
    """What stands before and behind the list of rows where it is inside an object: that with all its other members."""
    content = content_of(path)
    if _begin(content).startswith("["):
        return "", ""
    name = _shape(path, content).list_of(path, None)
    if name is None:
        return "", ""
    others: dict[str, Any] = {}
    with text_of(path, content.encoding) as file:
        for _, key, value, element in json_stream.members(file):
            if key != name and element:
                others.setdefault(key, []).append(value)
            elif key != name:
                others[key] = value
    before = "".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}, " for key, value in others.items())
    return f"{{{before}{json.dumps(name)}: ", "}"


def lists_aside(path: Path, split: str | None = None) -> list[str]:
    """The lists of rows in a JSON file that are not read, since another one is."""
    content = content_of(path)
    if content.kind not in ("json", "jsonl") or not _begin(content).startswith("{") or in_lines(content):
        return []
    shape = _shape(path, content)
    name = None if shape.several else shape.list_of(path, split)
    return [] if name is None else [key for key in shape.rows if key != name and plain(key) not in _OF_ROWS]


def rows(path: Path, content: Content, split: str | None) -> Iterator[Row]:
    """The rows of the file; where an object has a list for each split, those of `split` (`train` if None).

    Raises:
        SeedError: it breaks off before any row, or nothing says which of several lists is that of the rows.
    """
    return _array(path, content) if _begin(content).startswith("[") else _object(path, content, split)


def _array(path: Path, content: Content) -> Iterator[Row]:
    with text_of(path, content.encoding) as file:
        yield from _told(path, json_stream.elements(file), "the JSON array")


def _told(path: Path, values: Iterable[Any], what: str) -> Iterator[Row]:
    """Values as rows; where they break off, a last row that says so, or an error where none came before."""
    number = 0
    try:
        for number, value in enumerate(values, 1):
            yield _row(number, value)
    except ValueError as error:
        if not number:
            raise SeedError(f"{what} cannot be read: {error}", file=path, hint=_way_on(error)) from error
        yield Row(number + 1, None, f"{what} cannot be read further: {error}; {_way_on(error)}", last=True)


def _way_on(error: Exception) -> str:
    return WRITE_AS_JSON if isinstance(error, json_stream.NotJson) else "is the file whole?"


def _row(number: int, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(number, value)
    if isinstance(value, Broken):
        problem = f"{value.problem}; {LATIN}" if value.problem == json_stream.FOREIGN else value.problem
        return Row(number, None, problem, cut(value.text))
    return Row(number, None, f"{kind(value)} where a row is an object", cut(json.dumps(value, ensure_ascii=False)))


def _object(path: Path, content: Content, split: str | None) -> Iterator[Row]:
    """Rows inside an object, or objects one after the other."""
    shape = _shape(path, content)
    if shape.several:
        with text_of(path, content.encoding) as file:
            yield from _told(path, json_stream.documents(file), "the JSON objects")
        return
    name = shape.list_of(path, split)
    if name is None:
        yield from _whole(path, content)
        return
    with text_of(path, content.encoding) as file:
        inside = (value for _, key, value, _ in json_stream.members(file) if key == name)
        yield from _told(path, map(_unwrapped, inside), f"the JSON list {name!r}")


def _shape(path: Path, content: Content) -> _Shape:
    """What is in the object that the file holds.

    Raises:
        SeedError: it breaks off before any row.
    """
    shape = _Shape()
    with text_of(path, content.encoding) as file:
        try:
            for number, key, value, element in json_stream.members(file):
                shape.add(number, key, value, element)
                if number > 1:
                    break
        except ValueError as error:
            if not shape.rows and not shape.several:
                raise SeedError(f"the JSON object cannot be read: {error}", file=path, hint=_way_on(error)) from error
    return shape


class _Shape:
    """What is in an object: its lists of objects, and whether another object follows."""

    def __init__(self) -> None:
        self.several = False
        self.rows: Counter[str] = Counter()
        self._is_row = False

    def add(self, number: int, key: str, value: Any, element: bool) -> None:
        """Takes what stands in the object."""
        self.several = number > 1
        names = _TURNS if element else _TEXTS
        self._is_row = self._is_row or (plain(key) in names and isinstance(value, dict if element else str))
        self._is_row = self._is_row or (element and _is_turn(value))
        if element and isinstance(value, dict | Broken) and not self.several and not _is_turn(value):
            self.rows[key] += 1
        else:
            self.rows.pop(key, None)

    def list_of(self, path: Path, split: str | None) -> str | None:
        """The key of the list that holds the rows; None where there is none."""
        found = [] if self._is_row else [key for key in self.rows if plain(key) not in _OF_ROWS]
        splits = {key: told for key in found if (told := split_of(Path(key))) is not None}
        if splits and (split is not None or len(found) > 1):
            wanted = [key for key, told in splits.items() if told == named(split or "train")]
            if not wanted and split in (None, "train"):
                wanted = [key for key in found if key not in splits]
            if len(wanted) != 1:
                names = ", ".join(dict.fromkeys(splits.values()))
                raise SeedError(
                    f"the file has no split {split or 'train'}", file=path, hint=f"it has {names}: set split"
                )
            return wanted[0]
        lists = [key for key in found if self.rows[key] > 1] or found
        if len(lists) > 1:
            names = ", ".join(map(repr, lists))
            raise SeedError(
                f"the rows may be inside any of {names}", file=path, hint="write the list of rows alone into a file"
            )
        return lists[0] if lists else None


def _whole(path: Path, content: Content) -> Iterator[Row]:
    """The rows of an object that is a table of columns, or one row."""
    with text_of(path, content.encoding) as file:
        value = json.load(file)
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        for number, cells in enumerate(data, 1):
            if isinstance(cells, list) and len(cells) == len(columns):
                yield Row(number, dict(zip(map(str, columns), cells, strict=True)))
            else:
                yield Row(number, None, f"{kind(cells)} where a row has {len(columns)} cells")
        return
    if _rows_by_name(value):
        for number, row in enumerate(value.values(), 1):
            yield Row(number, row)
        return
    table = _table(value)
    if table is None:
        yield Row(1, value)
        return
    for number, cells in enumerate(zip(*table.values(), strict=True), 1):
        yield Row(number, dict(zip(table, cells, strict=True)))


def _rows_by_name(value: dict[str, Any]) -> bool:
    """Whether the members of an object are rows: their keys are names of fields, and its own are not."""
    rows = list(value.values())
    known = frozenset(name for field in ("instruction", "output", "messages") for name in NAMES[field])
    return (
        bool(rows)
        and all(isinstance(row, dict) and not _is_turn(row) for row in rows)
        and all(any(plain(key) in known and not _is_column(cell) for key, cell in row.items()) for row in rows)
        and not any(plain(key) in known for key in value)
    )


def _is_column(cell: Any) -> bool:
    return isinstance(cell, list) and all(not isinstance(one, dict) for one in cell)


def _table(value: dict[str, Any]) -> dict[str, list[Any]] | None:
    """The columns of a table: lists of one length, or objects with the same keys."""
    cells = list(value.values())
    if cells and all(isinstance(cell, dict) for cell in cells) and len({tuple(cell) for cell in cells}) == 1:
        return {key: list(cell.values()) for key, cell in value.items()}
    if len(cells) < 2 or not all(isinstance(cell, list) for cell in cells) or len({len(cell) for cell in cells}) != 1:
        return None
    return (
        None
        if any(plain(key) in _OF_ROWS and isinstance((cell or [0])[0], dict) for key, cell in value.items())
        else value
    )


def _unwrapped(value: Any) -> Any:
    """A row out of what the Hub's viewer puts around it."""
    if isinstance(value, dict) and isinstance(value.get("row"), dict) and "row_idx" in value:
        return value["row"]
    return value
