"""Which run folder a recipe runs in: a new one, one to go on with, or the next free one beside a run to reuse."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.config.recipe import Recipe
from synthgen.errors import ConfigError
from synthgen.sources.location import label_of
from synthgen.store import Ingredients, RunFolder
from synthgen.store.folder import flat

FREE = ("concurrency", "target", "budget", "stop", "export", "output", "license")
"""Keys of a config that may differ when a run goes on: they change when it ends, not what a record is."""


def may_change(recipe: Recipe) -> tuple[str, ...]:
    """The dotted keys in which a run that goes on may differ: `FREE`, and how its teachers are reached.

    A teacher's class names the latter in `free_settings`: those that change no reply.
    """
    return FREE + tuple(f"{where}.{key}" for where, keys in _free_settings(recipe).items() for key in keys)


def run_config(recipe: Recipe) -> dict[str, Any]:
    """The config as the run folder keeps it: resolved, with the hashes of the files that it names."""
    return {**recipe.resolved, "files": {name: _sha256(path) for name, path in sorted(_files(recipe).items())}}


def choose(recipe: Recipe, *, out: Path | None = None, reuse: Path | None = None) -> Path:
    """The path of the run folder: `out`, or `<output>/<name>`.

    Beside a run to reuse it is the first of `<name>`, `<name>-2`, `<name>-3`, … that is free or holds this very run.
    """
    if out is not None:
        return out
    first = Path(recipe.config.output) / recipe.config.name
    path, number = first, 1
    while reuse is not None and _other(recipe, path, reuse):
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


def open_folder(recipe: Recipe, path: Path) -> RunFolder:
    """The run folder, locked.

    Raises:
        ConfigError: it holds a run of another config.
        StoreError: it cannot be written, or another process works on it.
    """
    config, free = run_config(recipe), may_change(recipe)
    there = RunFolder(path)
    if there.config_path.is_file() and (changed := differences(there.config(), config, free)):
        shown = "; ".join(f"{key}: {old!r} there, {new!r} here" for key, (old, new) in list(changed.items())[:3])
        more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise ConfigError(
            f"{path} holds a run of another config ({shown}{more})",
            hint=f"--reuse {path} decides again in a new folder and pays only for what is new; --out starts afresh",
        )
    return RunFolder.create_or_open(path, config, may_change=free)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], free: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    """The dotted keys, outside `free`, whose values differ, with both values."""
    before, after = dict(flat(old)), dict(flat(new))
    return {
        key: (before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key) and not any(key == k or key.startswith(f"{k}.") for k in free)
    }


def ingredients(recipe: Recipe) -> Ingredients:
    """What the dataset is made from; to be called when the prompts have been read."""
    unshaping = {"concurrency", "budget", "export", "output", "license"}
    shaping = {key: value for key, value in recipe.resolved.items() if key not in unshaping}
    for where, keys in _free_settings(recipe).items():
        top, _, name = where.partition(".")
        if name:
            shaping[top] = {**shaping[top], name: _without(shaping[top][name], keys)}
        else:
            shaping[top] = _without(shaping[top], keys)
    return Ingredients(
        name=recipe.config.name,
        seed=recipe.config.seed,
        recipe={key: _portable(value) for key, value in shaping.items()},
        prompts=recipe.renderer.hashes,
        seeds={name: _sha256(path) for name, path in sorted(_source_files(recipe).items())},
        license=recipe.config.license,
    )


def _free_settings(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """By each teacher's place in the config, the settings that do not change its replies."""
    return {
        "teacher" if name == "teacher" else f"teachers.{name}": tuple(getattr(teacher, "free_settings", ()))
        for name, teacher in recipe.pipeline.teachers.items()
    }


def _without(settings: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _portable(value: Any) -> Any:
    """The value with absolute paths cut to their last part: the same on every machine."""
    if isinstance(value, dict):
        return {key: _portable(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_portable(below) for below in value]
    return Path(value).name if isinstance(value, str) and value.startswith("/") and Path(value).exists() else value


def _files(recipe: Recipe) -> dict[str, Path]:
    """All files that shape the data: those of plug-ins, of the source, and prompt templates that stages name."""
    files = {label_of(path, recipe.base): path for path in recipe.files} | _source_files(recipe)
    for entry in recipe.resolved["stages"]:
        for value in entry.values():
            if isinstance(value, str) and (template := _template(value, recipe.base)):
                files[f"prompt {value}"] = template
    return files


def _template(name: str, base: Path) -> Path | None:
    try:
        return assets.find("prompts", name, base)
    except (ConfigError, OSError, ValueError):
        return None


def _source_files(recipe: Recipe) -> dict[str, Path]:
    return {label_of(path, recipe.base): path for path in getattr(recipe.pipeline.source, "files", ())}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _other(recipe: Recipe, path: Path, reuse: Path) -> bool:
    """Whether another run than this one lives at the path."""
    if path.resolve() == reuse.resolve():
        return True
    if not path.exists():
        return False
    there = RunFolder(path)
    if not there.config_path.is_file():
        return True
    return bool(differences(there.config(), run_config(recipe), may_change(recipe)))
