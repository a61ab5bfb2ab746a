from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from synthgen_train.config import Curriculum, Mix, Source
from synthgen_train.examples import Example
from synthgen_train.mixing import mix_examples, ordered

from synthgen.errors import ConfigError
from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")


def group(name: str, size: int) -> list[Example]:
    return [Example([i], [i], f"{name}{i}", name) for i in range(size)]


def source(name: str, **fields: object) -> Source:
    return Source(path=Path(name), **fields)  # type: ignore[arg-type]


def counts(examples: list[Example]) -> Counter[str]:
    return Counter(e.source for e in examples)


def test_without_shares_every_example_comes_once() -> None:
    groups = {"a": group("a", 5), "b": group("b", 3)}
    taken, shares = mix_examples(groups, [source("a"), source("b")], Mix(), 0)
    assert sorted(e.record for e in taken) == sorted(e.record for g in groups.values() for e in g)
    assert [(s.source, s.had, s.taken, s.share) for s in shares] == [("a", 5, 5, 5 / 8), ("b", 3, 3, 3 / 8)]


def test_shares_hold_exactly_and_repeat_nothing() -> None:
    groups = {"a": group("a", 100), "b": group("b", 30)}
    sources = [source("a", share=0.75), source("b", share=0.25)]
    taken, shares = mix_examples(groups, sources, Mix(), 0)
    assert counts(taken) == {"a": 90, "b": 30}
    assert len({e.record for e in taken}) == 120
    assert [s.share for s in shares] == [0.75, 0.25]


def test_asking_for_more_than_there_is_repeats_all_before_any_comes_again() -> None:
    groups = {"a": group("a", 10), "b": group("b", 4)}
    taken, shares = mix_examples(groups, [source("a", share=0.5), source("b", share=0.5)], Mix(examples=20), 0)
    assert counts(taken) == {"a": 10, "b": 10}
    times = Counter(e.record for e in taken if e.source == "b")
    assert set(times.values()) == {2, 3}
    assert shares[1].repeats == 2.5


def test_temperature_evens_out_and_one_leaves_sizes() -> None:
    groups = {"a": group("a", 900), "b": group("b", 100)}
    sources = [source("a"), source("b")]
    flat, _ = mix_examples(groups, sources, Mix(temperature=1, examples=1000), 0)
    even, _ = mix_examples(groups, sources, Mix(temperature=2, examples=1000), 0)
    assert counts(flat) == {"a": 900, "b": 100}
    assert counts(even) == {"a": 750, "b": 250}  # 30 to 10


def test_replay_takes_its_share_of_all() -> None:
    groups = {"new": group("new", 90), "old": group("old", 40), "general": group("general", 20)}
    sources = [source("new"), source("old", earlier=True), source("general", earlier=True)]
    taken, shares = mix_examples(groups, sources, Mix(replay=0.1), 0)
    assert counts(taken)["new"] == 90
    assert counts(taken)["old"] + counts(taken)["general"] == 10
    assert sum(s.share for s in shares) == pytest.approx(1)


def test_the_same_seed_gives_the_same_examples_and_another_others() -> None:
    groups = {"a": group("a", 50), "b": group("b", 50)}
    sources = [source("a", share=0.9), source("b", share=0.1)]
    first, again, other = (mix_examples(groups, sources, Mix(), seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_a_curriculum_orders_by_score_field_or_length_and_keeps_sources_for_the_end() -> None:
    records = {
        f"a{i}": Record(instruction=str(i), scores={"hard": float(-i)} if i else {}, task_type="xyz"[i])
        for i in range(3)
    }
    records["b0"] = Record(instruction="b", scores={"hard": -9.0}, task_type="a")
    examples = [*group("b", 1), *group("a", 3)]

    def names(**settings: object) -> list[str]:
        return [e.record for e in ordered(examples, records, Curriculum(**settings))]  # type: ignore[arg-type]

    assert names(by="scores.hard") == ["a0", "b0", "a2", "a1"]
    assert names(by="scores.hard", descending=True) == ["a0", "a1", "a2", "b0"]
    assert names(by="scores.hard", last=["b"]) == ["a0", "a2", "a1", "b0"]
    assert names(by="task_type") == ["b0", "a0", "a1", "a2"]
    assert names(by="length") == ["b0", "a0", "a1", "a2"]
    with pytest.raises(ConfigError, match=r"no record has scores\.easy"):
        names(by="scores.easy")
    with pytest.raises(ConfigError, match="no source c"):
        names(last=["c"])
