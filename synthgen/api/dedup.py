"""Removes near-duplicates from files of rows: rows in, kept rows out unchanged, the dropped ones with evidence."""

from __future__ import annotations

import glob
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synthgen.errors import SeedError, StoreError
from synthgen.formats import Row, RowError, read_row, rows_of
from synthgen.formats.files import Found, find
from synthgen.formats.reading import form_of
from synthgen.formats.row import holds, text
from synthgen.formats.turns import dialogue_in, turns_of
from synthgen.formats.writing import encoded, writer_for
from synthgen.similarity import (
    BulkIndex,
    HashIndex,
    MinHashIndex,
    NearDuplicateIndex,
    Neighbour,
    Similarity,
    TaskIndex,
    task_of,
)
from synthgen.similarity.neighbour import Arithmetic, Rule
from synthgen.store.files import appearing, in_the_way, storing
from synthgen.text import Tokenizer

Method = Literal["exact", "hash", "minhash"]

BLOCK = 16_384
"""Rows that are held in memory at a time, beside the kept texts."""

PEEK = 100
"""Rows among which one must have a text to compare, so that a misspelt field keeps nothing by mistake."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows so far, and the share of the files that has been read (0 to 1)."""

    kept: int
    dropped: int
    share: float


@dataclass(frozen=True, slots=True)
class Result:
    """Rows kept and dropped, and the wall seconds it took.

    `without_text` of the kept rows have nothing to compare. `unreadable` are rows of an array or a table that cannot be
    read and so cannot be written again: `file:row: what is wrong`; in JSON lines such a line is kept as it is.
    """

    kept: int
    dropped: int
    seconds: float
    without_text: int = 0
    unreadable: tuple[str, ...] = ()
    files_aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Task:
    """A row with what is compared: a question and what that works on (maybe empty); None where it has no text."""

    key: str
    row: Row
    text: tuple[str, str] | None


def dedup(
    source: Path,
    out: Path,
    *,
    field: str | Sequence[str] | None = None,
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
    """Writes the rows that are no near-duplicates of an earlier kept one, in the form in which they came.

    A row is compared by its question, read as every layout has it: the instruction, or the last thing that a user asks.
    Where it works on an input or on earlier turns, a near-duplicate is near in both. `field` is a column instead, or
    several: then a near-duplicate is near in the first and in what the others hold. A row without a text is kept.

    `source` is a file or a folder of one kind of files. JSON lines come out byte for byte; blank lines are left out.
    `threshold` is ROUGE-L F for `exact` (0.7 by default), the Jaccard similarity of word pairs for `minhash` (0.4).
    `workers` are the processes that `exact` uses; the result is the same for any number. `dropped` gets one JSON object
    a line: `line`, `reason` (`near_duplicate`), `score`, `threshold`, `nearest_line`, `nearest_text` and the `row`
    (and `file` and `nearest_file` where there are several). Both files appear whole when all is done, or not at all.

    Raises:
        SeedError: `source` cannot be read, or none of its first rows has a text to compare.
        StoreError: `out` or `dropped` cannot be written, or is there already and `overwrite` is not set.
        ValueError: the threshold is not above 0 and at most 1.
    """
    fields = (field,) if isinstance(field, str) else tuple(field or ())
    finder = _Finder(method, threshold, rule, arithmetic, tokenizer, workers)
    _check_places([source], out, dropped, overwrite)
    found = find(source)
    _check_places(found.files, out, dropped, overwrite)
    _check_texts(found.files, fields)
    return _Work(found, fields, finder, progress).done(out, dropped, overwrite)


class _Finder:
    """The indexes: one of texts, and one of tasks that work on something."""

    def __init__(
        self,
        method: Method,
        threshold: float | None,
        rule: Rule,
        arithmetic: Arithmetic,
        tokenizer: Tokenizer,
        workers: int,
    ) -> None:
        self.threshold = {"exact": 0.7, "hash": 1.0, "minhash": 0.4}[method] if threshold is None else threshold
        self._workers = workers

        def empty() -> Similarity:
            if method == "hash":
                return HashIndex(tokenizer=tokenizer)
            if method == "minhash":
                return MinHashIndex(self.threshold, tokenizer=tokenizer)
            return NearDuplicateIndex(self.threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)

        self._tasks = TaskIndex(empty)
        self._texts: Similarity | BulkIndex = empty()
        if method == "exact":
            self._texts = BulkIndex(self.threshold, rule=rule, arithmetic=arithmetic, tokenizer=tokenizer)
        elif method == "hash":
            self.threshold = 1.0

    def found(self, tasks: Sequence[_Task]) -> Iterator[Neighbour | None]:
        """For each task the nearest kept one that makes it a near-duplicate, or None: then it is kept."""
        texts = [(task.text[0], task.key) for task in tasks if task.text is not None and not task.text[1]]
        alone = self._check([text for text, _ in texts], [key for _, key in texts])
        for task in tasks:
            if task.text is None:
                yield None
            elif task.text[1]:
                yield self._tasks.check(*task.text, task.key)
            else:
                yield next(alone)

    def _check(self, texts: list[str], keys: list[str]) -> Iterator[Neighbour | None]:
        if isinstance(self._texts, BulkIndex):
            return iter(list(self._texts.check_all(texts, keys, processes=self._workers)))
        return map(self._texts.check, texts, keys)


class _Work:
    """One pass over the files."""

    def __init__(
        self,
        found: Found,
        fields: tuple[str, ...],
        finder: _Finder,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._files, self._aside = found.files, found.aside
        self._fields, self._finder, self._progress = fields, finder, progress
        self._form = form_of(found.files[0])
        self._kept = self._dropped = self._without = 0
        self._unreadable: list[str] = []

    def done(self, out: Path, dropped: Path | None, overwrite: bool) -> Result:
        """Writes the files, and returns what came of the rows."""
        started = time.perf_counter()
        with ExitStack() as stack:
            kept_file = stack.enter_context(appearing(out, overwrite))
            dropped_file = None if dropped is None else stack.enter_context(appearing(dropped, overwrite))
            writer = writer_for(self._files, self._form, out, kept_file)
            for tasks, share in self._blocks():
                for task, nearest in zip(tasks, self._finder.found(tasks), strict=True):
                    kept = nearest is None and self._writable(task)
                    self._kept += kept
                    self._dropped += nearest is not None
                    with storing(out):
                        writer.add(task.row, kept)
                    if nearest is not None and dropped is not None and dropped_file is not None:
                        with storing(dropped):
                            dropped_file.write(self._evidence(task, nearest))
                if self._progress is not None:
                    self._progress(Progress(self._kept, self._dropped, share))
            with storing(out):
                writer.end()
        return Result(
            kept=self._kept,
            dropped=self._dropped,
            seconds=time.perf_counter() - started,
            without_text=self._without,
            unreadable=tuple(self._unreadable),
            files_aside=tuple(f"{file} ({why})" for file, why in self._aside),
        )

    def _writable(self, task: _Task) -> bool:
        """Whether a kept row can be written again; counts those that cannot, and those without a text."""
        if task.text is not None:
            return True
        if task.row.values is None and not (self._form == "jsonl" and task.row.raw):
            self._unreadable.append(f"{':'.join(self._place(task.key))}: {task.row.problem}")
            return False
        self._without += 1
        return True

    def _blocks(self) -> Iterator[tuple[list[_Task], float]]:
        """The rows in blocks, each with the share of the files that has been read by then."""
        sizes = [max(1, file.stat().st_size) for file in self._files]
        tasks: list[_Task] = []
        for number, file in enumerate(self._files):
            read = sum(sizes[:number])
            for row in rows_of(file):
                if row.last:
                    raise SeedError(row.problem, file=file, line=row.number)
                read += len(row.raw) + 1
                tasks.append(_Task(f"{number}:{row.number}", row, _text(row, self._fields)))
                if len(tasks) == BLOCK:
                    yield tasks, min(1.0, read / sum(sizes))
                    tasks = []
        yield tasks, 1.0

    def _place(self, key: str) -> tuple[str, str]:
        number, _, line = key.partition(":")
        return str(self._files[int(number)]), line

    def _evidence(self, task: _Task, nearest: Neighbour) -> bytes:
        (file, line), (near_file, near_line) = self._place(task.key), self._place(nearest.key)
        several = len(self._files) > 1
        evidence = {
            **({"file": file} if several else {}),
            "line": int(line),
            "reason": "near_duplicate",
            "score": nearest.score,
            "threshold": self._finder.threshold,
            **({"nearest_file": near_file} if several else {}),
            "nearest_line": int(near_line),
            "nearest_text": nearest.text,
        }
        # the row itself goes in as it was written
        row = task.row.raw or encoded(task.row.values)
        return json.dumps(evidence).encode()[:-1] + b', "row": ' + row + b"}\n"


def _text(row: Row, fields: tuple[str, ...]) -> tuple[str, str] | None:
    """What of a row is compared; None where it has no text."""
    if row.values is None:
        return None
    if fields:
        parts = [part for name in fields if (part := _cell(row.values.get(name), name)).strip()]
        return (parts[0], "\n".join(parts[1:])) if parts else None
    instruction = row.values.get("instruction")
    if row.values.keys() <= _PLAIN and isinstance(instruction, str) and not holds(row.values.get("input")):
        return (instruction, "") if instruction.strip() else None
    try:
        records = read_row(row.values, losing=True).records
    except RowError:
        return _question(row.values)
    tasks = [task_of(record) for record in records]
    text = tasks[0][0], "\n".join(given for _, given in tasks if given)
    return text if text[0].strip() else None


_PLAIN = frozenset(("id", "instruction", "input", "output"))


def _cell(value: Any, name: str) -> str:
    """The text of a cell; of a dialogue, the last thing that the user says in it."""
    try:
        if dialogue_in(value) is not None:
            said = [turn["content"] for turn in turns_of(value, name).turns if turn["role"] == "user"]
            return said[-1] if said else ""
        return text(value, name)
    except RowError:
        return ""


def _question(values: dict[str, Any]) -> tuple[str, str] | None:
    """The last question in a row that is no record: its dialogue ends with a call of a tool, say."""
    for name, value in values.items():
        if dialogue_in(value) is not None and (said := _cell(value, name)).strip():
            return said, ""
    said = _cell(values.get("instruction"), "instruction")
    return (said, "") if said.strip() else None


def _check_texts(files: Sequence[Path], fields: tuple[str, ...]) -> None:
    """Raises `SeedError` where none of the first rows has a text to compare."""
    rows = list(itertools.islice((row for file in files for row in rows_of(file)), PEEK))
    if not rows or any(_text(row, fields) is not None for row in rows):
        return
    row = next((row for row in rows if row.values is not None), rows[0])
    if row.values is None:
        raise SeedError(f"none of its first {PEEK} rows can be read: {row.problem}", file=files[0], line=row.number)
    texts = ", ".join(name for name, value in row.values.items() if isinstance(value, str))
    what = " and ".join(map(repr, fields))
    raise SeedError(
        f"none of its first {PEEK} rows has a text in the field {what}" if fields else "nothing says what its rows ask",
        file=files[0],
        line=row.number,
        hint=f"choose one of its texts by --field: {texts}" if texts else None,
    )


def _check_places(sources: Sequence[Path], out: Path, dropped: Path | None, overwrite: bool) -> None:
    places = [
        *(source.resolve() for source in sources),
        out.resolve(),
        *([] if dropped is None else [dropped.resolve()]),
    ]
    if len(set(places)) < len(places):
        raise StoreError("the input, the output and the file of dropped rows must be different files")
    if out.exists() and not overwrite:
        raise in_the_way(out)
    # the dropped rows are put in place first: a killed run may have left them, and its other file unfinished
    unfinished = list(out.parent.glob(f".{glob.escape(out.name)}.*.tmp"))
    if dropped is not None and dropped.exists() and not overwrite and not unfinished:
        raise in_the_way(dropped)
    if dropped is not None and unfinished:
        with storing(dropped):
            dropped.unlink(missing_ok=True)
    for path in (out, *([] if dropped is None else [dropped])):
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            with storing(leftover):
                leftover.unlink(missing_ok=True)
