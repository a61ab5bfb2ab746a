"""`synthgen.run`, `arun` and `plan`, as a user calls them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from engine_parts import HashTeacher, pipeline

import synthgen
from synthgen.errors import StoreError

SMALL = ["target=6", "name=small"]


def test_run_takes_a_name_a_recipe_and_a_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert synthgen.run("quickstart", SMALL).accepted == 6
    again = synthgen.run(synthgen.load("quickstart", SMALL))
    assert (tmp_path / "outputs" / "small" / "report.json").is_file()
    assert again == synthgen.RunFolder("outputs/small").run_report()
    first = synthgen.run(pipeline(HashTeacher()), out="mine").requests
    second = synthgen.run(pipeline(HashTeacher()), out="mine").requests
    assert second.bought == first.bought == second.replayed > 0


def test_run_works_where_a_loop_is_running_and_arun_within_it(tmp_path: Path) -> None:
    async def cell() -> tuple[int, int]:
        waited = synthgen.run("quickstart", SMALL, out=tmp_path / "a")
        return waited.accepted, (await synthgen.arun("quickstart", SMALL, out=tmp_path / "b")).accepted

    assert asyncio.run(cell()) == (6, 6)


def test_a_folder_of_another_run_is_refused_by_a_pipeline(tmp_path: Path) -> None:
    synthgen.run("quickstart", SMALL, out=tmp_path / "a")
    with pytest.raises(StoreError, match="a run with another config"):
        synthgen.run(pipeline(HashTeacher()), out=tmp_path / "a")


def test_settings_are_refused_where_nothing_is_loaded(tmp_path: Path) -> None:
    recipe = synthgen.load("quickstart", SMALL)
    for what in (recipe, recipe.pipeline):
        with pytest.raises(ValueError, match="settings change a config"):
            synthgen.run(what, ["target=7"], out=tmp_path / "a")
    with pytest.raises(ValueError, match="settings change a config"):
        synthgen.plan(recipe, ["target=7"])
    assert not (tmp_path / "a").exists()


def test_a_plan_names_the_first_request_and_sends_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = synthgen.plan(
        "alpaca", ["target=500", "teacher={use: openai, base_url: 'http://127.0.0.1:9/v1', model: far}"]
    )
    assert plan.first_request is not None
    assert (plan.first_request[0], plan.first_request[1].model) == ("teacher", "far")
    assert plan.estimate is not None
    assert plan.estimate.records == 500
    assert 0 < plan.estimate.requests.least < 500
    assert plan.stages[0] == "generate"
    assert plan.train is None
    assert not list(tmp_path.iterdir())
