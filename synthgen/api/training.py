"""The training that follows a run: a student trained on the run's own dataset by the bundled trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from synthgen.config.recipe import Recipe
from synthgen.config.training import OWN, trainer
from synthgen.errors import ConfigError
from synthgen.formats.files import located
from synthgen.store import files

STUDENT = "student"
"""The folder of the training inside the run's; the checkpoint is `model/` in it."""


def train_settings(recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """The section as the trainer takes it, for a run in this folder; None where the config has none.

    Paths of data and model start from the config's folder, as everywhere in it; what is no file there may be an id of
    the Hub, and stays as it is. `out` starts from the current directory, as `output` does.
    """
    if recipe.config.train is None:
        return None
    section = {"data": OWN, "out": str(folder / STUDENT), **recipe.config.train}
    data = section["data"] if isinstance(section["data"], list) else [section["data"]]
    sources = [dict(source) if isinstance(source, dict) else {"path": source} for source in data]
    for source in sources:
        if source["path"] == OWN:
            source |= {"path": str(folder), "name": source.get("name") or recipe.config.name}
        else:
            source["path"] = _found(str(source["path"]), recipe.base)
    model = section["model"]
    if str(section.get("template", "")).endswith((".jinja", ".j2")):
        section["template"] = _found(str(section["template"]), recipe.base)
    return {**section, "data": sources, "model": _found(model, recipe.base) if isinstance(model, str) else model}


def check_training(recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """The settings of the training that follows the run, as far as they can be known before it.

    Raises:
        ConfigError: the extra is missing, or a path leads nowhere.
    """
    settings = train_settings(recipe, folder)
    if settings is not None:
        trainer("config")
        for key, path in _paths(settings, folder):
            if path.startswith((".", "/", "~")) and not Path(path).expanduser().exists():
                raise ConfigError(f"there is no {path}", key=key, hint="paths start from the config's folder")
    return settings


def train_on(recipe: Recipe, folder: Path, say: Callable[[str], None] = print) -> Any:
    """Trains the student of a finished run, and returns the trainer's report; None without a `train:` section.

    The same call goes on with a training that was stopped, and returns the report of one that has ended. What is
    trained is kept in `<folder>/train.yaml`, which `synthgen train` takes.

    Raises:
        SynthgenError: the extra is missing, a check before training failed, or training cannot go on.
    """
    settings = check_training(recipe, folder)
    if settings is None:
        return None
    parsed = trainer("config").parse(settings)
    file = folder / "train.yaml"
    files.write(file, yaml.safe_dump({"train": settings}, sort_keys=False, allow_unicode=True))
    return trainer("train").train(parsed, say=say, command=["train", str(file)])


def _paths(settings: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    if isinstance(settings["model"], str):
        yield "train.model", settings["model"]
    for number, source in enumerate(settings["data"]):
        if source["path"] != str(folder):
            yield f"train.data.{number}.path", source["path"]


def _found(path: str, base: Path) -> str:
    there = located(path, base)
    return str(there) if path.startswith((".", "~")) or there.exists() else path
