"""The rows of one file, streamed: JSON lines, JSON, CSV, TSV, Parquet and Arrow, plain or compressed."""

from __future__ import annotations

import csv
import itertools
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from synthgen.errors import SeedError
from synthgen.formats import documents
from synthgen.formats.documents import Broken
from synthgen.formats.files import named, split_of
from synthgen.formats.names import NAMES, plain
from synthgen.formats.opening import Content, Kind, content_of, opened, text_of
from synthgen.formats.turns import is_message
from synthgen.formats.values import kind, why

EXCERPT = 500
"""Characters that are kept of a row that cannot be read."""

COUNTED = 1 << 30
"""Bytes of the largest file of JSON lines whose rows are counted before they are read: seconds on any disk."""

HEAVIEST = 1 << 24
"""Bytes of the largest row of a Parquet or Arrow file: a hundred times what the longest dialogues have."""

DENSE = 16
"""How many times smaller than its text a column is where it may be a bomb; text packs to a third, logs to a tenth."""

UNPACKED = 1 << 27
"""Bytes that rows of such columns may unpack to at a time."""

LONGEST = 1 << 28
"""Bytes of the longest line, and characters of the longest cell of a CSV file."""

_LATIN = "it may be Latin-1 or Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 turns it into UTF-8"

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


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (from 1; the line, in JSON lines), and its values or what is wrong with it.

    `last`: the file cannot be read any further. `raw` is the line as it was, in JSON lines in UTF-8.
    """

    number: int
    values: dict[str, Any] | None
    problem: str = ""
    excerpt: str = ""
    last: bool = False
    raw: bytes = b""


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
            if content.kind not in ("jsonl", "json") or not _in_lines(content) or not plainly:
                return None
            if path.stat().st_size > COUNTED:
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
    if content.kind in ("jsonl", "json"):
        return "jsonl" if _in_lines(content) else "json"
    return content.kind


def separator_of(path: Path) -> str:
    """What stands between the cells of a CSV or TSV file."""
    content = content_of(path)
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


def frame_of(path: Path, split: str | None = None) -> tuple[str, str]:
    """What stands before and behind the list of rows where it is inside an object: that with all its other members."""
    content = content_of(path)
    if _begin(content).startswith("["):
        return "", ""
    name = _shape(path, content).list_of(path, split)
    if name is None:
        return "", ""
    others: dict[str, Any] = {}
    with text_of(path, content.encoding) as file:
        for _, key, value, element in documents.members(file):
            if key != name and element:
                others.setdefault(key, []).append(value)
            elif key != name:
                others[key] = value
    before = "".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}, " for key, value in others.items())
    return f"{{{before}{json.dumps(name)}: ", "}"


def lists_aside(path: Path, split: str | None = None) -> list[str]:
    """The lists of rows in a JSON file that are not read, since another one is."""
    content = content_of(path)
    if content.kind not in ("json", "jsonl") or not _begin(content).startswith("{") or _in_lines(content):
        return []
    shape = _shape(path, content)
    name = None if shape.several else shape.list_of(path, split)
    return [] if name is None else [key for key in shape.rows if key != name and plain(key) not in _OF_ROWS]


def _cut(path: Path, number: int, problem: str, error: Exception) -> Iterator[Row]:
    if not number:
        raise SeedError(problem, file=path) from error
    yield Row(number + 1, None, f"the file {problem}; what follows is lost: is it whole?", last=True)


def _rows(path: Path, content: Content, split: str | None) -> Iterator[Row]:
    if content.kind in ("parquet", "arrow"):
        what = "the Parquet file" if content.kind == "parquet" else "the Arrow file"
        return _batches(path, batches_of(path, content.kind)[1], what)
    if content.kind in ("csv", "tsv"):
        return _cells(path, content)
    if _in_lines(content):
        return _lines(path, content)
    return _array(path, content) if _begin(content).startswith("[") else _object(path, content, split)


def _begin(content: Content) -> str:
    return content.head.decode(content.encoding, "ignore").lstrip("\ufeff \t\r\n")


def _in_lines(content: Content) -> bool:
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


def _lines(path: Path, content: Content) -> Iterator[Row]:
    plainly = content.encoding in ("utf-8", "utf-8-sig")
    with opened(path) if plainly else _encoded(path, content.encoding) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST)
            if not line:
                return
            if len(line) == LONGEST and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
                yield Row(number, None, f"a line of more than {LONGEST:,} bytes")
                continue
            if not line.strip():
                continue
            yield _line(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def _line(number: int, line: bytes) -> Row:
    raw = line.rstrip(b"\r\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: {error.reason} at byte {error.start}; {_LATIN}"
        return Row(number, None, problem, _excerpt(raw.decode("latin-1")), raw=raw)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {why(error)}", _excerpt(text.strip()), raw=raw)
    if isinstance(value, dict):
        return Row(number, value, raw=raw)
    return Row(number, None, f"{kind(value)} where a row is an object", _excerpt(text.strip()), raw=raw)


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


def _array(path: Path, content: Content) -> Iterator[Row]:
    with text_of(path, content.encoding) as file:
        yield from _told(path, documents.elements(file), "the JSON array")


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
    return WRITE_AS_JSON if isinstance(error, documents.NotJson) else "is the file whole?"


def _object(path: Path, content: Content, split: str | None) -> Iterator[Row]:
    """Rows inside an object, or objects one after the other."""
    shape = _shape(path, content)
    if shape.several:
        with text_of(path, content.encoding) as file:
            yield from _told(path, documents.documents(file), "the JSON objects")
        return
    name = shape.list_of(path, split)
    if name is None:
        yield from _whole(path, content)
        return
    with text_of(path, content.encoding) as file:
        inside = (value for _, key, value, _ in documents.members(file) if key == name)
        yield from _told(path, map(_unwrapped, inside), f"the JSON list {name!r}")


def _shape(path: Path, content: Content) -> _Shape:
    """What is in the object that the file holds.

    Raises:
        SeedError: it breaks off before any row.
    """
    shape = _Shape()
    with text_of(path, content.encoding) as file:
        try:
            for number, key, value, element in documents.members(file):
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


def _cells(path: Path, content: Content) -> Iterator[Row]:
    """The rows of a CSV or TSV file, whose first line names the columns."""
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
    return csv.reader(file, delimiter=separator_of(path), strict=True)


def header_of(path: Path) -> list[str]:
    """The first line of a CSV or TSV file, which names its columns; empty for one that has no name."""
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
            yield Row(number, None, problem, _excerpt(json.dumps(cells, ensure_ascii=False)))
        elif any(documents.foreign(cell) for cell in cells):
            seen = json.dumps(
                [cell.encode("utf-8", "surrogateescape").decode("latin-1") for cell in cells], ensure_ascii=False
            )
            yield Row(number, None, f"holds bytes that are no UTF-8; {_LATIN}", _excerpt(seen))
        else:
            found = zip(names, cells, strict=True)
            yield Row(number, {name: cell for name, cell in found if cell or not name.startswith("column ")})


def batches_of(path: Path, form: Kind) -> tuple[Any, Iterator[Any]]:
    """The Arrow schema and the record batches of a Parquet or Arrow file.

    Raises:
        SeedError: it is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if form == "parquet":
            file = pq.ParquetFile(path)
            return file.schema_arrow, file.iter_batches(batch_size=_rows_at_a_time(file.metadata))
        mapped = pa.memory_map(str(path))
        try:
            stream = pa.ipc.open_stream(mapped)
        except pa.ArrowException:
            whole = pa.ipc.open_file(mapped)
            return whole.schema, map(whole.get_batch, range(whole.num_record_batches))
        return stream.schema, iter(stream)
    except pa.ArrowException as error:
        what = "a Parquet" if form == "parquet" else "an Arrow"
        raise SeedError(
            f"is not {what} file that can be read: {error}", file=path, hint="is the file whole?"
        ) from error


def _rows_at_a_time(metadata: Any) -> int:
    """Rows to unpack at a time: 1000, but fewer of columns that are packed as no text is.

    A long cell that is repeated is in a file once; so each row may unpack to all that a column has.
    """
    largest = 0
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            if chunk.total_uncompressed_size > DENSE * chunk.total_compressed_size:
                largest = max(largest, chunk.total_uncompressed_size)
    return max(1, min(1000, UNPACKED // largest)) if largest else 1000


def _batches(path: Path, batches: Iterable[Any], what: str) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, 1000):
                for row in _batch(batch.slice(start, 1000), number):
                    number = row.number
                    yield row
    except (pa.ArrowException, OSError) as error:
        if not number:
            raise SeedError(f"{what} cannot be read: {error}", file=path, hint="is the file whole?") from error
        yield Row(number + 1, None, f"{what} cannot be read further: {error}; is the file whole?", last=True)


def _batch(batch: Any, number: int) -> list[Row]:
    if batch.nbytes > HEAVIEST and batch.num_rows > 1:
        return [row for count in range(batch.num_rows) for row in _batch(batch.slice(count, 1), number + count)]
    if batch.nbytes > HEAVIEST:
        return [Row(number + 1, None, f"a row of more than {HEAVIEST:,} bytes")]
    try:
        return [Row(number + count, values) for count, values in enumerate(batch.to_pylist(), 1)]
    except (ValueError, OverflowError):
        rows = []
        for count in range(batch.num_rows):  # one cell of a thousand rows has no value in Python
            try:
                rows.append(Row(number + count + 1, batch.slice(count, 1).to_pylist()[0]))
            except (ValueError, OverflowError) as error:
                rows.append(Row(number + count + 1, None, f"a cell cannot be read: {error}"))
        return rows


def _row(number: int, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(number, value)
    if isinstance(value, Broken):
        problem = f"{value.problem}; {_LATIN}" if value.problem == documents.FOREIGN else value.problem
        return Row(number, None, problem, _excerpt(value.text))
    return Row(number, None, f"{kind(value)} where a row is an object", _excerpt(json.dumps(value, ensure_ascii=False)))


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
