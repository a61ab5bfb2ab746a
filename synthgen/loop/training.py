"""A student's training by the trainer that the recipe names, and what its monitors say that it broke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from synthgen.errors import ConfigError
from synthgen.loop.door import MONITORS, function
from synthgen.loop.recipe import LoopRecipe, of_round
from synthgen.loop.round import Damage, Training
from synthgen.records import Record
from synthgen.store.record_files import write_records


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
) -> Training:
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
    trained: Training = {"checkpoint": str(checkpoint), "rows": len(rows)}
    # what else the trainer tells is kept as it is
    return cast(Training, {**trained, **facts})


def monitors(recipe: LoopRecipe) -> Callable[..., Any] | None:
    """The function that the recipe's gate names, or None.

    Raises:
        PluginError: there is no such function.
    """
    entry = recipe.config.gate.monitors
    return None if entry is None else function(entry.use, MONITORS, recipe.base)


def look_for_damage(recipe: LoopRecipe, student: Path, good: Path, out: Path) -> Damage:
    """`failed`, a sentence for each measure whose gate failed, and what else the monitors tell.

    Raises:
        ConfigError: the settings are not those of the monitors, or they return something else.
    """
    entry, look = recipe.config.gate.monitors, monitors(recipe)
    if entry is None or look is None:
        return {"failed": [], "not_heeded": []}
    try:
        found = look(student, good, out=out, **entry.settings)
    except TypeError as error:
        raise ConfigError(f"{entry.use}: {error}", key="gate.monitors") from error
    if not isinstance(found, dict) or not all(isinstance(why, str) for why in found.values()):
        raise ConfigError(
            f"{entry.use} returned no mapping of texts",
            key="gate.monitors",
            hint="return what failed: {'measure': 'why'}; empty where every gate held",
        )
    heeded = tuple(entry.only)
    failed = {name: why for name, why in found.items() if not heeded or name.startswith(heeded)}
    return {
        "failed": [f"{name}: {why}" for name, why in failed.items()],
        "not_heeded": [f"{name}: {why}" for name, why in found.items() if name not in failed],
    }
