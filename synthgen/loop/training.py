"""What a round's student is trained on, its training, and what its monitors say that it broke."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from synthgen.errors import ConfigError, PluginError, SynthgenError
from synthgen.loop.recipe import LoopRecipe, Mix
from synthgen.loop.round import Damage, Training
from synthgen.records import Record
from synthgen.store.record_files import write_records


@dataclass(frozen=True, slots=True)
class Mixture:
    """Rows to train on; `seed_rows` counts the seed data's, repeats included."""

    rows: list[Record]
    seed_rows: int
    earlier_rows: int
    new_rows: int


def mix(
    seeds: Sequence[Record], earlier: Sequence[Record], new: Sequence[Record], settings: Mix, *, seed: int
) -> Mixture:
    """The rows, with the seed data at its share or above: whole rounds of it, and a random part for the rest.

    With `replace`, earlier rounds count for nothing, and the seed data only as far as its share asks for; a round
    without new records is trained on the seed data.
    """
    accumulate = settings.keep == "accumulate"
    before = list(earlier) if accumulate else []
    others = len(before) + len(new)
    wanted = math.ceil(settings.seed_share / (1 - settings.seed_share) * others)
    count = max(wanted, len(seeds)) if accumulate or not others else wanted
    draw = random.Random(seed)
    whole, rest = divmod(count, len(seeds))
    chosen = list(seeds) * whole + draw.sample(list(seeds), rest)
    return Mixture([*chosen, *before, *new], len(chosen), len(before), len(new))


def balanced(records: Sequence[Record], *, seed: int) -> list[Record]:
    """At most as many records of each task type as the median type has, drawn at random, in their order."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        groups[record.task_type or ""].append(number)
    if not groups:
        return []
    cap = sorted(map(len, groups.values()))[len(groups) // 2]
    draw = random.Random(seed)
    kept = {i for numbers in groups.values() for i in (numbers if len(numbers) <= cap else draw.sample(numbers, cap))}
    return [record for number, record in enumerate(records) if number in kept]


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
