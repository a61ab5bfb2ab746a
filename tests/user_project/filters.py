"""Filters as a user writes them: a function, and a class that remembers what it has seen."""

from typing import ClassVar

from limits import NOTHING  # a neighbour of this file
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen import Drop, Record


def max_words_per_line(record: Record, *, limit: int = 20) -> Drop | None:
    longest = max((len(line.split()) for line in record.text.splitlines()), default=NOTHING)
    return Drop("line_too_long", score=longest, limit=limit) if longest > limit else None


class CapPerOpening(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = True
    limit: int = Field(5, ge=1)
    _seen: dict[str, int] = PrivateAttr(default_factory=dict)

    def prepare(self, preparation: object) -> None:
        self._seen = {}

    def __call__(self, record: Record) -> str | None:
        opening = record.instruction[:1].lower()
        self._seen[opening] = self._seen.get(opening, 0) + 1
        return "opening_is_common" if self._seen[opening] > self.limit else None
