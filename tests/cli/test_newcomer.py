"""What somebody meets who has never used this: every slip gets what is wrong, where, and the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import Synthgen

FILTERS = "def max_links(record, *, limit: int = 0):\n    {}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source:\n\tuse: seeds\n", ["a.yaml:2", "indent with spaces, not with tabs"]),
        ("source:\n  use: seeds\n path: builtin\n", ["a.yaml:3: not valid YAML", "check indentation"]),
        ("source:\nuse: seeds\npath: builtin\n", ["a.yaml:2: use: `use` stands at the top", "indent it"]),
        ("source: seeds\n", ["a.yaml:1: source: found the text 'seeds'", "write `use: seeds`"]),
        ("source: {use: seeds}\nstages:\n  use: length\n", ["expected a list", "a hyphen: `- use: length`"]),
        ("source: {use: seeds}\nstages:\n  length: {min_words: 3}\n", ["expected a list", "here write a list"]),
        ("source: {use: seeds}\nstages: [length]\n", ["stages.0: found the text 'length'", "write `use: length`"]),
        ("source: {use: seeds}\nstages: [{length: {min_words: 3}}]\n", ["stages.0.use: ", "write `use: length`, and"]),
        ("source: {use: seeds}\nstages: [{use: lenght}]\n", ["no stage or filter 'lenght'", "did you mean 'length'?"]),
        ("sorce: {use: seeds}\n", ["is 'sorce' meant to be 'source'?"]),
        ("extends: quickstart\ntraget: 3\n", ["a.yaml:2: traget: ", "did you mean 'target'?"]),
        ("extends: quikstart\n", ["a.yaml:1: extends: ", "did you mean 'quickstart'?"]),
        (
            "extends: quickstart\nexport: [alpacca]\n",
            ["export.0: there is no export 'alpacca'", "did you mean 'alpaca'?"],
        ),
        (
            "extends: quickstart\nteacher: {base_url: x}\n",
            ["it is a setting of `use: openai`", "this part is procedural"],
        ),
        ("extends: quickstart\nsource: {path: mine.jsn}\n", ["did you mean 'mine.jsonl'?"]),
        ("extends: quickstart\nteacher: {use: opnai}\n", ["there is no teacher 'opnai'", "did you mean 'openai'?"]),
        ("extends: quickstart\nstop: {barren: 3}\n", ["stop.barren: there is no such key", "barren_attempts"]),
        ("", ["the config is empty", "synthgen init"]),
    ],
)
def test_slips_in_a_config(synthgen: Synthgen, tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "mine.jsonl").write_text('{"id": "a", "instruction": "Name a sea.", "input": "", "output": "x"}\n')
    said = synthgen("check", "a.yaml", code=2).stderr
    assert said.startswith("error: ")
    for part in words:
        assert part in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "quickstrat"], ["there is no config quickstrat", "did you mean 'quickstart'?", "self_instruct"]),
        (["check", "confg.yaml"], ["did you mean 'config.yaml'?"]),
        (["check", "config.yml"], ["did you mean 'config.yaml'?"]),
        (["check", "elsewhere/quickstart.yaml"], ["did you mean 'quickstart'?"]),
        (["loop", "loop_quickstrt"], ["did you mean 'loop_quickstart'?"]),
        (["loop", "quickstart"], ["describes a run, not a loop", "`synthgen run quickstart` runs it"]),
        (["ablate", "quickstart", "--drop", "length"], ["describes a run, not a loop"]),
        (["run", "loop_star"], ["describes a loop, not a run", "`synthgen loop loop_star` runs it"]),
        (["train", "quickstart"], ["describes a run, not a training", "`synthgen run quickstart` runs it"]),
        (["train", "loop_star"], ["describes a loop, not a training", "`synthgen loop loop_star` runs it"]),
        (["run", "my train.yaml"], ["describes a training, not a run", "`synthgen train 'my train.yaml'` runs it"]),
        (["exprt"], ["No such command 'exprt'. Did you mean 'export'?"]),
        (["run", "--traget", "3"], ["--target"]),
        (["run", "--target", "0"], ["greater than or equal to 1"]),
        (["run", "--target", "-3"], ["greater than or equal to 1"]),
        (["run", "--set", "target=1e30"], ["--set target: target: ", "at most 1e+15"]),
        (["run", "--set", "stages.max_lnks.limit=3"], ["did you mean 'max_links'?"]),
        (["init", "two words"], ["no spaces"]),
        (["init", "config.yaml"], ["is a file, and a project is a folder"]),
    ],
)
def test_slips_on_the_command_line(synthgen: Synthgen, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    synthgen("init", "p")
    for path in (tmp_path / "p").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "my train.yaml").write_text("train: {model: {from_scratch: {}}, data: rows.jsonl}\n")
    said = synthgen(*arguments, code=2).stderr
    for part in words:
        assert part in said


@pytest.mark.parametrize(
    ("code", "command", "words"),
    [
        ("return record.text.count('x') > 3", "run", ["stage max_links, attempt 0", "returned bool", "or a reason"]),
        ("return recrd", "run", ["stage max_links, attempt 0: the filter raised NameError", "fix it and run again"]),
        ("return 'Too many links!'", "run", ["gave the reason 'Too many links!'", "snake_case"]),
        ("return None\n     x = 1", "check", ["filters.py:3", "unexpected indent"]),
        ("return None\nimport nonexistent_pkg", "check", ["filters.py:3", "install what provides 'nonexistent_pkg'"]),
    ],
)
def test_slips_in_a_filter(synthgen: Synthgen, tmp_path: Path, code: str, command: str, words: list[str]) -> None:
    synthgen("init", "p")
    (tmp_path / "p" / "filters.py").write_text(FILTERS.format(code))
    said = synthgen(command, cwd=tmp_path / "p", code=None).stderr
    assert "Traceback" not in said
    for part in words:
        assert part in said


def test_a_project_runs_from_anywhere_and_prints_of_a_filter_spoil_no_json(synthgen: Synthgen, tmp_path: Path) -> None:
    folder = tmp_path / "a folder ü"
    folder.mkdir()
    synthgen("init", "p", cwd=folder)
    (folder / "p" / "filters.py").write_text(FILTERS.format("print('looking at', record.instruction)"))
    for command in (["check"], ["run"], ["preview", "-n", "1"]):
        done = synthgen(command[0], str(folder / "p"), *command[1:], "--json")
        assert isinstance(json.loads(done.stdout), dict)
        assert "looking at" in done.stderr
    again = synthgen("run", str(folder / "p"), "--out", "out folder")
    assert "synthgen view 'out folder'" in again.stdout


def test_a_misspelt_run(synthgen: Synthgen, tmp_path: Path) -> None:
    assert "outputs/<run>" in synthgen("view", "quikstart", code=1).stderr
    synthgen("run", "quickstart", "--target", "3")
    for command in (["view"], ["stats"], ["export"], ["explain"]):
        more = {"export": ["alpaca"], "explain": ["x"]}.get(command[0], [])
        assert "did you mean 'quickstart'?" in synthgen(*command, "quikstart", *more, code=1).stderr


def test_check_says_which_key_is_missing(synthgen: Synthgen, tmp_path: Path) -> None:
    text = (
        "extends: quickstart\nteacher: {use: openai, base_url: 'http://localhost:1/v1', model: m, api_key_env: MINE}\n"
    )
    (tmp_path / "a.yaml").write_text(text)
    assert "MINE is not set: a run asks teacher without a key" in synthgen("check", "a.yaml").stdout
    assert "is not set" not in synthgen("check", "a.yaml", MINE="x").stdout
    (tmp_path / "a.yaml").write_text(text.replace(", api_key_env: MINE", ""))
    assert "is not set" not in synthgen("check", "a.yaml").stdout
