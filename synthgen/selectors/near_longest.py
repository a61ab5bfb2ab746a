"""Selects answers that are about as long as the others of their kind: a model that loses its place stops early."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthgen.records import Record


class NearLongest(BaseModel):
    """Keeps outputs with at least `least` times the characters of the longest one of their task type.

    The others are dropped as `short_for_its_type`. Made for tasks of one level of difficulty, whose right answers are
    of about one length (arXiv 2502.01612 filters self-written answers so); it says nothing of answers to open tasks.
    """

    model_config = ConfigDict(extra="forbid")

    least: Annotated[float, Field(gt=0, le=1)] = 0.8

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records in their order, those that are short marked as dropped."""
        longest: dict[str | None, int] = {}
        for record in records:
            longest[record.task_type] = max(longest.get(record.task_type, 0), len(record.output or ""))
        out = []
        for record in records:
            limit, size = self.least * longest[record.task_type], len(record.output or "")
            out.append(record if size >= limit else record.dropped("short_for_its_type", score=size, limit=limit))
        return out
