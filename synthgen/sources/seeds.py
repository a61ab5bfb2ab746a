"""Seed tasks from files, each in order or refused with its file and row; as a source, the demonstrations of prompts."""

from __future__ import annotations

import difflib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from synthgen import assets
from synthgen.errors import SeedError
from synthgen.formats import Read, Row, RowError, read_row, rows_of
from synthgen.formats.files import Found, find, find_lines, label_of, located
from synthgen.formats.names import NAMES, plain
from synthgen.protocols import Draw, PoolView, Source, SourceFacts
from synthgen.records import Record
from synthgen.text import rouge_l, tokenize

FORM = 'a row looks like {"id": "capitals_1", "instruction": "…", "input": "", "output": "…"}'

CANDIDATES = 4
COMPARED = 16
"""With `novelty_weighted`, so many machine-made tasks are drawn for one that is shown, and each is compared with so
many others. Ours: a draw costs the same however large the pool is, and the commonest tasks are rarely shown."""


class Seeds(Source, BaseModel):
    """Each attempt draws `human` seed tasks and `machine` tasks that the run has made, in random order.

    While there are fewer machine-made tasks than `machine`, seed tasks stand in (Self-Instruct, arXiv 2212.10560: 6 and
    2). `path` is `builtin`, the name of a shipped file (`coding`), or one or more files or folders of them, from the
    config's folder. `where` picks seed tasks (`{language: en}`, `{task_type: [coding, reasoning]}`). `by`
    gives every task type (or language) the same chance, however many seed tasks it has. `novelty_weighted` draws, for
    each machine-made task, four, and shows the one that is least like others of the pool.

    Raises:
        SeedError: the seed tasks cannot be read, are malformed, or there are none.
    """

    model_config = ConfigDict(extra="forbid")

    path: str | tuple[str, ...] = "builtin"
    human: Annotated[int, Field(ge=0)] = 6
    machine: Annotated[int, Field(ge=0)] = 2
    where: dict[Literal["task_type", "language", "is_classification"], str | bool | tuple[str, ...]] = Field(
        default_factory=dict
    )
    by: Literal["task_type", "language"] | None = None
    novelty_weighted: bool = False

    _files: tuple[Path, ...] = PrivateAttr(())
    _records: tuple[Record, ...] = PrivateAttr(())
    _facts: SourceFacts | None = PrivateAttr(None)
    _groups: tuple[tuple[Record, ...], ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> Self:
        if self.human + self.machine == 0:
            raise ValueError("human and machine are both 0: a prompt needs at least one demonstration")
        base = Path((info.context or {}).get("base", "."))
        paths = (self.path,) if isinstance(self.path, str) else self.path
        there = [_files_of(path, base) for path in paths]
        self._files = tuple(file for one in there for file in one.files)
        found = seed_tasks(self._files, base)
        aside = tuple(f"{label_of(file, base)} ({why})" for one in there for file, why in one.aside)
        if found.aside or aside:
            labels = tuple(label_of(file, base) for file in self._files)
            columns = dict(sorted(found.aside.items()))
            self._facts = SourceFacts(files=labels, rows=found.rows, columns_aside=columns, files_aside=aside)
        self._records = tuple(r for r in found.records if self._wanted(r))
        if not self._records:
            raise SeedError(
                f"no seed task is left where {_words(self.where)}",
                key="where",
                hint="seed tasks of your own need these fields, or write `where: null`, also over an inherited one",
            )
        groups: dict[str | None, list[Record]] = defaultdict(list)
        for record in self._records:
            groups[getattr(record, self.by) if self.by else None].append(record)
        self._groups = tuple(map(tuple, groups.values()))
        return self

    @property
    def reads_pool(self) -> bool:
        """Whether machine-made tasks are shown, so that attempts wait for their window."""
        return self.machine > 0

    def facts(self, attempts: int | None = None) -> SourceFacts | None:
        """What of the seed files was left aside; None where nothing was."""
        return self._facts

    @property
    def seeds(self) -> Sequence[Record]:
        """The seed tasks, in the order of their files and lines."""
        return self._records

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the seed tasks are from."""
        return self._files

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw:
        """The demonstrations of one attempt: fewer than asked for where there are fewer tasks. Never exhausted."""
        shown = self._machine_made(view, rng)
        shown += self._human_made(self.human + self.machine - len(shown), rng)
        rng.shuffle(shown)
        return Draw(demonstrations=tuple(shown))

    def _wanted(self, record: Record) -> bool:
        return all(
            getattr(record, field) in (wanted if isinstance(wanted, tuple) else (wanted,))
            for field, wanted in self.where.items()
        )

    def _human_made(self, count: int, rng: random.Random) -> list[Record]:
        """Seed tasks, none twice: in turns from the groups in random order, so that a large group has one voice too."""
        groups = [list(group) for group in self._groups]
        rng.shuffle(groups)
        picked: list[Record] = []
        while groups and len(picked) < count:
            for group in groups[: count - len(picked)]:
                picked.append(group.pop(rng.randrange(len(group))))
            groups = [group for group in groups if group]
        return picked

    def _machine_made(self, view: PoolView, rng: random.Random) -> list[Record]:
        size = len(view.machine)
        count = min(self.machine, size)
        if not self.novelty_weighted:
            return [view.machine[i] for i in rng.sample(range(size), count)]
        picked: list[int] = []
        for _ in range(count):
            drawn = rng.sample(range(size), min(size, CANDIDATES + len(picked)))
            free = [i for i in drawn if i not in picked]
            picked.append(max(free, key=lambda i: _novelty(view.machine[i], view, rng)))
        return [view.machine[i] for i in picked]


def _words(where: Mapping[Any, object]) -> str:
    """The conditions as people say them."""
    return " and ".join(
        f"{field} is one of {', '.join(map(str, wanted))}" if isinstance(wanted, tuple) else f"{field} is {wanted}"
        for field, wanted in where.items()
    )


def _novelty(record: Record, view: PoolView, rng: random.Random) -> float:
    """1 less the highest ROUGE-L F of the instruction to some others of the pool, drawn at random."""
    everything = len(view.seeds) + len(view.machine)
    tokens = tokenize(record.instruction)
    nearest = 0.0
    for i in rng.sample(range(everything), min(everything, COMPARED)):
        other = view.seeds[i] if i < len(view.seeds) else view.machine[i - len(view.seeds)]
        if other.id != record.id:
            nearest = max(nearest, rouge_l(tokens, tokenize(other.instruction)))
    return 1 - nearest


def _files_of(path: str, base: Path) -> Found:
    folder = assets.folder("seeds") if path == "builtin" else located(path, base)
    if folder.is_dir():
        return find_lines(folder) or find(folder)
    return Found((folder if folder.exists() else assets.find("seeds", path, beside=base),))


@dataclass(slots=True)
class SeedTasks:
    """The seed tasks of some files, in order, and the keys that were left aside, by how many rows have them."""

    records: list[Record] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def seed_tasks(paths: Iterable[Path], base: Path) -> SeedTasks:
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
            read = _seeds_in(row, path, place)
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


def _seeds_in(row: Row, path: Path, place: str) -> Read:
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
