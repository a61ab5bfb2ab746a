"""Parts that an installed package brings: the package is built and installed as a user would, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Synthgen

PACKAGE = Path(__file__).parents[1] / "plugin_package"

CONFIG = """\
name: numbers
source: {use: numbers, upto: 6}
teacher: {use: clock, hour: 9}
stages:
  - {use: shout, marks: 2}
  - {use: stamp, prefix: "It is "}
selectors:
  - {use: first, count: 3}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    source, site = folder / "source", folder / "site"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(site), str(source)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def test_entry_points_of_every_kind_are_used_by_name(tmp_path: Path, installed: Path, shell: Synthgen) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    report = json.loads(shell("run", "--json", "--set", "export=[alpaca, pairs]", PYTHONPATH=str(installed)).stdout)
    assert (report["accepted"], report["rejected"]) == (3, 3)
    assert {flow["stage"]: flow["dropped"] for flow in report["funnel"] if flow["dropped"]} == {
        "shout": {"shouting": 2},
        "first": {"not_first": 1},
    }
    assert report["teachers"]["teacher"]["model"] == "clock-9"
    rows = json.loads((tmp_path / "outputs/numbers/exports/alpaca/train.json").read_text())
    assert rows[0] == {"instruction": "Say the number 0", "input": "", "output": "It is 9 o'clock"}
    lines = (tmp_path / "outputs/numbers/exports/pairs/train.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"pair": "Say the number 0 -> It is 9 o'clock"}


LOOP = """\
name: adding
seeds: {use: sums, count: 4}
held_out: {main: {use: sums}}
student: {use: clock}
generate: null
train: {use: copycat, rows: 2}
gate: {monitors: {use: weight, limit: 1}}
"""


def test_a_loop_finds_trainers_monitors_and_task_sets_by_name(tmp_path: Path, installed: Path) -> None:
    (tmp_path / "loop.yaml").write_text(LOOP)
    code = """
from pathlib import Path
from synthgen.loop.recipe import load
from synthgen.loop.training import look_for_damage, train_student
recipe = load("loop.yaml")
rows = recipe.records("seeds")
made = train_student(recipe, rows, Path("r"), Path(), init=None, seed=1, number=0, say=print)
print(len(rows), made["checkpoint"], look_for_damage(recipe, Path("r/student"), Path(), Path("m"))["failed"])
"""
    (tmp_path / "r").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "4 r/student ['weight: 2 rows, at most 1']\n"


def test_a_loops_settings_are_checked_too(tmp_path: Path, installed: Path, shell: Synthgen) -> None:
    (tmp_path / "loop.yaml").write_text(LOOP)
    wrong = ["--set", "train.rowz=1", "--set", "gate.monitors.limit=x", "--set", "seeds.use=sumz"]
    message = shell("loop", "loop.yaml", *wrong, code=2, PYTHONPATH=str(installed)).stderr
    assert "did you mean 'rows'" in message
    assert "found the text 'x', expected a whole number" in message
    assert "there is no task set 'sumz'" in message
    assert "did you mean 'sums'" in message


def test_without_the_package_the_names_are_unknown(tmp_path: Path, shell: Synthgen) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    assert "there is no source 'numbers'" in shell("check", code=2).stderr


def test_their_settings_are_checked_and_their_names_suggested(tmp_path: Path, installed: Path, shell: Synthgen) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    wrong = ["--set", "stages.shout.markz=1", "--set", "selectors.first.count=x", "--set", "teacher.use=clokc"]
    message = shell("check", *wrong, code=2, PYTHONPATH=str(installed)).stderr
    assert "did you mean 'marks'" in message
    assert "found the text 'x', expected a whole number" in message
    assert "did you mean 'clock'" in message


def test_a_run_goes_on_when_a_free_setting_of_its_teacher_changes(
    tmp_path: Path, installed: Path, shell: Synthgen
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    shell("run", PYTHONPATH=str(installed))
    shell("run", "--set", "teacher.office=there", PYTHONPATH=str(installed))
    shell("run", "--set", "teacher.hour=8", code=2, PYTHONPATH=str(installed))
