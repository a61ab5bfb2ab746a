"""How many examples each source gives, exactly, and which."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from synthgen_train.config import Mix, Source


class Sourced(Protocol):
    """An example or a pair: it knows its source."""

    @property
    def source(self) -> str:
        """The source's label."""


T = TypeVar("T", bound=Sourced)


@dataclass(frozen=True, slots=True)
class Share:
    """What one source gave: examples taken of those it had, and its share of all."""

    source: str
    had: int
    taken: int
    share: float

    @property
    def repeats(self) -> float:
        """How often each of its examples comes, on average."""
        return self.taken / self.had if self.had else 0.0


def shares_of(sizes: Mapping[str, int], sources: Sequence[Source], mix: Mix) -> dict[str, float] | None:
    """The wanted share of each source, adding up to 1; None where every source is taken whole."""
    if any(s.share for s in sources):
        return {s.label: s.share or 0.0 for s in sources}
    if mix.temperature is None and mix.replay is None and mix.examples is None:
        return None
    weights = {s.label: float(sizes[s.label]) ** (1 / (mix.temperature or 1.0)) for s in sources}
    if mix.replay is not None:
        earlier = {s.label for s in sources if s.earlier}
        for group, part in ((earlier, mix.replay), (weights.keys() - earlier, 1 - mix.replay)):
            total = sum(weights[name] for name in group)
            weights |= {name: weights[name] / total * part for name in group}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def counts_of(sizes: Mapping[str, int], shares: Mapping[str, float], examples: int | None) -> dict[str, int]:
    """How many examples each source gives, by largest remainders, so that they add up.

    Without a number of examples it is the largest for which no source has to repeat any.
    """
    total = examples or int(min(sizes[name] / share for name, share in shares.items() if share) + 1e-9)
    exact = {name: share * total for name, share in shares.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def mix_examples(
    groups: Mapping[str, Sequence[T]], sources: Sequence[Source], mix: Mix, seed: int
) -> tuple[list[T], list[Share]]:
    """The training examples and what each source gave.

    A source that gives fewer than it has gives a random part of them; one that gives more repeats all of them before
    any comes once more. The examples are in random order; the same seed gives the same ones.
    """
    sizes = {name: len(group) for name, group in groups.items()}
    shares = shares_of(sizes, sources, mix)
    counts = sizes if shares is None else counts_of(sizes, shares, mix.examples)
    draw = random.Random(seed)
    taken: list[T] = []
    for name, group in groups.items():
        left = counts[name] if group else 0
        while left > 0:
            part = draw.sample(list(group), min(left, len(group)))
            taken += part
            left -= len(part)
    draw.shuffle(taken)
    given = {name: sum(e.source == name for e in taken) for name in groups}
    return taken, [Share(n, sizes[n], given[n], given[n] / max(1, len(taken))) for n in groups]
