"""One training by whatever trainer the recipe names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from synthgen.loop.by_round import of_round
from synthgen.loop.recipe import LoopRecipe
from synthgen.loop.records import write_records
from synthgen.records import Record


def train_student(
    recipe: LoopRecipe,
    rows: Sequence[Record],
    folder: Path,
    root: Path,
    *,
    init: Path | None,
    seed: int,
    number: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Trains in `folder` and returns the `checkpoint`, as seen from `root`, and what else the trainer tells.

    The rows are kept as `train.jsonl`; the settings are those of round `number`.
    """
    data = folder / "train.jsonl"
    write_records(data, rows)
    section = recipe.config.train
    settings = of_round({**section.settings, **({} if number else section.first)}, number)
    made = recipe.trainer()(data, folder / "student", init=init, seed=seed, say=say, **settings)
    facts = dict(made) if isinstance(made, dict) else {"model": made}
    checkpoint = Path(facts.pop("model")).resolve().relative_to(root.resolve())
    return {"checkpoint": str(checkpoint), "rows": len(rows), **facts}
