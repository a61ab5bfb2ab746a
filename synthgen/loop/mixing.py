"""What a round's student is trained on: seed data, kept rounds, the new records."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from synthgen.loop.recipe import Mix
from synthgen.records import Record


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
