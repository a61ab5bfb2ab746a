"""The stage that makes a preference pair of each record's scored answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from synthgen.protocols import Context, Stage
from synthgen.records import Record


class Rank(Stage, BaseModel):
    """Leaves of the scored `answers` the best and the worst, in this order; the best becomes the output.

    Those are the chosen and the rejected answer of preference training; of equal scores the earlier answer counts.
    Drops `no_preference` where fewer than two answers have a score, or the two lie no more than `gap` apart.
    """

    model_config = ConfigDict(extra="forbid")

    gap: float = Field(0.0, ge=0)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with two answers or dropped."""
        return [self._pair(record) for record in records]

    def _pair(self, record: Record) -> Record:
        scored = [(answer.score, answer) for answer in record.answers if answer.score is not None]
        if len(scored) < 2:
            detail = f"{len(scored)} of {len(record.answers)} answers have a score"
            return record.dropped("no_preference", detail=detail)
        high, best = max(scored, key=lambda pair: pair[0])
        low, worst = min(scored, key=lambda pair: pair[0])
        if high - low <= self.gap:
            return record.dropped("no_preference", score=high - low, limit=self.gap)
        return record.replace(answers=(best, worst), output=best.text, reasoning=None)
