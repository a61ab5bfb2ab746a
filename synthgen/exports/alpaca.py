"""The export `alpaca`."""

from __future__ import annotations

from synthgen.formats.exporting import Files, Row, unanswered
from synthgen.records import Record, to_alpaca


class Alpaca:
    """A JSON array of `instruction`, `input` and `output`: single turns without a system prompt or tools."""

    def files(self) -> Files:
        """One file."""
        return {"train.json": alpaca}


def alpaca(record: Record) -> Row | str:
    """`instruction`, `input`, `output`: single turns without a system prompt or tools."""
    if unanswered(record):
        return "no_output"
    if record.history:
        return "has_history"
    if record.system:
        return "has_system"
    return "has_tools" if record.tools else to_alpaca(record)
