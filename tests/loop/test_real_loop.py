"""Loops with real models: trained from scratch and served by Transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_loop import TINY

from synthgen.errors import ConfigError
from synthgen.loop import load, run_loop
from synthgen.records import Record
from synthgen.stages.pre_query import around_task
from synthgen.store.record_files import read_records, write_records
from synthgen.task_sets import drills
from synthgen.trainers.small import Small

torch = pytest.importorskip("torch", reason="the transformers extra is not installed")


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    torch.set_num_threads(1)


def test_the_small_trainer_gives_the_same_weights_twice_and_learns(tmp_path: Path) -> None:
    data = drills.tasks(seed=0, per_family=20, families=["up"])
    write_records(tmp_path / "data.jsonl", data)

    def trained(name: str, init: Path | None = None, **changes: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {"hidden": 32, "layers": 1, "heads": 2, "context": 32, "batch_size": 8, "steps": 10}
        trainer = Small(**{**settings, **changes})
        return trainer(tmp_path / "data.jsonl", tmp_path / name, init=init, seed=1, say=lambda line: None)

    first, again, longer = trained("a"), trained("b"), trained("c", steps=60)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b", "c")]
    assert weights[0] == weights[1] != weights[2]
    assert longer["loss"] < first["loss"] == again["loss"]
    further = trained("d", init=tmp_path / "c")
    assert further["loss"] < first["loss"]
    assert around_task(tmp_path / "a") == ("\n", "\n")


def test_rows_beyond_the_context_are_counted_and_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    long = Record(instruction="x" * 40, output="y")
    write_records(tmp_path / "data.jsonl", [long])
    trainer = Small(hidden=16, layers=1, heads=1, context=32, steps=1)
    with pytest.raises(ConfigError, match="nothing to train on"):
        trainer(tmp_path / "data.jsonl", tmp_path / "a", init=None, seed=0)
    write_records(tmp_path / "data.jsonl", [long, Record(instruction="a", output="b")])
    assert trainer(tmp_path / "data.jsonl", tmp_path / "a", init=None, seed=0)["too_long"] == 1


def test_the_bundled_trainer_is_reached_by_name(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the train extra is not installed")
    scratch = {"hidden": 32, "layers": 1, "heads": 2, "context": 64, "tokenizer": "bytes"}
    train = {"use": "synthgen_train", "model": {"from_scratch": scratch}, "template": "alpaca", "max_steps": 3}
    generate = {
        "teacher": None,
        "source": {"use": "synthgen.task_sets.drills:Drills", "chunk": 10, "path": "known"},
        "stages": [{"use": "near_duplicate", "threshold": 1.0}],
        "stop": {"attempts": 2},
    }
    path = make_loop(**{**TINY, "train": train, "generate": generate, "stop": {"rounds": 1}})
    report = run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert report.rounds[1].training["steps"] == 3
    assert report.rounds[1].training["checkpoint"] == "rounds/1/student/model"
    assert len(read_records(tmp_path / "out/rounds/1/train.jsonl")) > 60


def test_the_bundled_monitors_are_in_the_gate_where_it_asks(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the train extra is not installed")
    watched = {"use": "synthgen_train", "limit": 2, "max_tokens": 4}
    gate = {"worse": 1.0, "stops": 1.0, "monitors": watched}
    # a student of a few steps ends none of its answers, and neither does the one before: nothing was broken
    path = make_loop(**{**TINY, "generate": None, "gate": gate, "stop": {"rounds": 1}})
    report = run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert (report.rounds[1].verdict, report.rounds[1].monitors["failed"]) == ("passed", [])
    measured = json.loads((tmp_path / "out/rounds/1/monitors/monitor.json").read_text())
    (stops,) = [one for one in measured["comparisons"] if one["name"] == "stops"]
    assert stops["passed"]
    assert stops["baseline"] is not None
