"""A loop whose student is served by real vLLM, in this process. Run by `make test-vllm`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

pytest.importorskip("vllm", reason="vLLM is not installed: make test-vllm")

from synthgen.loop import load, run_loop
from synthgen.store.record_files import accepted_records
from synthgen.task_sets import drills

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]

OPTIONS = {"enforce_eager": True, "max_num_seqs": 64}
FAMILIES = ["up", "last"]


def test_one_round_with_the_student_in_vllm(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    path = make_loop(
        seeds={"use": "drills", "per_family": 60, "families": FAMILIES},
        held_out={"seen": {"use": "drills", "per_family": 10, "families": FAMILIES}},
        student={"use": "vllm", "dtype": "float32", "max_context": 64, "options": OPTIONS},
        generate={
            "stages": [
                {"use": "pre_query", "count": 16, "sampling": {"temperature": 0.7, "max_tokens": 24}},
                {"use": "synthgen.task_sets.drills:Prove"},
                {"use": "near_duplicate", "threshold": 1.0},
            ],
            "stop": {"attempts": 3},
        },
        train={"use": "small", "hidden": 64, "layers": 1, "heads": 2, "steps": 150, "batch_size": 16},
        evaluate={"max_tokens": 12},
        stop={"rounds": 1, "least_yield": 0},
    )
    report = run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert (report.status, len(report.rounds)) == ("done", 2)
    assert report.rounds[1].generation["generated"] == 48
    made = accepted_records(tmp_path / "out/rounds/1/generate")
    assert all(drills.solve(r.instruction) == (r.task_type, r.output) for r in made)
    assert all((r.provenance.model or "").startswith("student@") for r in made)
    shares = [report.summary(r)["seen"] for r in report.rounds]
    assert all(0 <= s["accuracy"] <= 1 for s in shares)
    assert shares[1]["stops"] > 0.5  # trained students end their answers, and vLLM sees their stop token
    again = run_loop(load(path), tmp_path / "out", say=lambda line: None)
    assert again.lines() == report.lines()
