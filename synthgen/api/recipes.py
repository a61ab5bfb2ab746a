"""A recipe's run in its run folder: a new one, one to go on with, or the next free one beside a run to reuse."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.api.event_loop import run_async
from synthgen.api.run import run as run_pipeline
from synthgen.config.fingerprint import free_keys, ingredients, run_config
from synthgen.config.recipe import FINGERPRINT, Recipe, as_written_now, load
from synthgen.engine.pipeline import Pipeline, Progress
from synthgen.errors import ConfigError, StoreError
from synthgen.plugins.kinds import moved
from synthgen.store import RunFolder, RunReport
from synthgen.store.files import storing
from synthgen.store.folder import flat
from synthgen.store.manifest import damaged_files, ended_with

GOES_ON = ("target", "stop", "export", "license")
"""Keys that give a finished run something to do when they change."""


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

    As long as it holds no dataset the config may change in any way: a filter is corrected, a prompt reworded. The
    journal keeps what is paid for, and requests that stay equal are answered by it. `changed` tells in what the config
    differs from the one that the dataset was made with, `lost` which files of an ended run are damaged or missing.

    Where the run has ended and nothing is left to do, nothing is written: the folder names no config but that one.

    Raises:
        ConfigError: it holds the dataset of a run of another config, or one that is larger than the target.
        StoreError: it cannot be written, or another process works on it.
    """
    folder = RunFolder.hold(path)
    try:
        _begin(recipe, folder)
    except BaseException:
        folder.close()
        raise
    return folder


def goes_on(folder: RunFolder) -> bool:
    """Whether a folder that `open_folder` has opened has something left to do."""
    changed = {key.split(".")[0] for key in folder.changed}
    return folder.state != "finished" or ended_with(folder) is None or bool(folder.lost or changed & set(GOES_ON))


def set_aside(path: Path) -> Path | None:
    """Moves a folder out of the way, to `<name>.old`, `<name>.old-2` …, and returns where it is; None if there is none.

    Raises:
        StoreError: a process works on it, or it cannot be moved.
    """
    if not path.exists():
        return None
    place, number = path.with_name(f"{path.name}.old"), 1
    while os.path.lexists(place):
        number += 1
        place = path.with_name(f"{path.name}.old-{number}")
    folder = RunFolder.hold(path)
    try:
        with storing(path):
            path.rename(place)
    finally:
        folder.close()
    return place


def _begin(recipe: Recipe, folder: RunFolder) -> None:
    """Compares the config with the one in the folder, and writes it where there is something to do.

    What a dataset was made with is in its manifest; `config.yaml` is what the latest run set out to do, and that run
    may have failed.
    """
    config = run_config(recipe)
    there = folder.config() if folder.config_path.is_file() else None
    kept = ended_with(folder) or there
    if kept is None or not folder.dataset_path.exists():
        folder.keep_config(config, may_change=None)
        return
    made_with = as_written_now(kept)
    free = _may_change(recipe, made_with, config)
    if changed := differences(made_with, config, free):
        raise _another(folder.path, changed)
    folder.changed = differences(made_with, config, _not_noted(made_with, config))
    if folder.state == "finished":
        _no_smaller(recipe, folder)
        if ended_with(folder) is not None:
            folder.lost = damaged_files(folder)
    changed, config = folder.changed, config if goes_on(folder) else kept
    if there != config:
        folder.keep_config(config, may_change=None)
        folder.changed = changed


def _no_smaller(recipe: Recipe, folder: RunFolder) -> None:
    accepted, target = folder.run_report().accepted, recipe.config.target
    if target is not None and target < accepted:
        raise ConfigError(
            f"{folder.path} holds a finished dataset of {accepted:,} records, more than the target {target:,}",
            hint="--out FOLDER makes a smaller one beside it, --fresh one in its place",
        )


def _another(path: Path, changed: Mapping[str, tuple[Any, Any]]) -> ConfigError:
    shown = "; ".join(f"{key}: {old!r} there, {new!r} here" for key, (old, new) in list(changed.items())[:3])
    more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
    return ConfigError(
        f"{path} holds a run of another config ({shown}{more})",
        hint=f"--reuse {path} decides again in a new folder and pays only for what is new; --out starts afresh beside"
        f" it; --fresh sets this folder aside and starts anew in its place",
    )


def differences(old: Mapping[str, Any], new: Mapping[str, Any], free: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """The dotted keys, outside `free`, whose values differ, with both values."""
    before, after = dict(flat(old)), dict(flat(new))
    keys = [key for key in {**before, **after} if not any(key == k or key.startswith(f"{k}.") for k in free)]
    values = {key: (before.get(key), after.get(key)) for key in keys}
    return {key: (one, other) for key, (one, other) in values.items() if not _same(key, one, other)}


def _same(key: str, old: Any, new: Any) -> bool:
    """Whether two leaves are equal: `true` is not 1, a value that is no number (nan) is itself, and so is a part whose
    module has another name since.
    """
    if key.rpartition(".")[2] == "use" and isinstance(old, str) and isinstance(new, str):
        return moved(old) == moved(new)
    return isinstance(old, bool) == isinstance(new, bool) and (old == new or (old != old and new != new))


def _may_change(recipe: Recipe, there: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, ...]:
    """The free keys, and what the run's version did not note yet: settings that the user has not set, and files."""
    before = dict(flat(there))
    unset = [key for key, _ in flat(config) if key not in before and key not in recipe.written]
    return (*free_keys(recipe), *(key for key in unset if not key.startswith("files.")), *_not_noted(there, config))


def _not_noted(there: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Keys of files that the version which made the run did not look at."""
    if there.get(FINGERPRINT) == config[FINGERPRINT]:
        return [FINGERPRINT]
    before = dict(flat(there))
    return [FINGERPRINT, *(key for key, _ in flat(config) if key.startswith("files.") and key not in before)]


def _taken(path: Path, recipe: Recipe, reuse: Path) -> bool:
    """Whether another run than this one lives at the path."""
    if not path.exists():
        return False
    there = RunFolder(path)
    if path.resolve() == reuse.resolve() or not there.config_path.is_file():
        return True
    config = run_config(recipe)
    before = ended_with(there) or there.config()
    return bool(differences(before, config, _may_change(recipe, before, config)))


def run(
    what: Path | str | Recipe | Pipeline,
    settings: Sequence[str] = (),
    *,
    out: Path | str | None = None,
    reuse: Path | str | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Runs a config, or goes on with a run that was stopped, and returns the report. Works in a notebook, too.

    `what` is a config file, the name of a shipped recipe, what `load` returned, or a `Pipeline` built by hand;
    `settings` are `key=value` as `--set` takes them, for a file or a name. The run folder is `out`, or
    `<output>/<name>` (of a pipeline `outputs/<name>`); `reuse` is the folder of another run, whose replies are taken
    over where the requests are equal. A run of a config that has nothing left to do returns the report that it has.

    Raises:
        ConfigError: the config is wrong, or the folder holds another run.
        SynthgenError: a part failed, or the folder cannot be used.
        ValueError: settings were given for what is no file or name.
    """
    return run_async(arun(what, settings, out=out, reuse=reuse, progress=progress))


async def arun(
    what: Path | str | Recipe | Pipeline,
    settings: Sequence[str] = (),
    *,
    out: Path | str | None = None,
    reuse: Path | str | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """`run` for code that is asynchronous itself."""
    if not isinstance(what, Pipeline):
        return await run_recipe(loaded(what, settings), out=out, reuse=reuse, progress=progress)
    if settings:
        raise ValueError("settings change a config; a Pipeline is changed with dataclasses.replace")
    path = Path("outputs") / what.name if out is None else Path(out)
    facts = {
        "name": what.name,
        "seed": what.seed,
        "stages": [name for name, _ in what.stages],
        "target": what.target,
    }
    with RunFolder.create_or_open(path, facts, may_change=("target",)) as folder:
        return await run_pipeline(what, folder, reuse=None if reuse is None else Path(reuse), progress=progress)


def loaded(what: Path | str | Recipe, settings: Sequence[str] = ()) -> Recipe:
    """The recipe of a config file, of a shipped recipe's name, or the one that is given.

    Raises:
        ConfigError: the config is wrong.
        ValueError: settings were given for a recipe that is loaded already.
    """
    if not isinstance(what, Recipe):
        return load(what, settings)
    if settings:
        raise ValueError("settings change a config as it is loaded: give them to `load`")
    return what


async def run_recipe(
    recipe: Recipe,
    *,
    out: Path | str | None = None,
    reuse: Path | str | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Runs the recipe, or goes on with a run that was stopped, and returns the report.

    The run folder is `out`, or `<output>/<name>`; `reuse` is the folder of another run, whose replies are taken over
    where the requests are equal. A run that has nothing left to do returns the report that it has.

    Raises:
        SynthgenError: a part failed, or the folder cannot be used.
    """
    old = None if reuse is None else Path(reuse)
    path = choose(recipe, out=None if out is None else Path(out), reuse=old)
    with open_folder(recipe, path) as folder:
        report = finished(folder)
        return report or await run_in(recipe, folder, reuse=old, progress=progress)


async def run_in(
    recipe: Recipe, folder: RunFolder, *, reuse: Path | None = None, progress: Progress | None = None
) -> RunReport:
    """Runs the recipe in a folder that is open for it. Replies bought by its previews are taken over in any case.

    Raises:
        StoreError: the journal is gone that held what the run has paid for, and nothing else is to be reused.
    """
    if reuse is None:
        _journal_is_there(folder)
    previewed = RunFolder(preview_folder(recipe)).journal_path
    return await run_pipeline(
        recipe.pipeline,
        folder,
        reuse=reuse,
        previewed=previewed if previewed.is_file() else None,
        progress=progress,
        made_from=lambda: ingredients(recipe),
        exports=recipe.exports,
    )


def _journal_is_there(folder: RunFolder) -> None:
    if folder.journal_path.exists() or not folder.report_path.is_file():
        return
    try:
        report = folder.run_report()
    except StoreError:
        return
    if bought := report.requests.bought:
        cost = "" if report.cost_usd is None else f", ${report.cost_usd:,.2f}"
        tokens = report.tokens.prompt + report.tokens.completion
        raise StoreError(
            f"{folder.journal_path} is missing: the {bought:,} replies that this run has paid for ({tokens:,}"
            f" tokens{cost}) would be bought again",
            hint="put it back from a copy; --fresh sets this folder aside and starts anew",
        )


def finished(folder: RunFolder) -> RunReport | None:
    """The report of a run that has nothing left to do, else None; the folder is one that `open_folder` has opened."""
    if goes_on(folder):
        return None
    return folder.run_report()
