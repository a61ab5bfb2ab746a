"""A recipe's run in its run folder."""

from __future__ import annotations

from pathlib import Path

from synthgen.config.recipe import Recipe
from synthgen.config.run_folder import choose, goes_on, open_folder, preview_folder
from synthgen.config.shape import ingredients
from synthgen.errors import StoreError
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
    """Runs the recipe in a folder that is open for it. Replies bought by its previews are taken over in any case.

    Raises:
        StoreError: the journal is gone that held what the run has paid for, and nothing else is to be reused.
    """
    if reuse is None:
        _journal_is_there(folder)
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
