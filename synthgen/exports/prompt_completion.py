"""The export `prompt_completion`."""

from __future__ import annotations

from synthgen.formats.exporting import Row, compact, openai_messages, unanswered
from synthgen.records import Record


def prompt_completion(record: Record) -> Row | str:
    """A conversational `prompt` and `completion` as TRL takes them: the loss is on the completion alone."""
    if unanswered(record):
        return "no_output"
    turns = openai_messages(record)
    row: Row = {"prompt": turns[:-1], "completion": turns[-1:]}
    if record.tools:
        row["tools"] = compact(record.tools)
    return row
