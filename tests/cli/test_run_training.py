from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from terminal import Synthgen

CONFIG = """\
name: mine
target: 20
teacher: {use: procedural}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, sampling: {max_tokens: 3000}}
train: {model: org/model, method: {use: lora}}
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_missing_trainer_is_told_before_anything_is_asked(
    synthgen: Synthgen, config: Path, extra: Any, command: str
) -> None:
    extra(False)
    done = synthgen(command, code=2)
    assert "the trainer needs torch" in done.stderr
    assert 'pip install "synthgen[train]"' in done.stderr
    assert not (config / "outputs").exists()


def test_check_tells_what_will_be_trained(synthgen: Synthgen, extra: Any) -> None:
    extra(True)
    assert "train        org/model, lora, into outputs/mine/student: when the run is done" in synthgen("check").stdout
    assert json.loads(synthgen("check", "--json").stdout)["train"]["data"] == [{"path": "outputs/mine", "name": "mine"}]


def test_check_tells_what_a_training_or_a_loop_will_do(synthgen: Synthgen, config: Path, extra: Any) -> None:
    (config / "mine.yaml").write_text("train: {model: {from_scratch: {}}, data: rows.jsonl, method: {use: lora}}\n")
    extra(False)
    assert "the trainer needs torch" in synthgen("check", "mine.yaml", code=2).stderr
    extra(True)
    told = synthgen("check", "mine.yaml").stdout
    assert "  data         rows.jsonl\n" in told
    assert "  train        a model from scratch, lora, into outputs/student: " in told
    assert json.loads(synthgen("check", "mine.yaml", "--json").stdout)["train"]["method"] == {"use": "lora"}
    told = synthgen("check", "loop_star").stdout
    assert "  held out     280 in seen, 60 in other\n" in told
    assert json.loads(synthgen("check", "loop_star", "--json").stdout)["stages"] == ["solve", "HeldOut"]
    said = synthgen("check", "loop_lora", "--set", "train.epoch=3", code=2).stderr
    assert "--set train.epoch: train.epoch: there is no such key" in said
    assert {path.name for path in config.iterdir()} == {"config.yaml", "mine.yaml"}


def test_train_lists_its_settings_and_needs_something_to_train(synthgen: Synthgen) -> None:
    told = synthgen("train", "--settings").stdout
    assert "  learning_rate: number\n      at its highest; default: by the method\n" in told
    assert max(map(len, told.splitlines())) <= 100
    assert "name a recipe, or --data and --model" in synthgen("train", code=2).stderr
    assert json.loads(synthgen("schema", "--of", "train").stdout)["anyOf"]
    assert "held_out" in json.loads(synthgen("schema", "--of", "loop").stdout)["properties"]


def test_a_run_that_is_not_done_trains_nothing(synthgen: Synthgen, config: Path, extra: Any) -> None:
    extra(True)
    done = synthgen("run", "--set", "budget.requests=1", code=4)
    assert "student   none: the run is not done; synthgen train --data outputs/mine" in done.stdout
    assert not (config / "outputs" / "mine" / "student").exists()
