"""Seed tasks from files: one a row, refused with its file and row where it is not in order."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import SeedError
from synthgen.formats import Read, Row, RowError, read_row, rows_of
from synthgen.formats.files import label_of
from synthgen.formats.names import NAMES, plain
from synthgen.records import Record

FORM = 'a row looks like {"id": "capitals_1", "instruction": "…", "input": "", "output": "…"}'


@dataclass(slots=True)
class SeedTasks:
    """The seed tasks of some files, in order, and the keys that were left aside, by how many rows have them."""

    records: list[Record] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def load(paths: Iterable[Path], base: Path) -> SeedTasks:
    """The seed tasks of the files; `provenance.source` is `file:row`.

    They are read as other rows are (Self-Instruct's `instances`, Alpaca's array, Parquet, …). One without an id gets
    that of its text.

    Raises:
        SeedError: a file cannot be read or holds none; a row is no seed task, or its id or its task was there before.
    """
    found = SeedTasks()
    rows_of_id: dict[str, str] = {}
    rows_of_task: dict[tuple[str, ...], str] = {}
    for path in paths:
        before = len(found.records)
        label = label_of(path, base)
        for row in rows_of(path):
            place = f"{label}:{row.number}"
            read = _read(row, path, place)
            found.rows += 1
            found.aside.update(read.aside)
            for count, record in enumerate(read.records):
                here = f"{place}#{count}"
                _refuse_second(rows_of_id, record.id, here, path, row.number, f"the id {record.id!r}")
                _refuse_second(rows_of_task, _task(record), here, path, row.number, "the same instruction and input")
                found.records.append(record)
        if len(found.records) == before:
            raise SeedError("the file holds no seed tasks", file=path, hint=FORM)
    return found


def _read(row: Row, path: Path, place: str) -> Read:
    if row.values is None:
        raise SeedError(row.problem, file=path, line=row.number, hint=FORM)
    try:
        read = read_row(row.values, place, keep_ids=True)
    except RowError as error:
        raise SeedError(str(error), file=path, line=row.number, hint=FORM) from error
    for key in read.aside:
        _refuse_misspelt(key, row.values, path, row.number)
    for record in read.records:
        if not record.instruction.strip():
            raise SeedError("it is empty", file=path, line=row.number, key="instruction")
    return read


def _refuse_misspelt(key: str, values: dict[str, Any], path: Path, number: int) -> None:
    """A key of somebody's own is left aside; one that is nearly a known one is a slip."""
    if any(plain(key) in names for names in NAMES.values()):
        return
    near = difflib.get_close_matches(plain(key), [name for name in NAMES if name not in values], cutoff=0.85)
    if near:
        raise SeedError(f"unknown key {key!r}", file=path, line=number, hint=f"did you mean {near[0]!r}?")


def _task(record: Record) -> tuple[str, ...]:
    turns = "\n".join(turn.content for turn in record.history)
    return record.instruction.strip(), record.input.strip(), record.system.strip(), turns, json.dumps(record.tools)


def _refuse_second(seen: dict[Any, str], key: Any, place: str, path: Path, number: int, what: str) -> None:
    first = seen.setdefault(key, place)
    if first != place:
        at = first.rpartition("#")[0]
        raise SeedError(f"{what} is at {at} already", file=path, line=number, hint="each seed task once")
