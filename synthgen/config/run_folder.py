"""Which run folder a recipe runs in: a new one, one to go on with, or the next free one beside a run to reuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from synthgen.config.recipe import Recipe
from synthgen.config.shape import free_keys, run_config
from synthgen.errors import ConfigError
from synthgen.store import RunFolder
from synthgen.store.folder import flat


def choose(recipe: Recipe, *, out: Path | None = None, reuse: Path | None = None) -> Path:
    """The path of the run folder: `out`, or `<output>/<name>`.

    Beside a run to reuse it is the first of `<name>`, `<name>-2`, `<name>-3`, … that is free or holds this very run.
    """
    if out is not None:
        return out
    first = Path(recipe.config.output) / recipe.config.name
    path, number = first, 1
    while reuse is not None and _taken(path, recipe, reuse):
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


def preview_folder(recipe: Recipe) -> Path:
    """Where previews of the recipe are made; the replies that they bought stay there for its run."""
    return Path(recipe.config.output) / ".preview" / recipe.config.name


def open_folder(recipe: Recipe, path: Path) -> RunFolder:
    """The run folder, locked.

    As long as it holds no dataset the config may change in any way: a filter is fixed, a prompt reworded. The journal
    keeps what is paid for, and requests that stay equal are answered by it.

    Raises:
        ConfigError: it holds the dataset of a run of another config.
        StoreError: it cannot be written, or another process works on it.
    """
    config, there = run_config(recipe), RunFolder(path)
    if not there.config_path.is_file():
        return RunFolder.create_or_open(path, config)
    if not there.dataset_path.exists():
        return RunFolder.create_or_open(path, config, may_change=None)
    free = _may_change(recipe, there, config)
    if changed := differences(there.config(), config, free):
        shown = "; ".join(f"{key}: {old!r} there, {new!r} here" for key, (old, new) in list(changed.items())[:3])
        more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise ConfigError(
            f"{path} holds a run of another config ({shown}{more})",
            hint=f"--reuse {path} decides again in a new folder and pays only for what is new; --out starts afresh",
        )
    return RunFolder.create_or_open(path, config, may_change=free)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """The dotted keys, outside `free`, whose values differ, with both values."""
    before, after = dict(flat(old)), dict(flat(new))
    return {
        key: (before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key) and not any(key == k or key.startswith(f"{k}.") for k in free)
    }


def _may_change(recipe: Recipe, there: RunFolder, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The free keys, and settings that the run's version did not have yet and the user has not set."""
    before = dict(flat(there.config()))
    unset = [key for key, _ in flat(config) if key not in before and key not in recipe.written]
    return (*free_keys(recipe), *unset)


def _taken(path: Path, recipe: Recipe, reuse: Path) -> bool:
    """Whether another run than this one lives at the path."""
    if not path.exists():
        return False
    there = RunFolder(path)
    if path.resolve() == reuse.resolve() or not there.config_path.is_file():
        return True
    config = run_config(recipe)
    return bool(differences(there.config(), config, _may_change(recipe, there, config)))
