"""Records as JSON lines, in the form that seed files and trainers read, and those of a finished run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from synthgen.errors import StoreError
from synthgen.formats import Account, Collection, Unusable
from synthgen.records import Provenance, Record
from synthgen.store import RunFolder, files, parquet

SHOWN = 5
"""Rows left out that are told one by one."""


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes the records without scores, provenance and reasons for drops; the file is there whole or not at all."""
    lines = (r.model_dump(exclude_defaults=True, exclude={"provenance", "drop", "scores"}) for r in records)
    files.write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


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
