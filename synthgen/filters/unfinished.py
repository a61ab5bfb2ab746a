"""Drops records whose input or output stops where something should follow."""

from __future__ import annotations

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record

COLONS = (":", "：", "፥", "︰")
"""Latin, full-width (Chinese, Japanese), Ethiopic, vertical."""


def unfinished(record: Record, *, fields: tuple[Field, ...] = ("input", "output")) -> Drop | None:
    """`unfinished` where one of the texts ends with a colon (Self-Instruct's rule for instances)."""
    for field in fields:
        if (text_of(record, field) or "").rstrip().endswith(COLONS):
            return Drop("unfinished", detail=f"the {field} ends with a colon")
    return None
