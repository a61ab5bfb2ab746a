"""One row of a file, as every kind of file gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def cut(text: str) -> str:
    """The text's beginning, as an excerpt."""
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
