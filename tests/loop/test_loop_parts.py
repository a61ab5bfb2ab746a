"""Mixing, intervals, the gate, the contamination filter, the kept steps."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import ConfigError, PluginError, StoreError
from synthgen.filters.duplicates import HeldOut
from synthgen.intervals import hierarchical, interval, paired
from synthgen.loop.limits import is_better, refusals
from synthgen.loop.recipe import Gate, Mix
from synthgen.loop.state import Steps
from synthgen.loop.training import balanced, mix
from synthgen.plugins import part_of
from synthgen.protocols import Preparation
from synthgen.records import Record
from synthgen.store.record_files import read_records, write_records


def records(count: int, word: str, kind: str | None = None) -> list[Record]:
    return [Record(instruction=f"{word} {i}", output="x" * 4, task_type=kind or word) for i in range(count)]


def test_accumulating_keeps_everything_and_repeats_seed_data_up_to_its_share() -> None:
    seeds, earlier, new = records(10, "s"), records(50, "e"), records(40, "n")
    made = mix(seeds, earlier, new, Mix(seed_share=0.05), seed=0)
    assert (made.seed_rows, made.earlier_rows, made.new_rows) == (10, 50, 40)
    made = mix(seeds, earlier, new, Mix(seed_share=0.25), seed=0)
    assert (made.seed_rows, len(made.rows)) == (30, 120)
    assert all(sum(r.id == s.id for r in made.rows) == 3 for s in seeds)


def test_replacing_leaves_earlier_rounds_and_seed_data_out() -> None:
    seeds, earlier, new = records(10, "s"), records(50, "e"), records(40, "n")
    assert mix(seeds, earlier, new, Mix(keep="replace", seed_share=0), seed=0).rows == new
    assert mix(seeds, earlier, new, Mix(keep="replace", seed_share=0.2), seed=0).seed_rows == 10
    assert mix(seeds, earlier, [], Mix(keep="replace", seed_share=0), seed=0).rows == seeds


def test_balancing_caps_the_large_types_at_the_median() -> None:
    kept = balanced([*records(50, "a"), *records(5, "b"), *records(7, "c")], seed=0)
    assert {k: sum(r.task_type == k for r in kept) for k in "abc"} == {"a": 7, "b": 5, "c": 7}
    assert balanced([], seed=0) == []


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    draw = random.Random(1)
    covered = 0
    for seed in range(100):
        found = interval([draw.random() < 0.3 for _ in range(200)], seed)
        covered += found.low <= 0.3 <= found.high
    assert 85 <= covered <= 100


def test_seeds_that_disagree_make_the_interval_wider() -> None:
    together = [[1.0, 0.0] * 50 for _ in range(4)]
    apart = [[1.0] * 100, [0.0] * 100, [1.0] * 100, [0.0] * 100]
    narrow, wide = hierarchical(together), hierarchical(apart)
    assert narrow.mean == wide.mean == 0.5
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)
    assert hierarchical(together) == narrow


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs values"):
        hierarchical([[1.0], []])


def test_pairing_sees_what_is_the_same() -> None:
    old = [1.0, 0.0] * 100
    found = paired([1.0, 0.0] * 95 + [1.0] * 10, old)
    assert 0 < found.low < found.mean == 0.025 < found.high < 0.06


def scores(correct: str, stopped: str | None = None) -> dict[str, Any]:
    return {"correct": correct, "stopped": stopped or "1" * len(correct)}


def test_the_gate_refuses_what_is_worse_beyond_noise_or_stops_less() -> None:
    good = scores("10" * 100)
    assert refusals(scores("10" * 98 + "0000"), good, Gate()) == []  # two answers of 200 are noise
    assert "accuracy -20.0 points" in refusals(scores("10" * 60 + "0" * 80), good, Gate())[0]
    less = refusals(scores("10" * 100, "1" * 180 + "0" * 20), good, Gate())
    assert ["answers that end -10.0 points" in why for why in less] == [True]
    assert refusals(scores("10" * 60 + "0" * 80), good, Gate(worse=0.3)) == []
    assert is_better(scores("1" * 200), good)
    assert not is_better(good, good)


def test_contamination_is_found_by_equal_text_and_by_long_runs(tmp_path: Path) -> None:
    long = " ".join(f"w{i}" for i in range(20))
    write_records(
        tmp_path / "held.jsonl",
        [Record(instruction="Name a sea.", output="x"), Record(instruction="Sum up:", input=long, output="x")],
    )
    filter_ = HeldOut(paths=(str(tmp_path / "held.jsonl"),))
    filter_.prepare(Preparation(render=str, seeds=(), seed=0, base="."))
    reasons = [
        found.reason if (found := filter_(Record(instruction=text))) else None
        for text in (
            "name  A sea.",
            "Name a lake.",
            f"Read this: {' '.join(long.split()[3:16])} and say it",
            f"Read this: {' '.join(long.split()[3:15])} and say it",
        )
    ]
    assert reasons == ["contaminated", None, "contaminated", None]


def test_a_step_is_done_once_and_only_with_equal_inputs(tmp_path: Path) -> None:
    steps, calls = Steps(tmp_path), []

    def work() -> dict[str, Any]:
        calls.append(1)
        return {"pairs": (1, 2)}

    assert steps.result("a", [1], work) == steps.result("a", [1], work) == {"pairs": [1, 2]}
    assert len(calls) == 1
    with pytest.raises(ConfigError, match="other data or settings"):
        steps.result("a", [2], work)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(StoreError, match=r"a\.json is damaged"):
        steps.result("a", [1], work)


def test_records_survive_the_file(tmp_path: Path) -> None:
    there = [Record(instruction="a", input="b", output="c", task_type="t"), Record(instruction="\u2028", output="")]
    write_records(tmp_path / "r.jsonl", there)
    assert read_records(tmp_path / "r.jsonl") == there
    (tmp_path / "r.jsonl").write_text('{"title": 3}\n')
    with pytest.raises(ConfigError, match="fit no known layout"):
        read_records(tmp_path / "r.jsonl")


def test_unknown_trainers_are_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="small, synthgen_train"):
        part_of(tmp_path, "trainer", "large", {})
    (tmp_path / "own.py").write_text("def train(data, out, *, init, seed, say): return out\n")
    assert part_of(tmp_path, "trainer", "./own.py:train", {})("d", "o", init=None, seed=0, say=print) == "o"
