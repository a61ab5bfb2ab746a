"""`synthgen run` on a config with a `train:` section, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Forks

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

from synthgen_train.checkpoints import COMPLETE
from synthgen_train.generation import load_trained

CONFIG = """\
name: mine
target: 20
teacher: {use: procedural}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, sampling: {max_tokens: 3000}}
train:
  model: {from_scratch: {hidden: 32, layers: 1, heads: 2, context: 256, vocabulary: 300}}
  max_steps: 4
  batch_size: 4
  eval_prompts: 2
  eval_tokens: 4
"""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks("synthgen_train.train", "synthgen_train.generation") as process:
        yield process


def test_a_run_trains_its_student_and_a_finished_one_has_nothing_left_to_do(tmp_path: Path, forks: Forks) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = forks.run(["run"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  student   outputs/mine/student/model (4 steps, loss " in done.stdout
    load_trained(tmp_path / "outputs" / "mine" / "student" / "model")
    again = forks.run(["run", "--json"], tmp_path)
    assert "finished already" in again.stderr
    assert "step 4/4" not in again.stderr
    assert json.loads(again.stdout)["student"]["steps"] == 4
    changed = forks.run(["run", "--set", "train.max_steps=3"], tmp_path)
    assert changed.returncode == 2
    assert "outputs/mine/student holds a training with 4 steps, other settings" in changed.stderr
    other = forks.run(["run", "--set", "train.max_steps=5", "--set", "train.out=other"], tmp_path)
    assert "has ended already" in other.stderr
    assert "  student   other/model (5 steps" in other.stdout
    same = forks.run(["train", "outputs/mine/train.yaml"], tmp_path)
    assert "other holds this training, finished already" in same.stdout


def test_a_run_that_was_killed_while_it_trained_goes_straight_on_training(tmp_path: Path, forks: Forks) -> None:
    (tmp_path / "config.yaml").write_text(
        CONFIG.replace("max_steps: 4", "max_steps: 3000\n  save_every: 5\n  log_every: 5")
    )
    first = forks.start(["run"], tmp_path)
    student = tmp_path / "outputs" / "mine" / "student"
    while not list(student.glob(f"checkpoints/checkpoint-*/{COMPLETE}")):
        assert first.alive(), forks.said()
        time.sleep(0.05)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    second = forks.start(["run"], tmp_path)
    while "tokens/s" not in forks.said()[1]:
        assert second.alive(), forks.said()
        time.sleep(0.05)
    os.kill(second.pid, signal.SIGINT)
    assert second.wait() == 130, forks.said()
    said = forks.said()[1]
    assert "the same command goes on where it stopped" in said
    lines = said.splitlines()
    assert any(line.startswith("goes on from step ") for line in lines), lines
    assert not any("records wanted" in line for line in lines)
