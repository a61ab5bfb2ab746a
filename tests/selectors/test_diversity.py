from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.records import Record
from synthgen.selectors.subsets import Diversity, farthest_first

TOPICS = [
    "bake a loaf of rye bread",
    "solve the quadratic equation",
    "write a sonnet about autumn rain",
    "explain tax law",
]


def test_one_of_each_topic_is_kept() -> None:
    records = [
        Record(id=f"{t}.{i}", instruction=f"Please {topic} {i}") for i in range(5) for t, topic in enumerate(TOPICS)
    ]
    for seed in range(5):
        out = Diversity(k=4).select(records, random.Random(seed))
        assert [r.id for r in out] == [r.id for r in records]
        assert sorted(r.id[0] for r in out if not r.drop) == ["0", "1", "2", "3"]
        for record in out:
            if record.drop:
                assert record.drop.reason == "less_diverse"
                assert (record.drop.nearest or "")[0] == record.id[0]
                assert record.drop.score is not None
                assert record.drop.limit is not None
                assert record.drop.score > record.drop.limit


def test_fewer_than_k_are_all_kept_and_equal_texts_do_no_harm() -> None:
    records = [Record(id=str(i), instruction="the same", input=str(i % 2)) for i in range(4)]
    assert not any(r.drop for r in Diversity(k=4).select(records, random.Random(0)))
    out = Diversity(k=3, fields=("instruction",)).select(records, random.Random(0))
    assert sum(r.drop is None for r in out) == 3


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=1, max_size=12), st.data())
def test_agrees_with_comparing_with_all_kept_ones(rows: list[list[int]], data: st.DataObject) -> None:
    points = np.array(rows, dtype=np.float32)
    first, k = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(1, len(rows)))
    kept, similarity, nearest, last = farthest_first(points, k, first)
    expected = [first]
    for _ in range(k - 1):
        likeness = [max(float(points[i] @ points[j]) for j in expected) for i in range(len(rows))]
        free = [i for i in range(len(rows)) if i not in expected]
        expected.append(min(free, key=lambda i: likeness[i]))
    assert kept == expected
    for i in range(len(rows)):
        assert similarity[i] == max(points[i] @ points[j] for j in kept)
        assert similarity[i] == points[i] @ points[nearest[i]]
    if k > 1:
        assert last == pytest.approx(max(float(points[kept[-1]] @ points[j]) for j in kept[:-1]))
