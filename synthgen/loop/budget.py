"""What a loop may still spend, over all its rounds and resumptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.loop.recipe import LoopBudget
from synthgen.loop.round import Generation

UNITS = ("requests", "tokens", "usd")


@dataclass(frozen=True, slots=True)
class Purse:
    """What the loop's limits leave, after `spent`, and a round's own budget."""

    limits: LoopBudget
    spent: Mapping[str, float]
    own: Mapping[str, Any]

    @property
    def left(self) -> dict[str, float]:
        """What the loop's limits leave of each unit that they bound; never below 0."""
        bounded = {unit: getattr(self.limits, unit) for unit in UNITS}
        return {u: max(0, limit - self.spent.get(u, 0)) for u, limit in bounded.items() if limit is not None}

    @property
    def round(self) -> dict[str, float]:
        """The budget of the round's generation: the smaller of what is left and its own."""
        own = {unit: value for unit, value in self.own.items() if value is not None}
        return own | {unit: min(value, own.get(unit, value)) for unit, value in self.left.items()}

    @property
    def empty(self) -> str:
        """The unit of which nothing is left, or nothing."""
        return next((unit for unit, value in self.left.items() if value <= 0), "")

    def ended(self, bought: Generation) -> str:
        """The loop's limit at which a generation ended that its budget stopped; empty if it was the round's own.

        It was that of which the greatest part is used: the rest of it is less than a request may cost.
        """
        spent = spending([bought])
        used = {unit: spent[unit] / limit if limit else 1.0 for unit, limit in self.round.items()}
        unit = max(used, key=lambda u: used[u], default="")
        return unit if unit in self.left and self.left[unit] <= self.round[unit] else ""


def spending(generations: Iterable[Generation]) -> dict[str, float]:
    """What the generations of all rounds have bought."""
    rounds = list(generations)
    return {
        "requests": sum(g.get("requests", 0) for g in rounds),
        "tokens": sum(g.get("tokens", 0) for g in rounds),
        "usd": sum(g.get("usd") or 0 for g in rounds),
    }
