"""A recipe's run in its run folder."""

from __future__ import annotations

from pathlib import Path

from synthgen.config.recipe import Recipe
from synthgen.config.run_folder import choose, open_folder, preview_folder
from synthgen.config.shape import ingredients
from synthgen.errors import ConfigError
from synthgen.pipeline import Progress
from synthgen.run import run
from synthgen.store import RunFolder, RunReport

GOES_ON = ("target", "stop", "export", "license")
"""Keys that give a finished run something to do when they change."""


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
        report = finished(recipe, folder)
        return report or await run_in(recipe, folder, reuse=old, progress=progress)


async def run_in(
    recipe: Recipe, folder: RunFolder, *, reuse: Path | None = None, progress: Progress | None = None
) -> RunReport:
    """Runs the recipe in a folder that is open for it. Replies bought by its previews are taken over in any case."""
    previewed = RunFolder(preview_folder(recipe)).journal_path
    return await run(
        recipe.pipeline,
        folder,
        reuse=reuse,
        previewed=previewed if previewed.is_file() else None,
        progress=progress,
        made_from=lambda: ingredients(recipe),
        exports=recipe.config.export,
    )


def finished(recipe: Recipe, folder: RunFolder) -> RunReport | None:
    """The report of a run that has nothing left to do, else None.

    Raises:
        ConfigError: the target is lower than what the run has accepted: a dataset is not made smaller in its place.
    """
    if folder.state != "finished":
        return None
    report = RunReport.model_validate(folder.report())
    target = recipe.config.target
    if target is not None and target < report.accepted:
        raise ConfigError(
            f"{folder.path} holds a finished dataset of {report.accepted:,} records, more than the target {target:,}",
            hint="--out FOLDER makes a smaller one beside it",
        )
    changed = {key.split(".")[0] for key in folder.changed}
    return None if changed & set(GOES_ON) else report
