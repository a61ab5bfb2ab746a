from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("trl", reason="the train extra is not installed")

from synthgen_train.report import loss_picture

from synthgen.cli.main import _run

pytestmark = pytest.mark.filterwarnings("default")

SMALL = ["--set", "model.from_scratch.hidden=32", "--set", "model.from_scratch.context=96", "--set", "eval_share=0"]


def main(arguments: list[str]) -> int:
    """The exit code of `synthgen` with these arguments."""
    try:
        return _run(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def test_options_train_a_student_and_a_monitor_watches_it(
    tmp_path: Path, rows: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    data = rows([{"instruction": f"say {i}", "output": str(i)} for i in range(8)])
    out = tmp_path / "student"
    options = ["--data", str(data), "--model", "scratch", "--method", "lora", "--out", str(out)]
    assert main(["train", *options, *SMALL, "--set", "learning_rate=2e-3", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "0.002          (recipe)" in shown
    assert not (out / "model").exists()
    assert main(["train", *options, *SMALL, "--set", "max_steps=2", "--set", "method.r=2"]) == 0
    assert json.loads((out / "model" / "adapter_config.json").read_text())["r"] == 2
    assert main(["monitor", str(out / "model"), "--limit", "2", "--max-tokens", "2"]) == 3
    assert "stops" in capsys.readouterr().out
    assert main(["export-lm-eval", str(tmp_path / "tasks")]) == 0


def test_errors_are_told_in_a_line_with_their_exit_code(
    tmp_path: Path, rows: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path / "none.yaml")]) == 2
    assert "there is no config" in capsys.readouterr().err
    assert main(["train", "--data", "x", "--model", "scratch", "--set", "max_steps"]) == 2
    assert "found no key=value" in capsys.readouterr().err
    assert main(["train", "--data", str(tmp_path / "none"), "--model", "scratch"]) == 2
    assert "error: --data: data.0.path: there is no " in capsys.readouterr().err
    assert main(["monitor", str(tmp_path / "none")]) == 2
    assert "cannot be loaded" in capsys.readouterr().err
    data = rows([{"instruction": "a", "output": ""}])
    assert main(["train", "--data", str(data), "--model", "scratch", "--out", str(tmp_path / "o")]) == 2
    assert "--force" in capsys.readouterr().err


def test_several_gpus_and_one_process_are_told_the_command(
    rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = rows([{"instruction": f"say {i}", "output": str(i)} for i in range(8)], "some rows.jsonl")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    out = tmp_path / "out"
    given = ["train", "--data", str(data), "--model", "scratch", "--out", str(out)]
    assert main(given) == 2
    line = next(part for part in capsys.readouterr().err.splitlines() if "accelerate launch" in part)
    command = ["accelerate", "launch", "--num_processes", "4", "-m", "synthgen"]
    assert shlex.split(line) == [*command, *given]
    assert not out.exists()


def test_a_tracker_is_passed_through_and_one_that_is_not_there_is_told(
    rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import TrainerCallback
    from transformers.integrations import integration_utils

    data = rows([{"instruction": f"say {i}", "output": str(i)} for i in range(8)])
    given = ["train", "--data", str(data), "--model", "scratch", "--out", str(tmp_path / "out"), *SMALL]
    given += ["--set", "max_steps=2", "--set", "report_to=trackio"]
    monkeypatch.setattr(integration_utils, "is_trackio_available", lambda: False)
    assert main(given) == 2
    assert "there is no tracker 'trackio' here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    seen: list[dict[str, float]] = []

    class Tracker(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            seen.append(logs)

    monkeypatch.setattr(integration_utils, "is_trackio_available", lambda: True)
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "trackio", Tracker)
    assert main(given) == 0
    assert any("loss" in logs for logs in seen)


def test_the_picture_of_the_loss_is_well_formed() -> None:
    from xml.etree import ElementTree

    for points, held in (([], None), ([(1, 2.0)], None), ([(1, 2.0), (50, 0.5), (100, 0.1)], 0.7)):
        root = ElementTree.fromstring(loss_picture(points, held))
        assert root.tag.endswith("svg")
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    assert len(lines[0].attrib["points"].split()) == 3


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "synthgen_train", "train", "none.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "error: there is no config none.yaml" in done.stderr


def test_a_recipe_is_trained_that_builds_on_another(tmp_path: Path, rows: Any) -> None:
    rows([{"instruction": f"say {i}", "output": str(i)} for i in range(8)])
    (tmp_path / "base.yaml").write_text("train: {model: {from_scratch: {hidden: 32}}, data: rows.jsonl, max_steps: 9}")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(f"extends: base.yaml\ntrain: {{max_steps: 2, eval_share: 0, out: {tmp_path / 'out'}}}\n")
    assert main(["train", str(recipe)]) == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text())["steps"] == 2
