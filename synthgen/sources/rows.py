"""Rows of other people's datasets as records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from synthgen.records import Provenance, Record, from_messages
from synthgen.store.table import from_row

OPTIONAL = ("task_type", "language", "is_classification", "reasoning", "tools")
"""Fields that are taken over under their own names, in every layout."""

LAYOUTS: dict[str, tuple[str, ...]] = {
    "synthgen": ("instruction", "output", "tools_json", "index_in_attempt"),
    "alpaca": ("instruction", "output"),
    "messages": ("messages",),
    "conversations": ("conversations",),
    "instruction": ("instruction",),
    "prompt": ("prompt",),
}
"""The columns by which a layout is told: the first one of which a row has all."""

_LAYOUT_COLUMNS = [(name, frozenset(columns)) for name, columns in LAYOUTS.items()]

USED: dict[str, tuple[str, ...]] = {
    "alpaca": ("instruction", "input", "output", "system"),
    "messages": ("messages",),
    "conversations": ("conversations",),
    "instruction": ("instruction", "input", "system"),
    "prompt": ("prompt", "completion", "system"),
}

_TAKEN = {layout: frozenset((*columns, *OPTIONAL)) for layout, columns in USED.items()}

NO_INPUT = frozenset(("<noinput>", "noinput", "no input", "<no input>", "n/a", "none", "not applicable"))
"""How published datasets write that a task has no input; whatever the case, and with a full stop or without."""

_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def layout_of(row: Mapping[str, Any]) -> str | None:
    """The name of the layout that the row has, or None."""
    return next((name for name, columns in _LAYOUT_COLUMNS if columns <= row.keys()), None)


def renamed(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The row with the columns that `columns` maps a field to under that field's name.

    Raises:
        ValueError: it lacks one.
    """
    for field, column in columns.items():
        if column not in row:
            raise ValueError(f"it has no column {column!r} to take {field} from")
    taken = {*columns, *columns.values()}
    return {k: v for k, v in row.items() if k not in taken} | {field: row[c] for field, c in columns.items()}


def to_record(row: Mapping[str, Any], source: str) -> tuple[Record, list[str]]:
    """The record, and the columns that were left aside.

    Raises:
        ValueError: the row has no known layout, or a value of the wrong type.
    """
    layout = layout_of(row)
    if layout is None:
        raise ValueError(f"its columns ({', '.join(map(str, row)) or 'none'}) fit no known layout")
    provenance = Provenance(source=source)
    try:
        if layout == "synthgen":
            old = from_row(row)
            record = old.replace(id="", drop=None, provenance=provenance.model_copy(update={"parents": (old.id,)}))
            return record, []
        return _read(layout, row, provenance), [column for column in row if column not in _TAKEN[layout]]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}, found {_shown(first['input'])}") from error
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from error
    except TypeError as error:
        raise ValueError(f"a value has the wrong type: {error}") from error


def _read(layout: str, row: Mapping[str, Any], provenance: Provenance) -> Record:
    fields: dict[str, Any] = {name: row[name] for name in OPTIONAL if row.get(name) is not None}
    if "tools" in fields:
        fields["tools"] = _tools(fields["tools"])
    fields["provenance"] = provenance
    if layout in ("alpaca", "instruction"):
        given = row.get("input")
        if isinstance(given, str) and given.strip().rstrip(".").casefold() in NO_INPUT:
            given = ""
        return Record(
            instruction=row["instruction"],
            input=given or "",
            output=row.get("output"),
            system=row.get("system") or "",
            **fields,
        )
    if layout == "messages":
        return from_messages(_turns(row["messages"], "messages"), **fields)
    if layout == "conversations":
        return from_messages(_turns(row["conversations"], "conversations"), **fields)
    prompt, completion = row["prompt"], row.get("completion")
    if isinstance(prompt, str):
        return Record(instruction=prompt, output=completion, system=row.get("system") or "", **fields)
    turns = _turns(prompt, "prompt") + (_turns(completion, "completion") if completion else [])
    return from_messages(turns, **fields)


def _turns(value: object, column: str) -> list[dict[str, Any]]:
    """The turns as OpenAI messages; ShareGPT's `from` and `value` too, and contents that are lists of text parts."""
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise ValueError(f"{column}: expected a list of messages, found {_shown(value)}")
    return [_turn(turn, f"{column}.{i}") for i, turn in enumerate(value)]


def _turn(turn: Mapping[str, Any], place: str) -> dict[str, Any]:
    if "from" in turn and "role" not in turn:
        if turn["from"] not in _SPEAKERS:
            raise ValueError(f"{place}: unknown speaker {turn['from']!r}")
        turn = {"role": _SPEAKERS[turn["from"]], "content": turn.get("value")}
    content = turn.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            raise ValueError(f"{place}: holds something else than text")
        content = "".join(str(part.get("text") or "") for part in content)
    return {**turn, "content": content}


def _tools(value: object) -> object:
    """Tools are a list, or JSON in a text (as most datasets keep them)."""
    return json.loads(value) if isinstance(value, str) else value


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:60] + '…'}"
