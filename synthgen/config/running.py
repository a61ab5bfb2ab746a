"""A recipe's run in its run folder."""

from __future__ import annotations

from pathlib import Path

from synthgen.config.recipe import Recipe
from synthgen.config.run_folder import choose, goes_on, open_folder, preview_folder
from synthgen.config.shape import ingredients
from synthgen.pipeline import Progress
from synthgen.run import run
from synthgen.store import RunFolder, RunReport

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
    """Runs the recipe in a folder that is open for it. Without `reuse`, replies bought by a preview are taken over."""
    previewed = RunFolder(preview_folder(recipe)).journal_path
    return await run(
        recipe.pipeline,
        folder,
        reuse=reuse or (previewed if previewed.is_file() else None),
        progress=progress,
        made_from=lambda: ingredients(recipe),
        exports=recipe.config.export,
    )


def finished(folder: RunFolder) -> RunReport | None:
    """The report of a run that has nothing left to do, else None; the folder is one that `open_folder` has opened."""
    if goes_on(folder):
        return None
    try:
        return RunReport.model_validate(folder.report())
    except ValueError:  # of another version, or damaged: it is made anew
        return None
