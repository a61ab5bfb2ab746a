"""JSON values found in model text: amid chatter and fences, one per line, or in a list that is cut or broken."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from synthgen.forms.escapes import is_doubtful, unescaped


class Number(str):
    """A number as it was written: a huge one costs nothing, 3.10 does not become 3.1, and NaN is a word."""

    __slots__ = ()


_NUMBERS = {"parse_int": Number, "parse_float": Number, "parse_constant": Number}
# strict=False allows raw control characters in strings, which models write; a filter looks at them later.
_DECODER = json.JSONDecoder(strict=False, **_NUMBERS)

_STRING = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class _Lenient(json.JSONDecoder):
    """Reads strings by `unescaped`. In Python, so a dozen times slower: for texts with doubtful backslashes."""

    def __init__(self) -> None:
        super().__init__(strict=False, **_NUMBERS)
        self.parse_string = _string
        self.scan_once = py_make_scanner(self)


def _string(text: str, start: int, strict: bool = False) -> tuple[str, int]:
    found = _STRING.match(text, start)
    if found is None:
        raise JSONDecodeError("Unterminated string starting at", text, start - 1)
    return unescaped(text[start : found.end() - 1]), found.end()


_LENIENT = _Lenient()

FAILURES = 500
"""How many brackets may turn out not to begin a JSON value before the rest of a text is given up as broken: bounds the
time that a text of nothing but brackets can cost."""

READ_AGAIN = 20
"""How many times a text's length may be read in vain for the same reason."""
_DEEP = 10_000

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
    return _decode(decoder_for(text), text, start)[0]


def decoder_for(text: str) -> json.JSONDecoder:
    """The decoder for the values in this text."""
    return _LENIENT if "\\" in text and is_doubtful(text) else _DECODER


def _decode(decoder: json.JSONDecoder, text: str, start: int) -> tuple[Found | None, int]:
    """The value at `start`, or None, and how far it was read for that."""
    try:
        value, end = decoder.raw_decode(text, start)
    except JSONDecodeError as error:
        return None, error.pos
    except (ValueError, RecursionError):
        return None, start + _DEEP
    return Found(value, start, end), end


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
    return _written(value) if isinstance(value, str) else json.dumps(value)


def _written(text: str) -> str:
    """A string as JSON; its control characters by number where their short names could be read as something else."""
    written = json.dumps(text, ensure_ascii=False)
    if "\\" in written and unescaped(written[1:-1]) != text:
        return _SHORT.sub(lambda found: found[1] + _NUMBERED.get(found[2], found[2]), written)
    return written


_SHORT = re.compile(r"((?:\\\\)*)(\\.)", re.DOTALL)
_NUMBERED = {rf"\{name}": f"\\u{ord(character):04x}" for name, character in zip("bfnrt", "\b\f\n\r\t", strict=True)}


def scan(text: str, *, strings: bool = False) -> list[Found]:
    """The JSON objects and lists in the text, in order; the parts of one that is broken or cut where it is not whole.

    With `strings`, the strings of a broken list count as parts.
    """
    found: list[Found] = []
    decoder = decoder_for(text)
    failures, wasted = 0, 0
    position = 0
    while failures < FAILURES and wasted <= READ_AGAIN * len(text) and (opening := _OPENING.search(text, position)):
        start = opening.start()
        value, reached = _decode(decoder, text, start)
        if value is not None:
            found.append(value)
            position = value.end
            continue
        failures += 1
        wasted += reached - start
        position = start + 1
        if strings and text[start] == "[":
            parts = _strings(decoder, text, position)
            if parts:
                found += parts
                position = parts[-1].end
    return found


def _strings(decoder: json.JSONDecoder, text: str, position: int) -> list[Found]:
    """The strings of a list whose bracket stands before `position`, up to where it is broken for good."""
    found: list[Found] = []
    while True:
        position = _end(_SEPARATOR, text, position)
        if text[position : position + 1] != '"':
            return found
        value = _decode(decoder, text, position)[0]
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
