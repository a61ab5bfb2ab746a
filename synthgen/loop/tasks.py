"""Tasks with known answers, from a file or from a maker; and the source that gives a round those of its level."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from synthgen.config.models import Entry
from synthgen.errors import ConfigError
from synthgen.formats.files import located
from synthgen.loop.door import MAKERS, function
from synthgen.protocols import Draw, PoolView, Source
from synthgen.records import Record, user_text
from synthgen.store.record_files import read_records
from synthgen.text import word_count

LEVELS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": word_count,
    "longest_word": lambda text: max(map(len, text.split()), default=0),
}


def tasks_of(entry: str | Entry, base: Path, *, seed: int, key: str) -> list[Record]:
    """The records of a JSON lines file, or of a maker with this seed, unless it names its own; all have answers.

    Raises:
        ConfigError: they cannot be read or made, are none, or one lacks its answer.
    """
    if isinstance(entry, str):
        found = read_records(located(entry, base))
    else:
        try:
            found = list(function(entry.use, MAKERS, base)(**{"seed": seed, **entry.settings}))
        except TypeError as error:
            raise ConfigError(f"{entry.use}: {error}", key=key) from error
    if not found or any(not r.output for r in found):
        raise ConfigError("there are no records, or some have no answer", key=key)
    return found


class Tasks(Source, BaseModel):
    """Each attempt draws the next `chunk` tasks, with their answers; the source ends with the tasks.

    `of` is a JSON lines file of records with answers, or a maker of them (`{use: families, per_family: 50}`), which
    gets `seed`. `least` and `most` bound the level of the tasks, by their `characters`, `words` or the characters of
    the `longest_word`: with `most: {by_round: [6, 7, 8]}` a loop goes from easy to hard.

    Raises:
        ConfigError: the tasks cannot be read or made, or none is of the level.
    """

    model_config = ConfigDict(extra="forbid")
    reads_pool: ClassVar[bool] = False

    of: str | Entry
    seed: int = 500
    chunk: Annotated[int, Field(ge=1)] = 16
    by: Literal["characters", "words", "longest_word"] = "words"
    least: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=1)] | None = None

    _known: tuple[Record, ...] = PrivateAttr(())
    _tasks: tuple[Record, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> Self:
        base = Path((info.context or {}).get("base", "."))
        self._known = tuple(tasks_of(self.of, base, seed=self.seed, key="of"))
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
