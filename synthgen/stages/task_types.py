"""The stage that brings the names of task types to the known ones: a teacher invents new ones with every reply."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr

from synthgen.protocols import Context, Preparation, Stage
from synthgen.records import Record

STEM = 4
"""Letters by which two words are one: `summ` of `summing_up` and `summarization`, `clas` of `classify`."""

ALIKE = 90
"""Per cent, by rapidfuzz: a letter is missing or too many (`rewiting`)."""

_ENDING = re.compile(r"(?:ing|ed|er|es|e|s)\Z")


class TaskTypes(Stage, BaseModel):
    """Replaces each `task_type` by the known one of the same words (`summing_up`: `summarization`), or by none.

    `known` are the names to keep; without them those of the seed tasks, and where these have none nothing changes. Two
    words are the same where their stems begin with the same four letters; a name that fits several known ones as well
    is none. Drops nothing.
    """

    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = False

    known: tuple[str, ...] = ()

    _known: tuple[str, ...] = PrivateAttr(default=())

    def prepare(self, preparation: Preparation) -> None:
        """Takes the seed tasks' types where no others are named."""
        self._known = tuple(self.known) or tuple(sorted({s.task_type for s in preparation.seeds if s.task_type}))

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records."""
        known = self._known
        if not known:
            return records
        return [
            record.replace(task_type=nearest_type(record.task_type, known))
            if record.task_type and record.task_type not in known
            else record
            for record in records
        ]


@lru_cache(maxsize=1024)
def nearest_type(name: str, known: tuple[str, ...]) -> str | None:
    """The one known name that is written almost alike or has the most words in common; None where several have."""
    from rapidfuzz import fuzz

    if near := [other for other in known if fuzz.ratio(name, other) >= ALIKE]:
        return near[0]
    words = _stems(name)
    shared = {other: len(words & _stems(other)) for other in known}
    most = max(shared.values(), default=0)
    best = [other for other, count in shared.items() if count == most]
    return best[0] if most and len(best) == 1 else None


def _stems(name: str) -> set[str]:
    return {_ENDING.sub("", word)[:STEM] for word in re.split(r"[\W_]+", name.casefold()) if word}
