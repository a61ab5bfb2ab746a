from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.errors import ConfigError
from synthgen.intervals import Interval
from synthgen.loop import load
from synthgen.loop.ablation import ablate, controls, verdict, without
from synthgen.records import Record

TRAINER = '''
import json
from synthgen.task_sets.drills import solve

def by_truth(data, out, *, init, seed, say):
    """A student as good as its data is right."""
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    right = sum(solve(r["instruction"]) is not None and solve(r["instruction"])[1] == r["output"] for r in rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps({"skill": 0.9 * (right / len(rows)) ** 2, "seed": seed}))
    (out / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ '\\\\n' + m['content'] }}{% endfor %}{{ '\\\\n' if add_generation_prompt else '' }}"
    )
    return out
'''


def test_a_verifier_helps_a_student_that_is_as_good_as_its_data(make_loop: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "trainer.py").write_text(TRAINER)
    stages = [{"use": "pre_query", "count": 16}, {"use": "synthgen.task_sets.drills:Prove"}]
    noisy = {"stages": stages, "stop": {"attempts": 20}}
    path = make_loop(train={"use": "./trainer.py:by_truth"}, generate=noisy, init="base", mix={"keep": "replace"})
    said: list[str] = []
    found = ablate(load(path), "Prove", tmp_path / "out", seeds=2, say=said.append)
    assert found.verdicts == {"without": "helps", "random": "helps", "longest": "helps"}
    assert found.records["with"] == found.records["random"] == found.records["longest"] < found.records["without"]
    assert found.cost["requests"] == 20  # bought once: the run without the stage takes the replies over
    assert "helps" in "\n".join(found.lines())
    assert json.loads((tmp_path / "out/ablation.json").read_text())["verdicts"]["random"] == "helps"
    trained = [line for line in said if line.startswith("training")]
    assert ablate(load(path), "Prove", tmp_path / "out", seeds=2, say=said.append).lines()[:7] == found.lines()[:7]
    assert [line for line in said if line.startswith("training")] == trained


def test_an_unknown_stage_is_refused(make_loop: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="no stage 'near_duplicates'") as error:
        without(load(make_loop()), "near_duplicates")
    assert "near_duplicate" in str(error.value.hint)


def test_the_controls_are_as_many_as_the_stage_left() -> None:
    bare = [Record(instruction=f"t{i}", output="x" * (i % 7)) for i in range(50)]
    arms = controls(bare[:14], bare, seed=0)
    assert {arm: len(records) for arm, records in arms.items()} == {
        "with": 14,
        "without": 50,
        "random": 14,
        "longest": 14,
    }
    assert min(len(r.output or "") for r in arms["longest"]) == 5
    assert arms["random"] == controls(bare[:14], bare, seed=0)["random"] != controls(bare[:14], bare, seed=1)["random"]


def test_a_verdict_needs_an_interval_without_zero() -> None:
    assert verdict(Interval(0.1, 0.01, 0.2)) == "helps"
    assert verdict(Interval(0.1, -0.01, 0.2)) == "no evidence"
    assert verdict(Interval(-0.1, -0.2, -0.01)) == "hurts"
