"""The export `messages`."""

from __future__ import annotations

from synthgen.formats.exporting import Row, openai_messages, unanswered
from synthgen.records import Record


def messages(record: Record) -> Row | str:
    """An OpenAI chat line: `messages`, and `tools` where there are some; no other key."""
    if unanswered(record):
        return "no_output"
    row: Row = {"messages": openai_messages(record)}
    if record.tools:
        row["tools"] = list(record.tools)
    return row
