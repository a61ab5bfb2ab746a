"""The rows of dataset files, streamed: JSON lines, JSON arrays, Parquet, folders of these, and the Hugging Face Hub."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.errors import SeedError
from synthgen.sources import json_array

SUFFIXES = (".parquet", ".jsonl", ".json")
"""What is read, in order of preference: of a folder, the files with the first of these that it has any of."""

EXCERPT = 500
"""Characters that are kept of a row that cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (from 1; the line, in JSON lines), and its values or what is wrong with it."""

    number: int
    values: dict[str, Any] | None
    problem: str = ""
    excerpt: str = ""


def files_of(path: Path) -> list[Path]:
    """The files to read, sorted: `path` itself, or those of a folder and its subfolders; of a run folder, its dataset.

    Raises:
        SeedError: there is nothing to read.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise SeedError("is not a file that can be read", file=path, hint=f"it must end with {', '.join(SUFFIXES)}")
        return [path]
    if not path.is_dir():
        raise SeedError("there is no such file or folder", file=path)
    if (path / "journal.sqlite").is_file() and (path / "dataset").is_dir():
        path = path / "dataset"
    for suffix in SUFFIXES:
        found = sorted(p for p in path.rglob(f"*{suffix}") if not p.name.startswith((".", "dataset_info")))
        if found:
            return found
    raise SeedError("the folder holds nothing to read", file=path, hint=f"files must end with {', '.join(SUFFIXES)}")


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of one file, in order; a row that is broken in itself comes with its problem.

    Raises:
        SeedError: the file cannot be read, or breaks off where no further row can be told.
    """
    try:
        if path.suffix == ".parquet":
            yield from _parquet(path)
        elif path.suffix == ".json" and _begins_array(path):
            yield from _array(path)
        else:
            yield from _lines(path)
    except OSError as error:
        raise SeedError(f"cannot be read: {error.strerror or error}", file=path) from error


def hub_rows(name: str, config: str | None, split: str, revision: str | None) -> Iterator[Row]:
    """The rows of a dataset of the Hub (or whatever else `datasets.load_dataset` takes), streamed.

    Raises:
        SeedError: `datasets` is not installed, or cannot load it.
    """
    try:
        import datasets
    except ImportError as error:
        raise SeedError(
            "reading from the Hub needs the package datasets", hint="pip install 'synthgen[hub]'"
        ) from error
    try:
        stream = datasets.load_dataset(name, config, split=split, revision=revision, streaming=True)
        for number, values in enumerate(stream, 1):
            yield Row(number, dict(values))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SeedError(f"the dataset {name} ({split}) cannot be loaded: {error}") from error


def _lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                yield Row(
                    number, None, f"not UTF-8: {error.reason} at byte {error.start}", _excerpt(line.decode("latin-1"))
                )
                continue
            try:
                yield _row(number, json.loads(text), text)
            except (ValueError, RecursionError) as error:
                yield Row(number, None, f"not JSON: {error}", _excerpt(text))


def _array(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        try:
            for number, value in enumerate(json_array.elements(file), 1):
                yield _row(number, value)
        except UnicodeDecodeError as error:
            raise SeedError(f"is not UTF-8: {error.reason} at byte {error.start} of a block", file=path) from error
        except ValueError as error:
            raise SeedError(f"the JSON array cannot be read: {error}", file=path, hint="is the file whole?") from error


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            numbers = itertools.count(1)
            for batch in file.iter_batches(batch_size=1000):
                yield from (Row(next(numbers), values) for values in batch.to_pylist())
    except pa.ArrowException as error:
        raise SeedError(f"is not a Parquet file that can be read: {error}", file=path) from error


def _begins_array(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _row(number: int, value: Any, text: str | None = None) -> Row:
    if isinstance(value, dict):
        return Row(number, value)
    return Row(number, None, f"a {type(value).__name__} where a row is an object", _excerpt(text or json.dumps(value)))


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
