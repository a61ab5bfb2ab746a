"""What can be saved of a damaged journal, written anew; the damaged file is kept beside it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import zlib
from pathlib import Path

from synthgen.errors import StoreError
from synthgen.journal import salvage
from synthgen.journal.rows import FAILED, FORMAT, LATER_TABLES, RESOLVED, SCHEMA, SENT
from synthgen.journal.salvage import Value
from synthgen.safety.outward import HIDDEN

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite writes beside a database."""

COLUMNS, TRIES_COLUMNS = 9, 5
_KEY = re.compile(r"[0-9a-f]{64}")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error tells of a damaged file, and not of one that is in use, full or closed to us."""
    text = str(error)
    return any(word in text for word in ("malformed", "not a database", "decode", "no such table", "no such column"))


def log_is_broken(path: Path) -> bool:
    """Whether transactions in the log beside the journal would be dropped without a word."""
    return salvage.log_is_broken(path)


def has_log(path: Path) -> bool:
    """Whether a log lies beside the journal: a process writes it, or was killed."""
    return any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal"))


def has_links(path: Path) -> bool:
    """Whether the journal or one of the files beside it is a symbolic link."""
    return any(file.is_symlink() for file in _files(path))


def refuse_links(path: Path) -> None:
    """Raises `StoreError` where writing would follow a link."""
    for file in _files(path):
        if file.is_symlink():
            raise StoreError(
                f"{file} is a link to {os.readlink(file)}: what is written there would be written elsewhere",
                hint="remove the link, or put a copy of what it points to in its place",
            )


def copy(path: Path, folder: Path) -> Path:
    """A copy of the journal and its log in another folder, as they were at one moment."""
    while True:
        before = _state(path)
        for file in (path, path.with_name(path.name + "-wal")):
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
        if _state(path) == before:
            return folder / path.name


def finish(path: Path) -> None:
    """Ends a rescue that was cut off after its file was whole."""
    rescued = _rescued(path)
    if rescued.is_file():
        for suffix in BESIDE:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        rescued.replace(path)
        _sync(path.parent)


def rescue(path: Path, place: Path) -> tuple[int, int, Path | None]:
    """Writes what can be read of the damaged journal into `place`; how many replies were read, how many are lost, and
    where the damaged file is kept if `place` is its own.

    Raises:
        StoreError: nothing can be read: it is no journal.
    """
    found = salvage.salvage(path)
    replies: dict[str, tuple[Value, ...]] = {}
    facts: dict[str, str] = {}
    lost: dict[str, tuple[Value, ...]] = {}
    tries: list[tuple[Value, ...]] = []
    for _, *row in found.rows:
        if len(row) == COLUMNS and _is_reply(row):
            # a rowid's alias is not in the row, and this table has none
            replies[str(row[0])] = tuple(row)
        elif len(row) == COLUMNS and isinstance(row[0], str) and _KEY.fullmatch(row[0]):
            lost[row[0]] = (row[0], *row[4:])
        elif len(row) == 2 and all(isinstance(value, str) for value in row):
            facts[str(row[0])] = str(row[1])
        elif len(row) == TRIES_COLUMNS and row[1] in (SENT, FAILED, RESOLVED):
            tries.append(tuple(row))
        elif len(row) == COLUMNS - 3 and isinstance(row[0], str):
            lost.setdefault(row[0], tuple(row))
    for key, *_ in found.entries:
        if isinstance(key, str) and _KEY.fullmatch(key):
            lost.setdefault(key, (key, 0, 0, 0, 0.0, 0))
    lost = {key: row for key, row in lost.items() if key not in replies}
    if not replies and not lost:
        raise StoreError(
            f"{path} is damaged or not a journal: no reply can be read from it",
            hint="restore it from a copy; --fresh sets this folder aside and starts anew, --out does so beside it",
        )
    kept = _keep(path) if place == path else None
    rescued = _rescued(place)
    _write(rescued.with_name(rescued.name + ".tmp"), list(replies.values()), facts, list(lost.values()), tries)
    rescued.with_name(rescued.name + ".tmp").replace(rescued)
    _sync(place.parent)
    finish(place)
    return len(replies), len(lost), kept


def _write(
    path: Path,
    replies: list[tuple[Value, ...]],
    facts: dict[str, str],
    lost: list[tuple[Value, ...]],
    tries: list[tuple[Value, ...]],
) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.executescript(f"{SCHEMA}; {LATER_TABLES}; PRAGMA user_version={FORMAT};")
        with connection:
            connection.executemany("INSERT INTO replies VALUES (?,?,?,?,?,?,?,?,?)", replies)
            connection.executemany("INSERT INTO facts VALUES (?,?)", facts.items())
            connection.executemany("INSERT INTO lost VALUES (?,?,?,?,?,?)", lost)
            connection.executemany("INSERT INTO tries VALUES (?,?,?,?,?)", tries)
    finally:
        connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _is_reply(row: list[Value]) -> bool:
    """Whether a row is one of ours: its key is the hash of its request."""
    key, model, request, reply = row[:4]
    if not isinstance(key, str) or not isinstance(model, str) or not isinstance(reply, str):
        return False
    data = request if isinstance(request, bytes) else b""
    try:
        data = data if data.startswith(b"{") else zlib.decompress(data)
    except zlib.error:
        return False
    numbers = all(isinstance(value, int | float) for value in row[4:])
    # a secret that the request held is not in what is kept of it
    return numbers and (hashlib.sha256(data).hexdigest() == key or HIDDEN.encode() in data)


def _keep(path: Path) -> Path:
    """Copies the damaged journal and its log to the first free name beside it."""
    number = 1
    while (place := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    for suffix in ("-wal", ""):
        file = path.with_name(path.name + suffix)
        if file.is_file():
            shutil.copyfile(file, place.with_name(place.name + suffix))
    return place


def _files(path: Path) -> list[Path]:
    rescued = _rescued(path)
    beside = [path.with_name(path.name + suffix) for suffix in BESIDE]
    return [path, *beside, rescued, rescued.with_name(rescued.name + ".tmp")]


def _rescued(path: Path) -> Path:
    return path.with_name(f".{path.name}.rescued")


def _state(path: Path) -> list[tuple[int, int]]:
    files = [path, path.with_name(path.name + "-wal")]
    return [(state.st_size, state.st_mtime_ns) for file in files if file.is_file() and (state := file.stat())]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
