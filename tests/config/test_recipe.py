from __future__ import annotations

from pathlib import Path

import pytest

from synthgen import assets
from synthgen.config import load, locate
from synthgen.engine.budget import Budget
from synthgen.errors import ConfigError

CONFIG = """\
seed: 3
target: 50
teacher: {use: procedural}
source: {use: seeds, human: 2, machine: 1}
stages:
  - {use: generate, prompt: alpaca/tasks}
budget: {requests: 5, tokens: 2e6, usd: 1}
concurrency: 4
window: 9
stop: {barren_attempts: 7, attempts: 8}
"""


def test_a_config_becomes_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CONFIG)
    pipeline = load(tmp_path / "mine.yaml", ["target=60"]).pipeline
    assert (pipeline.name, pipeline.seed, pipeline.target, pipeline.base) == ("mine", 3, 60, tmp_path)
    assert pipeline.budget == Budget(5, 2_000_000, 1.0)
    assert (pipeline.concurrency, pipeline.window) == (4, 9)
    assert (pipeline.barren_attempts, pipeline.max_attempts) == (7, 8)
    assert "demonstrations" not in pipeline.render(
        "alpaca/tasks", demonstrations=[], count=3, reply="Reply so.", first=1, faithful=False
    )


def test_config_yaml_is_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "poems"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    assert load(folder / "config.yaml").config.name == "poems"
    (folder / "config.yaml").write_text(CONFIG + "name: verses\n")
    assert load(folder / "config.yaml").config.name == "verses"


def test_null_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("teacher: {use: procedural}\nsource: {use: seeds}\nstages:\nseed: null\nbudget:\n")
    config = load(tmp_path / "c.yaml").config
    assert (config.stages, config.seed, config.budget.tokens) == ([], 0, None)


RUNS = [name for name in assets.names("recipes") if not name.startswith("loop")]


@pytest.mark.parametrize("name", RUNS)
def test_every_shipped_recipe_loads_by_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load(name)
    assert recipe.config.name == name
    assert recipe.base == tmp_path
    assert recipe.pipeline.stages


def test_a_loop_is_run_by_another_command(tmp_path: Path) -> None:
    (tmp_path / "rounds.yaml").write_text("seeds: rows.jsonl\nheld_out: {}\ngenerate: {}\ntrain: {use: small}\n")
    with pytest.raises(ConfigError, match=r"rounds\.yaml: this config describes a loop, not a run\n.*`synthgen loop "):
        load(tmp_path / "rounds.yaml")


def test_a_file_goes_before_a_shipped_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text(CONFIG)
    assert locate("quickstart") == (Path("quickstart"), tmp_path)


def test_a_folder_stands_for_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alpaca").mkdir()
    assert locate("alpaca")[0] == assets.find("recipes", "alpaca")
    (tmp_path / "alpaca" / "config.yaml").write_text(CONFIG)
    assert locate("alpaca") == (Path("alpaca/config.yaml"), tmp_path / "alpaca")


def test_no_such_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"there is no config config\.yaml\n.*synthgen init(.|\n)*quickstart"):
        load()
