"""Records in files: those of a run in Parquet, and JSON lines in the form that seed files and trainers read.

Parquet files are written and read a row group at a time, so that memory stays flat; equal rows give equal bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.errors import StoreError
from synthgen.formats import Account, Collection, Unusable
from synthgen.records import Provenance, Record
from synthgen.store.files import storing, write
from synthgen.store.folder import AGAIN, RunFolder
from synthgen.store.report import damaged
from synthgen.store.table import from_row, schema, to_row

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP_ROWS = 1000
GROUP_CHARACTERS = 8_000_000
"""A row group ends at either bound. Both count what is written and nothing else, so the bytes depend on the records
alone; the second keeps memory flat where records hold megabytes."""

SHARD_CHARACTERS = 500_000_000
"""A file ends with the row group that reaches this much text: some 150 MB compressed."""

MOST_BYTES = 4_000_000_000
"""What a row group may unpack to. Those of a run hold some megabytes, or one record."""

SHOWN = 5
"""Rows left out that are told one by one."""


class RecordWriter:
    """Writes records to `<stem>-00000.parquet`, `<stem>-00001.parquet` … in a folder; at least one file."""

    def __init__(self, folder: Path, stem: str, *, rejected: bool, shard_characters: int = SHARD_CHARACTERS) -> None:
        self.paths: list[Path] = []
        self.rows = 0
        self._folder = folder
        self._stem = stem
        self._rejected = rejected
        self._shard_characters = shard_characters
        self._group: list[dict[str, Any]] = []
        self._group_characters = 0
        self._written_characters = 0
        self._file: pq.ParquetWriter | None = None

    def add(self, records: Sequence[Record]) -> None:
        """Takes the records; writes those that fill row groups.

        Raises:
            StoreError: the disk is full, or a record holds a value of the wrong type.
        """
        for record in records:
            row = to_row(record, rejected=self._rejected)
            self._group.append(row)
            self._group_characters += _characters(row.values())
            self.rows += 1
            if len(self._group) >= GROUP_ROWS or self._group_characters >= GROUP_CHARACTERS:
                self._flush()

    def close(self) -> list[Path]:
        """Writes the rest; returns the files, in order."""
        if self._group or not self.paths:
            self._flush()
        self._end_file()
        return self.paths

    def discard(self) -> None:
        """Closes the open file without caring for what is in it."""
        self._group = []
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return  # the file is removed anyhow

    def _flush(self) -> None:
        import pyarrow.parquet as pq

        table = self._table()
        if self._file is None:
            path = self._folder / f"{self._stem}-{len(self.paths):05d}.parquet"
            with storing(path):
                # no Arrow schema in the file: it repeats what Parquet says, and other writers have none
                self._file = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
            self.paths.append(path)
        if self._group:  # an empty row group is more than some readers can read
            with storing(self.paths[-1]):
                self._file.write_table(table)
        self._written_characters += self._group_characters
        self._group, self._group_characters = [], 0
        if self._written_characters >= self._shard_characters:
            self._end_file()

    def _table(self) -> pa.Table:
        import pyarrow as pa

        columns = schema(rejected=self._rejected)
        try:
            return pa.Table.from_pylist(self._group, columns)
        except (pa.ArrowException, UnicodeError) as error:
            for row in self._group:
                for field in columns:
                    try:
                        pa.array([row[field.name]], field.type)
                    except (pa.ArrowException, UnicodeError) as cause:
                        raise StoreError(
                            f"record {row['id']} cannot be written: its {field.name} is no {field.type} ({cause})",
                            hint="find the stage that sets it: `replace` does not check types",
                        ) from error
            raise

    def _end_file(self) -> None:
        file, self._file = self._file, None
        self._written_characters = 0
        if file is not None:
            with storing(self.paths[-1]):
                file.close()


def dataset_files(dataset: Path) -> list[Path]:
    """The Parquet files of a `dataset` folder, in order."""
    return sorted((dataset / "data").glob("*.parquet"))


def records_in(path: Path) -> Iterator[Record]:
    """The records of one file, in order.

    Raises:
        StoreError: it cannot be read or is no such file.
    """
    for row in read_rows(path):
        yield from_row(row)


def dataset_records(dataset: Path) -> Iterator[Record]:
    """All records of a `dataset` folder, in order."""
    for path in dataset_files(dataset):
        yield from records_in(path)


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of one file with the named columns (or all), in order.

    Raises:
        StoreError: it cannot be read or is no Parquet file.
    """
    with opened(path) as file:
        check_columns(file, path, columns or ())
        for batch in file.iter_batches(GROUP_ROWS, columns=columns, use_threads=False):
            yield from batch.to_pylist()


def read_row(path: Path, number: int) -> dict[str, Any]:
    """The row with this number, counted from 0, of one file; reads its row group alone.

    Raises:
        StoreError: it cannot be read or is no Parquet file.
    """
    with opened(path) as file:
        group = 0
        while number >= (rows := file.metadata.row_group(group).num_rows):
            number -= rows
            group += 1
        row: dict[str, Any] = file.read_row_group(group).slice(number, 1).to_pylist()[0]
        return row


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file to read from.

    Raises:
        StoreError: it cannot be read, is no Parquet file, or unpacks to more than memory should be asked for.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with storing(path):
        if not path.is_file():
            raise StoreError(f"there is no {path}", hint=AGAIN)
        try:
            with pq.ParquetFile(path) as file:
                check_size(file, path)
                yield file
        except (pa.ArrowException, UnicodeError, OverflowError) as error:
            raise damaged(path, f"or no Parquet file: {error}", AGAIN) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise damaged(path, f"or no Parquet file: {error}", AGAIN) from error  # pyarrow's own


def check_size(file: pq.ParquetFile, path: Path) -> None:
    """Raises `StoreError` where a row group unpacks to more than `MOST_BYTES`: a small file may claim terabytes."""
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).total_byte_size
        if size > MOST_BYTES or size < 0:
            raise StoreError(
                f"{path} unpacks to {size / 1e9:,.0f} GB in one row group",
                hint="write it anew with smaller row groups, if it is yours",
            )


def check_columns(file: pq.ParquetFile, path: Path, columns: Sequence[str]) -> None:
    """Raises `StoreError` where the file lacks one of the columns."""
    missing = [name for name in columns if name not in file.schema_arrow.names]
    if missing:
        raise damaged(path, f"it has no column {missing[0]}", AGAIN)


def _characters(values: Iterable[Any]) -> int:
    """Characters of the texts among the values and in them."""
    characters = 0
    for value in values:
        if isinstance(value, str):
            characters += len(value)
        elif value and isinstance(value, (list, dict)):
            characters += _characters(value.values() if isinstance(value, dict) else value)
    return characters


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes the records without scores, provenance and reasons for drops; the file is there whole or not at all."""
    lines = (r.model_dump(exclude_defaults=True, exclude={"provenance", "drop", "scores"}) for r in records)
    write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def read_records(path: Path | str, *, say: Callable[[str], None] | None = None) -> list[Record]:
    """The records of a file or folder, as every other part reads them; their ids are kept.

    A row that cannot be used is left out and told by `say` (on stderr if None).

    Raises:
        ConfigError: there is nothing to read, or no row can be used.
    """
    place = Path(path)
    if place.is_file() and not place.stat().st_size:
        return []
    unusable: list[Unusable] = []
    found = Collection(place, keep_ids=True).records(Account(), unusable)
    records = [record.replace(provenance=Provenance()) for record in found]
    for one in unusable[:SHOWN]:
        (say or _on_stderr)(f"left out: {place}:{one.number}: {one.problem}")
    if len(unusable) > SHOWN:
        (say or _on_stderr)(f"left out: {len(unusable) - SHOWN:,} more rows of {place}")
    return records


def _on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def accepted_records(folder: Path) -> list[Record]:
    """The accepted records of a finished run, in order."""
    return list(dataset_records(RunFolder.open(folder).dataset_path))


def rejected_records(folder: Path) -> Iterator[Record]:
    """The rejected records of a finished run, with their reasons.

    Raises:
        StoreError: the run has not ended.
    """
    there = RunFolder.open(folder)
    if not there.rejected_path.is_file():
        raise StoreError(f"{folder} has no rejected.parquet yet", hint="run the same command again")
    return records_in(there.rejected_path)
