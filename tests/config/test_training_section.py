from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from synthgen.api.training import check_training, train_on, train_settings
from synthgen.config import load
from synthgen.errors import ConfigError

CONFIG = """\
name: mine
source: {use: dataset, path: rows.jsonl}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"instruction": "say hello", "output": "hello"}\n')

    def write(section: str, folder: str = ".") -> Path:
        path = tmp_path / folder / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{CONFIG}train:{section}\n")
        return path

    return write


def test_without_a_section_nothing_is_trained(tmp_path: Path, write: Any) -> None:
    recipe = load(write(""))
    assert train_settings(recipe, tmp_path) is None
    assert check_training(recipe, tmp_path) is None
    assert train_on(recipe, tmp_path) is None


def test_the_student_is_trained_on_the_run_and_beside_it(tmp_path: Path, write: Any) -> None:
    run = tmp_path / "outputs" / "mine"
    settings = train_settings(load(write(" {model: org/model, method: {use: lora}}")), run)
    assert settings == {
        "model": "org/model",
        "method": {"use": "lora"},
        "data": [{"path": str(run), "name": "mine"}],
        "out": str(run / "student"),
    }


def test_paths_start_from_the_configs_folder_and_hub_ids_stay(tmp_path: Path, write: Any) -> None:
    (tmp_path / "sub" / "model").mkdir(parents=True)
    for name in ("rows.jsonl", "general.jsonl"):
        (tmp_path / "sub" / name).write_text('{"instruction": "say hello", "output": "hello"}\n')
    data = "[{path: run, share: 0.5}, {path: general.jsonl, share: 0.25}, {path: org/data, share: 0.25}]"
    settings = train_settings(load(write(f" {{model: model, data: {data}}}", "sub")), tmp_path / "run")
    assert settings is not None
    assert settings["model"] == str(tmp_path / "sub" / "model")
    assert [s["path"] for s in settings["data"]] == [
        str(tmp_path / "run"),
        str(tmp_path / "sub" / "general.jsonl"),
        "org/data",
    ]
    assert [s["share"] for s in settings["data"]] == [0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (" {}", ":3: train.model: the key is missing"),
        (" 7", ":3: train: found the number 7, expected keys and values"),
        ("\n  model: m\n  epoch: 3", ":5: train.epoch: there is no such key\n  → did you mean 'epochs'?"),
        ("\n  model: m\n  method: {use: lora, rank: 3}", ":5: train.method.rank: there is no such key"),
        ("\n  model: m\n  method: {use: lola}", ":5: train.method"),
        ("\n  model: {from_scratch: {hiden: 3}}", ":4: train.model.from_scratch.hiden: there is no such key"),
        ("\n  model: m\n  batch_size: 0", ":5: train.batch_size: found the number 0, expected at least 1"),
        ("\n  model: m\n  epochs: 1\n  max_steps: 2", "epochs and max_steps: give one of them"),
        ("\n  model: m\n  data: other.jsonl", ":5: train.data: the run's own dataset is not among the data"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(write: Any, section: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(section))
    assert words in str(caught.value)


def test_what_cannot_be_trained_is_known_before_the_run(tmp_path: Path, write: Any, extra: Any) -> None:
    extra(False)
    with pytest.raises(ConfigError, match=r"the trainer needs torch(.|\n)*synthgen\[train\]"):
        check_training(load(write(" {model: org/model}")), tmp_path)
    extra(True)
    importlib.import_module("synthgen_train.config")
    assert check_training(load(write(" {model: org/model, data: [run, org/data]}")), tmp_path)
    with pytest.raises(ConfigError, match=r"train\.model: there is no .*missing"):
        check_training(load(write(" {model: ./missing}")), tmp_path)
    with pytest.raises(ConfigError, match=r"train\.data\.1\.path: there is no .*none\.jsonl"):
        check_training(load(write(" {model: org/model, data: [run, ./none.jsonl]}")), tmp_path)


def test_a_changed_section_leaves_the_run_as_it_is(write: Any) -> None:
    from synthgen.config import free_keys, ingredients

    one, other = (load(write(f" {{model: m, seed: {seed}}}")) for seed in (1, 2))
    assert "train" in free_keys(one)
    assert ingredients(one) == ingredients(other)
