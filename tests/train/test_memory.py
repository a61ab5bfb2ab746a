"""The estimate of memory is within a quarter of what a training really takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

MEASURE = """
import json, os, resource, sys
import torch
torch.set_num_threads(1)
from synthgen_train.config import parse
from synthgen_train.train import train

quiet = lambda line: None
small, cases = json.loads(sys.argv[1])
for settings in small:
    train(parse(settings), say=quiet)  # imports and caches what is no part of a training's memory
for settings in cases:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        report = train(parse(settings), say=quiet)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([report.plan["memory"], peak]), flush=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
CASES: dict[str, dict[str, Any]] = {
    "nothing much": {},
    "full": {"method": {"use": "full"}},
    "lora": {"method": {"use": "lora"}},
    "checkpointed": {"method": {"use": "full"}, "gradient_checkpointing": True},
    "kl": {"method": {"use": "lora"}, "keep": {"kl": 0.1}},
    "dpo": {"method": {"use": "full"}, "objective": "dpo", "data": "pairs.jsonl"},
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit and the meaning of the highest memory are Linux's")
def test_the_estimate_is_within_a_quarter_of_the_peak(tmp_path: Path) -> None:
    draw = random.Random(0)

    def said(words: int) -> str:
        return " ".join(draw.choice(("red", "cup", "table", "snow", "window", "colour")) for _ in range(words))

    rows = [{"instruction": said(20), "output": said(20 + 3 * i)} for i in range(24)]
    pairs = [{"prompt": said(20), "chosen": said(20 + i), "rejected": said(20 + i)} for i in range(24)]
    for name, written in (("rows.jsonl", rows), ("pairs.jsonl", pairs)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in written))
    common = {"data": "rows.jsonl", "batch_size": 4, "max_steps": 3, "eval_share": 0}
    shape = {"layers": 4, "heads": 4, "context": 512, "tokenizer": "bytes"}

    def settings(name: str, hidden: int) -> dict[str, Any]:
        made = {**common, "model": {"from_scratch": {**shape, "hidden": hidden}}, **CASES[name]}
        return {**made, "data": str(tmp_path / made["data"]), "out": str(tmp_path / f"{name} {hidden}")}

    small = [settings(name, 16) for name in ("lora", "dpo")]
    cases = [settings(name, 256 if number else 16) for number, name in enumerate(CASES)]
    given = json.dumps([small, cases])
    done = subprocess.run([sys.executable, "-c", MEASURE, given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    nothing, *found = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    framework = nothing[1] - nothing[0]
    shares = {name: own / (peak - framework) for name, (own, peak) in zip(list(CASES)[1:], found, strict=True)}
    assert all(0.75 < share < 1.25 for share in shares.values()), shares
