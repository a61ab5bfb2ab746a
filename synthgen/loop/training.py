"""A student's training by the trainer that the recipe names, and what its monitors say that it broke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from synthgen.errors import ConfigError, PluginError, SynthgenError
from synthgen.loop.recipe import LoopRecipe
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
    use, train = recipe.config.train.use, recipe.trainer(number)
    made = _called(f"the trainer {use}", train, data, folder / "student", init=init, seed=seed, say=say)
    facts = dict(made) if isinstance(made, dict) else {"model": made}
    model = facts.pop("model", None)
    if not isinstance(model, str | Path) or not Path(model).resolve().is_relative_to(root.resolve()):
        raise PluginError(
            f"the trainer {use} returned {made!r:.200}, expected the folder of its checkpoint below {folder}",
            key="train",
            hint="write the checkpoint to `out` and return that: `return out`, or {'model': out, 'loss': …}",
        )
    trained: Training = {"checkpoint": str(Path(model).resolve().relative_to(root.resolve())), "rows": len(rows)}
    # what else the trainer tells is kept as it is
    return cast(Training, {**trained, **facts})


def _called(what: str, part: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What the plug-in returns.

    Raises:
        SynthgenError: it failed.
    """
    try:
        return part(*arguments, **named)
    except SynthgenError:
        raise
    except Exception as error:
        raise PluginError(
            f"{what} raised {type(error).__name__}: {error}",
            hint="`--debug` shows where; the same command goes on with this step",
        ) from error


def look_for_damage(recipe: LoopRecipe, student: Path, good: Path, out: Path) -> Damage:
    """`failed`, a sentence for each measure whose gate failed, and what else the monitors tell.

    Raises:
        ConfigError: the settings are not those of the monitors, or they return something else.
    """
    entry, look = recipe.config.gate.monitors, recipe.monitors()
    if entry is None or look is None:
        return {"failed": [], "not_heeded": []}
    found = _called(f"the monitors {entry.use}", look, student, good, out=out)
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
