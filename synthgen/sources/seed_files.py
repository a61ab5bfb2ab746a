"""Seed tasks from JSON lines: one record a line, refused with its file and line where it is not in order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from synthgen.errors import SeedError
from synthgen.records import Provenance, Record
from synthgen.sources.location import label_of

REQUIRED = ("id", "instruction")
FIELDS = tuple(name for name in Record.model_fields if name not in ("provenance", "drop", "scores"))
"""What a line may hold. The rest of a record says what became of it, and a seed task has no past."""

FORM = 'a line looks like {"id": "capitals_1", "instruction": "…", "input": "", "output": "…"}'


def load(paths: Iterable[Path], base: Path) -> list[Record]:
    """The seed tasks of the files, in order; `provenance.source` is `file:line`.

    Raises:
        SeedError: a file cannot be read or holds none; a line is no seed task, or its id or its task was there before.
    """
    records: list[Record] = []
    lines_of_id: dict[str, str] = {}
    lines_of_task: dict[tuple[str, ...], str] = {}
    for path in paths:
        before = len(records)
        for number, line in enumerate(_read(path).split(b"\n"), 1):
            if not line.strip():
                continue
            place = f"{label_of(path, base)}:{number}"
            record = _record(line, path, number).replace(provenance=Provenance(source=place))
            _refuse_second(lines_of_id, record.id, place, path, number, f"the id {record.id!r}")
            _refuse_second(lines_of_task, _task(record), place, path, number, "the same instruction and input")
            records.append(record)
        if len(records) == before:
            raise SeedError("the file holds no seed tasks", file=path, hint=FORM)
    return records


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise SeedError(f"the seed tasks cannot be read: {error.strerror or error}", file=path) from error


def _record(line: bytes, path: Path, number: int) -> Record:
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise SeedError(
            f"not UTF-8: {error.reason} at byte {error.start} of the line", file=path, line=number
        ) from error
    except (ValueError, RecursionError) as error:
        raise SeedError(f"not JSON: {error}", file=path, line=number, hint=FORM) from error
    if not isinstance(values, dict):
        raise SeedError(f"a {type(values).__name__} where a seed task is an object", file=path, line=number, hint=FORM)
    _check_keys(values, path, number)
    try:
        record = Record.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key, found = ".".join(map(str, first["loc"])), repr(first["input"])[:60]
        raise SeedError(f"{first['msg']}, found {found}", file=path, line=number, key=key) from error
    for key in REQUIRED:
        if not values[key].strip():
            raise SeedError("it is empty", file=path, line=number, key=key)
    return record


def _check_keys(values: dict[str, Any], path: Path, number: int) -> None:
    for key in REQUIRED:
        if key not in values:
            raise SeedError(f"a seed task needs {key!r}", file=path, line=number, hint=FORM)
    unknown = [key for key in values if key not in FIELDS]
    if unknown:
        hint = f"known keys: {', '.join(FIELDS)}"
        raise SeedError(f"unknown key {unknown[0]!r}", file=path, line=number, hint=hint)


def _task(record: Record) -> tuple[str, ...]:
    turns = "\n".join(turn.content for turn in record.history)
    return record.instruction.strip(), record.input.strip(), record.system.strip(), turns, json.dumps(record.tools)


def _refuse_second(seen: dict[Any, str], key: Any, place: str, path: Path, number: int, what: str) -> None:
    first = seen.setdefault(key, place)
    if first != place:
        raise SeedError(f"{what} is at {first} already", file=path, line=number, hint="each seed task once")
