"""Drops texts that do not begin with an ASCII character: the published rule for English, for reproductions only."""

from __future__ import annotations

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record


def ascii_only(record: Record, *, field: Field = "instruction") -> Drop | None:
    """`not_ascii` where the first character is not ASCII (Self-Instruct, Alpaca).

    It drops every Chinese and Arabic task, `Écris …`, and an English one that begins with `“`; `script` says what is
    meant. There is no repaired form.
    """
    first = (text_of(record, field) or "")[:1]
    return Drop("not_ascii", detail=f"{field}: {first!r}") if not first.isascii() else None
