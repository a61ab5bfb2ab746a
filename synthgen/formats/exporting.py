"""What an export is, and what the exports share: records as rows for trainers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.errors import PluginError
from synthgen.records import Message, Record, answered_by_call, to_messages

Row = dict[str, Any]

Line = Callable[[Record], Row | str | None]
"""A record as a row; or the reason, a snake_case word, why the format has no place for it. None says `left_out`."""

Files = Mapping[str, Line | str]
"""What an export writes, by file name: what makes a line of each record, or a text to be written as it is.

The lines of a `.json` file are an array, those of any other are JSON lines.
"""

LINES = "train.jsonl"
"""The file of an export that is a plain function."""


@dataclass(frozen=True, slots=True)
class Export:
    """A format: `exports/<name>/` with its files. `use` is what named it."""

    name: str
    files: Files
    use: str = ""


def exported(use: str, name: str, part: Any) -> Export:
    """The export of a plug-in: a function of a record, or an object whose `files()` says what it writes.

    Raises:
        PluginError: `files()` returned something else, or a name that is a path.
    """
    files = part.files() if hasattr(part, "files") else {LINES: part}
    right = isinstance(files, Mapping) and bool(files)
    for file, content in files.items() if right else ():
        plain_name = isinstance(file, str) and file not in ("", ".", "..") and not {"/", "\\", "\0"} & set(file)
        right &= plain_name and (callable(content) or isinstance(content, str))
    if not right:
        raise PluginError(
            f"{use!r} is an export whose files() returned {files!r:.200}",
            hint="return names of files with what they hold: {'train.jsonl': row}, with `def row(record)`; or a text",
        )
    return Export(name, dict(files), use)


def openai_messages(record: Record) -> list[dict[str, Any]]:
    """The dialogue with the API's keys only; a tool's turn that does not say so answers the earliest open call."""
    waiting: list[str] = []
    turns = to_messages(record)
    for turn in turns:
        calls = [{"type": "function"} | call for call in turn.get("tool_calls", ())]
        if calls:
            for number, call in enumerate(calls):
                call.setdefault("id", f"call_{number}")
            turn["tool_calls"] = calls
            waiting = [call["id"] for call in calls]
        if turn["role"] == "tool":
            answered = waiting.pop(0) if waiting else "call_0"
            turn.setdefault("tool_call_id", answered)
    return turns


def unanswered(record: Record) -> bool:
    """Whether the record has no answer: neither a text nor calls of tools."""
    return record.output is None and not answered_by_call(record)


def plain_turn(turn: Message) -> dict[str, str]:
    """A turn as a role and a text: a call is the JSON of its name and arguments."""
    if turn.role == "tool":
        return {"role": "observation", "content": turn.content}
    if not turn.tool_calls:
        return {"role": turn.role, "content": turn.content}
    calls = []
    for call in turn.tool_calls:
        function = call.get("function", call)
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments, parse_constant=_no_number)
            except (ValueError, RecursionError):
                arguments = {"text": arguments}
        calls.append({"name": function.get("name"), "arguments": arguments})
    return {"role": "function_call", "content": compact(calls if len(calls) > 1 else calls[0])}


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
