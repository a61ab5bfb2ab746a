"""What of a recipe shapes its data, and what does not: the latter may change when a run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from synthgen.config.recipe import FINGERPRINT, Recipe
from synthgen.formats.files import label_of
from synthgen.plugins.find import imported_files
from synthgen.requests.request import model_name
from synthgen.store import Ingredients
from synthgen.store.folder import flat

ENDS = ("target", "stop")
"""Keys that say how far a run goes, and so how much data there is."""

FILES_FORMAT = 2
"""Raised when more files become part of the fingerprint: a run of before goes on without those."""

PARTS = ("source", "teacher", "teachers", "stages", "selectors")

FREE = (*ENDS, "budget", "concurrency", "export", "output", "license", "train")
"""Keys in which a run that goes on may differ: none of them changes what a record is."""


def free_keys(recipe: Recipe) -> tuple[str, ...]:
    """The dotted keys in which a run that goes on may differ: `FREE`, and how its teachers are reached."""
    keys = list(FREE)
    for name, teacher in recipe.pipeline.teachers.items():
        place = "teacher" if name == "teacher" else f"teachers.{name}"
        keys += [f"{place}.{key}" for key in teacher.free_settings]
    return tuple(keys)


def run_config(recipe: Recipe) -> dict[str, Any]:
    """The config as the run folder keeps it: resolved, with the hashes of the files that shape the data."""
    hashes = {name: _sha256(path) for name, path in sorted(shaping_files(recipe).items())}
    return {**recipe.resolved, FINGERPRINT: FILES_FORMAT, "files": hashes}


def ingredients(recipe: Recipe) -> Ingredients:
    """What the dataset is made from; to be called when the prompts have been read."""
    return Ingredients(
        name=recipe.config.name,
        seed=recipe.config.seed,
        recipe=_portable(_without(recipe.resolved, {*free_keys(recipe)} - {*ENDS})),
        prompts=recipe.renderer.hashes,
        seeds={name: _sha256(path) for name, path in sorted(_source_files(recipe).items())},
        license=recipe.config.license,
    )


def _without(values: Mapping[str, Any], keys: Collection[str], above: str = "") -> dict[str, Any]:
    """The nested mapping without these dotted keys."""
    return {
        key: _without(value, keys, f"{above}{key}.") if isinstance(value, dict) else value
        for key, value in values.items()
        if f"{above}{key}" not in keys
    }


def _portable(value: Any) -> Any:
    """The value with absolute paths cut to their last part: the same on every machine."""
    if isinstance(value, dict):
        return {
            key: model_name(below) if key == "model" and isinstance(below, str) else _portable(below)
            for key, below in value.items()
        }
    if isinstance(value, list):
        return [_portable(below) for below in value]
    return Path(value).name if isinstance(value, str) and value.startswith("/") and Path(value).exists() else value


def shaping_files(recipe: Recipe) -> dict[str, Path]:
    """All files that shape the data, by name: those of plug-ins, with the modules beside them that they import, those
    of the source, prompt templates that stages name, with those that they include, and other files that settings name.
    """
    plugins = {path for file in recipe.files for path in (file, *imported_files(file, file.parent))}
    files = {label_of(path, recipe.base): path for path in plugins} | _source_files(recipe)
    for key, value in _settings(recipe):
        templates = recipe.renderer.files_of(value) if key.startswith("stages.") else {}
        files |= {f"prompt {name}": path for name, path in templates.items()}
        if not templates and (path := _named(value, recipe.base)):
            files.setdefault(label_of(path, recipe.base), path)
    return files


def _settings(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """The texts among the settings of all parts with their keys, but for those that may change."""
    free = free_keys(recipe)
    for key, value in flat({name: recipe.resolved[name] for name in PARTS}):
        if isinstance(value, str) and value and not key.endswith(".use") and not key.startswith(free):
            yield key, value


def _named(value: str, base: Path) -> Path | None:
    """The file that a setting names, if it names one: a list of words, say, that a plug-in reads."""
    try:
        path = base / value
        return path if path.is_file() else None
    except (OSError, ValueError):  # no file's name
        return None


def _source_files(recipe: Recipe) -> dict[str, Path]:
    return {label_of(path, recipe.base): path for path in recipe.pipeline.source.files}


def _sha256(path: Path) -> str:
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@cache
def _digest(path: Path, size: int, modified_ns: int) -> str:
    """Computed once for a state of the file: a dataset may have gigabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
