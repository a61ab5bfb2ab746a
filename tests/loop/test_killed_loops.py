"""Loops that are killed with -9 at random moments and go on: they end in the same table.

    SYNTHGEN_KILLS=20 python -m pytest tests/loop/test_killed_loops.py

kills loops of real students so often, which takes about six minutes.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dying import trials
from forks import Fork, Forks
from tiny_loop import TINY

from synthgen.loop import load, run_loop
from synthgen.loop.ablation import ARMS

Make = Callable[..., Path]

ENDED = (0, 3)
"""The exit codes of a loop that came to its end: of its rounds, or by its alarms."""
STUDENTS = ("torch", "transformers", "safetensors.torch", "transformers.models.llama.modeling_llama")
"""What loads students."""

REAL = {
    **TINY,
    "generate": {**TINY["generate"], "stop": {"attempts": 6}},
    "train": {**TINY["train"], "steps": 60},
    "alarms": {"action": "warn"},
    "stop": {"rounds": 3, "least_yield": 0},
}


def killed(path: Path, folder: Path, kills: int, forks: Forks, *, seed: int) -> list[Path]:
    """Kills loops at random moments until `kills` of them found one running; returns the folders of all loops.

    A loop that ended before its moment came is followed by another in a new folder. How long an undisturbed one takes
    is measured first.
    """

    def start(out: Path) -> Fork:
        return forks.start(["loop", str(path), "--out", str(out)], folder)

    began = time.monotonic()
    assert start(folder / "whole").wait() in ENDED
    whole, draw, hit, loops = time.monotonic() - began, random.Random(seed), 0, [folder / "0"]
    while hit < kills:
        process, moment = start(loops[-1]), time.monotonic() + draw.random() * whole
        while process.alive() and time.monotonic() < moment:
            time.sleep(0.005)
        process.kill()
        ended = process.wait()
        assert ended in (*ENDED, -signal.SIGKILL), forks.said()
        hit += ended == -signal.SIGKILL
        if ended in ENDED:
            loops.append(folder / str(len(loops)))
    return loops


def same_after(path: Path, folder: Path, kills: int, *modules: str) -> None:
    folder.mkdir()
    with Forks(*modules) as forks:
        loops = killed(path, folder, kills, forks, seed=0)
    whole = run_loop(load(path), folder / "whole", say=lambda line: None)
    for out in loops:
        resumed = run_loop(load(path), out, say=lambda line: None)
        assert resumed.lines() == whole.lines()
        for name in ("scores", "generation", "measures", "alarms"):
            assert [getattr(r, name) for r in resumed.rounds] == [getattr(r, name) for r in whole.rounds]


def test_a_loop_killed_five_times_ends_in_the_same_table(make_loop: Make, tmp_path: Path) -> None:
    same_after(make_loop(), tmp_path / "loops", kills=5)


SMALL: dict[str, Any] = {
    "held_out": {"seen": {"use": "drills", "per_family": 3}},
    "generate": {
        "stages": [{"use": "pre_query", "count": 4, "before": "\n", "between": "\n"}, {"use": "near_duplicate"}],
        "stop": {"attempts": 3},
    },
    "stop": {"rounds": 1},
}
ARM = ("train.jsonl", "student", "evaluate/seen/dataset")
ROUND = ("train.jsonl", "known.jsonl", "student", "generate/dataset", "evaluate/seen/dataset")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "made"),
    [
        (
            ["loop", "config.yaml", "--out", "r"],
            ["r/pins.json", "r/loop.svg", "r/seeds.jsonl", *(f"r/rounds/{n}/{name}" for n in (0, 1) for name in ROUND)],
        ),
        (
            ["ablate", "config.yaml", "--drop", "near_duplicate", "--seeds", "1", "--out", "r"],
            ["r/with/dataset", "r/without/dataset", *(f"r/students/{arm}-0/{name}" for arm in ARMS for name in ARM)],
        ),
    ],
)
def test_the_same_command_after_a_kill_at_any_moment(
    make_loop: Make, tmp_path: Path, command: list[str], made: list[str]
) -> None:
    recipe = make_loop(**SMALL)
    project = tmp_path / "killed" / "project"
    project.mkdir(parents=True)
    recipe.rename(project / "config.yaml")
    (tmp_path / "parts.py").rename(project / "parts.py")
    stride = 1 if "EVERY_KILL" in os.environ else 61
    with trials() as trial:
        found = trial(project.parent, [], command, made, stride)
    assert found["wrong"] == {}
    assert found["expected"] == found["unharmed"] == 0
    assert found["steps"] > 100


@pytest.mark.slow
def test_a_loop_of_real_students_killed_at_random_moments_ends_in_the_same_table(
    make_loop: Make, tmp_path: Path
) -> None:
    torch: Any = pytest.importorskip("torch", reason="the transformers extra is not installed")
    torch.set_num_threads(1)
    same_after(make_loop(**REAL), tmp_path / "loops", int(os.environ.get("SYNTHGEN_KILLS", "3")), *STUDENTS)
