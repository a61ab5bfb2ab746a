"""`synthgen loop` and `synthgen ablate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from synthgen.cli.doctor import read_env
from synthgen.cli.terminal import print_json, say
from synthgen.errors import BudgetReached, Interrupted
from synthgen.loop import load, run_loop
from synthgen.loop.ablation import ablate

EXIT_CODES = {"done": 0, "plateau": 0, "budget": BudgetReached.exit_code}
"""All other ends are short of what was asked for."""

FILES = (("page", "loop.html"), ("picture", "loop.svg"), ("numbers", "loop.json"))


def run_rounds(config: str, settings: Sequence[str], *, out: Path | None, as_json: bool) -> int:
    """Runs a loop, says what came of it, and returns the exit code.

    Raises:
        Interrupted: the user stopped it; what is done stays.
    """
    read_env(config)
    recipe = load(config, settings)
    try:
        report = run_loop(recipe, out, say=say)
    except KeyboardInterrupt as error:
        raise Interrupted("the loop was stopped", hint="the same command goes on where it stopped") from error
    folder = Path(report.folder)
    if as_json:
        print_json(json.loads((folder / "loop.json").read_text(encoding="utf-8")))
    else:
        files = [f"{what:8} {folder / name}" for what, name in FILES]
        print("\n".join([*report.lines(), "", *report.costs(), "", *files]))
    return EXIT_CODES.get(report.status, 3)


def ablate_stage(
    config: str, settings: Sequence[str], *, drop: str, seeds: int, out: Path | None, as_json: bool
) -> None:
    """Measures what a stage is worth, and says it.

    Raises:
        Interrupted: the user stopped it; what is done stays.
    """
    read_env(config)
    recipe = load(config, settings)
    folder = out or Path(recipe.config.output) / f"{recipe.config.name}-without-{drop}"
    try:
        result = ablate(recipe, drop, folder, seeds=seeds, say=say)
    except KeyboardInterrupt as error:
        raise Interrupted("the ablation was stopped", hint="the same command goes on where it stopped") from error
    if as_json:
        print_json(json.loads((folder / "ablation.json").read_text(encoding="utf-8")))
    else:
        print("\n".join([*result.lines(), f"numbers  {folder / 'ablation.json'}"]))
