"""The values in a JSON file, one by one: elements of an array, members of an object, documents one after the other.

The file is never in memory as a whole. An element that is broken in itself, or nested too deeply, is told and passed
over, as long as its end can be found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from synthgen.formats.row import why

BLOCK = 1 << 16
"""Characters read at a time; twice as many each time while one element does not end."""

FOREIGN = "holds bytes that are no UTF-8"

_ENDS = frozenset(",]} \t\n\r")
_SPACE = re.compile(r"[ \t\n\r\ufeff]*")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|"|[\[\]{}]', re.DOTALL)
_FOREIGN = re.compile("[\udc80-\udcff]")
"""What bytes that are no text of the encoding are read as."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A value that cannot be read: what is wrong, and how it looks."""

    problem: str
    text: str


class NotJson(ValueError):
    """What is no JSON, however whole the file is."""


class Values:
    """Reads values and punctuation from a text, a block at a time."""

    def __init__(self, file: IO[str], block: int = BLOCK) -> None:
        self._file = file
        self._block = block
        self._text = ""
        self._at = 0
        self._foreign = False
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._more(self._block):
                return self._text[self._at : self._at + 1]

    def take(self, character: str, count: int) -> None:
        """Passes this character, which must come next; `count` elements came before."""
        found = self.peek()
        if found != character:
            if character == "," and found in ("{", "["):
                raise NotJson(f"after {count} elements a comma is missing")
            if character == "{" and found == ",":
                raise NotJson("its lines end with commas, as those of an array do, but there are no brackets around it")
            self._refuse_comment(found, count)
            seen = repr(self._text[self._at : self._at + 20]) if found else "its end"
            raise ValueError(f"it breaks off or is broken after {count} elements: {seen} stands where {character} must")
        self._at += 1

    def _refuse_comment(self, found: str, count: int) -> None:
        """Raises `NotJson` for what people and other languages write, and JSON has not."""
        if len(self._text) - self._at < 2:
            self._more(self._block)
        begin = self._text[self._at : self._at + 2]
        if begin in ("//", "/*") or found == "#":
            raise NotJson(f"after {count} elements there is a comment, and JSON has none")
        if found == "'" or begin in ("{'", "['"):
            raise NotJson(f"after {count} elements a text stands in single quotes: that is Python, not JSON")

    def value(self, count: int) -> Any:
        """The next value, or what is `Broken` in its place.

        Raises:
            ValueError: it is broken and its end cannot be found; `NotJson` where it would be no JSON if it were whole.
        """
        wanted = self._block
        found = self.peek()
        self._refuse_comment(found, count)
        if found in ("]", "}"):
            raise NotJson(f"after {count} elements a comma stands before {found}, and JSON has none there")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if isinstance(value, (dict, list, str)) or self._text[end : end + 1] in _ENDS:
                    break
                problem = "it breaks off"  # 1 may be the beginning of 12, and of 1e16
            except (ValueError, RecursionError) as error:
                problem = why(error, self._at)
                if (stop := self._end_of_broken()) is not None:
                    broken = Broken(f"not JSON: {problem}", self._text[self._at : min(stop, self._at + 1000)])
                    self._at = stop
                    return broken
            if not self._more(wanted):
                raise ValueError(f"it breaks off or is broken after {count} elements: {problem}")
            wanted *= 2
        raw = self._text[self._at : end] if self._foreign else ""
        self._at = end
        if raw and _FOREIGN.search(raw):
            return Broken(FOREIGN, raw.encode("utf-8", "surrogateescape").decode("latin-1"))
        return value

    def _end_of_broken(self) -> int | None:
        """Where an element that begins with a bracket ends, if that is in what has been read."""
        if self._text[self._at : self._at + 1] not in ("{", "["):
            return None
        depth = 0
        for match in _BRACKET.finditer(self._text, self._at):
            found = match.group()
            if found in ("{", "["):
                depth += 1
            elif found in ("}", "]"):
                depth -= 1
                if depth == 0:
                    after = _SPACE.match(self._text, match.end()).end()  # type: ignore[union-attr]
                    return match.end() if self._text[after : after + 1] in (",", "]", "}", "") else None
            elif found == '"':
                return None  # a text that does not end
        return None

    def _more(self, wanted: int) -> bool:
        more = self._file.read(wanted)
        if not more:
            return False
        self._foreign = self._foreign or (not more.isascii() and _FOREIGN.search(more) is not None)
        self._text, self._at = self._text[self._at :] + more, 0
        return True


def elements(file: IO[str], block: int = BLOCK) -> Iterator[Any]:
    """The elements of an array, in order; those that are broken in themselves as `Broken`.

    Raises:
        ValueError: it is no array, or is broken or cut off; the message says after how many elements.
    """
    values = Values(file, block)
    yield from _elements(values)
    if values.peek():
        raise ValueError("something stands after the end of the array")


def _elements(values: Values) -> Iterator[Any]:
    count = 0
    values.take("[", 0)
    if values.peek() == "]":
        values.take("]", 0)
        return
    while True:
        yield values.value(count)
        count += 1
        if values.peek() == "]":
            values.take("]", count)
            return
        values.take(",", count)


def members(file: IO[str], block: int = BLOCK) -> Iterator[tuple[int, str, Any, bool]]:
    """What the objects in a file hold, one after the other: number of the object, key, value, and whether that is an
    element: an array that is not empty comes as its elements, one at a time.

    Raises:
        ValueError: it is broken or cut off.
    """
    values = Values(file, block)
    number = count = 0
    while values.peek():
        values.take("{", count)
        number += 1
        first = True
        while values.peek() != "}":
            if not first:
                values.take(",", count)
            first = False
            key = values.value(count)
            if not isinstance(key, str):
                raise ValueError(f"it breaks off or is broken after {count} elements: a key is no text")  # noqa: TRY004
            values.take(":", count)
            if values.peek() == "[":
                empty = True
                for element in _elements(values):
                    empty = False
                    yield number, key, element, True
                    count += 1
                if empty:
                    yield number, key, [], False
            else:
                yield number, key, values.value(count), False
                count += 1
        values.take("}", count)


def documents(file: IO[str], block: int = BLOCK) -> Iterator[Any]:
    """The values of a file, one after the other.

    Raises:
        ValueError: one is broken or cut off.
    """
    values = Values(file, block)
    count = 0
    while values.peek():
        yield values.value(count)
        count += 1


def foreign(text: str) -> bool:
    """Whether the text holds what bytes that are no text have been read as."""
    return not text.isascii() and _FOREIGN.search(text) is not None
