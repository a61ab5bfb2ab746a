from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config.document import parse_document
from synthgen.config.problems import combined
from synthgen.config.recipe import make_recipe
from synthgen.errors import ConfigError

SOURCE = "source: {use: seeds}\n"


def error_of(tmp_path: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        make_recipe(parse_document(SOURCE + text, "c.yaml"), tmp_path, default_name="x")
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("stage: []", 2, "stage", ["there is no such key", "did you mean 'stages'"]),
        ("zzz: 1", 2, "zzz", ["keys here: ", "concurrency, export"]),
        ("target: many", 2, "target", ["found the text 'many', expected a whole number"]),
        ("target: '5'", 2, "target", ["found the text '5'", "remove the quotes"]),
        ("target: true", 2, "target", ["found true, expected a whole number"]),
        ("target: 2.5", 2, "target", ["found the number 2.5, expected a whole number"]),
        ("target: 0", 2, "target", ["found the number 0, expected at least 1"]),
        ("name: 7", 2, "name", ["found the number 7, expected a text", "put it in quotes"]),
        ("name: a b", 2, "name", ["found the text 'a b'"]),
        ("stages: 3", 2, "stages", ["found the number 3, expected a list"]),
        ("stages:\n- length", 3, "stages.0", ["found the text 'length', expected keys and values", "`use: length`"]),
        ("stages:\n- min_words: 3", 3, "stages.0.use", ["the key is missing", "add use"]),
        ("stages:\n- uses: length", 3, "stages.0.use", ["is 'uses' meant to be 'use'"]),
        ("budget: {usd: x}", 2, "budget.usd", ["found the text 'x', expected a number"]),
        ("budget:\n  request: 3", 3, "budget.request", ["did you mean 'requests'"]),
        ("export:\n- alpaca\n- mesages", 4, "export.1", ["'mesages'", "did you mean 'messages'"]),
        ("teacher: procedural", 2, "teacher", ["expected keys and values", "`use: procedural`"]),
        ("teachers: {judge: {}}", 2, "teachers.judge.use", ["the key is missing"]),
        ("stages:\n- {use: length, min_words: x}", 3, "stages.0.min_words", ["the text 'x'", "a whole number"]),
        ("stages:\n- use: length\n  min_wrds: 1", 4, "stages.0.min_wrds", ["did you mean 'min_words'"]),
        ("stages:\n- use: length\n  field: outptu", 4, "stages.0.field", ["expected one of", "did you mean 'output'"]),
        ("stages:\n- use: blocklist", 3, "stages.0.words", ["the key is missing"]),
        (
            "teacher: {use: procedural}\nstages:\n- use: generate\n  prompt: p\n  sampling:\n    temprature: 1",
            7,
            "stages.0.sampling.temprature",
            ["did you mean 'temperature'"],
        ),
        (
            "teacher: {use: procedural}\nstages:\n- use: generate\n  prompt: p\n  sampling: {top_p: 3}",
            6,
            "stages.0.sampling.top_p",
            ["found the number 3, expected at most 1"],
        ),
    ],
)
def test_a_wrong_key_is_named_with_line_found_expected_and_nearest(
    tmp_path: Path, text: str, line: int, key: str, words: list[str]
) -> None:
    error = error_of(tmp_path, text)
    assert (error.file, error.line, error.key) == ("c.yaml", line, key)
    for expected in words:
        assert expected in str(error)


def test_a_value_error_of_a_part_is_said_in_its_own_words(tmp_path: Path) -> None:
    text = "teacher:\n  use: procedural\n  families: [nonsense]"
    error = error_of(tmp_path, text)
    assert (error.line, error.key) == (4, "teacher.families")
    assert error.message.startswith("there is no family 'nonsense'")


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = error_of(tmp_path, "target: many\nseeed: 1\nconcurrency: 0")
    lines = [line for line in str(error).split("\n") if not line.startswith("  ")]
    assert [line.split(": ")[0] for line in lines] == ["c.yaml:2", "c.yaml:3", "c.yaml:4"]
    assert error.line == 2


def test_a_missing_source_is_an_error_of_the_whole_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:1: source: the key is missing"):
        make_recipe(parse_document("target: 1", "c.yaml"), tmp_path, default_name="x")


def test_errors_are_sorted_and_the_first_has_the_place() -> None:
    one = combined([ConfigError("late", file="a", line=9, hint="h"), ConfigError("early", file="a", line=2)])
    assert (one.line, str(one)) == (2, "a:2: early\na:9: late\n  → h")
