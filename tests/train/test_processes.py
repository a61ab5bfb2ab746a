"""Two processes train what one does: the same weights, one folder, whole."""

from __future__ import annotations

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
from safetensors.torch import load_file
from students import checkpoint
from synthgen_train.train import train

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]

SEVERAL = """\
import sys, time
from pathlib import Path
import synthgen_train.checkpoints as checkpoints
from synthgen.cli.main import _run

replace = Path.replace
def slowly(self, target):
    time.sleep(0.1)
    return replace(self, target)
Path.replace = slowly  # a disk on which both processes write at once

for recipe in sys.argv[1:]:
    try:
        _run(["train", recipe])
    except SystemExit as ended:
        if ended.code:
            raise
"""


def quiet(line: str) -> None:
    """Says nothing."""


def weights(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "model").glob("*.safetensors")
    return dict(load_file(file))


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return sum((one[name].float() - other[name].float()).pow(2).sum().item() for name in one) ** 0.5


def test_two_processes_give_the_weights_of_one_at_twice_the_accumulation(
    rows: Callable[..., Path], tmp_path: Path
) -> None:
    base = checkpoint("qwen", tmp_path / "base")
    # of very unlike lengths, so that a mean of means is not the mean
    data = rows([{"instruction": f"say {i}", "output": f"{i} " * (1 + 7 * (i % 4))} for i in range(37)])
    common = {"model": str(base), "data": str(data), "batch_size": 4, "max_steps": 5, "learning_rate": 1e-3}
    cases = [("full", 0), ("full", 0.2), ("lora", 0.2), ("adapter", 0)]
    recipes = []
    for method, share in cases:
        settings = {**common, "method": {"use": method}, "eval_share": share, "eval_prompts": 2, "eval_tokens": 4}
        settings |= {"eval_every": 2} if share else {}
        path = tmp_path / f"{method}{share}.yaml"
        path.write_text(yaml.safe_dump({**settings, "out": str(tmp_path / f"two-{method}{share}")}))
        recipes.append(path)
    script = tmp_path / "several.py"
    script.write_text(SEVERAL)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*launcher, str(script), *map(str, recipes)], capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.count("step        8 rows") == len(cases)
    assert result.stdout.count("student     ") == len(cases)
    from synthgen_train.config import parse

    from synthgen.api.training import load_training

    for (method, share), path in zip(cases, recipes, strict=True):
        out = tmp_path / f"one-{method}{share}"
        config = parse(load_training(path).settings).model_copy(update={"gradient_accumulation": 2, "out": out})
        one = train(config, say=lambda line: None)
        still = train(
            config.model_copy(update={"learning_rate": 1e-30, "out": tmp_path / f"still-{method}{share}"}),
            say=lambda line: None,
        )
        two = tmp_path / f"two-{method}{share}"
        moved = apart(weights(still.out), weights(out))
        assert moved > 1e-3
        assert apart(weights(out), weights(two)) < 1e-5, (method, share)
        for name in ("report.json", "metrics.jsonl", "model/tokenizer.json", "model/chat_template.jinja"):
            assert (two / name).is_file()
        assert (one.start_loss is None) == (share == 0)
        assert not list(two.glob(".*"))
