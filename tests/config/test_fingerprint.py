from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from synthgen.config import Recipe, free_keys, ingredients, load, run_config
from synthgen.config.fingerprint import FREE
from synthgen.plugins import BUILTINS, setting_names


def of(*settings: str) -> Recipe:
    return load("config.yaml", settings)


def test_the_config_in_the_folder_has_hashes_of_files(project: Path) -> None:
    assert list(run_config(of())["files"]) == ["parts.py", "prompt mine", "rows.jsonl"]


def test_ingredients_are_the_same_wherever_and_however_fast_the_run_is(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ingredients(of())
    assert here.seeds.keys() == {"rows.jsonl"}
    assert here.recipe["teacher"] == {"use": "./parts.py:Teacher", "model": "m", "sampling": None}
    assert here.recipe["teachers"]["judge"] == here.recipe["teacher"]
    assert not here.recipe.keys() & {"concurrency", "budget", "output", "export", "files"}
    there = tmp_path_factory.mktemp("elsewhere")
    for path in project.rglob("*"):
        if path.is_file():
            (there / path.relative_to(project)).parent.mkdir(exist_ok=True)
            (there / path.relative_to(project)).write_bytes(path.read_bytes())
    monkeypatch.chdir(there)
    assert ingredients(of("concurrency=3", "teacher.url=http://there")) == here
    absolute = [ingredients(of(f"source.path={folder / 'rows.jsonl'}")) for folder in (project, there)]
    assert absolute[0].recipe["source"]["path"] == "rows.jsonl"
    assert absolute[0].recipe == absolute[1].recipe


def test_free_settings_are_those_that_the_teachers_name(project: Path) -> None:
    assert free_keys(of()) == (*FREE, "teacher.url", "teachers.judge.url")


def test_the_free_settings_of_built_in_teachers_are_settings_of_theirs(project: Path) -> None:
    for place in BUILTINS["teacher"].values():
        module, _, name = place.partition(":")
        teacher = getattr(importlib.import_module(module), name)
        assert teacher.free_settings
        assert set(teacher.free_settings) <= set(setting_names(teacher))
    assert "teacher.latency_s" in free_keys(of("teacher.use=procedural"))
