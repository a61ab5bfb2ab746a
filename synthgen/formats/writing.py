"""Rows written as they were read: JSON lines byte for byte, a JSON array, CSV, TSV, Parquet and Arrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from synthgen.errors import SeedError, StoreError
from synthgen.formats.arrow import batches_of
from synthgen.formats.json_file import frame_of
from synthgen.formats.opening import COMPRESSED, Kind, content_of, kind_by_name
from synthgen.formats.reading import columns_of, header_of, separator_of
from synthgen.formats.row import Row

_DOTS = {"jsonl": ".jsonl", "json": ".json", "csv": ".csv", "tsv": ".tsv", "parquet": ".parquet", "arrow": ".arrow"}


class Writer(Protocol):
    """Takes rows of a file in order; `end` completes the file."""

    def add(self, row: Row, keep: bool) -> None:
        """Takes the next row of the file, which is to be kept or not."""
        ...

    def end(self) -> None:
        """Writes what is left."""
        ...


def writer_for(sources: Sequence[Path], form: Kind, out: Path, file: IO[bytes]) -> Writer:
    """A writer of what the sources (of this form) hold; the name of `out` may turn an array into JSON lines.

    Raises:
        StoreError: the name of `out` says another form.
    """
    named = kind_by_name(out)
    if out.suffix.lower() in COMPRESSED:
        raise StoreError(f"{out} would be compressed", hint="choose a name without that ending, and compress it then")
    lines = form == "jsonl" or (form == "json" and named == "jsonl")
    if not lines and named not in (None, form):
        raise StoreError(
            f"{out} says {named} by its name, and the rows of {sources[0]} are {form}",
            hint=f"choose a name that ends with {_DOTS[form]}",
        )
    if lines and named not in (None, "jsonl", "json"):
        raise StoreError(
            f"{out} says {named} by its name, and the rows of {sources[0]} are JSON", hint="choose a name with .jsonl"
        )
    if lines:
        return _Lines(file)
    if form == "json":
        return _Array(file, *(frame_of(sources[0]) if len(sources) == 1 else ("", "")))
    if form in ("csv", "tsv"):
        return _Cells(sources, file)
    return _Columns(sources, form, file)


class _Lines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, row: Row, keep: bool) -> None:
        if keep and (row.raw or row.values is not None):
            self._file.write((row.raw or encoded(row.values)) + b"\n")

    def end(self) -> None:
        """Nothing is left."""


class _Array:
    """An array, within the object that was around it."""

    def __init__(self, file: IO[bytes], before: str, after: str) -> None:
        self._file, self._after = file, after
        self._before = before
        self._any = False

    def add(self, row: Row, keep: bool) -> None:
        if keep and row.values is not None:
            self._file.write((b",\n" if self._any else f"{self._before}[\n".encode()) + encoded(row.values))
            self._any = True

    def end(self) -> None:
        self._file.write(f"\n]{self._after}\n".encode() if self._any else f"{self._before}[]{self._after}\n".encode())


class _Cells:
    """A table under the first line of the first file; the cells of every file stand below their names."""

    def __init__(self, sources: Sequence[Path], file: IO[bytes]) -> None:
        content = content_of(sources[0])
        encoding = "utf-8-sig" if content.encoding == "utf-8-sig" else "utf-8"  # Excel reads it as UTF-8
        header = header_of(sources[0])
        self._names = columns_of(header)
        for source in sources[1:]:
            if set(columns_of(header_of(source))) != set(self._names):
                raise SeedError(
                    f"its columns are not those of {sources[0]}", file=source, hint="one file at a time can be compared"
                )
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="", write_through=True)
        self._table = csv.writer(self._text, delimiter=separator_of(content), lineterminator="\n")
        self._table.writerow(header)

    def add(self, row: Row, keep: bool) -> None:
        if keep and row.values is not None:
            self._table.writerow([row.values.get(name, "") for name in self._names])

    def end(self) -> None:
        self._text.flush()
        self._text.detach()


class _Columns:
    """Parquet and Arrow: the kept rows are taken out of the file's own batches, so that all types stay.

    Of several files, a row has the columns of all, empty where its file lacks one.
    """

    def __init__(self, sources: Sequence[Path], form: Kind, file: IO[bytes]) -> None:
        import pyarrow as pa

        self._sources, self._form, self._file = sources, form, file
        schemas = [batches_of(source, form)[0] for source in sources]
        self._schema = schemas[0]
        if any(not schema.equals(schemas[0]) for schema in schemas):
            try:
                self._schema = pa.unify_schemas(schemas, promote_options="permissive")
            except pa.ArrowException as error:
                raise SeedError(
                    f"its columns cannot be put into one table with those of the other files: {error}",
                    file=sources[0].parent,
                    hint="one file at a time can be compared",
                ) from error
        self._kept = bytearray()
        self._start = 0

    def add(self, row: Row, keep: bool) -> None:
        self._kept.append(keep)

    def end(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.PythonFile(self._file, mode="w")
        schema = self._schema
        make = pq.ParquetWriter if self._form == "parquet" else pa.ipc.new_stream
        with make(sink, schema) as written:
            for source in self._sources:
                for batch in batches_of(source, self._form)[1]:
                    kept = self._kept[self._start : self._start + batch.num_rows]
                    self._start += batch.num_rows
                    rows = batch.filter(pa.array([bool(keep) for keep in kept], pa.bool_()))
                    if not rows.schema.equals(schema):
                        rows = self._widened(pa.Table.from_batches([rows]), source)
                    written.write(rows)

    def _widened(self, table: Any, source: Path) -> Any:
        """The rows of one file with the columns of all."""
        import pyarrow as pa

        try:
            rows = pa.concat_tables([self._schema.empty_table(), table], promote_options="permissive")
            return rows.cast(self._schema)
        except pa.ArrowException as error:
            raise SeedError(f"its rows cannot stand beside those of the other files: {error}", file=source) from error


def encoded(values: Any) -> bytes:
    """A row as JSON on one line."""
    return json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
