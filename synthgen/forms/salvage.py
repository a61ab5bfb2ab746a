"""JSON values found in model text: amid chatter and fences, one per line, or in a list that is cut or broken."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from typing import Any

from synthgen.forms.escapes import is_doubtful, unescaped


class Number(str):
    """A number as it was written: a huge one costs nothing, 3.10 does not become 3.1, and NaN is a word."""

    __slots__ = ()


# strict=False allows raw control characters in strings, which models write; a filter looks at them later.
_DECODER = json.JSONDecoder(strict=False, parse_int=Number, parse_float=Number, parse_constant=Number)

# What may stand for a backslash while JSON is read: control characters, and such as Unicode gives to nobody.
_STAND_INS = [chr(n) for n in (*range(1, 9), *range(14, 32), *range(0xFDD0, 0xFDF0))]


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


class _Values:
    """The JSON values of a text. Where its backslashes are doubtful, JSON is given the text without any, each replaced
    by a character that stands in for it, and the strings are then read by `unescaped`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._backslash = self._quote = ""
        if "\\" in text and is_doubtful(text):
            free = [character for character in _STAND_INS if character not in text]
            if len(free) > 1:  # a text that holds them all is read as JSON
                self._backslash, self._quote = free[:2]
                self._text = (
                    text.replace("\\\\", self._backslash * 2)
                    .replace('\\"', self._backslash + self._quote)
                    .replace("\\", self._backslash)
                )

    def at(self, start: int) -> tuple[Found | None, int]:
        """The value at `start`, or None, and how far it was read for that."""
        try:
            value, end = _DECODER.raw_decode(self._text, start)
            return Found(self._read(value) if self._backslash else value, start, end), end
        except JSONDecodeError as error:
            return None, error.pos
        except (ValueError, RecursionError):
            return None, start + _DEEP

    def _read(self, value: Any) -> Any:
        if isinstance(value, str):
            if self._backslash not in value:
                return value
            return unescaped(value.replace(self._backslash, "\\").replace(self._quote, '"'))
        if isinstance(value, dict):
            return {self._read(key): self._read(below) for key, below in value.items()}
        return [self._read(below) for below in value] if isinstance(value, list) else value


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
    values = _Values(text)
    failures, wasted = 0, 0
    position = 0
    while failures < FAILURES and wasted <= READ_AGAIN * len(text) and (opening := _OPENING.search(text, position)):
        start = opening.start()
        value, reached = values.at(start)
        if value is not None:
            found.append(value)
            position = value.end
            continue
        failures += 1
        wasted += reached - start
        position = start + 1
        if strings and text[start] == "[":
            parts = _strings(values, text, position)
            if parts:
                found += parts
                position = parts[-1].end
    return found


def _strings(values: _Values, text: str, position: int) -> list[Found]:
    """The strings of a list whose bracket stands before `position`, up to where it is broken for good."""
    found: list[Found] = []
    while True:
        position = _end(_SEPARATOR, text, position)
        if text[position : position + 1] != '"':
            return found
        value = values.at(position)[0]
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
