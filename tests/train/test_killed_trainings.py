"""Trainings of every method that are killed with -9 in any moment and go on: the same student, bit for bit.

    EVERY_KILL=1 python -m pytest tests/train/test_killed_trainings.py

tries every step, every rename and every half-written file of each, which takes half an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

import yaml
from students import METHODS, PAIRS, named

SCRATCH = {"from_scratch": {"hidden": 16, "layers": 1, "heads": 2, "context": 64, "tokenizer": "bytes", "biases": True}}
SAID = [{"instruction": f"say {i}", "output": f"{i} {i}"} for i in range(24)]
TERMS: list[dict[str, Any]] = [
    {"keep": {"l2": 0.5}},
    {"keep": {"kl": 0.5}},
    {"packing": True},
    {"keep": {"kl": 0.5}},
    {"objective": "kto", "data": "pairs.jsonl"},
    {"eval_share": 0.3, "eval_every": 2, "early_stopping": 5, "eval_prompts": 2},
    {"curriculum": {"by": "length"}},
    {"objective": "dpo", "data": "pairs.jsonl"},
]
FULL, LORA = METHODS[0], METHODS[1]
CASES: dict[str, dict[str, Any]] = {
    **{named(method): {"method": method, **term} for method, term in zip(METHODS, TERMS, strict=True)},
    "full plain": {},
    "mixed": {"data": [{"path": "said.jsonl", "share": 0.75}, {"path": "more.jsonl", "share": 0.25}]},
    "full dpo": {"method": FULL, "objective": "dpo", "data": "pairs.jsonl"},
    "lora dpo": {"method": LORA, "objective": "dpo", "data": "pairs.jsonl"},
    "run": {},
    "adapter kto": {"method": {"use": "adapter"}, "objective": "kto", "data": "pairs.jsonl"},
    "kept": {"method": LORA, "keep_checkpoint": True},
    "merged": {"method": LORA, "merge": True, "gradient_accumulation": 2},
    "ended early": {"learning_rate": 0.3, "eval_share": 0.3, "eval_every": 1, "early_stopping": 1, "max_steps": 20},
}
"""Every method, with a term of the loss, an order or an objective, and what a training may have beside them."""
RUN = """\
name: mine
target: 20
teacher: {use: procedural}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, sampling: {max_tokens: 3000}}
"""


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What came of each case; all are tried in one process, which imports the libraries once."""
    folder = tmp_path_factory.mktemp("killed")
    common = {"max_steps": 5, "batch_size": 4, "log_every": 1, "save_every": 2, "learning_rate": 1e-2}
    common |= {"scheduler": "constant", "model": SCRATCH, "eval_share": 0, "eval_prompts": 0, "eval_tokens": 4}
    for name, settings in {".": {"max_steps": 1}, **CASES}.items():  # at the top one that comes first
        project = folder / name
        project.mkdir(exist_ok=True)
        recipe = {"data": "said.jsonl", **common, **settings, "out": "student"}
        (project / "recipe.yaml").write_text(yaml.safe_dump({"train": recipe}))
        scratch = {"from_scratch": {**SCRATCH["from_scratch"], "context": 256}}
        (project / "config.yaml").write_text(RUN + yaml.safe_dump({"train": {**common, "model": scratch}}))
        write(project / "said.jsonl", SAID)
        write(project / "more.jsonl", [{"instruction": f"sing {i}", "output": f"la {i}"} for i in range(8)])
        write(project / "pairs.jsonl", PAIRS)
        command = [["run"], "outputs/mine/student"] if name == "run" else [["train", "recipe.yaml"], "student"]
        (project / "command.json").write_text(json.dumps(command))
    tries = 0 if "EVERY_KILL" in os.environ else int(os.environ.get("SYNTHGEN_KILLS", "2"))
    script = Path(__file__).parent / "dying_trainings.py"
    done = subprocess.run(
        [sys.executable, str(script), str(folder), json.dumps(list(CASES)), str(tries)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results.__getitem__


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_killed_in_any_moment_and_gone_on_it_ends_with_the_same_weights(
    found: Callable[[str], dict[str, Any]], name: str
) -> None:
    result = found(name)
    assert result["wrong"] == {}
    assert result["moments"] > 30
