"""Selectors that keep so many records: the best, the longest, or any."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthgen.protocols import Selector
from synthgen.records import Record
from synthgen.text import word_count


def keep_highest(
    records: Sequence[Record], scores: Sequence[float | None], k: int, reason: str, *, lowest: bool = False
) -> list[Record]:
    """The records in their order, all but the `k` with the highest (or lowest) scores marked as dropped.

    Those without a score are dropped as `no_score`. Of equal scores the earlier record stays.
    """
    ranked = [(-score if not lowest else score, i) for i, score in enumerate(scores) if score is not None]
    kept = {i for _, i in sorted(ranked)[:k]}
    last = sorted(ranked)[:k][-1][1] if ranked else None
    limit = scores[last] if last is not None else None
    return [
        record
        if i in kept
        else record.dropped("no_score")
        if score is None
        else record.dropped(reason, score=score, limit=limit)
        for i, (record, score) in enumerate(zip(records, scores, strict=True))
    ]


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


class LongestK(Selector, BaseModel):
    """Keeps the `k` records with the longest outputs in words, in their order (arXiv 2402.04833).

    The others are dropped as `not_among_longest` (`score` their words, `limit` those of the shortest that was kept); of
    equal lengths the earlier record stays. A record without an output is dropped as `no_score`. It tells a measure of
    quality from one of length.
    """

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1)]

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, those not selected marked as dropped."""
        words = [None if r.output is None else float(word_count(r.output)) for r in records]
        return keep_highest(records, words, self.k, "not_among_longest")


class RandomK(Selector, BaseModel):
    """Keeps `k` records drawn at random, in their order; the others are dropped as `not_drawn`.

    It is the arm that every other selection has to beat.
    """

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1)]

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, those not drawn marked as dropped."""
        drawn = set(rng.sample(range(len(records)), min(self.k, len(records))))
        return [r if i in drawn else r.dropped("not_drawn", limit=self.k) for i, r in enumerate(records)]
