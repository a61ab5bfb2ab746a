"""Selects so that no group outweighs the others."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from synthgen.protocols import Selector
from synthgen.records import Record


class Balance(Selector, BaseModel):
    """Keeps at most `cap` records, drawn at random, of each group; the others are dropped as `over_cap`.

    A group are the records with the same value of `by`; those without one are a group too. `by: task` caps how many
    answers a task (all but the answer) keeps (rejection sampling: arXiv 2312.06585 keeps 10).
    """

    model_config = ConfigDict(extra="forbid")

    by: Literal["task_type", "language", "is_classification", "instruction", "system", "task"] = "task_type"
    cap: Annotated[int, Field(ge=1)]

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records in their order, those over the cap marked as dropped."""
        groups: dict[object, list[int]] = defaultdict(list)
        for i, record in enumerate(records):
            groups[_task(record) if self.by == "task" else getattr(record, self.by)].append(i)
        out = list(records)
        for value, members in groups.items():
            kept = set(rng.sample(members, min(self.cap, len(members))))
            for i in members:
                if i not in kept:
                    detail = f"{self.by} {value!r} has {len(members)} records"
                    out[i] = out[i].dropped("over_cap", score=len(members), limit=self.cap, detail=detail)
        return out


def _task(record: Record) -> str:
    return record.replace(output=None).text
