"""Loops that have to stop by themselves: collapse without a verifier, budgets, monitors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synthgen.cli.app import app
from synthgen.errors import ConfigError, PluginError
from synthgen.loop import LoopReport, load, run_loop
from synthgen.records import user_text
from synthgen.store.record_files import read_records

Make = Callable[..., Path]

MORE = '''
import json
from synthgen.task_sets.drills import solve

def by_truth(data, out, *, init, seed, say):
    """A student as good as its data is right."""
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    right = sum(solve(r["instruction"]) is not None and solve(r["instruction"])[1] == r["output"] for r in rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps({"skill": 0.9 * right / len(rows), "seed": seed}))
    (out / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ '\\\\n' + m['content'] }}{% endfor %}{{ '\\\\n' if add_generation_prompt else '' }}"
    )
    return out

def watch(student, good, *, out, bad="skill", least=0.0):
    """What an own monitor returns."""
    skills = [json.loads((path / "config.json").read_text())["skill"] for path in (student, good)]
    return {} if skills[0] - skills[1] >= least else {f"{bad}: arithmetic": f"{skills[0]:.1f}, was {skills[1]:.1f}"}

def careless(student, good, *, out):
    return None
'''
LOOK_ON = {"worse": 1.0, "stops": 1.0}


def go(path: Path, out: Path, *settings: str) -> LoopReport:
    return run_loop(load(path, settings), out, say=lambda line: None)


@pytest.fixture
def more(tmp_path: Path) -> str:
    (tmp_path / "more.py").write_text(MORE, encoding="utf-8")
    return "./more.py"


def unverified(more: str, keep: str, **changes: Any) -> dict[str, Any]:
    stages = [{"use": "pre_query", "count": 16}, {"use": "synthgen.task_sets.drills:Prove", "verify": False}]
    return {
        "generate": {"stages": stages, "stop": {"attempts": 20}},
        "train": {"use": f"{more}:by_truth"},
        "mix": {"keep": keep, "seed_share": 0},
        "init": "base",
        "stop": {"rounds": 4},
        **changes,
    }


def test_replacing_without_a_verifier_stops_by_its_alarms_alone(make_loop: Make, more: str, tmp_path: Path) -> None:
    report = go(make_loop(**unverified(more, "replace", gate=LOOK_ON)), tmp_path / "out")
    assert report.status == "collapsed"
    assert len(report.rounds) <= 4
    assert all(r.verdict in ("passed", "collapsed") for r in report.rounds)
    assert "worse than that of round 0" in report.because


def test_with_the_gate_as_well_two_worse_students_in_a_row_end_the_loop(
    make_loop: Make, more: str, tmp_path: Path
) -> None:
    recipe = unverified(more, "replace")
    recipe["train"] = {"use": "./parts.py:train", "gain": -0.3, "first": {"gain": 0.7}}
    report = go(make_loop(**{**recipe, "init": "previous"}), tmp_path / "out")
    assert (report.status, [r.verdict for r in report.rounds]) == ("collapsed", ["passed", "refused", "refused"])
    assert "student of round 1" in report.because
    assert "student of round 2" in report.because


def test_the_alarms_only_look_on_where_they_are_told_to(make_loop: Make, more: str, tmp_path: Path) -> None:
    recipe = unverified(more, "replace", gate=LOOK_ON, alarms={"action": "warn"})
    report = go(make_loop(**recipe), tmp_path / "out")
    assert (report.status, len(report.rounds)) == ("done", 5)
    assert any(r.collapsed for r in report.rounds)


def test_a_collapse_that_training_shows_is_remixed_in_the_next_round(
    make_loop: Make, more: str, tmp_path: Path
) -> None:
    recipe = unverified(more, "replace", gate=LOOK_ON, alarms={"action": "remix"})
    report = go(make_loop(**recipe), tmp_path / "out")
    assert report.status == "done"
    first = next(r.number for r in report.rounds if r.collapsed)
    after = [r.training for r in report.rounds[first + 1 :]]
    assert any(t["seed_rows"] >= t["rows"] / 2 for t in after)


def test_a_budget_of_requests_holds_over_rounds_and_resumptions(make_loop: Make, tmp_path: Path) -> None:
    path, whole = make_loop(), go(make_loop(), tmp_path / "whole")
    for _ in range(2):  # the second run finds everything as it was left
        run = CliRunner().invoke(
            app, ["loop", str(path), "--out", str(tmp_path / "out"), "--set", "stop.budget.requests=15"]
        )
        assert run.exit_code == 4, run.output
        assert "the loop's budget of requests leaves no room" in run.stdout
        found = json.loads((tmp_path / "out/loop.json").read_text())
        assert found["status"] == "budget"
        assert [r["generation"].get("requests") for r in found["rounds"]] == [None, 12, 3]
        assert [r["verdict"] for r in found["rounds"]] == ["passed", "passed", "stopped"]
    assert go(path, tmp_path / "out").lines() == whole.lines()


def test_a_spent_budget_buys_nothing_in_the_next_round(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(), tmp_path / "out", "stop.budget.requests=12")
    assert report.status == "budget"
    assert report.because == "the loop's budget of requests is spent"
    assert [r.verdict for r in report.rounds] == ["passed", "passed", "stopped"]


def test_tokens_are_a_budget_too(make_loop: Make, tmp_path: Path) -> None:
    stages = [
        {"use": "pre_query", "count": 8, "sampling": {"max_tokens": 20}},
        {"use": "synthgen.task_sets.drills:Prove"},
    ]
    path = make_loop(generate={"stages": stages, "stop": {"attempts": 12}})
    report = go(path, tmp_path / "out", "stop.budget.tokens=400")
    assert report.status == "budget"
    assert sum(r.generation.get("tokens", 0) for r in report.rounds) <= 400
    assert "budget of tokens" in report.because


def test_a_rounds_own_budget_does_not_end_the_loop(make_loop: Make, tmp_path: Path) -> None:
    stages = [{"use": "pre_query", "count": 8}, {"use": "synthgen.task_sets.drills:Prove"}]
    path = make_loop(generate={"stages": stages, "stop": {"attempts": 12}, "budget": {"requests": 5}})
    report = go(path, tmp_path / "out", "stop.budget.requests=100")
    assert (report.status, [r.generation.get("requests") for r in report.rounds]) == ("done", [None, 5, 5])


def test_no_step_begins_after_the_loops_hours(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    report = go(path, tmp_path / "out", "stop.budget.hours=0")
    assert (report.status, report.because) == ("budget", "the loop's 0 hours are over")
    assert not (tmp_path / "out/rounds/0/train.json").exists()
    assert go(path, tmp_path / "out").status == "done"
    # what is done is read again, whatever it took
    assert go(path, tmp_path / "out", "stop.budget.hours=0").status == "done"


def monitored(more: str, **settings: Any) -> dict[str, Any]:
    return {"gate": {"monitors": {"use": f"{more}:watch", **settings}}}


def test_a_student_that_fails_a_monitor_does_not_become_the_teacher(make_loop: Make, more: str, tmp_path: Path) -> None:
    report = go(make_loop(**monitored(more, least=0.5)), tmp_path / "out")
    assert [r.verdict for r in report.rounds] == ["passed", "refused", "refused"]
    assert report.rounds[1].why == ["skill: arithmetic: 0.6, was 0.4"]
    assert "round 1: refused: skill: arithmetic" in "\n".join(report.lines())
    assert report.rounds[2].teacher == "rounds/0/student"
    assert go(make_loop(**monitored(more)), tmp_path / "fine").status == "done"


def test_the_gate_heeds_the_measures_that_are_named(make_loop: Make, more: str, tmp_path: Path) -> None:
    report = go(make_loop(**monitored(more, least=0.5, only=["bits per byte"])), tmp_path / "out")
    assert [r.verdict for r in report.rounds] == ["passed"] * 3
    assert report.rounds[1].monitors["not_heeded"] == ["skill: arithmetic: 0.6, was 0.4"]
    report = go(make_loop(**monitored(more, least=0.5, only=["skill"])), tmp_path / "other")
    assert report.rounds[1].verdict == "refused"


def test_monitors_that_cannot_be_used_are_named(make_loop: Make, more: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there is no monitor 'monitor'"):
        go(make_loop(gate={"monitors": {"use": "monitor"}}), tmp_path / "a")
    assert not (tmp_path / "a/rounds").exists()
    with pytest.raises(ConfigError, match="returned no mapping"):
        go(make_loop(gate={"monitors": {"use": f"{more}:careless"}}), tmp_path / "b")
    with pytest.raises(ConfigError, match="there is no such key"):
        go(make_loop(**monitored(more, most=3)), tmp_path / "c")


def test_no_held_out_task_is_trained_on_in_any_round(make_loop: Make, tmp_path: Path) -> None:
    stages = [{"use": "pre_query", "count": 64}, {"use": "synthgen.task_sets.drills:Prove"}]
    path = make_loop(generate={"stages": stages, "stop": {"attempts": 30}}, seeds={"use": "drills", "per_family": 30})
    report = go(path, tmp_path / "out")
    assert all(r.generation["rejected"]["contaminated"] > 0 for r in report.rounds[1:])
    held = {
        user_text(r).casefold()
        for name in ("seen", "longer")
        for r in read_records(tmp_path / f"out/held_out/{name}.jsonl")
    }
    for number in range(3):
        rows = read_records(tmp_path / f"out/rounds/{number}/train.jsonl")
        assert rows
        assert not held & {user_text(r).casefold() for r in rows}
