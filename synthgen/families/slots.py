"""What stands in a phrasing's slots: how a value is written, how it is found in text, and how it is read back."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Reader = Callable[[str], Any]
Writer = Callable[[Any, random.Random], str]


def _as_it_is(value: Any, rng: random.Random) -> str:
    return str(value)


@dataclass(frozen=True)
class Slot:
    """A kind of value in text.

    `pattern` finds it in lower-case text, `read` takes the original text (and raises `ValueError` where it is none),
    `write` is the way back. `bare` is its pattern where it stands alone, as the whole input or at the end of the
    instruction, written by `write_bare`; None where it cannot.
    """

    pattern: str
    read: Reader
    write: Writer = _as_it_is
    bare: str | None = None
    write_bare: Writer | None = None
    attach: bool = True
    """Whether a generated task may append it to the instruction (a value of several lines goes into the input)."""

    @cached_property
    def alone(self) -> re.Pattern[str]:
        """The value with nothing else around it."""
        return re.compile(rf"\s*(?:{self.bare or self.pattern})\s*", re.DOTALL)

    @cached_property
    def here(self) -> re.Pattern[str]:
        """The value as it stands at the end of an instruction."""
        return re.compile(rf"(?:{self.pattern})")


def integer(digits: int = 9) -> Slot:
    """A whole number, with or without a minus sign and commas between thousands."""
    return Slot(rf"-?(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,{digits}}})(?![\d.]*\d)", lambda text: int(text.replace(",", "")))


def word() -> Slot:
    """A single word, in quotes of either kind or without."""
    return Slot(r"""["'][\w'-]{1,40}?["']|[\w-]{1,40}""", lambda text: text.strip("\"'"), lambda v, rng: f'"{v}"')


def name() -> Slot:
    """A proper name of one word."""
    return Slot(r"[^\W\d_][\w-]{0,30}", str)


def choice(surfaces: Mapping[str, Any]) -> Slot:
    """One of some words that stand for values; several words may mean the same value."""
    by_value: dict[Any, list[str]] = {}
    for surface, value in surfaces.items():
        by_value.setdefault(value, []).append(surface)
    lower = {surface.lower(): value for surface, value in surfaces.items()}
    pattern = "|".join(
        re.escape(s.lower()).replace(r"\ ", r"\s+") for s in sorted(surfaces, key=lambda s: (-len(s), s))
    )

    def read(text: str) -> Any:
        return lower[" ".join(text.lower().split())]

    return Slot(pattern, read, lambda value, rng: rng.choice(by_value[value]))


def quoted() -> Slot:
    """A text of one line: in double quotes within an instruction, with or without them in the input."""
    return Slot(
        r'"[^"\n]{1,600}"',
        _unquote,
        lambda v, rng: f'"{v}"',
        bare=r"[^\n]{1,600}",
        write_bare=_as_it_is,
    )


def _unquote(text: str) -> str:
    text = text.strip()
    inner = text[1:-1]
    if len(text) > 2 and text[0] in '"“„' and text[-1] in '"”“' and not set(inner) & set('"“”„'):
        text = inner
    return text.strip()


def listing(item: str, read: Reader) -> Slot:
    """A list of at least two, with commas or a last "and": `item` is one item's pattern, `read` makes its value."""
    pattern = rf"(?:{item})(?:,\s*(?:{item})){{0,99}}(?:,?\s+and\s+(?:{item})|,\s*(?:{item}))"

    def parse(text: str) -> list[Any]:
        text = re.sub(r",?\s+and\s+(?=[^,]*$)", ", ", text.strip())
        return [read(part.strip()) for part in text.split(",")]

    def write(values: Sequence[Any], rng: random.Random) -> str:
        return ", ".join(map(str, values))

    return Slot(pattern, parse, write)


def integers() -> Slot:
    """A list of whole numbers with commas."""
    return listing(r"-?\d{1,9}", int)


def terms() -> Slot:
    """A list of words with commas; a term may have a hyphen."""
    return listing(r"[^\W\d_][\w'-]{0,30}", str)


LARGEST = 4000
"""Characters of the largest value of several lines that is read."""


def lines(pattern: str, read: Reader, write: Writer = _as_it_is) -> Slot:
    """A value that spans lines; it stands in the input, or at the very end of the instruction."""
    return Slot(pattern, read, write, attach=False)
