"""Sources of a loop's rounds: tasks with known answers, from a file or a task set; and all that is known already."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from synthgen.errors import ConfigError, SynthgenError
from synthgen.formats.files import located
from synthgen.protocols import Draw, PoolView, Source
from synthgen.records import Record, user_text
from synthgen.store.record_files import read_records
from synthgen.text import word_count

LEVELS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": word_count,
    "longest_word": lambda text: max(map(len, text.split()), default=0),
}


Part = Callable[[Literal["task_set"], str, Mapping[str, Any]], Callable[..., Any]]
"""Finds the task set that a `use` names, and gives it its settings."""


class TaskSet(BaseModel):
    """A task set as a config names it: `use`, maybe the `seed`, and its settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: Annotated[str, Field(min_length=1)]

    @property
    def settings(self) -> dict[str, Any]:
        """All keys but `use` and `seed`."""
        return {key: value for key, value in (self.model_extra or {}).items() if key != "seed"}


def tasks_of(entry: str | TaskSet, base: Path, part: Part | None, *, seed: int, key: str) -> list[Record]:
    """The records of a file, or of a task set with this seed, unless it names its own; all have answers.

    Raises:
        ConfigError: they cannot be read or made, are none, or one lacks its answer.
    """
    found = read_records(located(entry, base)) if isinstance(entry, str) else _made(entry, part, seed, key)
    if not found or any(not r.output for r in found):
        raise ConfigError("there are no records, or some have no answer", key=key)
    return found


def _made(entry: TaskSet, part: Part | None, seed: int, key: str) -> list[Record]:
    if part is None:
        raise ConfigError("a task set is found by a config alone", key=key, hint="name a file of tasks")
    seed = (entry.model_extra or {}).get("seed", seed)
    if not isinstance(seed, int):
        raise ConfigError(f"the seed is {seed!r}, expected a whole number", key=f"{key}.seed")
    try:
        made = part("task_set", entry.use, entry.settings)
        found = list(made(seed=seed))
    except SynthgenError as error:
        if isinstance(error, ConfigError):
            error.key = f"{key}.{error.key}" if error.key else key
        raise
    except Exception as error:
        raise ConfigError(f"the task set {entry.use} raised {type(error).__name__}: {error}", key=key) from error
    if wrong := [record for record in found if not isinstance(record, Record)]:
        raise ConfigError(f"the task set {entry.use} returned {wrong[0]!r:.80}, expected records", key=key)
    return found


class Tasks(Source, BaseModel):
    """Each attempt draws the next `chunk` tasks, with their answers; the source ends with the tasks.

    `of` is a file of records with answers, or a task set (`{use: families, per_family: 50}`), which gets `seed`.
    `least` and `most` bound the level of the tasks, by their `characters`, `words` or the characters of the
    `longest_word`: with `most: {by_round: [6, 7, 8]}` a loop goes from easy to hard.

    Raises:
        ConfigError: the tasks cannot be read or made, or none is of the level.
    """

    model_config = ConfigDict(extra="forbid")
    reads_pool: ClassVar[bool] = False

    of: str | TaskSet
    seed: int = 500
    chunk: Annotated[int, Field(ge=1)] = 16
    by: Literal["characters", "words", "longest_word"] = "words"
    least: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=1)] | None = None

    _known: tuple[Record, ...] = PrivateAttr(())
    _tasks: tuple[Record, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> Self:
        context = info.context or {}
        found = tasks_of(self.of, Path(context.get("base", ".")), context.get("part"), seed=self.seed, key="of")
        self._known = tuple(found)
        self._tasks = tuple(r for r in self._known if self._admits(r))
        if not self._tasks:
            raise ConfigError(f"no task has {self.least} to {self.most} ({self.by})", key="of")
        return self

    @property
    def known(self) -> Sequence[Record]:
        """All tasks, of whatever level."""
        return self._known

    @property
    def seeds(self) -> Sequence[Record]:
        """None: the tasks are no demonstrations."""
        return ()

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The tasks of chunk number `attempt`, or None behind the last one."""
        chunk = self._tasks[attempt * self.chunk : (attempt + 1) * self.chunk]
        return Draw(records=chunk) if chunk else None

    def _admits(self, record: Record) -> bool:
        level = LEVELS[self.by](user_text(record))
        return self.least <= level and (self.most is None or level <= self.most)


class Known(Source, BaseModel):
    """Each attempt draws `human` of the known records as demonstrations; the near-duplicate filter knows them all."""

    model_config = ConfigDict(extra="forbid")

    path: str
    human: Annotated[int, Field(ge=0)] = 0
    reads_pool: ClassVar[bool] = False

    _records: tuple[Record, ...] = PrivateAttr(())

    def model_post_init(self, context: object) -> None:
        """Reads the records; a file that is not there yet holds none."""
        self._records = tuple(read_records(self.path)) if Path(self.path).is_file() else ()

    @property
    def seeds(self) -> Sequence[Record]:
        """The known records, in the order of the file."""
        return self._records

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw:
        """Some of the records. Never exhausted."""
        count = min(self.human, len(self._records))
        return Draw(demonstrations=tuple(rng.sample(self._records, count)) if count else ())
