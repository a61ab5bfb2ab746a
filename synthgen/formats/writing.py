"""Rows written as they were read: JSON lines byte for byte, a JSON array, CSV, TSV, Parquet and Arrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from synthgen.errors import StoreError
from synthgen.formats.opening import COMPRESSED, Kind, kind_by_name
from synthgen.formats.reading import Row, batches_of, frame_of, separator_of

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
        return _Cells(file, separator_of(sources[0]))
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
    def __init__(self, file: IO[bytes], separator: str) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._table = csv.writer(self._text, delimiter=separator, lineterminator="\n")
        self._names: list[str] | None = None

    def add(self, row: Row, keep: bool) -> None:
        if row.values is None:
            return
        if self._names is None:
            self._names = list(row.values)
            self._table.writerow(self._names)
        if keep:
            self._table.writerow(row.values.values())

    def end(self) -> None:
        self._text.flush()
        self._text.detach()


class _Columns:
    """Parquet and Arrow: the kept rows are taken out of the file's own batches, so that all types stay."""

    def __init__(self, sources: Sequence[Path], form: Kind, file: IO[bytes]) -> None:
        self._sources, self._form, self._file = sources, form, file
        self._kept = bytearray()
        self._start = 0

    def add(self, row: Row, keep: bool) -> None:
        self._kept.append(keep)

    def end(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.PythonFile(self._file, mode="w")
        schema = batches_of(self._sources[0], self._form)[0]
        make = pq.ParquetWriter if self._form == "parquet" else pa.ipc.new_stream
        with make(sink, schema) as written:
            for source in self._sources:
                for batch in batches_of(source, self._form)[1]:
                    kept = self._kept[self._start : self._start + batch.num_rows]
                    self._start += batch.num_rows
                    rows = batch.filter(pa.array([bool(keep) for keep in kept], pa.bool_())).cast(schema)
                    written.write_batch(rows)


def encoded(values: Any) -> bytes:
    """A row as JSON on one line."""
    return json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
