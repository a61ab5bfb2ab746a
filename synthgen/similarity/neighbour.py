"""What every way of finding near-duplicates gives and has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The most similar kept text: its number (order of adding), the caller's key, the similarity, and the text."""

    number: int
    key: str
    score: float
    text: str


class Similarity(Protocol):
    """Kept texts, and for a further text the nearest of them that makes it a near-duplicate."""

    def __len__(self) -> int: ...

    def query(self, text: str) -> Neighbour | None:
        """The nearest kept text (the earliest of equals) that makes this one a near-duplicate, or None."""
        ...

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text, whatever it resembles; returns its number."""
        ...

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added."""
        ...
