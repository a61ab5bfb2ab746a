"""Selects the records with the highest scores."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthgen.matching.ranking import keep_highest
from synthgen.protocols import Selector
from synthgen.records import Record


class TopK(Selector, BaseModel):
    """Keeps the `k` records with the highest (or lowest) score of the name `by`, in their order.

    The others are dropped as `below_top` (`limit` is the last score that was kept); of equal scores the earlier record
    stays. A record without the score, or with one that is no number, is dropped as `no_score`: it never gets a default.
    Scores that judges and models give rise with the length of the answer: compare with `longest_k` and `random_k`.
    """

    model_config = ConfigDict(extra="forbid")

    by: str
    k: Annotated[int, Field(ge=1)]
    highest: bool = True

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, those not selected marked as dropped."""
        return keep_highest(records, [self._score(r) for r in records], self.k, "below_top", lowest=not self.highest)

    def _score(self, record: Record) -> float | None:
        score = record.scores.get(self.by)
        return None if score is None or math.isnan(score) else score
