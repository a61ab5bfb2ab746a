"""`synthgen run` on a config with a `train:` section, as a user starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synthgen", "run", *options], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_a_run_trains_its_student_and_a_finished_one_has_nothing_left_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "  student   outputs/mine/student/model (4 steps, loss " in done.stdout
    load_trained(tmp_path / "outputs" / "mine" / "student" / "model")
    again = run(tmp_path, "--json")
    assert "finished already" in again.stderr
    assert "step 4/4" not in again.stderr
    assert json.loads(again.stdout)["student"]["steps"] == 4
    changed = run(tmp_path, "--set", "train.max_steps=3")
    assert changed.returncode == 2
    assert "outputs/mine/student holds a training with 4 steps, other settings" in changed.stderr
    other = run(tmp_path, "--set", "train.max_steps=5", "--set", "train.out=other")
    assert "has ended already" in other.stderr
    assert "  student   other/model (5 steps" in other.stdout
    same = subprocess.run(
        [sys.executable, "-m", "synthgen", "train", "outputs/mine/train.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "other holds this training, finished already" in same.stdout


def test_a_run_that_was_killed_while_it_trained_goes_straight_on_training(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        CONFIG.replace("max_steps: 4", "max_steps: 3000\n  save_every: 5\n  log_every: 5")
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen", "run"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    student = tmp_path / "outputs" / "mine" / "student"
    while not list(student.glob(f"checkpoints/checkpoint-*/{COMPLETE}")):
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen", "run"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        if b"tokens/s" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[1].decode()
    assert process.returncode == 130, rest
    assert "the same command goes on where it stopped" in rest
    assert any(line.startswith("goes on from step ") for line in lines), lines
    assert not any("records wanted" in line for line in lines)
