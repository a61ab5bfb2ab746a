"""JSON lines: a row on each line, in any encoding; a broken line costs itself alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from synthgen.formats.kinds.row import LATIN, Row, cut
from synthgen.formats.opening import Content, opened, text_of
from synthgen.formats.values import kind, why

LONGEST = 1 << 28
"""Bytes of the longest line."""


def rows(path: Path, content: Content) -> Iterator[Row]:
    """The rows of the file, each with its line as `raw`."""
    plainly = content.encoding in ("utf-8", "utf-8-sig")
    with opened(path) if plainly else _encoded(path, content.encoding) as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST)
            if not line:
                return
            if len(line) == LONGEST and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
                yield Row(number, None, f"a line of more than {LONGEST:,} bytes")
                continue
            if not line.strip():
                continue
            yield _line(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def _line(number: int, line: bytes) -> Row:
    raw = line.rstrip(b"\r\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: {error.reason} at byte {error.start}; {LATIN}"
        return Row(number, None, problem, cut(raw.decode("latin-1")), raw=raw)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {why(error)}", cut(text.strip()), raw=raw)
    if isinstance(value, dict):
        return Row(number, value, raw=raw)
    return Row(number, None, f"{kind(value)} where a row is an object", cut(text.strip()), raw=raw)


def _encoded(path: Path, encoding: str) -> IO[bytes]:
    """The lines of a file in UTF-16 or UTF-32 as UTF-8."""
    return _Recoded(text_of(path, encoding))  # type: ignore[return-value]


class _Recoded:
    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def __enter__(self) -> _Recoded:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def readline(self, limit: int) -> bytes:
        return self._text.readline(limit).replace("\ufeff", "").encode("utf-8", "surrogatepass")
