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


def test_a_run_that_is_not_done_trains_nothing(synthgen: Synthgen, config: Path, extra: Any) -> None:
    extra(True)
    done = synthgen("run", "--set", "budget.requests=1", code=4)
    assert "student   none: the run is not done; synthgen train --data outputs/mine" in done.stdout
    assert not (config / "outputs" / "mine" / "student").exists()
