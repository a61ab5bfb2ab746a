"""Which text of a record a filter looks at."""

from __future__ import annotations

from typing import Literal

from synthgen.records import Record

Field = Literal["instruction", "input", "output", "text"]
"""`text` is all that a reader sees of the record: system, history, instruction, input and output."""


def text_of(record: Record, field: Field) -> str | None:
    """The text of that field; None where there is none yet (an output before the answers are written)."""
    value: str | None = getattr(record, field)
    return value
