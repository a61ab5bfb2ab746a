"""Null takes an inherited value back, wherever it stands: the config is as if the base had never said it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from synthgen import assets
from synthgen.config import load
from synthgen.config.document import Key, read_document
from synthgen.config.merge import label
from synthgen.errors import ConfigError
from synthgen.loop.recipe import load as load_loop
from synthgen.sources import seeds

RUNS = [name for name in assets.names("recipes") if not name.startswith("loop_")]
LOOPS = [name for name in assets.names("recipes") if name.startswith("loop_")]

SEEDS = cache(seeds.seed_tasks)
OTHERWISE = {("name",), ("extends",), ("generate", "teacher")}
"""A config's own, never inherited; and a key of which null is a value: nobody is asked."""


def keys(value: Any, key: Key = ()) -> Iterator[Key]:
    """Every key of the values, at any depth, and every item of a list of parts."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list) and all(map(label, value)):
        items = list(enumerate(value))
    for step, below in items:
        yield (*key, step)
        yield from keys(below, (*key, step))


def by_names(values: dict[str, Any], key: Key) -> tuple[str, ...]:
    """A key whose parts in lists are named, as they stand at other places in other recipes."""
    found: list[str] = []
    holder: Any = values
    for step in key:
        holder = holder[step]
        found.append(str(step if isinstance(step, str) else label(holder)))
    return tuple(found)


@cache
def of_its_own(name: str) -> frozenset[Key]:
    """The keys of a recipe that no recipe of its sort before it has; with the variable EVERY_KEY, all."""
    sort = LOOPS if name in LOOPS else RUNS
    values = read_document(assets.find("recipes", name)).data
    before: set[tuple[str, ...]] = set()
    for earlier in () if "EVERY_KEY" in os.environ else sort[: sort.index(name)]:
        theirs = read_document(assets.find("recipes", earlier)).data
        before.update(by_names(theirs, key) for key in keys(theirs))
    return frozenset(key for key in keys(values) if by_names(values, key) not in before)


def without(value: dict[str, Any], key: Key) -> dict[str, Any]:
    left = deepcopy(value)
    holder: Any = left
    for step in key[:-1]:
        holder = holder[step]
    del holder[key[-1]]
    return left


def nested(key: Key) -> dict[str, Any] | None:
    return {str(key[0]): nested(key[1:])} if key else None


def said(path: Path, overrides: tuple[str, ...] = (), *, loop: bool = False) -> Any:
    """What comes of a config: its values, or the messages without the places that differ."""
    try:
        if loop:
            return load_loop(path, overrides).config.model_dump(exclude={"name"})
        return {**load(path, overrides).resolved, "name": ""}
    except ConfigError as error:
        text = str(error)
    assert "None" not in text
    assert "Error" not in text
    return sorted({re.sub(r"^\S*(yaml|--set [^:]*)(:\d+)?: ", "", line) for line in text.splitlines()})


@pytest.mark.parametrize("name", RUNS + LOOPS)
def test_every_key_of_every_shipped_recipe_can_be_taken_back(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(seeds, "seed_tasks", SEEDS)
    values = read_document(assets.find("recipes", name)).data
    loop = name in LOOPS
    child, base, plain = tmp_path / "child.yaml", tmp_path / "base.yaml", tmp_path / "plain.yaml"
    base.write_text(yaml.safe_dump(values, sort_keys=False))
    own = of_its_own(name)
    for number, key in enumerate(key for key in keys(values) if key in own and key not in OTHERWISE):
        plain.write_text(yaml.safe_dump(without(values, key), sort_keys=False))
        child.write_text(yaml.safe_dump({"extends": "base.yaml", **(nested(key) or {})}))
        expected = said(plain, loop=loop)
        assert said(child, loop=loop) == expected, key
        if number % 4 == 0:  # the same on the command line
            setting = ".".join(map(str, key)) + "=null"
            assert said(base, (setting,), loop=loop) == expected, key


def write(folder: Path, text: str, name: str = "config") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("where", ["null", "", "{}", "~", "{task_type: null}", "{task_type: }"])
def test_seeds_of_ones_own_under_a_recipe_that_picks_among_the_shipped(tmp_path: Path, where: str) -> None:
    (tmp_path / "mine.jsonl").write_text(
        '{"id": "sea_1", "instruction": "Name a sea.", "input": "", "output": "The Baltic."}\n'
    )
    recipe = load(write(tmp_path, f"extends: alpaca\nsource:\n  path: mine.jsonl\n  where: {where}\n"))
    assert [r.instruction for r in recipe.pipeline.source.seeds] == ["Name a sea."]
    assert recipe.resolved["source"]["where"] == {}


def test_where_no_seed_task_is_left_the_next_step_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(
        '{"id": "sea_1", "instruction": "Name a sea.", "input": "", "output": "The Baltic."}\n'
    )
    with pytest.raises(ConfigError, match=r"(?s)task_type is one of question_answering, .*`where: null`") as caught:
        load(write(tmp_path, "extends: alpaca\nsource: {path: mine.jsonl}\n"))
    assert "{" not in caught.value.message
    assert caught.value.key == "source.where"


def test_a_list_where_keys_belong_is_named_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found a list, expected keys and values"):
        load(write(tmp_path, "extends: alpaca\nsource: {where: []}\n"))


PLUGIN = """\
def limited(record, *, limit: int | None = 5):
    return None
"""


def test_null_that_is_a_value_of_the_setting_stays(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text(PLUGIN)
    source = "source: {use: seeds}\nstages: [{use: './parts.py:limited', limit: 3}]\n"
    write(tmp_path, source, "base")
    for text in (source.replace("limit: 3", "limit: null"), "extends: base\nstages: {limited: {limit: null}}"):
        assert load(write(tmp_path, text)).resolved["stages"][0]["limit"] is None


def test_null_in_a_mapping_of_free_keys(tmp_path: Path) -> None:
    sampling = "{temperature: 1.0, extra: {top_k: 40, min_p: 0.1}}"
    write(tmp_path, f"source: {{use: seeds}}\nteacher: {{use: procedural, sampling: {sampling}}}\n", "base")
    child = "extends: base\nteacher: {sampling: {temperature: null, extra: {top_k: null, own: null}}}\n"
    teacher = load(write(tmp_path, child)).pipeline.teachers["teacher"]
    assert teacher.sampling is not None
    # what was inherited is taken back; what was not is the user's own null, and is sent
    assert teacher.sampling.body == {"min_p": 0.1, "own": None}


def test_null_for_a_misspelt_key_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'where'"):
        load(write(tmp_path, "extends: alpaca\nsource: {wher: null}\n"))
    with pytest.raises(ConfigError, match="did you mean 'target'"):
        load(write(tmp_path, "extends: alpaca\ntarge: null\n"))


def test_stages_are_changed_by_name(tmp_path: Path) -> None:
    text = """\
extends: alpaca
stages:
  length: {min_words: 6, max_words: null}
  non_text: null
  0: {count: 5}
  urls: {use: secrets}
"""
    stages = load(write(tmp_path, text)).resolved["stages"]
    assert [label(s) for s in stages][:3] == ["generate", "length", "openings"]
    assert (stages[0]["count"], stages[0]["sampling"]["max_tokens"]) == (5, 3072)
    assert (stages[1]["min_words"], stages[1]["max_words"]) == (6, None)
    assert {"use": "secrets"} in stages
    assert "urls" not in {label(s) for s in stages}


def test_a_changed_stage_keeps_the_place_of_every_key(tmp_path: Path) -> None:
    text = "extends: alpaca\nstages:\n  generate: null\n  length: null\n  openings:\n    openingz: [a]\n"
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match="did you mean 'openings'") as caught:
        load(path)
    # non_text and openings stand first and second when two are gone
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(path), 6, "stages.1.openingz")
    shipped = write(tmp_path, "extends: alpaca\nstages: {length: null}\n")
    with pytest.raises(ConfigError) as caught:
        load(shipped, ["stages.near_duplicate.threshold=x"])
    left = [stage["use"] for stage in load(shipped).resolved["stages"]]
    assert caught.value.key == f"stages.{left.index('near_duplicate')}.threshold"


@pytest.mark.parametrize(
    ("stages", "words", "line"),
    [
        ("{lenght: {min_words: 3}}", "did you mean 'length'", 2),
        ("{99: null}", r"99: stages has \d+ items, counted from 0", 2),
        ("{length: 3}", "found 3, expected keys and values, or null to leave the item out", 2),
    ],
)
def test_stages_that_are_changed_wrongly(tmp_path: Path, stages: str, words: str, line: int) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load(write(tmp_path, f"extends: alpaca\nstages: {stages}\n"))
    assert caught.value.line == line


def test_the_second_of_a_kind_is_named_as_reports_name_it(tmp_path: Path) -> None:
    write(tmp_path, "source: {use: seeds}\nstages: [{use: length, min_words: 1}, {use: length, min_words: 2}]", "base")
    resolved = load(write(tmp_path, "extends: base\nstages: {length_2: {min_words: 9}}")).resolved
    assert [s["min_words"] for s in resolved["stages"]] == [1, 9]
    assert len(load(tmp_path / "base.yaml", ["stages.length_2=null"]).resolved["stages"]) == 1


def test_items_of_a_list_are_taken_out_together() -> None:
    names = [
        label(s)
        for s in load("alpaca", ["stages.1=null", "stages.2=null", "stages.near_duplicate="]).resolved["stages"]
    ]
    assert names[:2] == ["generate", "openings"]
    assert "near_duplicate" not in names


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("source: {use: dataset, path: rows.jsonl}", "source"),
        ("teacher: {use: openai, base_url: 'http://localhost:1/v1', model: m}", "teacher"),
        ("teachers: {judge: {use: procedural}}", "teachers"),
        ("selectors: [{use: random_k, k: 3}]", "selectors"),
    ],
)
def test_another_part_takes_nothing_of_what_it_replaces(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"instruction": "Name a sea.", "output": "The Baltic."}\n')
    base = """\
extends: alpaca
teachers: {judge: {use: openai, base_url: "http://localhost:1/v1", model: m}}
selectors: [{use: top_k, k: 3, by: length}]
"""
    write(tmp_path, base, "base")
    written = yaml.safe_load(text)[key]
    resolved = load(write(tmp_path, f"extends: base\n{text}\n")).resolved[key]
    entry, own = (resolved["judge"], written["judge"]) if key == "teachers" else (resolved, written)
    entry, own = (entry[0], own[0]) if key == "selectors" else (entry, own)
    assert entry["use"] == own["use"]
    inherited = {"where", "human", "by"} | ({"flaws"} if key == "teacher" else {"base_url"})
    assert not inherited & entry.keys()
