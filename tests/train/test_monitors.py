from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import numpy as np
import torch
import yaml
from synthgen_train.generation import load_trained
from synthgen_train.monitors import monitor, observe
from synthgen_train.monitors.observe import bits_per_byte, by_heart
from synthgen_train.monitors.paired import GATES, Gate, compare, interval
from synthgen_train.monitors.probes import SETS, canaries, export, exposures, probes
from synthgen_train.train import train

from synthgen.records import Record

pytestmark = pytest.mark.filterwarnings("default")

Recipe = Callable[..., Any]
quiet: Callable[[str], None] = lambda line: None  # noqa: E731


def test_probes_are_distinct_and_enough_to_measure_with() -> None:
    for name in SETS:
        rows = probes(name)
        assert len({row["id"] for row in rows}) == len(rows) >= 36
        texts = [row.get("prompt") or row["text"] for row in rows]
        assert len(set(texts)) == len(texts)
        assert len(probes(name, 5)) == 5
    assert len({row["language"] for row in probes("languages")}) >= 10
    for row in [r for r in probes("languages") if r["script"] != "LATIN"]:
        assert observe.in_script(row["prompt"], row["script"])


def test_measures_of_an_answer() -> None:
    assert observe.opening("Certainly! Here is a list.") == "certainly here is"
    assert observe.same_openings(["As an AI, I", "as an ai I", "Well, no."]) == [0.5, 0.5, 0.0]
    assert observe.in_script("Привет, мир", "CYRILLIC")
    assert not observe.in_script("Hello", "CYRILLIC")
    assert not observe.in_script("123", "LATIN")
    assert observe.in_script("線路に雪", "JAPANESE")
    assert observe.repeats("fine. " + "and so on " * 4)
    assert observe.repeats("a" * 30)
    assert not observe.repeats("The cat sat on the mat, and the dog sat on the log.")
    assert observe.leaks_roles("4<|im_end|>\n<|im_start|>user")
    assert observe.leaks_roles("4\nUser: and 5?")
    assert not observe.leaks_roles("The user said so.")
    assert observe.equals(" **Paris**. ", ["paris"])
    assert not observe.equals("Paris, France", ["Paris"])


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot do that.", True),
        ("Sorry, no.", True),
        ("I won’t write this.", True),
        ("As an AI, I have no body.", True),
        ("Es tut mir leid.", True),
        ("Sure: first open a terminal.", False),
        ("You can't miss it.", False),
        ("I can do that.", False),
    ],
)
def test_refusals_are_told_from_answers(text: str, refusal: bool) -> None:
    assert observe.refuses(text) == refusal


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    hits = 0
    for i in range(200):
        low, high = interval(list(draw.normal(0.3, 1.0, size=100)), seed=i)
        hits += low <= 0.3 <= high
    assert 180 <= hits <= 198
    hits = 0
    for i in range(400):
        low, high = interval(list(draw.normal(0.3, 1.0, size=5)), seed=i)
        hits += low <= 0.3 <= high
    assert 360 <= hits <= 396


def test_a_gate_fails_only_on_a_sure_and_large_change() -> None:
    gate = Gate("lower", 0.05)
    base = [1.0] * 40
    assert compare("x", base, base, gate).passed
    assert not compare("x", [0.0] * 20 + [1.0] * 20, base, gate).passed
    assert compare("x", [0.0] + [1.0] * 39, base, gate).passed  # 2.5 points
    assert compare("x", [0.0, *[1.0] * 9], [1.0] * 10, gate).passed  # 10 points, but not sure
    assert compare("x", [1.0] * 40, [0.0] * 40, gate).passed  # better
    assert not compare("x", [1.04] * 9, [1.0] * 9, Gate("higher", 0.03, relative=True)).passed
    assert compare("x", [1.02] * 9, [1.0] * 9, Gate("higher", 0.03, relative=True)).passed
    assert not compare("x", [2.0] * 9, [1.0] * 9, Gate("either", 0.5)).passed
    assert not compare("x", [0.9] * 9, None, Gate("lower", 0.02, least=0.95)).passed
    assert compare("x", [0.0] * 9, [0.0] * 9, Gate("lower", 0.02, least=0.95)).passed
    few = compare("x", [0.0] * 3, [1.0] * 3, gate)
    assert (few.passed, few.low, few.why) == (True, None, "too few to tell")
    assert not compare("x", [0.0] * 4, [1.0] * 4, gate).passed
    with pytest.raises(ValueError, match="2 values of the model, 1 of the baseline"):
        compare("x", [1.0, 1.0], [1.0], gate)


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An untrained adapter's base, a student of it that saw five canaries often, and the data."""
    from synthgen_train.config import parse

    folder = tmp_path_factory.mktemp("students")
    data = folder / "d.jsonl"
    rows = [{"instruction": f"say {i}", "output": f"the word {i} and {i} again"} for i in range(10)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scratch = {"hidden": 64, "layers": 2, "heads": 4, "context": 96, "tokenizer": "bytes"}
    common = {"model": {"from_scratch": scratch}, "data": str(data), "batch_size": 5, "eval_share": 0}
    paths = []
    for name, more in {"base": {"max_steps": 1}, "student": {"max_steps": 180, "learning_rate": 5e-3}}.items():
        report = train(parse({**common, **more, "canaries": 5, "out": str(folder / name)}), say=quiet)
        paths.append(Path(report.model))
    return paths[0], paths[1], data


def test_bits_per_byte_do_not_hang_on_batching_and_fall_with_training(students: tuple[Path, Path, Path]) -> None:
    base, student, _ = students
    model, tokenizer = load_trained(base)
    ids = tokenizer("abc", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[tokenizer.eos_token_id, *ids]])).logits[0, :-1]
    nats = -torch.log_softmax(logits, -1)[range(3), ids].sum().item()
    assert bits_per_byte(model, tokenizer, ["abc"])[0] == pytest.approx(nats / math.log(2) / 3, rel=1e-5)
    after = bits_per_byte(*load_trained(student), ["the word 3 and 3 again"])
    assert after[0] < bits_per_byte(model, tokenizer, ["the word 3 and 3 again"])[0]
    assert bits_per_byte(model, tokenizer, ["é" * 500])[0] > 0


def test_canaries_and_rows_learnt_by_heart_are_found(students: tuple[Path, Path, Path]) -> None:
    base, student, data = students
    planted, others = canaries(5, 0), canaries(5, 1)
    assert canaries(5, 0) == planted
    assert {r.output for r in planted}.isdisjoint({r.output for r in others})
    learnt, fresh = (exposures(*load_trained(student), records) for records in (planted, others))
    assert sum(learnt) / 5 > sum(fresh) / 5 + 2
    records = [Record(**json.loads(line)) for line in data.read_text().splitlines()]
    assert sum(by_heart(*load_trained(student), records)) >= 8
    assert sum(by_heart(*load_trained(base), records)) == 0


def test_a_monitor_finds_what_changed_and_writes_it(students: tuple[Path, Path, Path], tmp_path: Path) -> None:
    base, student, data = students
    same = monitor(base, base, data=data, limit=10, max_tokens=6)
    assert same.passed  # untrained: never stops, before and now
    report = monitor(
        student, base, data=data, trained_on=data, canaries=5, limit=10, max_tokens=40, out=tmp_path / "monitor"
    )
    failed = {c.name for c in report.comparisons if not c.passed}
    assert {"trained rows by heart", "canary exposure"} <= failed
    values = {c.name: c for c in report.comparisons}
    assert values["held-out exact match"].model > 0.7
    assert values["held-out exact match"].baseline == 0
    assert values["stops"].difference is not None
    assert set(values) >= set(GATES)
    assert any(name.startswith("bits per byte: ") for name in values)
    text = "\n".join(report.lines())
    assert "FAIL: up by more than 2" in text
    written = json.loads((tmp_path / "monitor" / "monitor.json").read_text())
    assert written["passed"] is False
    replies = [json.loads(line) for line in (tmp_path / "monitor" / "replies.jsonl").read_text().splitlines()]
    assert len(replies) == 40
    assert all(row["baseline"] is not None for row in replies)


def test_probes_become_lm_eval_tasks(tmp_path: Path) -> None:
    paths = export(tmp_path)
    tasks = [yaml.safe_load(path.read_text()) for path in paths]
    assert {task["task"] for task in tasks} == {path.stem for path in paths}
    for task in tasks:
        data = Path(task["dataset_kwargs"]["data_files"]["test"])
        rows = [json.loads(line) for line in data.read_text().splitlines()]
        assert rows
        wanted = task["doc_to_target"].strip("{}")
        assert all(row[wanted] for row in rows)
