"""Removes near-duplicates from a JSON lines file: rows in, kept rows out unchanged, the dropped ones with evidence."""

from __future__ import annotations

import glob
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from synthgen.errors import SeedError, StoreError
from synthgen.similarity import BulkIndex, HashIndex, MinHashIndex, Neighbour, Similarity
from synthgen.similarity.needed import Arithmetic, Rule
from synthgen.store import atomic
from synthgen.store.faults import storing
from synthgen.text import Tokenizer

Method = Literal["exact", "hash", "minhash"]

BLOCK = 16_384
"""Rows that are held in memory at a time, beside the kept texts."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows so far, and the share of the file that has been read (0 to 1)."""

    kept: int
    dropped: int
    share: float


@dataclass(frozen=True, slots=True)
class Result:
    """Rows kept and dropped, and the wall seconds it took."""

    kept: int
    dropped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    raw: bytes
    text: str


def dedup(
    source: Path,
    out: Path,
    *,
    field: str = "instruction",
    threshold: float | None = None,
    rule: Rule = "gt",
    arithmetic: Arithmetic = "exact",
    tokenizer: Tokenizer = "unicode",
    method: Method = "exact",
    workers: int = 1,
    dropped: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Writes the rows whose `field` is no near-duplicate of an earlier kept row's, byte for byte as they were.

    `threshold` is ROUGE-L F for `exact` (0.7 by default), the Jaccard similarity of word pairs for `minhash` (0.4).
    `workers` are the processes that `exact` uses; the result is the same for any number. `dropped` gets one JSON object
    a line: `line`, `reason` (`near_duplicate`), `score`, `threshold`, `nearest_line`, `nearest_text` and the `row`.
    Both files appear whole when all is done, or not at all. Blank lines are left out.

    Raises:
        SeedError: `source` cannot be read, or a line of it is no JSON object with a text in `field`.
        StoreError: `out` or `dropped` cannot be written, or is there already and `overwrite` is not set.
        ValueError: the threshold is not above 0 and at most 1.
    """
    index = _index(method, threshold, rule, arithmetic, tokenizer)
    _check_places(source, out, dropped, overwrite)
    started = time.perf_counter()
    counts = {True: 0, False: 0}
    with ExitStack() as stack:
        kept_file = stack.enter_context(_appearing(out, overwrite))
        dropped_file = None if dropped is None else stack.enter_context(_appearing(dropped, overwrite))
        for rows, share in _blocks(source, field):
            texts, keys = [row.text for row in rows], [str(row.line) for row in rows]
            found: Iterator[Neighbour | None]
            if isinstance(index, BulkIndex):
                found = index.check_all(texts, keys, processes=workers)
            else:
                found = map(index.check, texts, keys)
            for row, nearest in zip(rows, found, strict=True):
                counts[nearest is None] += 1
                if nearest is None:
                    _write(kept_file, out, row.raw + b"\n")
                elif dropped_file is not None and dropped is not None:
                    _write(dropped_file, dropped, _evidence(row, nearest, getattr(index, "threshold", 1.0)))
            if progress is not None:
                progress(Progress(counts[True], counts[False], share))
    return Result(counts[True], counts[False], time.perf_counter() - started)


def _index(
    method: Method, threshold: float | None, rule: Rule, arithmetic: Arithmetic, tokenizer: Tokenizer
) -> Similarity | BulkIndex:
    if method == "hash":
        return HashIndex(tokenizer=tokenizer)
    if method == "minhash":
        return MinHashIndex(0.4 if threshold is None else threshold, tokenizer=tokenizer)
    limit = 0.7 if threshold is None else threshold
    return BulkIndex(limit, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)


def _check_places(source: Path, out: Path, dropped: Path | None, overwrite: bool) -> None:
    places = [source.resolve(), out.resolve(), *([] if dropped is None else [dropped.resolve()])]
    if len(set(places)) < len(places):
        raise StoreError("the input, the output and the file of dropped rows must be different files")
    if out.exists() and not overwrite:
        raise _in_the_way(out)
    # the dropped rows are put in place first: a killed run may have left them, and its other file unfinished
    unfinished = list(out.parent.glob(f".{glob.escape(out.name)}.*.tmp"))
    if dropped is not None and dropped.exists() and not overwrite and not unfinished:
        raise _in_the_way(dropped)
    if dropped is not None and unfinished:
        with storing(dropped):
            dropped.unlink(missing_ok=True)
    for path in (out, *([] if dropped is None else [dropped])):
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            with storing(leftover):
                leftover.unlink(missing_ok=True)


def _in_the_way(path: Path) -> StoreError:
    return StoreError(f"{path} is there already", hint="move it, or choose another name")


@contextmanager
def _appearing(path: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file that takes its place when the block ends well, and vanishes when it does not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        file = atomic.create(temporary)
    try:
        with file:
            yield file
            with storing(path):
                file.flush()
                os.fsync(file.fileno())
        if path.exists() and not overwrite:
            raise _in_the_way(path)
        with storing(path):
            temporary.replace(path)
            atomic.sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: IO[bytes], path: Path, content: bytes) -> None:
    with storing(path):
        file.write(content)


def _blocks(source: Path, field: str) -> Iterator[tuple[list[_Row], float]]:
    """The rows in blocks, each with the share of the file that has been read by then."""
    rows: list[_Row] = []
    done = 0
    try:
        size = max(1, source.stat().st_size)
        with source.open("rb") as file:
            for line, raw in enumerate(file, 1):
                done += len(raw)
                content = raw.rstrip(b"\r\n")
                if content.strip():
                    rows.append(_Row(line, content, _text(source, line, content, field)))
                if len(rows) == BLOCK:
                    yield rows, min(1.0, done / size)
                    rows = []
    except OSError as error:
        raise SeedError(f"cannot be read: {error.strerror or error}", file=source) from error
    yield rows, 1.0


def _text(source: Path, line: int, content: bytes, field: str) -> str:
    try:
        row: Any = json.loads(content.decode("utf-8-sig" if line == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise SeedError(f"not UTF-8 (byte {error.start + 1} of the line)", file=source, line=line) from error
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" at column {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise SeedError(
            f"not JSON{where}", file=source, line=line, hint="each line of a JSON lines file is one JSON object"
        ) from error
    if not isinstance(row, dict):
        raise SeedError(f"a JSON {type(row).__name__}, not an object", file=source, line=line)
    text = row.get(field)
    if not isinstance(text, str):
        fields = ", ".join(name for name, value in row.items() if isinstance(value, str))
        what = f"is {type(text).__name__}, not text" if field in row else "is missing"
        raise SeedError(
            f"the field {field!r} {what}",
            file=source,
            line=line,
            hint=f"choose one of its texts: {fields}" if fields else None,
        )
    return text


def _evidence(row: _Row, nearest: Neighbour, threshold: float) -> bytes:
    evidence = {
        "line": row.line,
        "reason": "near_duplicate",
        "score": nearest.score,
        "threshold": threshold,
        "nearest_line": int(nearest.key),
        "nearest_text": nearest.text,
    }
    # the row itself goes in as it was written
    return json.dumps(evidence).encode()[:-1] + b', "row": ' + row.raw.removeprefix(b"\xef\xbb\xbf") + b"}\n"
