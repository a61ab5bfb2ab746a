from __future__ import annotations

import random
from collections import Counter

from synthgen.records import Record
from synthgen.selectors.subsets import Balance


def records() -> list[Record]:
    types = ["qa"] * 6 + ["coding"] * 2 + [None] * 4
    return [Record(id=f"r{i}", instruction=f"task {i % 3}", task_type=t) for i, t in enumerate(types)]


def test_no_group_has_more_than_the_cap() -> None:
    out = Balance(cap=3).select(records(), random.Random(0))
    assert [r.id for r in out] == [r.id for r in records()]
    assert Counter(r.task_type for r in out if not r.drop) == {"qa": 3, "coding": 2, None: 3}
    drops = [r.drop for r in out if r.drop and r.task_type == "qa"]
    assert {(d.reason, d.score, d.limit) for d in drops} == {("over_cap", 6, 3)}
    assert "'qa' has 6" in (drops[0].detail or "")


def test_who_stays_is_drawn_at_random() -> None:
    counts = Counter(
        r.id for seed in range(300) for r in Balance(cap=2).select(records(), random.Random(seed)) if not r.drop
    )
    assert counts["r6"] == counts["r7"] == 300
    assert all(70 < counts[f"r{i}"] < 130 for i in range(6))


def test_answers_of_one_instruction_can_be_capped() -> None:
    out = Balance(by="instruction", cap=1).select(records(), random.Random(0))
    assert Counter(r.instruction for r in out if not r.drop) == {"task 0": 1, "task 1": 1, "task 2": 1}


def test_answers_of_one_task_can_be_capped() -> None:
    made = [Record(id=f"r{i}", instruction="Add.", input=str(i % 2), output=str(i)) for i in range(6)]
    out = Balance(by="task", cap=2).select(made, random.Random(0))
    assert Counter(r.input for r in out if not r.drop) == {"0": 2, "1": 2}
