"""Trainings by the bundled trainer: of a recipe of their own, and those that follow a run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthgen.config.document import Document, Key, Place
from synthgen.config.merge import override, read_config
from synthgen.config.models import OWN_DATASET, TRAIN_SECTION, checked_training, training_data
from synthgen.config.problems import combined, refuse_secrets, shown
from synthgen.config.recipe import Recipe, check_kind, default_name, is_kept, kind_of, locate
from synthgen.errors import ConfigError
from synthgen.formats.files import located
from synthgen.store import files
from synthgen.store.files import yaml_text
from synthgen.trainers.bundled import bundled, section_model

STUDENT = "student"
"""The folder of the training inside the run's; the checkpoint is `model/` in it."""

_BESIDE = ("name", TRAIN_SECTION)
"""Keys at the top of a recipe that has its settings under `train:`."""


@dataclass(frozen=True, slots=True)
class Training:
    """A training whose settings have been checked; `settings` are the trainer's, with all paths in their places.

    `document` and `at` tell where each stands. `run` is the run folder whose dataset is trained on, where it is one.
    """

    settings: dict[str, Any]
    document: Document
    at: Key = (TRAIN_SECTION,)
    run: Path | None = None

    def check(self) -> None:
        """Looks for what can be missing before anything is read.

        Raises:
            ConfigError: the extra is not installed, or a path leads nowhere.
        """
        bundled("config")
        for key, path in self._paths():
            if path.startswith((".", "/", "~")) and not Path(path).expanduser().exists():
                place = self.document.place((*self.at, *key))
                start = "the current directory" if place and place.line is None else "the recipe's folder"
                raise self.document.error((*self.at, *key), f"there is no {path}", hint=f"paths start from {start}")

    def _paths(self) -> Iterator[tuple[Key, str]]:
        if isinstance(self.settings["model"], str):
            yield ("model",), self.settings["model"]
        for number, source in enumerate(self.settings["data"]):
            if source["path"] != str(self.run):
                yield ("data", number, "path"), source["path"]


def load_training(config: Path | str | None = None, overrides: Sequence[str] = (), **options: Any) -> Training:
    """The training of a YAML file, read as every config is: YAML 1.2, `extends`, the place of each key in errors.

    The settings stand under `train:`, or at the top of a file that holds nothing else. A run's config that has the
    section trains on that run's dataset. `overrides` are as `--set` takes them, with or without `train.`; `options` are
    settings in place of the file's, and paths in them start from the current directory.

    Paths in the file start from its folder. One that leads nowhere there, but somewhere from the current directory, is
    taken from that, as is `out` always. What is neither may be an id of the Hub, and stays as it is.

    Raises:
        ConfigError: with everything that is wrong in it.
    """
    document, base, run, name = Document({}), Path.cwd(), None, ""
    if config is not None:
        path, base = locate(config)
        document = read_config(path)
        kind = kind_of(document)
        if kind != "run" or TRAIN_SECTION not in document.data:
            check_kind(document, "training", config, path)
        if kind == "run":
            name = str(document.data.get("name") or default_name(path, base))
            run = path.parent if is_kept(path) else Path(str(document.data.get("output") or "outputs")) / name
    at: Key = (TRAIN_SECTION,) if TRAIN_SECTION in document.data else ()
    # options first: `--method lora --set method.r=4`
    document = _with_options(document, _section_in(document, at), at, options)
    document = override(document, [_of_section(setting, at) for setting in overrides])
    if at and run is None:
        _refuse_beside(document)
    section = _section_in(document, at)
    refuse_secrets(document)
    values, wrong = checked_training(section, document, at, own=run is not None)
    if wrong:
        raise combined(wrong)
    if run is not None:
        values = {"out": str(run / STUDENT), **values}
    written = run is None or is_kept(path)
    settings = _in_place(values, base, run, name, given=options, as_written=written)
    if run is not None and any(s["path"] == str(run) for s in settings["data"]) and not (run / "dataset").is_dir():
        hint = f"`synthgen run {shlex.quote(str(config))}` makes it"
        raise ConfigError(f"there is no dataset in {run}", file=path, hint=hint)
    return Training(settings, document, at, run)


def _section_in(document: Document, at: Key) -> dict[str, Any]:
    section = document.data[TRAIN_SECTION] if at else document.data
    if not isinstance(section, dict):
        raise document.error(at, f"found {shown(section)}, expected keys and values")
    return section


def _of_section(setting: str, at: Key) -> str:
    """The setting with the section's name before its key, unless it is there or the key is a run's alone."""
    first = setting.partition("=")[0].split(".")[0].strip()
    if not at:
        return setting.removeprefix(f"{TRAIN_SECTION}.")
    return setting if first in (TRAIN_SECTION, "extends", "output", "name") else f"{TRAIN_SECTION}.{setting}"


def _refuse_beside(document: Document) -> None:
    known = section_model().model_fields
    wrong = [
        document.error(
            (key,), f"there is no such key beside `{TRAIN_SECTION}:`", hint=f"indent it, under `{TRAIN_SECTION}:`"
        )
        if key in known
        else document.error((key,), "there is no such key", hint=f"keys here: {', '.join(_BESIDE)}")
        for key in document.data
        if key not in _BESIDE
    ]
    if wrong:
        raise combined(wrong)


def _with_options(document: Document, section: dict[str, Any], at: Key, options: Mapping[str, Any]) -> Document:
    """The document whose section has these settings in place of its own."""
    places = document.places
    for name, value in options.items():
        section[name] = value
        places = {key: place for key, place in places.items() if key[: len(at) + 1] != (*at, name)}
        places[*at, name] = Place(f"--{name}")
    return replace(document, places=places)


def _in_place(
    section: Mapping[str, Any],
    base: Path,
    run: Path | None,
    name: str,
    *,
    given: Mapping[str, Any] | None = None,
    as_written: bool = False,
) -> dict[str, Any]:
    """The section with its paths where they lead; those of `given` start from the current directory, as they are.

    `as_written` leaves one as it is that leads to the same place from there: a folder is a training's by its settings.
    """
    given = given or {}
    data, model = training_data(section), section["model"]
    for source in data:
        if run is not None and source["path"] == OWN_DATASET:
            source |= {"path": str(run), "name": source.get("name") or name}
        elif "data" not in given:
            source["path"] = _found(str(source["path"]), base, as_written)
    settings = {**section, "data": data}
    if isinstance(model, str) and "model" not in given:
        settings["model"] = _found(model, base, as_written)
    if str(section.get("template") or "").endswith((".jinja", ".j2")):
        settings["template"] = _found(section["template"], base, as_written)
    return settings


def _found(path: str, base: Path, as_written: bool) -> str:
    there, here = located(path, base), Path(path)
    if here.exists() and (not there.exists() or (as_written and here.samefile(there))):
        return path
    return str(there) if path.startswith((".", "~")) or there.exists() else path


def train_settings(recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """The section as the trainer takes it, for a run in this folder; None where the config has none.

    Paths are as for `load_training`; `out` is the folder `student` in the run's where the section names none.
    """
    if recipe.config.train is None:
        return None
    section = {"out": str(folder / STUDENT), **recipe.config.train}
    return _in_place(section, recipe.base, folder, recipe.config.name)


def check_training(recipe: Recipe, folder: Path) -> dict[str, Any] | None:
    """The settings of the training that follows the run, as far as they can be known before it.

    Raises:
        ConfigError: the extra is missing, or a path leads nowhere.
    """
    settings = train_settings(recipe, folder)
    if settings is not None:
        Training(settings, Document({}), run=folder).check()
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
    file = folder / "train.yaml"
    files.write(file, yaml_text({TRAIN_SECTION: settings}, width=80))
    return train(settings, say=say, command=["train", str(file)])


def train(settings: Mapping[str, Any], **how: Any) -> Any:
    """Trains by these settings, and returns the trainer's report; `how` is what its `train` takes beside them.

    Raises:
        SynthgenError: the extra is missing, a check before training failed, or training cannot go on.
    """
    return bundled("train").train(bundled("config").parse(dict(settings)), **how)


def plan(settings: Mapping[str, Any], **how: Any) -> Any:
    """What a training by these settings would do, said and returned; nothing is written. `how` is as for `train`.

    Raises:
        SynthgenError: as `train` would before its first step.
    """
    return bundled("train").plan(bundled("config").parse(dict(settings)), **how)
