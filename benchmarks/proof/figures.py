"""What is read off the arms: accuracy by round, differences with intervals, rejects, variety, alarms."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proof.arms import ARMS
from synthgen.intervals import hierarchical
from synthgen.loop.limits import refusals
from synthgen.loop.measures import bit_values
from synthgen.loop.recipe import Gate

MAIN = "seen"

Runs = list[list[dict[str, Any]]]
"""The rounds of each seed, as `loop.json` has them."""


def runs_of(arm: str, seeds: Sequence[int], out: Path) -> Runs:
    """The rounds of an arm's loops."""
    return [json.loads((out / f"{arm}-{seed}" / "loop.json").read_text())["rounds"] for seed in seeds]


def bits(found: dict[str, Any], split: str = MAIN) -> list[float]:
    """1 for each held-out prompt that is answered right, else 0."""
    return bit_values(found["scores"][split]["correct"])


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return sum(values) / len(values)


def figures(arm: str, seeds: Sequence[int], rounds: int, out: Path) -> dict[str, Any]:
    """One arm's figures. Shares, not percent; lists by round are `[mean, low, high]` over seeds and prompts."""
    runs, controls = runs_of(arm, seeds, out), runs_of("control", seeds, out)
    last, numbered = rounds, range(rounds + 1)
    found: dict[str, Any] = {
        "description": ARMS[arm][0],
        "accuracy": [[round(mean(bits(r)), 4) for r in run] for run in runs],
        "mean": [_bounds([bits(run[k]) for run in runs]) for k in numbered],
        "other_splits": {
            split: [[round(mean(bits(r, split)), 4) for r in run] for run in runs]
            for split in runs[0][last]["scores"]
            if split != MAIN
        },
        "families": _families(runs, last),
        "steps": [[r["training"]["steps"] for r in run] for run in runs],
        "rows": [[r["training"]["rows"] for r in run] for run in runs],
        "generated": [[r["generation"].get("generated") for r in run[1:]] for run in runs],
        "rejected": [[r["generation"].get("rejected", {}) for r in run[1:]] for run in runs],
        "first_alarm": [next((r["number"] for r in run if r["collapsed"]), None) for run in runs],
        "first_refusal": [_first_refusal(run) for run in runs],
        "alarms": [[r["alarms"] for r in run] for run in runs],
    }
    for key in ("yield", "entropy", "new"):
        found[key] = [[r["measures"].get(key) for r in run[1:]] for run in runs]
    if arm != "control":
        found["differences"] = [_bounds(_pairs(runs, controls, k)) for k in numbered]
        found["difference_by_seed"] = [round(mean(pair), 4) for pair in _pairs(runs, controls, last)]
    return found


def _pairs(runs: Runs, controls: Runs, number: int) -> list[list[float]]:
    """What each prompt gained over the control of the same seed."""
    return [
        [a - b for a, b in zip(bits(run[number]), bits(control[number]), strict=True)]
        for run, control in zip(runs, controls, strict=True)
    ]


def _bounds(groups: Sequence[Sequence[float]]) -> list[float]:
    between = hierarchical(groups)
    return [round(value, 4) for value in (between.mean, between.low, between.high)]


def _families(runs: Runs, last: int) -> dict[str, float]:
    scored = [run[last]["scores"][MAIN]["task_types"] for run in runs]
    return {family: round(mean([types[family] for types in scored]), 3) for family in scored[0]}


def _first_refusal(run: list[dict[str, Any]]) -> int | None:
    """The first round that the default gate would have refused, held against the round before."""
    for before, now in itertools.pairwise(run):
        if refusals(now["scores"][MAIN], before["scores"][MAIN], Gate()):
            return int(now["number"])
    return None


def shares(arms: dict[str, Any]) -> None:
    """Notes, where there is an oracle, which share of the distance from the control to it each arm covers."""
    if "oracle" not in arms:
        return
    distance = arms["oracle"]["differences"][-1][0]
    for arm in arms.values():
        if "differences" in arm:
            arm["share_of_oracle"] = round(arm["differences"][-1][0] / distance, 3) if distance else None
