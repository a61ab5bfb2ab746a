"""JSON values found in model text: amid chatter and fences, one per line, or in a list that is cut or broken."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


class Number(str):
    """A number as it was written: a huge one costs nothing, 3.10 does not become 3.1, and NaN is a word."""

    __slots__ = ()


# strict=False allows raw control characters in strings, which models write; a filter looks at them later.
_DECODER = json.JSONDecoder(strict=False, parse_int=Number, parse_float=Number, parse_constant=Number)

FAILURES = 500
"""How many brackets may turn out not to begin a JSON value before the rest of a text is given up as broken: bounds the
time that a text of nothing but brackets can cost."""

_OPENING = re.compile(r"[\[{]")
_SEPARATOR = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_NEXT_STRING = re.compile(r'[,\n][^\S\n]*+"')


@dataclass(frozen=True, slots=True)
class Found:
    """A decoded value and where it stands: `text[start:end]`."""

    value: Any
    start: int
    end: int


def decode(text: str, start: int) -> Found | None:
    """The JSON value that begins at `start`, or None where there is none."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return Found(value, start, end)


def encode(value: Any) -> str | None:
    """A decoded value as JSON text with its numbers as they were, or None where it is nested too deep for that."""
    try:
        return _encode(value)
    except RecursionError:
        return None


def _encode(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_encode(element) for element in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_encode(key)}: {_encode(element)}" for key, element in value.items())
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value, ensure_ascii=False)


def scan(text: str, *, strings: bool = False) -> list[Found]:
    """The JSON objects and lists in the text, in order; the parts of one that is broken or cut where it is not whole.

    With `strings`, the strings of a broken list count as parts.
    """
    found: list[Found] = []
    failures = 0
    position = 0
    while failures < FAILURES and (opening := _OPENING.search(text, position)):
        start = opening.start()
        value = decode(text, start)
        if value is not None:
            found.append(value)
            position = value.end
            continue
        failures += 1
        position = start + 1
        if strings and text[start] == "[":
            parts = _strings(text, position)
            if parts:
                found += parts
                position = parts[-1].end
    return found


def _strings(text: str, position: int) -> list[Found]:
    """The strings of a list whose bracket stands before `position`, up to where it is broken for good."""
    found: list[Found] = []
    while True:
        position = _end(_SEPARATOR, text, position)
        if text[position : position + 1] != '"':
            return found
        value = decode(text, position)
        after = _end(_SPACE, text, value.end) if value is not None else 0
        if value is not None and text[after : after + 1] in ("", ",", "]", '"'):
            found.append(value)
            position = value.end
            continue
        following = _NEXT_STRING.search(text, position + 1)
        if following is None:
            return found
        position = following.end() - 1


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
