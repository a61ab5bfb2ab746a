from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.api import choose, open_folder
from synthgen.api.recipes import differences, goes_on, set_aside
from synthgen.config import Recipe, load
from synthgen.errors import ConfigError, RunLocked
from synthgen.report import Presentation
from synthgen.store import DatasetWriter, Ingredients, RunReport, verify


def reopened(*settings: str) -> dict[str, tuple[object, object]]:
    recipe = load("config.yaml", settings)
    with open_folder(recipe, choose(recipe)) as folder:
        return folder.changed


@pytest.mark.parametrize(
    "setting",
    [
        "target=20",
        "concurrency=2",
        "budget.requests=3",
        "stop.attempts=9",
        "export=[alpaca]",
        "license=mit",
        "teacher.url=http://there",
        "teachers.judge.url=http://there",
    ],
)
def test_a_run_goes_on_when_only_its_end_or_its_ways_have_changed(project: Path, setting: str) -> None:
    reopened()
    changed = reopened(setting)
    assert {key.removesuffix(".0") for key in changed} == {setting.split("=")[0]}


@pytest.mark.parametrize(
    "setting", ["seed=1", "stages.length.min_words=2", "teacher.model=other", "window=3", "source.chunk=5"]
)
def test_another_config_is_refused_with_the_next_step(project: Path, setting: str) -> None:
    reopened()
    (project / "outputs" / "mine" / "dataset").mkdir()
    with pytest.raises(ConfigError) as caught:
        reopened(setting)
    assert f"another config ({setting.split('=')[0].replace('length', '0')}: " in caught.value.message
    assert "--reuse outputs/mine" in str(caught.value.hint)
    assert caught.value.exit_code == 2
    reopened()


@pytest.mark.parametrize("name", ["parts.py", "rows.jsonl", "prompts/mine.j2"])
def test_a_file_that_shapes_the_data_counts_as_config(project: Path, name: str) -> None:
    reopened()
    (project / "outputs" / "mine" / "dataset").mkdir()
    with (project / name).open("a") as file:
        file.write("\n")
    with pytest.raises(ConfigError, match=r"another config \(files\."):
        reopened()


def test_a_run_without_a_dataset_may_change_in_any_way(project: Path) -> None:
    reopened()
    with (project / "parts.py").open("a") as file:
        file.write("\n")
    assert {key.split(".")[0] for key in reopened("seed=1")} == {"seed", "files"}
    assert reopened("seed=1") == {}


def test_a_run_goes_on_when_a_later_version_has_more_settings(project: Path) -> None:
    reopened()
    (project / "outputs" / "mine" / "dataset").mkdir()
    kept = project / "outputs" / "mine" / "config.yaml"
    kept.write_text(kept.read_text().replace("  faithful: false\n", ""))
    assert reopened().keys() == {"stages.0.faithful"}
    kept.write_text(kept.read_text().replace("  faithful: false\n", ""))
    with pytest.raises(ConfigError, match=r"another config \(stages\.0\.faithful: None there, True here"):
        reopened("stages.length.faithful=true")


def test_two_runs_on_one_folder_at_once(project: Path) -> None:
    recipe = load()
    with open_folder(recipe, choose(recipe)), pytest.raises(RunLocked):
        open_folder(recipe, choose(recipe))


def of(*settings: str) -> Recipe:
    return load("config.yaml", settings)


def test_a_reusing_run_takes_the_next_free_folder(project: Path) -> None:
    first = choose(of())
    assert first == Path("outputs/mine")
    assert choose(of(), out=Path("x"), reuse=first) == Path("x")
    open_folder(of(), first).close()
    second = choose(of("seed=1"), reuse=first)
    assert second == Path("outputs/mine-2")
    open_folder(of("seed=1"), second).close()
    # the same command again goes on with the same folder, also with a raised target
    assert choose(of("seed=1", "target=99"), reuse=first) == second
    assert choose(of("seed=2"), reuse=first) == Path("outputs/mine-3")
    # nobody reuses itself
    assert choose(of(), reuse=first) == Path("outputs/mine-3")
    Path("outputs/mine-3").mkdir()
    assert choose(of("seed=2"), reuse=first) == Path("outputs/mine-4")


def test_differences_look_below_the_keys_that_are_free() -> None:
    old = {"a": 1, "stop": {"x": 1}, "stopped": 1, "list": [1, 2]}
    new = {"a": 1, "stop": {"x": 2}, "stopped": 2, "list": [1]}
    assert differences(old, new, ("stop",)) == {"stopped": (1, 2), "list.1": (2, None)}


def test_a_part_under_the_name_that_it_had_before_is_the_same() -> None:
    old = {"source": {"use": "synthgen.sources.known:Known", "path": "a"}, "stages": [{"use": "length"}]}
    new = {"source": {"use": "synthgen.sources.tasks:Known", "path": "b"}, "stages": [{"use": "generate"}]}
    assert differences(old, new, ()) == {"source.path": ("a", "b"), "stages.0.use": ("length", "generate")}


def made(project: Path, *settings: str) -> Path:
    """A folder with a dataset that was made with these settings."""
    recipe = load("config.yaml", settings)
    with open_folder(recipe, choose(recipe)) as folder:
        writer = DatasetWriter(folder, Presentation)
        report = RunReport(generated=0, accepted=0, rejected=0, status="short")
        writer.finish(report, Ingredients(name="mine"))
    return project / "outputs" / "mine"


ADDED = [
    "stages=[{use: length, min_words: 1}, {use: respond, prompt: mine}, {use: length, name: more, min_words: 50}]",
    "stages.0={use: length, min_words: 50}",
    "stages.length={use: punctuation}",
    "source={use: dataset, path: rows.jsonl, chunk: 3}",
    "stages.respond.sampling={temperature: 0.5}",
    "selectors=[{use: random_k, k: 1}]",
    "teachers.other={use: ./parts.py:Teacher}",
    "stages=[]",
    "seed=4",
]


@pytest.mark.parametrize("setting", ADDED)
def test_whatever_is_set_on_a_finished_run_is_refused_by_its_key(project: Path, setting: str) -> None:
    path = made(project)
    before = (path / "config.yaml").read_bytes()
    with pytest.raises(ConfigError, match=rf"another config \({setting.partition('=')[0].split('.')[0]}") as caught:
        reopened(setting)
    assert "--fresh" in str(caught.value.hint)
    assert (path / "config.yaml").read_bytes() == before
    assert reopened() == {}


@pytest.mark.parametrize("setting", ["target=20", "stop.attempts=9", "export=[alpaca]", "license=mit"])
def test_what_was_begun_and_not_ended_is_gone_on_with(project: Path, setting: str) -> None:
    made(project)
    recipe = load("config.yaml", [setting])
    for _ in range(3):  # begun, and killed before anything was done
        with open_folder(recipe, choose(recipe)) as folder:
            assert goes_on(folder)
            assert {key.removesuffix(".0") for key in folder.changed} == {setting.split("=")[0]}
    # whoever goes back to what the dataset was made with has nothing to do, and the folder says so
    with open_folder(load(), choose(load())) as folder:
        assert not goes_on(folder)
        assert folder.config()["target"] == 10
    assert verify(folder.path).ok


def test_a_folder_is_set_aside_and_never_lost(project: Path) -> None:
    path = made(project)
    assert set_aside(path) == path.with_name("mine.old")
    made(project)
    assert set_aside(path) == path.with_name("mine.old-2")
    assert set_aside(path) is None
    assert (path.with_name("mine.old") / "dataset").is_dir()
