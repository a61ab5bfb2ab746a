"""Recipes for `synthgen train` are read as every config is; nothing here needs the extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthgen.api.training import load_training
from synthgen.config.models import training_setting_lines
from synthgen.errors import ConfigError
from synthgen.trainers.bundled import section_model

SECTION = "train:\n  model: {from_scratch: {}}\n  data: rows.jsonl\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a recipe into a folder beside the current directory, with rows of that folder's own."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "rows.jsonl").write_text('{"instruction": "say hello", "output": "hello"}\n')

    def write(text: str, name: str = "mine.yaml") -> Path:
        path = folder / name
        path.write_text(text)
        return path

    return write


def test_a_section_and_a_file_of_its_keys_alone_mean_the_same(write: Any) -> None:
    under = load_training(write(SECTION + "  max_steps: 3\n"), ["train.seed=2", "batch_size=8"])
    alone = load_training(
        write("model: {from_scratch: {}}\ndata: rows.jsonl\nmax_steps: 3\n"), ["train.seed=2", "batch_size=8"]
    )
    assert under.settings == alone.settings
    assert under.settings["max_steps"] == 3
    assert (under.settings["seed"], under.settings["batch_size"]) == (2, 8)


def test_it_is_yaml_of_version_12(write: Any) -> None:
    settings = load_training(write(SECTION + "  report_to: no\n  learning_rate: 2e-5\n")).settings
    assert settings["report_to"] == "no"
    assert settings["learning_rate"] == 2e-5


def test_a_recipe_builds_on_another_and_takes_back(write: Any) -> None:
    write(SECTION + "  max_steps: 9\n  method: {use: lora, r: 4}\n", "base.yaml")
    text = "extends: base.yaml\ntrain:\n  max_steps: null\n  epochs: 2\n  method: {alpha: 8}\n"
    settings = load_training(write(text)).settings
    assert settings["max_steps"] is None
    assert settings["epochs"] == 2
    assert settings["method"] == {"use": "lora", "r": 4, "alpha": 8}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SECTION + "  max_step: 3\n",
            "mine.yaml:4: train.max_step: there is no such key\n  → did you mean 'max_steps'?",
        ),
        (SECTION + "  batch_size: 0\n", "mine.yaml:4: train.batch_size: found the number 0, expected at least 1"),
        (SECTION + "  model: x\n", "mine.yaml:4: the key 'model' stands here and in line 2"),
        (SECTION + "seed: 3\n", "mine.yaml:4: seed: there is no such key beside `train:`"),
        (SECTION + "nane: x\n", "mine.yaml:4: nane: there is no such key"),
        (
            SECTION + "  template: sk-proj-abcdefghijklmnopqrstuvwxyz0123\n",
            "mine.yaml:4: train.template: holds a secret",
        ),
        ("model: m\ndata: d\nlr: 3\n", "mine.yaml:3: lr: there is no such key"),
        ("train: {model: m}\n", "mine.yaml:1: train.data: the key is missing"),
        ("train: 3\n", "mine.yaml:1: train: found the number 3, expected keys and values"),
        ("a: [\n", "not valid YAML"),
        ("", "the config is empty"),
        ("source: {use: seeds}\n", "describes a run, not a training"),
        ("seeds: x\nheld_out: {a: b}\ntrain: {use: small}\n", "describes a loop, not a training"),
        ("source: {use: seeds}\ntrain: {model: m}\n", "there is no dataset in outputs/mine"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write: Any, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_training(write(text))
    assert words in str(caught.value)
    assert "abcdefghij" not in str(caught.value)


def test_options_and_settings_name_themselves(write: Any) -> None:
    path = write(SECTION)
    for overrides, options, words in (
        (["max_steps=x"], {}, "--set train.max_steps: train.max_steps: found the text 'x', expected a whole number"),
        (["train.learning_rate=x"], {}, "--set train.learning_rate: train.learning_rate: found"),
        ([], {"objective": "sfd"}, "--objective: train.objective: found the text 'sfd'"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_training(path, overrides, **options)
        assert words in str(caught.value)


def test_settings_go_over_options(write: Any) -> None:
    path = write(SECTION + "  method: {use: lora, r: 4}\n")
    assert load_training(path, ["method.r=2"], method={"use": "lora"}).settings["method"] == {"use": "lora", "r": 2}
    assert load_training(path, method={"use": "full"}).settings["method"] == {"use": "full"}
    alone = load_training(None, ["data.1.split=test"], model="m", data=["a", {"path": "b"}]).settings
    assert alone["data"] == [{"path": "a"}, {"path": "b", "split": "test"}]


def test_paths_start_from_the_recipes_folder_those_of_options_from_the_current_one(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(SECTION)
    rows = str(tmp_path / "recipes" / "rows.jsonl")
    assert load_training(path).settings["data"] == [{"path": rows}]
    assert load_training(path, data=["rows.jsonl", "b"]).settings["data"] == [{"path": "rows.jsonl"}, {"path": "b"}]
    (tmp_path / "here" / "others.jsonl").write_text("{}\n")
    listed = load_training(path, ["data=[rows.jsonl, others.jsonl, org/data]"]).settings["data"]
    assert [source["path"] for source in listed] == [rows, "others.jsonl", "org/data"]
    monkeypatch.chdir(tmp_path / "recipes")
    assert load_training("mine.yaml").settings["data"] == [{"path": "rows.jsonl"}]


def test_a_runs_config_trains_on_its_dataset(write: Any, tmp_path: Path) -> None:
    path = write("source: {use: seeds}\ntrain: {model: org/model}\n")
    run = tmp_path / "here" / "outputs" / "mine"
    (run / "dataset").mkdir(parents=True)
    training = load_training(path)
    assert training.settings["data"] == [{"path": "outputs/mine", "name": "mine"}]
    assert training.settings["out"] == "outputs/mine/student"
    assert load_training(path, data="rows.jsonl").settings["data"] == [{"path": "rows.jsonl"}]


def test_a_path_that_leads_nowhere_is_told(write: Any, extra: Any) -> None:
    training = load_training(write(SECTION.replace("rows.jsonl", "./none.jsonl")))
    extra(False)
    with pytest.raises(ConfigError, match="the trainer needs torch"):
        training.check()
    extra(True)
    with pytest.raises(ConfigError, match=r"mine\.yaml:3: train\.data.*: there is no .*none\.jsonl"):
        training.check()


def test_every_setting_is_listed_with_what_it_is_for() -> None:
    told = "\n".join(training_setting_lines())
    for name in section_model().model_fields:
        assert f"\n  {name}" in f"\n{told}"
    assert "  batch_size: whole number (default 16)\n      rows a device takes" in told
    assert "  method: {use: lora}\n      Low-rank updates" in told
    assert "  data.N.path: text (required)\n" in told
    keys = [line for line in told.splitlines() if not line.startswith("      ")]
    assert len(keys) * 2 == len(told.splitlines())
