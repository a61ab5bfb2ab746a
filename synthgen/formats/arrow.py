"""Parquet and Arrow: record batches, unpacked a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthgen.errors import SeedError
from synthgen.formats.opening import Content, Kind
from synthgen.formats.row import Row

HEAVIEST = 1 << 24
"""Bytes of the largest row of a Parquet or Arrow file: a hundred times what the longest dialogues have."""

DENSE = 16
"""How many times smaller than its text a column is where it may be a bomb; text packs to a third, logs to a tenth."""

UNPACKED = 1 << 27
"""Bytes that rows of such columns may unpack to at a time."""


def rows(path: Path, content: Content) -> Iterator[Row]:
    """The rows of the file.

    Raises:
        SeedError: it is no such file, or breaks off before any row.
    """
    import pyarrow as pa

    what = f"the {content.kind.title()} file"
    number = 0
    try:
        for batch in batches_of(path, content.kind)[1]:
            for start in range(0, batch.num_rows, 1000):
                for row in _batch(batch.slice(start, 1000), number):
                    number = row.number
                    yield row
    except (pa.ArrowException, OSError) as error:
        if not number:
            raise SeedError(f"{what} cannot be read: {error}", file=path, hint="is the file whole?") from error
        yield Row(number + 1, None, f"{what} cannot be read further: {error}; is the file whole?", last=True)


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
