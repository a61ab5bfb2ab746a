"""Selects the longest answers: the arm that tells a measure of quality from a measure of length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthgen.matching.ranking import keep_highest
from synthgen.protocols import Selector
from synthgen.records import Record
from synthgen.text import word_count


class LongestK(Selector, BaseModel):
    """Keeps the `k` records with the longest outputs in words, in their order (arXiv 2402.04833).

    The others are dropped as `not_among_longest` (`score` their words, `limit` those of the shortest that was kept); of
    equal lengths the earlier record stays. A record without an output is dropped as `no_score`.
    """

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1)]

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, those not selected marked as dropped."""
        words = [None if r.output is None else float(word_count(r.output)) for r in records]
        return keep_highest(records, words, self.k, "not_among_longest")
