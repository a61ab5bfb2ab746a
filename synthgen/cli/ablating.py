"""`synthgen ablate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from synthgen.cli.environment import read_env
from synthgen.cli.output import print_json, say
from synthgen.errors import Interrupted
from synthgen.loop import load
from synthgen.loop.ablation import ablate


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
