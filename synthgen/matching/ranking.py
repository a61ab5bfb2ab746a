"""What the selectors by rank share."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.records import Record


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
