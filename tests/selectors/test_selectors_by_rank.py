from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from synthgen.protocols import Selector
from synthgen.records import Record
from synthgen.selectors.subsets import LongestK, RandomK, TopK


def verdicts(
    selector: Selector, records: list[Record], seed: int = 0
) -> dict[str, tuple[str, float | None, float | None] | None]:
    out = selector.select(records, random.Random(seed))
    assert [r.id for r in out] == [r.id for r in records]
    return {r.id: (r.drop.reason, r.drop.score, r.drop.limit) if r.drop else None for r in out}


def scored(**scores: float | None) -> list[Record]:
    return [Record(id=id, instruction=id, scores={} if s is None else {"judge": s}) for id, s in scores.items()]


def test_random_k_keeps_k_with_equal_chances() -> None:
    records = scored(a=1, b=2, c=3, d=4)
    kept = [tuple(id for id, v in verdicts(RandomK(k=2), records, seed).items() if v is None) for seed in range(600)]
    assert {len(k) for k in kept} == {2}
    assert all(250 < sum(id in k for k in kept) < 350 for id in "abcd")
    assert verdicts(RandomK(k=2), records) == verdicts(RandomK(k=2), records)
    assert ("not_drawn", None, 3) in verdicts(RandomK(k=3), records).values()
    assert set(verdicts(RandomK(k=9), records).values()) == {None}


def test_top_k_keeps_the_highest_and_the_earlier_of_equals() -> None:
    records = scored(a=1, b=3, c=2, d=3, e=2)
    assert verdicts(TopK(by="judge", k=3), records) == {
        "a": ("below_top", 1, 2),
        "b": None,
        "c": None,
        "d": None,
        "e": ("below_top", 2, 2),
    }


def test_top_k_can_keep_the_lowest() -> None:
    assert verdicts(TopK(by="judge", k=1, highest=False), scored(a=2, b=1)) == {"a": ("below_top", 2, 1), "b": None}


def test_a_missing_score_is_never_a_default() -> None:
    records = scored(a=None, b=float("nan"), c=-5)
    assert verdicts(TopK(by="judge", k=3), records) == {
        "a": ("no_score", None, None),
        "b": ("no_score", None, None),
        "c": None,
    }
    assert {v[0] for v in verdicts(TopK(by="other", k=3), records).values() if v} == {"no_score"}


def test_longest_k_counts_words_of_the_output() -> None:
    outputs = {"a": "one two three", "b": "一二三四五六七八", "c": None, "d": "one", "e": "x " * 3}
    records = [Record(id=id, instruction="x", output=output) for id, output in outputs.items()]
    assert verdicts(LongestK(k=2), records) == {
        "a": None,
        "b": None,
        "c": ("no_score", None, None),
        "d": ("not_among_longest", 1, 3),
        "e": ("not_among_longest", 3, 3),
    }


def test_no_records_at_all() -> None:
    for selector in (RandomK(k=1), TopK(by="judge", k=1), LongestK(k=1)):
        assert verdicts(selector, []) == {}


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError):
        TopK(by="judge", k=0)
    with pytest.raises(ValidationError):
        RandomK.model_validate({"k": 3, "seed": 1})
