from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgen.errors import ConfigError, RunLocked
from synthgen.loop import LoopReport, load, run_loop
from synthgen.store.files import Lock
from synthgen.store.record_files import accepted_records, read_records
from synthgen.task_sets import drills

Make = Callable[..., Path]


def go(path: Path, out: Path, *settings: str) -> LoopReport:
    return run_loop(load(path, settings), out, say=lambda line: None)


def accuracies(report: LoopReport) -> list[float]:
    return [report.summary(r)["seen"]["accuracy"] for r in report.rounds if r.scores]


def test_rounds_accumulate_and_the_student_improves(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(), tmp_path / "out")
    assert (report.status, [r.verdict for r in report.rounds]) == ("done", ["passed"] * 3)
    first, second, third = accuracies(report)
    assert first < second < third
    assert report.summary(report.rounds[2])["gain"]["low"] > 0
    one, two = (accepted_records(tmp_path / "out" / "rounds" / k / "generate") for k in "12")
    rows = read_records(tmp_path / "out/rounds/2/train.jsonl")
    assert len(rows) == 4 * len(drills.FAMILIES) + len(one) + len(two)
    assert {r.instruction for r in (*one, *two)} <= {r.instruction for r in rows}
    assert len({r.instruction for r in rows}) == len(rows)  # near_duplicate knows the rounds before
    assert all(drills.solve(r.instruction) == (r.task_type, r.output) for r in (*one, *two))


def test_the_latest_good_student_is_the_teacher(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(), tmp_path / "out")
    assert [r.teacher for r in report.rounds] == ["", "rounds/0/student", "rounds/1/student"]
    by_round = [accepted_records(tmp_path / "out/rounds" / k / "generate")[0].provenance for k in "12"]
    assert [p.round for p in by_round] == [1, 2]
    assert '"skill": 0.4' in (by_round[0].model or "")
    assert '"skill": 0.6' in (by_round[1].model or "")


def test_a_fixed_teacher_stays(make_loop: Make, tmp_path: Path) -> None:
    stages = [{"use": "generate", "prompt": "alpaca/tasks", "count": 4}, {"use": "verify"}]
    source = {"use": "seeds", "path": "builtin", "human": 2, "machine": 0}
    generate = {"teacher": {"use": "procedural"}, "source": source, "stages": stages, "target": 20}
    report = go(make_loop(generate=generate, stop={"rounds": 1, "least_yield": 0}), tmp_path / "out")
    assert report.rounds[1].generation["accepted"] == 20
    assert report.rounds[1].training["rows"] == 4 * len(drills.FAMILIES) + 20


def test_seed_data_alone_is_a_loop_too(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(generate=None), tmp_path / "out")
    assert [r.training["rows"] for r in report.rounds] == [4 * len(drills.FAMILIES)] * 3


def test_replaying_does_nothing_again_and_gives_the_same_report(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    first = go(path, tmp_path / "out")
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/rounds").rglob("*") if p.is_file()}
    again = go(path, tmp_path / "out")
    assert again.lines() == first.lines()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out/rounds").rglob("*") if p.is_file()} == files
    assert json.loads((tmp_path / "out/loop.json").read_text())["table"] == first.lines()
    assert (tmp_path / "out/loop.svg").read_text().startswith("<svg")


def test_more_rounds_go_on_where_the_loop_ended(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    go(path, tmp_path / "out", "stop.rounds=1")
    assert go(path, tmp_path / "out").lines() == go(path, tmp_path / "other").lines()


@pytest.mark.parametrize("step", ["generate", "measures", "train", "evaluate"])
def test_a_lost_step_is_done_again_with_the_same_result(step: str, make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    first = go(path, tmp_path / "out")
    (tmp_path / "out/rounds/1" / f"{step}.json").unlink()
    assert go(path, tmp_path / "out").lines() == first.lines()


def test_a_kill_in_training_costs_nothing_but_time(make_loop: Make, tmp_path: Path) -> None:
    script = "import sys; from synthgen.loop import load, run_loop; from pathlib import Path\n"
    script += "run_loop(load(sys.argv[1]), Path(sys.argv[2]))"
    path = make_loop(train={"use": "./parts.py:train", "fail": str(tmp_path / "failed")})
    killed = subprocess.run([sys.executable, "-c", script, path, tmp_path / "out"], capture_output=True, check=False)
    assert killed.returncode == -9
    assert go(path, tmp_path / "out").lines() == go(path, tmp_path / "other").lines()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seeds": {"use": "drills", "per_family": 5}}, "recipe, seeds"),
        ({"mix": {"seed_share": 0.5}}, "recipe"),
        ({"held_out": {"seen": {"use": "drills", "per_family": 9}}}, "recipe, seen"),
    ],
)
def test_what_is_pinned_may_not_change(changes: Any, named: str, make_loop: Make, tmp_path: Path) -> None:
    go(make_loop(), tmp_path / "out", "stop.rounds=0")
    with pytest.raises(ConfigError, match=f"has changed since the loop began: {named}"):
        go(make_loop(**changes), tmp_path / "out")


def test_a_changed_trainer_is_noticed(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    go(path, tmp_path / "out", "stop.rounds=0")
    with (tmp_path / "parts.py").open("a") as file:
        file.write("# another verifier\n")
    with pytest.raises(ConfigError, match="trainer"):
        go(path, tmp_path / "out")


def test_a_loop_whose_pins_hold_the_code_of_built_in_parts_goes_on(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    go(path, tmp_path / "out", "stop.rounds=0")
    pins = json.loads((tmp_path / "out/pins.json").read_text())
    hashed = {label: "0123456789abcdef" if pin == "built in" else pin for label, pin in pins["stages"].items()}
    assert hashed != pins["stages"]
    (tmp_path / "out/pins.json").write_text(json.dumps(pins | {"stages": hashed}))
    assert go(path, tmp_path / "out").lines()
    (tmp_path / "out/pins.json").write_text(json.dumps(pins | {"stages": {}}))
    with pytest.raises(ConfigError, match="stages"):
        go(path, tmp_path / "out")


def test_a_first_round_that_yields_nothing_new_stops_with_advice(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(train={"use": "./parts.py:train", "gain": -0.19}), tmp_path / "out")
    assert report.status == "no_yield"
    assert "below some competence no loop starts" in report.because
    assert not report.rounds[1].training


def test_a_later_round_without_a_new_record_ends_before_its_training(make_loop: Make, tmp_path: Path) -> None:
    none_later = {"use": "length", "min_words": {"by_round": [0, 999]}}
    stages = [{"use": "pre_query", "count": 8}, {"use": "synthgen.task_sets.drills:Prove"}, none_later]
    generate = {"stages": stages, "stop": {"attempts": 24}}
    report = go(make_loop(generate=generate, alarms={"action": "warn"}), tmp_path / "out")
    assert (report.status, len(report.rounds)) == ("no_yield", 3)
    assert "no new record has passed" in report.because
    assert not report.rounds[2].training


def collapsing(**alarms: Any) -> dict[str, Any]:
    stages = [{"use": "pre_query", "count": 8}, {"use": "synthgen.task_sets.drills:Prove"}]
    return {
        "student": {"use": "./parts.py:Student", "collapse_at": 0.6},
        "generate": {"stages": stages, "stop": {"attempts": 24}},
        "mix": {"keep": "replace", "seed_share": 0},
        "alarms": alarms,
    }


def test_a_collapse_halts_the_loop_before_training(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(**collapsing()), tmp_path / "out")
    assert report.status == "collapsed"
    assert [r.verdict for r in report.rounds] == ["passed", "passed", "collapsed"]
    assert any("entropy of task types fell" in alarm for alarm in report.rounds[2].alarms)
    assert any("more passes while" in alarm for alarm in report.rounds[2].alarms)
    assert not report.rounds[2].training


def test_a_remixed_round_goes_on_with_more_seed_data(make_loop: Make, tmp_path: Path) -> None:
    report = go(make_loop(**collapsing(action="remix")), tmp_path / "out")
    assert report.status == "done"
    training = report.rounds[2].training
    assert training["seed_rows"] >= training["rows"] / 2


def test_a_worse_student_does_not_become_the_teacher(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop(train={"use": "./parts.py:train", "gain": -0.3, "first": {"gain": 0.7}})
    report = go(path, tmp_path / "out")
    assert [r.verdict for r in report.rounds] == ["passed", "refused", "refused"]
    assert report.rounds[2].teacher == "rounds/0/student"
    assert "accuracy -" in report.rounds[1].why[0]
    # the refused round's data is left out, and the same teacher writes other records
    assert report.rounds[2].training["earlier_rows"] == 0
    one, two = (accepted_records(tmp_path / "out/rounds" / k / "generate") for k in "12")
    assert {r.instruction for r in one} != {r.instruction for r in two}
    assert go(path, tmp_path / "stops", "gate.refused=stop").status == "refused"


def test_a_plateau_ends_the_loop(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop(train={"use": "./parts.py:train", "gain": 0.0, "first": {"gain": 0.5}})
    report = go(path, tmp_path / "out", "stop.rounds=5", "stop.plateau=1")
    assert report.status == "plateau"
    assert len(report.rounds) == 2


def test_held_out_tasks_are_kept_out_of_the_data(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop(generate={"stages": [{"use": "pre_query", "count": 64}], "stop": {"attempts": 40}})
    report = go(path, tmp_path / "out", "stop.rounds=1")
    found = report.rounds[1].generation["rejected"]["contaminated"]
    assert found > 0
    held = {r.instruction for r in read_records(tmp_path / "out/held_out/seen.jsonl")}
    assert not held & {r.instruction for r in accepted_records(tmp_path / "out/rounds/1/generate")}


def test_the_recipe_may_lie_elsewhere_than_the_current_folder(
    make_loop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_loop()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert go(path, Path("out"), "stop.rounds=1").status == "done"


def test_two_processes_do_not_run_one_loop(make_loop: Make, tmp_path: Path) -> None:
    path = make_loop()
    (tmp_path / "out").mkdir()
    lock = Lock(tmp_path / "out/.lock")
    lock.acquire()
    with pytest.raises(RunLocked):
        go(path, tmp_path / "out")
    lock.release()
