"""One row of a file, and its cells as values of records: text, yes or no, lists that may be kept as JSON text."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

DEPTH = 64
"""Levels to which lists and objects in a row may be nested: far beyond any tool or dialogue, far below what breaks."""

EXCERPT = 500
"""Characters that are kept of a row that cannot be read."""

LATIN = "it may be Latin-1 or Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 turns it into UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file (from 1; the line, in JSON lines), and its values or what is wrong with it.

    `last`: the file cannot be read any further. `raw` is the line as it was, in JSON lines in UTF-8.
    """

    number: int
    values: dict[str, Any] | None
    problem: str = ""
    excerpt: str = ""
    last: bool = False
    raw: bytes = b""


class RowError(ValueError):
    """A row that cannot be used; `reason` is the snake_case cause that it is rejected with."""

    def __init__(self, message: str, reason: str = "malformed_row") -> None:
        super().__init__(message)
        self.reason = reason


def cut(text: str) -> str:
    """The text's beginning, as an excerpt."""
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def holds(value: Any) -> bool:
    """Whether a cell holds something: not null, NaN, nothing but blanks, or an empty list or object."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    if isinstance(value, float):
        return not math.isnan(value)
    return value is not None and value != [] and value != {} and value != b""


def text(value: Any, column: str) -> str:
    """A cell as text: a number, a list or an object is its JSON, as in a teacher's reply; null and NaN are empty.

    A list of one text is that text.

    Raises:
        RowError: it is binary or nested too deeply.
    """
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        raise RowError(f"{column} holds binary data, not text")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    shallow(value, column)
    return json.dumps(value, ensure_ascii=False, default=str)


def shallow(value: Any, column: str) -> None:
    """Raises `RowError` where the value is nested beyond `DEPTH`, or holds a number that JSON does not know."""
    level = [value]
    for _ in range(DEPTH):
        inner = [
            part
            for outer in level
            for part in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, (list, tuple)) else ()
            )
        ]
        for part in inner:
            if isinstance(part, float) and not math.isfinite(part):
                raise RowError(f"{column} holds {part}, which is no number of JSON")
        level = [part for part in inner if isinstance(part, (dict, list, tuple))]
        if not level:
            return
    raise RowError(f"{column} is nested more than {DEPTH} levels deep")


def parsed(value: Any, column: str) -> Any:
    """The value; where it is a text, the JSON in it (None for a blank one).

    Raises:
        RowError: the text is no JSON.
    """
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RowError(f"{column} is a text that is no JSON: {why(error)}") from error


def why(error: Exception, start: int = 0) -> str:
    """What is wrong with a JSON text that begins at `start`, in a few words."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (character {error.pos - start + 1})"
    return "a number in it has too many digits"


def yes_or_no(value: Any) -> bool | None:
    """True or False, also written as text; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def kind(value: Any) -> str:
    """What a value is, for people: `a text`, `a list` …"""
    if value is None:
        return "nothing"
    for types, name in (
        (bool, "true or false"),
        (str, "a text"),
        ((int, float), "a number"),
        ((list, tuple), "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, types):
            return name
    return "binary data" if isinstance(value, bytes) else f"a {type(value).__name__}"


def shown(value: Any, limit: int = 60) -> str:
    """The value as JSON, cut to `limit` characters."""
    try:
        found = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return kind(value)
    return found if len(found) <= limit else f"{found[:limit]}…"
