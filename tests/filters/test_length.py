from __future__ import annotations

import pytest

from synthgen.errors import ConfigError
from synthgen.filters.wording import length
from synthgen.records import Record


def judge(instruction: str, **settings: object) -> str | None:
    drop = length(Record(instruction=instruction), **{"min_words": 4, "max_words": 8, **settings})
    return drop.reason if drop else None


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("Name three planets", "too_short"),
        ("Name three small planets", None),
        ("one two three four five six seven eight", None),
        ("one two three four five six seven eight nine", "too_long"),
        ("", "too_short"),
        ("选择一种恐龙。", "too_short"),
        ("请列出三种恐龙。", None),
        ("请根据以下文章构建一个需要回答的问题。", "too_long"),
        ("Назови три планеты", "too_short"),
        ("Назови три малые планеты", None),
        ("ไทย", "too_short"),
    ],
)
def test_both_bounds_are_kept_in_every_script(instruction: str, reason: str | None) -> None:
    assert judge(instruction) == reason


def test_evidence_says_what_was_measured_and_against_what() -> None:
    drop = length(Record(instruction="a b c"), min_words=4)
    assert drop is not None
    assert (drop.score, drop.limit) == (3, 4)
    drop = length(Record(instruction="a b c"), max_words=2)
    assert drop is not None
    assert (drop.reason, drop.score, drop.limit) == ("too_long", 3, 2)


def test_faithful_counts_what_white_space_separates() -> None:
    assert judge("请根据以下文章构建一个需要回答的问题。", faithful=True) == "too_short"
    assert judge("one-two three four five", faithful=True) is None


def test_another_field_and_one_that_is_not_there_yet() -> None:
    record = Record(instruction="a b c d", output="Paris")
    assert length(record, min_words=2) is None
    assert length(record, min_words=2, field="output").reason == "too_short"  # type: ignore[union-attr]
    assert length(Record(instruction="a"), min_words=2, field="output") is None


def test_without_a_bound_it_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no bound"):
        length(Record(instruction="a"))
