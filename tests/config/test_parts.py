from __future__ import annotations

from pathlib import Path

import pytest

from synthgen.config.document import parse_document
from synthgen.config.recipe import Recipe, make_recipe
from synthgen.engine.contracts import FilterStage
from synthgen.errors import ConfigError, PluginError
from synthgen.stages.generate import Generate

TEACHER = "teacher: {use: procedural}\nsource: {use: seeds}\n"


def recipe(tmp_path: Path, text: str) -> Recipe:
    return make_recipe(parse_document(TEACHER + text, "c.yaml"), tmp_path, default_name="x")


def test_stages_and_filters_stand_in_one_list(tmp_path: Path) -> None:
    text = "stages:\n- {use: generate, prompt: alpaca/tasks}\n- {use: length, min_words: 4}\n- {use: near_duplicate}\n"
    stages = recipe(tmp_path, text).pipeline.stages
    assert [(label, type(stage)) for label, stage in stages] == [
        ("generate", Generate),
        ("length", FilterStage),
        ("near_duplicate", FilterStage),
    ]
    assert [stage.ordered for _, stage in stages] == [False, False, True]


def test_every_label_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "filters.py").write_text("def source(record):\n    return None\n")
    text = "stages:\n- {use: length, min_words: 4}\n- {use: length, max_words: 9}\n- {use: empty, name: length_3}\n"
    text += "- {use: length, max_words: 9}\n- {use: ./filters.py:source}\n"
    labels = [label for label, _ in recipe(tmp_path, text).pipeline.stages]
    assert labels == ["length", "length_2", "length_3", "length_4", "source_2"]


@pytest.mark.parametrize("name", ["source", "commit", "length"])
def test_a_name_that_is_taken(tmp_path: Path, name: str) -> None:
    text = f"stages:\n- {{use: length, min_words: 4}}\n- {{use: empty, name: {name}}}\n"
    with pytest.raises(ConfigError, match=r"c\.yaml:5: stages\.1\.name: the name .* is taken"):
        recipe(tmp_path, text)


def test_further_teachers_and_the_stages_that_ask_them(tmp_path: Path) -> None:
    text = "teachers: {judge: {use: procedural, flaws: 0}}\nstages:\n- {use: respond, teacher: judge}\n"
    pipeline = recipe(tmp_path, text).pipeline
    assert list(pipeline.teachers) == ["teacher", "judge"]
    assert pipeline.teachers["judge"].model != pipeline.teachers["teacher"].model


def test_a_stage_that_asks_a_teacher_whom_the_config_does_not_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)c\.yaml:4: stages\.0\.teacher: .*'teechers'.*did you mean 'teacher'"):
        recipe(tmp_path, "stages:\n- {use: respond, teacher: teechers}\n")
    document = parse_document("source: {use: seeds}\nstages: [{use: respond}]", "c.yaml")
    with pytest.raises(ConfigError, match=r"add teacher: \{use: procedural\}"):
        make_recipe(document, tmp_path, default_name="x")


def test_two_teachers_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"teachers\.teacher: the name is taken"):
        recipe(tmp_path, "teachers: {teacher: {use: procedural}}\n")


def test_a_part_that_does_not_exist_has_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        recipe(tmp_path, "stages:\n- {use: empty}\n- use: lenght\n")
    assert isinstance(caught.value, PluginError)
    assert (caught.value.line, caught.value.key) == (5, "stages.1.use")
    assert "did you mean 'length'" in str(caught.value)


def test_an_error_in_the_users_own_file_keeps_the_place_in_that_file(tmp_path: Path) -> None:
    (tmp_path / "filters.py").write_text("import os\n\nlimit = undefined_name\n")
    with pytest.raises(PluginError) as caught:
        recipe(tmp_path, "stages:\n- use: ./filters.py:f\n")
    assert (str(caught.value.file), caught.value.line) == (str(tmp_path / "filters.py"), 3)
    assert caught.value.key == "stages.0.use"


def test_an_error_in_a_data_file_names_that_file_and_the_key(tmp_path: Path) -> None:
    document = parse_document("source: {use: dataset, path: none.jsonl}", "c.yaml")
    with pytest.raises(ConfigError) as caught:
        make_recipe(document, tmp_path, default_name="x")
    assert str(caught.value.file).endswith("none.jsonl")
    assert caught.value.key == "source"


def test_problems_of_several_parts_come_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        recipe(tmp_path, "stages:\n- {use: length, min_word: 3}\n- {use: nothing_like_it}\n- {use: blocklist}\n")
    message = str(caught.value)
    assert [f"c.yaml:{line}" in message for line in (4, 5, 6)] == [True] * 3


def test_the_resolved_config_has_every_setting_of_every_part(tmp_path: Path) -> None:
    (tmp_path / "filters.py").write_text("def few(record, *, limit: int = 3, words: tuple[str, ...] = ('a',)): ...\n")
    resolved = recipe(
        tmp_path, "stages:\n- {use: length, name: short, min_words: 4}\n- use: ./filters.py:few\n"
    ).resolved
    assert resolved["stages"] == [
        {
            "use": "length",
            "name": "short",
            "min_words": 4,
            "max_words": None,
            "field": "instruction",
            "faithful": False,
        },
        {"use": "./filters.py:few", "limit": 3, "words": ["a"]},
    ]
    assert resolved["teacher"]["flaws"] == 0.15
    assert resolved["budget"] == {"requests": None, "tokens": None, "usd": None}
