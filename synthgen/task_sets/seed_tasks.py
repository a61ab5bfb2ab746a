"""The task set `seed_tasks`: seed tasks that people wrote, for loops whose students write tasks after their example."""

from __future__ import annotations

import random

from synthgen.records import Record
from synthgen.sources.seeds import Seeds


def tasks(*, seed: int, path: str = "builtin", count: int | None = None) -> list[Record]:
    """The seed tasks of `path` (as the source `seeds` takes it) that stand for themselves and have an answer.

    Those with earlier turns or tools say nothing without them. `count` of them are drawn with `seed`; default: all.

    Raises:
        SeedError: they cannot be read.
    """
    records = [r for r in Seeds(path=path).seeds if r.output and not r.history and not r.tools]
    return random.Random(seed).sample(records, count) if count is not None and count < len(records) else records
