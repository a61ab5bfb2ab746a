from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from synthgen.api import finished, open_folder, run_recipe
from synthgen.config import load
from synthgen.engine.pipeline import Progress
from synthgen.errors import ConfigError

CONFIG = """\
name: mine
target: 12
teacher: {use: procedural, flaws: 0}
source: {use: seeds, human: 3, machine: 0}
stages:
  - {use: generate, prompt: alpaca/tasks}
  - {use: length, min_words: 4}
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def test_a_recipe_runs_into_its_folder_and_has_nothing_left_to_do(config: Path) -> None:
    progress = Progress()
    report = asyncio.run(run_recipe(load(), progress=progress))
    assert (report.status, report.accepted, progress.accepted) == ("done", 12, 12)
    written = json.loads((config / "outputs/mine/report.json").read_text())
    assert written["accepted"] == 12
    manifest = json.loads((config / "outputs/mine/manifest.json").read_text())
    assert manifest["name"] == "mine"
    assert list(manifest["prompts"]) == ["alpaca/tasks"]
    assert all(name.endswith(".jsonl") for name in manifest["seeds"])
    again = asyncio.run(run_recipe(load()))
    assert again == report


def test_a_raised_target_goes_on_and_buys_only_what_is_new() -> None:
    first = asyncio.run(run_recipe(load()))
    second = asyncio.run(run_recipe(load("config.yaml", ["target=40"])))
    assert (second.accepted, second.requests.replayed) == (40, first.requests.bought)


def test_new_exports_are_written_without_asking_again(config: Path) -> None:
    first = asyncio.run(run_recipe(load()))
    second = asyncio.run(run_recipe(load("config.yaml", ["export=[alpaca]"])))
    assert second.requests.bought == first.requests.bought
    assert len(json.loads((config / "outputs/mine/exports/alpaca/train.json").read_text())) == 12


def test_a_finished_dataset_is_not_made_smaller() -> None:
    asyncio.run(run_recipe(load()))
    with pytest.raises(ConfigError, match="12 records, more than the target 5"):
        asyncio.run(run_recipe(load("config.yaml", ["target=5"])))


def test_a_changed_filter_decides_again_on_the_old_replies(config: Path) -> None:
    first = asyncio.run(run_recipe(load()))
    recipe = load("config.yaml", ["stages.length.max_words=25"])
    with pytest.raises(ConfigError, match="another config"):
        asyncio.run(run_recipe(recipe))
    second = asyncio.run(run_recipe(recipe, reuse="outputs/mine"))
    assert 0 < second.requests.reused <= first.requests.bought
    assert (config / "outputs/mine-2/report.json").exists()


def test_a_run_that_was_never_started_is_not_finished() -> None:
    recipe = load()
    with open_folder(recipe, Path("outputs/mine")) as folder:
        assert finished(folder) is None
