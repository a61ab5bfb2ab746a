"""The elements of a JSON array in a file, one by one: the file is never in memory as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

BLOCK = 1 << 16
"""Characters read at a time; twice as many each time while one element does not end."""

_ENDS = frozenset(",] \t\n\r")
_SPACE = re.compile(r"[ \t\n\r\ufeff]*")


def elements(file: TextIO, block: int = BLOCK) -> Iterator[Any]:
    """The elements, in order.

    Raises:
        ValueError: it is no array, or is broken or cut off; the message says after how many elements.
    """
    text, at, count = "", 0, 0
    before = "["  # what must come next: the array's beginning, nothing, or a comma
    decoder = json.JSONDecoder()
    wanted = block
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        following = text[at : at + 1]
        if following and before:
            if before == "," and following == "]":
                return
            if following != before:
                raise ValueError(f"after {count} elements stands {text[at : at + 20]!r}, not {before}")
            at, before = at + 1, ""
            continue
        if following == "]" and count == 0:
            return
        try:
            if not following:
                raise ValueError("it breaks off")
            value, end = decoder.raw_decode(text, at)
            if not isinstance(value, (dict, list, str)) and text[end : end + 1] not in _ENDS:
                raise ValueError("it breaks off")  # 1 may be the beginning of 12, and of 1e16
        except (ValueError, RecursionError) as error:
            more = file.read(wanted)
            if not more:
                raise ValueError(f"it breaks off or is broken after {count} elements: {error}") from error
            text, at, wanted = text[at:] + more, 0, wanted * 2
            continue
        yield value
        at, before, count, wanted = end, ",", count + 1, block
