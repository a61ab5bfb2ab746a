"""Records as JSON lines, in the form that seed files and trainers read, and those of a finished run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from synthgen.errors import ConfigError, StoreError
from synthgen.records import Record
from synthgen.store import RunFolder, atomic, parquet


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes the records without scores, provenance and reasons for drops; the file is there whole or not at all."""
    lines = (r.model_dump(exclude_defaults=True, exclude={"provenance", "drop", "scores"}) for r in records)
    atomic.write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def read_records(path: Path | str) -> list[Record]:
    """The records of a JSON lines file.

    Raises:
        ConfigError: the file cannot be read, or a line is no record.
    """
    records = []
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(f"the records cannot be read: {error.strerror or error}", file=path) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                records.append(Record.model_validate_json(line))
            except ValueError as error:
                first = str(error).splitlines()[0]
                raise ConfigError(f"no record: {first}", file=path, line=number) from error
    return records


def accepted(folder: Path) -> list[Record]:
    """The accepted records of a finished run, in order."""
    there = RunFolder.open(folder)
    return [r for path in parquet.dataset_files(there.dataset_path) for r in parquet.read_records(path)]


def rejected(folder: Path) -> Iterator[Record]:
    """The rejected records of a finished run, with their reasons.

    Raises:
        StoreError: the run has not ended.
    """
    there = RunFolder.open(folder)
    if not there.rejected_path.is_file():
        raise StoreError(f"{folder} has no rejected.parquet yet", hint="run the same command again")
    return parquet.read_records(there.rejected_path)
