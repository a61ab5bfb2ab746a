from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from forks import heard
from terminal import Synthgen, environment

CONFIG = """\
name: mine
target: 20
teacher: {use: procedural, flaws: 0.3}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks, sampling: {max_tokens: 3000}}
  - {use: length, min_words: 4}
  - {use: near_duplicate}
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def test_a_run_says_what_came_of_it_and_where_it_is(synthgen: Synthgen, config: Path) -> None:
    done = synthgen("run")
    assert "mine: running into outputs/mine, 20 records wanted" in done.stderr
    for words in (
        "done: the target is reached",
        "20 accepted",
        "outputs/mine/dataset",
        "synthgen explain outputs/mine",
    ):
        assert words in done.stdout
    assert pq.read_table(config / "outputs/mine/dataset/data").num_rows == 20
    again = synthgen("run")
    assert "has ended already" in again.stderr
    assert again.stdout == done.stdout


def test_json_is_one_object_on_stdout(synthgen: Synthgen) -> None:
    done = synthgen("run", "--json")
    report = json.loads(done.stdout)
    assert report["generated"] == report["accepted"] + report["rejected"]
    assert (report["status"], report["folder"]) == ("done", "outputs/mine")
    assert json.loads(synthgen("run", "--json").stdout) == report


def test_the_target_of_the_command_line_goes_over_the_configs(synthgen: Synthgen) -> None:
    assert json.loads(synthgen("run", "--limit", "5", "--json").stdout)["accepted"] == 5
    raised = synthgen("run", "--target", "9", "--json")
    assert "changed: target: 5 → 9" in raised.stderr
    assert json.loads(raised.stdout)["accepted"] == 9
    refused = synthgen("run", "--target", "3", code=2)
    assert "holds a finished dataset of 9 records, more than the target 3" in refused.stderr


def test_a_run_folder_is_a_config_too(synthgen: Synthgen, config: Path) -> None:
    first = json.loads(synthgen("run", "--json").stdout)
    more = json.loads(synthgen("run", first["folder"], "--target", str(first["accepted"] + 5), "--json").stdout)
    assert more["folder"] == first["folder"]
    assert more["accepted"] == first["accepted"] + 5


def test_a_changed_setting_decides_again_in_a_new_folder(synthgen: Synthgen, config: Path) -> None:
    synthgen("run")
    setting = ("--set", "stages.length.min_words=14")
    refused = synthgen("run", *setting, code=2)
    assert "another config (stages.1.min_words: 4 there, 14 here)" in refused.stderr
    done = synthgen("run", *setting, "--reuse", "mine", "--json")
    report = json.loads(done.stdout)
    assert report["folder"] == "outputs/mine-2"
    assert report["requests"]["reused"] > 0
    assert "replies are taken over from outputs/mine" in done.stderr
    assert "does not exist" in synthgen("run", *setting, "--reuse", "nothing", code=1).stderr


def test_a_run_that_stops_short(synthgen: Synthgen) -> None:
    done = synthgen("run", "--set", "stop.attempts=1", "--set", "stages.length.min_words=99", code=3)
    assert done.stdout.startswith("short: 1 attempt: ")
    assert (
        "  → synthgen stats outputs/mine counts why records were rejected, synthgen explain outputs/mine ID"
        in done.stdout
    )


def test_a_run_that_stops_short_of_nothing_rejected(synthgen: Synthgen, config: Path) -> None:
    (config / "rows.jsonl").write_text('{"instruction": "Name a sea.", "output": "The Baltic."}\n')
    (config / "few.yaml").write_text("target: 5\nsource: {use: dataset, path: rows.jsonl}\n")
    done = synthgen("run", "few.yaml", code=3)
    assert "1 accepted, 0 rejected" in done.stdout
    assert "  → nothing was rejected: give the source more" in done.stdout


def test_a_run_that_reaches_its_budget_and_goes_on_when_it_is_raised(synthgen: Synthgen) -> None:
    done = synthgen("run", "--set", "budget.requests=2", "--json", code=4)
    report = json.loads(done.stdout)
    assert (report["status"], report["requests"]["bought"]) == ("budget", 2)
    assert "raise the budget" in synthgen("run", "--set", "budget.requests=2", code=4).stdout
    report = json.loads(synthgen("run", "--json").stdout)
    assert (report["status"], report["requests"]["replayed"]) == ("done", 2)


def started(folder: Path, *settings: str) -> subprocess.Popen[str]:
    """A slow run that has begun to take signals as wishes: a hangup is caught by nobody else."""
    options = [part for setting in ("target=2000", *settings) for part in ("--set", setting)]
    process = subprocess.Popen(
        [sys.executable, "-m", "synthgen", "run", *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,
    )
    while process.poll() is None and not caught(process.pid) & 1 << signal.SIGHUP - 1:
        time.sleep(0.02)
    return process


def caught(pid: int) -> int:
    """The signals that a process handles, as bits."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)


def bought(folder: Path) -> int:
    """The replies that a run's journal holds."""
    with closing(sqlite3.connect(folder / "outputs/mine/journal.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM replies").fetchone()[0])


def test_ctrl_c_saves_and_the_same_command_goes_on(synthgen: Synthgen, config: Path) -> None:
    process = started(config, "teacher.latency_s=0.2", "concurrency=4")
    while process.poll() is None and not bought(config):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "asked to stop" in err
    assert "interrupted: asked to stop: what had been sent has come in" in out
    assert "run the same command again" in out
    report = json.loads((config / "outputs/mine/report.json").read_text())
    assert report["requests"]["bought"] > 0
    goes_on = synthgen("run", "--set", "target=2000", "--set", "stop.attempts=12", "--json", code=3)
    assert "going on with outputs/mine" in goes_on.stderr
    assert json.loads(goes_on.stdout)["requests"]["replayed"] >= report["requests"]["bought"]


def test_a_second_ctrl_c_does_not_wait(config: Path) -> None:
    process = started(config, "teacher.latency_s=300")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "once more to end at once" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert out.startswith("interrupted: asked to stop at once: replies on their way are lost")


def test_two_runs_on_one_folder(synthgen: Synthgen, config: Path) -> None:
    process = started(config, "teacher.latency_s=300")
    try:
        done = synthgen("run", "--set", "target=2000", "--set", "teacher.latency_s=0", code=1)
        assert f"process {process.pid}" in done.stderr
        assert "--out" in done.stderr
    finally:
        process.kill()
        process.communicate(timeout=300)


def test_a_shipped_recipe_runs_by_its_name_in_any_folder(synthgen: Synthgen, config: Path) -> None:
    report = json.loads(synthgen("run", "quickstart", "--target", "10", "--json").stdout)
    assert (report["accepted"], report["folder"]) == (10, "outputs/quickstart")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(synthgen: Synthgen, config: Path) -> None:
    (config / "outputs").mkdir(mode=0o500)
    assert "outputs" in synthgen("run", code=1).stderr


def test_an_output_that_is_a_file(synthgen: Synthgen, config: Path) -> None:
    (config / "outputs").write_text("")
    done = synthgen("run", code=1)
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "config.yaml:1: not valid YAML"),
        ("", "config.yaml: the config is empty"),
        ("sources: {use: seeds}", "did you mean 'source'"),
        (CONFIG.replace("target: 20", "target: many"), "config.yaml:2: target: found the text 'many'"),
        (CONFIG.replace("min_words", "min_wrods"), "did you mean 'min_words'"),
        (CONFIG.replace("use: length", "use: lenght"), "did you mean 'length'"),
        (CONFIG.replace("alpaca/tasks", "alpaca/task"), "config.yaml:6: stages.0.prompt: there is no prompt file"),
        (CONFIG.replace("seeds, human: 3", "seeds, path: none.jsonl, human: 3"), "none.jsonl"),
    ],
)
def test_a_config_that_cannot_be_used(synthgen: Synthgen, config: Path, text: str, words: str) -> None:
    (config / "config.yaml").write_text(text)
    done = synthgen("run", code=2)
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback(shell: Synthgen, config: Path) -> None:
    (config / "config.yaml").write_text("a: [")
    assert "Traceback" in shell("run", "--debug", code=1).stderr
    assert "Traceback" not in shell("run", code=2).stderr


def test_a_key_is_read_from_env_files_and_a_missing_one_is_a_message(synthgen: Synthgen, config: Path) -> None:
    openai = ("--set", "teacher.use=openai", "--set", "teacher.model=none")
    missing = synthgen("run", *openai, code=1)
    assert "OPENAI_API_KEY" in missing.stderr
    assert "Traceback" not in missing.stderr
    (config / ".env").write_text("OPENAI_API_KEY=sk-planted-in-a-file\n")
    local = ("--set", "teacher.base_url=http://127.0.0.1:9/v1", "--set", "teacher.give_up_after_s=0.1")
    unreachable = synthgen("run", *openai, *local, code=1)
    assert "127.0.0.1:9" in unreachable.stderr
    assert "OPENAI_API_KEY" not in unreachable.stderr
    written = [path for path in (config / "outputs").rglob("*") if path.is_file()]
    assert not any(b"sk-planted" in path.read_bytes() for path in written)
    assert "sk-planted" not in unreachable.stderr
