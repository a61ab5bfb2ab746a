"""The benchmark's arms are recipes that can be built, and its table and expectations follow from the numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synthgen.loop import drills, load
from synthgen.loop.records import write_records


def _benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "loop.py"
    spec = importlib.util.spec_from_file_location("proof", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROOF = _benchmark()


@pytest.mark.parametrize("arm", list(PROOF.ARMS))
def test_every_arm_can_be_built(arm: str, tmp_path: Path) -> None:
    recipe = load(PROOF.RECIPE, [*PROOF.WATCH, *PROOF.ARMS[arm][1]])
    if arm == "control":
        assert recipe.config.generate is None
        return
    write_records(tmp_path / "known.jsonl", drills.tasks(seed=0, per_family=1))
    pipeline = recipe.generation(1, str(tmp_path), tmp_path / "known.jsonl", []).pipeline
    verified = any(getattr(stage, "verify", False) for _, stage in pipeline.stages)
    assert verified == (arm not in ("none", "none_replace", "oracle", "consistent"))
    assert len(pipeline.source.seeds) == len(drills.FAMILIES)


def arm(ends: list[float], difference: tuple[float, float, float] | None, alarm: int | None) -> dict[str, Any]:
    curves = {"accuracy": [[0.4, end] for end in ends], "first_alarm": [alarm] * len(ends)}
    return {**curves, **({"difference": list(difference)} if difference else {})}


def test_expectations_are_read_off_the_numbers() -> None:
    arms = {
        "control": arm([0.41, 0.42], None, None),
        "verify": arm([0.55, 0.50], (0.11, 0.02, 0.15), None),
        "none": arm([0.40, 0.40], (-0.01, -0.03, 0.01), None),
        "none_replace": arm([0.3, 0.41], (-0.1, -0.2, -0.01), None),
        "verify_replace": arm([0.2, 0.2], (-0.2, -0.3, -0.1), 2),
    }
    held = {e["expectation"]: e["held"] for e in PROOF.expectations(arms)}
    failed = [text for text, fine in held.items() if not fine]
    assert failed == ["no verifier, replace: ends below round 0, in every seed"]
    arms["verify"]["difference"] = [0.05, -0.01, 0.1]
    arms["verify_replace"]["first_alarm"] = [2, 3]
    assert sum(not e["held"] for e in PROOF.expectations(arms)) == 4
