"""The export `sharegpt`."""

from __future__ import annotations

from synthgen.exports.llamafactory import llamafactory
from synthgen.formats.exporting import Row
from synthgen.records import Record


def sharegpt(record: Record) -> Row | str:
    """`conversations` of `from` (system, human, gpt, function_call, observation) and `value`, and `tools`."""
    names = {"user": "human", "assistant": "gpt"}
    row = llamafactory(record)
    if isinstance(row, str):
        return row
    turns = [{"from": names.get(t["role"], t["role"]), "value": t["content"]} for t in row.pop("messages")]
    return {"conversations": turns} | row
