"""What of a recipe shapes its data, and what does not: the latter may change when a run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from synthgen import assets
from synthgen.config.recipe import Recipe
from synthgen.errors import ConfigError
from synthgen.formats.location import label_of
from synthgen.model_names import model_name
from synthgen.plugins import FREE_SETTINGS
from synthgen.store import Ingredients

ENDS = ("target", "stop")
"""Keys that say how far a run goes, and so how much data there is."""

FREE = (*ENDS, "budget", "concurrency", "export", "output", "license", "train")
"""Keys in which a run that goes on may differ: none of them changes what a record is."""


def free_keys(recipe: Recipe) -> tuple[str, ...]:
    """The dotted keys in which a run that goes on may differ: `FREE`, and how its teachers are reached."""
    keys = list(FREE)
    for name, teacher in recipe.pipeline.teachers.items():
        place = "teacher" if name == "teacher" else f"teachers.{name}"
        entry = recipe.config.teacher if name == "teacher" else recipe.config.teachers[name]
        built_in = FREE_SETTINGS.get(entry.use, ()) if entry is not None else ()
        keys += [f"{place}.{key}" for key in getattr(teacher, "free_settings", built_in)]
    return tuple(keys)


def run_config(recipe: Recipe) -> dict[str, Any]:
    """The config as the run folder keeps it: resolved, with the hashes of the files that it names."""
    return {**recipe.resolved, "files": {name: _sha256(path) for name, path in sorted(_files(recipe).items())}}


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


def _files(recipe: Recipe) -> dict[str, Path]:
    """All files that shape the data: those of plug-ins, of the source, and prompt templates that stages name."""
    files = {label_of(path, recipe.base): path for path in recipe.files} | _source_files(recipe)
    for entry in recipe.resolved["stages"]:
        for key, value in entry.items():
            if key != "use" and isinstance(value, str) and (template := _template(value, recipe.base)):
                files[f"prompt {value}"] = template
    return files


def _template(name: str, base: Path) -> Path | None:
    try:
        return assets.find("prompts", name, base)
    except (ConfigError, OSError, ValueError):  # a setting that is no template's name, and maybe no file's
        return None


def _source_files(recipe: Recipe) -> dict[str, Path]:
    return {label_of(path, recipe.base): path for path in getattr(recipe.pipeline.source, "files", ())}


def _sha256(path: Path) -> str:
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@cache
def _digest(path: Path, size: int, modified_ns: int) -> str:
    """Computed once for a state of the file: a dataset may have gigabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
