"""Selects records at random: the arm that every other selection has to beat."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthgen.protocols import Selector
from synthgen.records import Record


class RandomK(Selector, BaseModel):
    """Keeps `k` records drawn at random, in their order; the others are dropped as `not_drawn`."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1)]

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, those not drawn marked as dropped."""
        drawn = set(rng.sample(range(len(records)), min(self.k, len(records))))
        return [r if i in drawn else r.dropped("not_drawn", limit=self.k) for i, r in enumerate(records)]
