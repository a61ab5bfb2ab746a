"""Selectors: the best records, the longest or any; a cap on each group; records as unlike one another as can be."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from synthgen.protocols import Selector
from synthgen.records import Record
from synthgen.similarity.vectors import LENGTH, tfidf_vectors
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


class Diversity(Selector, BaseModel):
    """Keeps `k` records, each the one farthest from all that were kept before it (Gonzalez 1985); needs no model.

    What is left out is at most twice as far from its nearest kept record as it would be with the best choice of `k`.
    Distance is 1 less the cosine of hashed TF-IDF vectors of words and word pairs over `fields`; the first record is
    drawn at random. The others are dropped as `less_diverse`: `nearest` is the kept record that they are most like,
    `score` how much (a cosine), `limit` how much the last kept record was like another.

    What is unlike all else is often broken: put the filters before this. Takes about n * k / 6 microseconds.
    """

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1)]
    fields: tuple[Literal["instruction", "input", "output"], ...] = ("instruction", "input")

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records in their order, those not selected marked as dropped."""
        if len(records) <= self.k:
            return list(records)
        points = tfidf_vectors(["\n".join(getattr(r, f) or "" for f in self.fields) for r in records])
        kept, similarity, nearest, limit = farthest_first(points, self.k, rng.randrange(len(records)))
        chosen = set(kept)
        return [
            record
            if i in chosen
            else record.dropped(
                "less_diverse",
                score=round(float(similarity[i]) / LENGTH**2, 4),
                limit=round(limit / LENGTH**2, 4),
                nearest=records[nearest[i]].id,
                nearest_text=records[nearest[i]].instruction,
            )
            for i, record in enumerate(records)
        ]


def farthest_first(
    points: npt.NDArray[np.float32], k: int, first: int
) -> tuple[list[int], npt.NDArray[np.float32], npt.NDArray[np.int64], float]:
    """The numbers of the `k` kept points in the order of choice; of each point [n] the dot product with its nearest
    kept one, and that one's number; and the dot product of the last kept one, when it was chosen, with its nearest.

    `points`: float32 [n, d]; of equally far ones the first is taken. 1 <= k <= n.
    """
    kept, last = [first], float("inf")
    similarity = points @ points[first]
    nearest = np.full(len(points), first, dtype=np.int64)
    chosen = np.zeros(len(points), dtype=bool)
    chosen[first] = True
    while len(kept) < k:
        farthest = int(np.argmin(np.where(chosen, np.inf, similarity)))
        last = float(similarity[farthest])
        kept.append(farthest)
        chosen[farthest] = True
        product = points @ points[farthest]
        closer = product > similarity
        similarity[closer] = product[closer]
        nearest[closer] = farthest
    return kept, similarity, nearest, last
