from __future__ import annotations

import random

from synthgen.records import Record
from synthgen.selectors.near_longest import NearLongest


def test_answers_that_stop_early_are_dropped_by_task_type() -> None:
    texts = [("rev", "abcde"), ("rev", "abcd"), ("rev", "abc"), ("last", "a"), ("rev", None)]
    records = [Record(id=f"r{i}", instruction="x", task_type=kind, output=text) for i, (kind, text) in enumerate(texts)]
    out = NearLongest(least=0.8).select(records, random.Random(0))
    assert [r.id for r in out if r.drop is None] == ["r0", "r1", "r3"]
    drop = out[2].drop
    assert drop is not None
    assert (drop.reason, drop.score, drop.limit) == ("short_for_its_type", 3, 4)
