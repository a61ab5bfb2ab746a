"""The task set `families`: tasks of the verifiable families, with their true answers, for models that read English."""

from __future__ import annotations

import random
from collections.abc import Sequence

from synthgen import families as known
from synthgen.errors import ConfigError
from synthgen.records import Provenance, Record
from synthgen.text import suggestion


def tasks(
    *, seed: int, families: Sequence[str] | None = None, per_family: int = 20, reasoning: bool = False
) -> list[Record]:
    """`per_family` tasks of each family in turn, none twice; `task_type` is the family.

    With `reasoning` the steps are kept, where a family writes them.

    Raises:
        ConfigError: a family is unknown, or has fewer tasks than asked for.
    """
    names = list(families or known.FAMILIES)
    unknown = [name for name in names if name not in known.FAMILIES]
    if unknown:
        hint = suggestion(unknown[0], list(known.FAMILIES))
        raise ConfigError(f"there is no family {unknown[0]!r}", key="families", hint=hint)
    rng = random.Random(f"families/{seed}")
    made: dict[tuple[str, str], Record] = {}
    for _ in range(per_family):
        for name in names:
            for _ in range(1000):
                task = known.sample(rng, [name])
                if (task.instruction, task.input) not in made:
                    break
            else:
                raise ConfigError(f"the family {name!r} has no {per_family} tasks", key="per_family")
            made[task.instruction, task.input] = Record(
                instruction=task.instruction,
                input=task.input,
                output=task.output,
                reasoning=task.reasoning if reasoning else None,
                task_type=name,
                provenance=Provenance(source=f"families/{name}"),
            )
    return list(made.values())
