"""The benchmark's arms are recipes that can be built, and its table and expectations follow from the numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from synthgen.loop import load
from synthgen.store.record_files import write_records
from synthgen.task_sets import drills

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from proof.arms import ARMS, QUICK, RECIPE, WATCH
from proof.expectations import expectations
from proof.figures import shares
from proof.pictures import draw


@pytest.mark.parametrize("arm", list(ARMS))
def test_every_arm_can_be_built(arm: str, tmp_path: Path) -> None:
    recipe = load(RECIPE, [*WATCH, *ARMS[arm][1]])
    if arm == "control":
        assert recipe.config.generate is None
        return
    write_records(tmp_path / "known.jsonl", drills.tasks(seed=0, per_family=1))
    pipeline = recipe.generation(1, str(tmp_path), tmp_path / "known.jsonl", []).pipeline
    verified = any(getattr(stage, "verify", False) for _, stage in pipeline.stages)
    assert verified == (arm not in ("none", "none_replace", "oracle", "consistent"))
    assert len(pipeline.source.seeds) == len(drills.FAMILIES)


def arm(ends: list[float], difference: tuple[float, float, float] | None, alarm: int | None) -> dict[str, Any]:
    curves: dict[str, Any] = {"accuracy": [[0.4, end] for end in ends], "first_alarm": [alarm] * len(ends)}
    return {**curves, **({"differences": [[0.0, 0.0, 0.0], list(difference)]} if difference else {})}


def expected() -> dict[str, Any]:
    return {
        "control": arm([0.41, 0.42], None, None),
        "verify": arm([0.55, 0.50], (0.11, 0.02, 0.15), None),
        "none": arm([0.40, 0.40], (-0.01, -0.03, 0.01), None),
        "none_replace": arm([0.3, 0.31], (-0.1, -0.2, -0.01), 2),
        "verify_replace": arm([0.2, 0.2], (-0.2, -0.3, -0.1), 2),
        "imperfect": arm([0.45, 0.45], (0.03, 0.01, 0.05), None),
        "oracle": arm([0.9, 0.9], (0.4, 0.3, 0.5), None),
    }


def test_what_is_expected_holds_and_is_read_off_the_numbers() -> None:
    arms = expected()
    shares(arms)
    assert arms["verify"]["share_of_oracle"] == 0.275
    found = expectations(arms)
    assert [e["expectation"] for e in found if not e["held"]] == []
    assert sum(e["gate"] for e in found) == 7


@pytest.mark.parametrize(
    ("name", "changes", "failed", "gates"),
    [
        ("verify", {"differences": [[0.07, -0.01, 0.1]]}, ["interval excludes 0", "at least 10 points", "a fifth"], 1),
        ("verify", {"first_alarm": [None, 3]}, ["verify: no alarm"], 1),
        ("none_replace", {"accuracy": [[0.4, 0.3], [0.4, 0.41]]}, ["every round"], 0),
        ("none_replace", {"differences": [[-0.1, -0.2, 0.0]]}, ["behind the control"], 1),
        ("none_replace", {"first_alarm": [2, None]}, ["no verifier, replace: the alarm"], 0),
        ("verify_replace", {"accuracy": [[0.4, 0.2], [0.4, 0.45]]}, ["worst of all"], 0),
        ("verify_replace", {"differences": [[0.07, 0.0, 0.1]]}, ["5 points above verified"], 1),
        ("verify_replace", {"first_alarm": [3, 2]}, ["verified but replace: the alarm"], 0),
        ("none", {"accuracy": [[0.4, 0.5], [0.4, 0.41]]}, ["8 points above no verifier"], 1),
        ("imperfect", {"differences": [[0.12, 0.1, 0.2]]}, ["imperfect"], 0),
        ("oracle", {"accuracy": [[0.4, 0.5], [0.4, 0.9]]}, ["ceiling"], 0),
    ],
)
def test_what_fails_is_named_and_gates_are_told_apart(
    name: str, changes: dict[str, Any], failed: list[str], gates: int
) -> None:
    arms = expected()
    arms[name].update(changes)
    shares(arms)
    wrong = [e for e in expectations(arms) if not e["held"]]
    assert len(wrong) == len(failed)
    assert all(part in e["expectation"] for part, e in zip(failed, wrong, strict=True))
    assert sum(e["gate"] for e in wrong) == gates


def test_the_short_form_has_what_its_gates_need() -> None:
    arms = {name: found for name, found in expected().items() if name in QUICK}
    assert sum(e["gate"] for e in expectations(arms)) == 7


def drawn(generates: bool) -> dict[str, Any]:
    rounds = [100, 100] if generates else [None, None]
    return {
        "description": "an <arm>",
        "mean": [[0.3, 0.25, 0.35], [0.4, 0.33, 0.48], [0.5, 0.4, 0.6]],
        "families": {"rev": 0.25, "up": 0.9},
        "generated": [rounds],
        "rejected": [[{"wrong_answer": 60, "duplicate": 10}, {"wrong_answer": 50}] if generates else [{}, {}]],
        "entropy": [[3.0, 2.5] if generates else [None, None]],
        "new": [[30, 20] if generates else [None, None]],
    }


def test_the_pictures_show_each_arm_and_what_it_made(tmp_path: Path) -> None:
    places = draw({"arms": {"control": drawn(False), "verify": drawn(True)}}, tmp_path)
    texts = {p.name: [e.text for e in ElementTree.parse(p).iter() if e.text] for p in places}
    assert set(texts) == {f"loop_{name}.svg" for name in ("accuracy", "rejects", "variety", "families")}
    assert texts["loop_accuracy.svg"].count("an <arm>") == texts["loop_families.svg"].count("an <arm>") == 2
    assert texts["loop_rejects.svg"].count("an <arm>") == 1
    assert {"30%", "60%", "10%", "50%"} <= set(texts["loop_rejects.svg"])
    assert {"25", "90"} <= set(texts["loop_families.svg"])
    assert texts["loop_variety.svg"].count("an <arm>") == 2
