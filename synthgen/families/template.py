"""Phrasings and their slots: one notation from which text is written and by which it is read back."""

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


_WORD = re.compile(r"[a-z]+")
_TOKEN = re.compile(r"[\[\]|]|\{[a-z_:0-9]+\}|[^\[\]|{}]+")
_SAME = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "’": "'", "‘": "'", "\u00a0": " ", "−": "-", "–": "-", "×": "*", "÷": "/"}
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A slot in a phrasing; `article` asks for `a` or `an` before it."""

    name: str
    article: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several texts."""

    options: tuple[tuple[Node, ...], ...]


Node = str | Hole | Choice


def plain(text: str) -> str:
    """The text in lower case with typographic quotes, dashes and signs made plain; as long as it was."""
    text = text.translate(_SAME)
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return lower


def words(text: str) -> frozenset[str]:
    """The runs of ASCII letters in lower-case text."""
    return frozenset(_WORD.findall(text))


@dataclass(frozen=True)
class Template:
    """A phrasing; `text` is its notation."""

    text: str

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The parsed notation; raises `ValueError` where brackets do not match."""
        tokens = _TOKEN.findall(self.text)
        if "".join(tokens) != self.text:
            raise ValueError(f"not a phrasing: {self.text!r}")
        options, end = _parse(tokens, 0)
        if end != len(tokens) or len(options) != 1:
            raise ValueError(f"brackets do not match in the phrasing {self.text!r}")
        return options[0]

    @cached_property
    def holes(self) -> frozenset[str]:
        """The names of all slots."""
        return frozenset(re.findall(r"\{(?:a:)?([a-z_0-9]+)\}", self.text))

    def write(self, rng: random.Random, fill: Callable[[str], str]) -> str:
        """One of the texts that this phrasing can be; `fill` gives a slot's text by its name."""
        out: list[str] = []
        _write(self.nodes, rng, fill, out)
        return "".join(out)

    def pattern(self, slots: Mapping[str, str], *, groups: bool = True) -> str:
        """A regular expression for `plain` text; with `groups`, each slot is a named group."""
        return _pattern(self.nodes, slots, set() if groups else None)

    @cached_property
    def anchors(self) -> tuple[frozenset[str], ...]:
        """Sets of words of which every text of this phrasing holds at least one."""
        return tuple(_anchors(self.nodes, True, True))


def _parse(tokens: list[str], at: int) -> tuple[tuple[tuple[Node, ...], ...], int]:
    options: list[tuple[Node, ...]] = []
    nodes: list[Node] = []
    while at < len(tokens) and tokens[at] != "]":
        token = tokens[at]
        at += 1
        if token == "[":
            inner, at = _parse(tokens, at)
            if at == len(tokens):
                raise ValueError("a bracket is not closed")
            nodes.append(Choice(inner))
            at += 1
        elif token == "|":
            options.append(tuple(nodes))
            nodes = []
        elif token[0] == "{":
            name = token[1:-1]
            nodes.append(Hole(name.removeprefix("a:"), name.startswith("a:")))
        else:
            nodes.append(token)
    options.append(tuple(nodes))
    return tuple(options), at


def _write(nodes: tuple[Node, ...], rng: random.Random, fill: Callable[[str], str], out: list[str]) -> None:
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        elif isinstance(node, Hole):
            text = fill(node.name)
            out.append(f"{'an' if text[0] in 'aeiouAEIOU' else 'a'} {text}" if node.article else text)
        else:
            _write(node.options[int(rng.random() * len(node.options))], rng, fill, out)


def _pattern(nodes: tuple[Node, ...], slots: Mapping[str, str], seen: set[str] | None) -> str:
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(re.sub(r"(?:\\ )+", r"\\s+", re.escape(plain(node))))
        elif isinstance(node, Hole):
            if seen is None or node.name in seen:
                body = f"(?:{slots[node.name]})" if seen is None else f"(?P={node.name})"
            else:
                seen.add(node.name)
                body = f"(?P<{node.name}>{slots[node.name]})"
            parts.append(rf"an?\s+{body}" if node.article else body)
        else:
            parts.append("(?:" + "|".join(_pattern(option, slots, seen) for option in node.options) + ")")
    return "".join(parts)


def _anchors(nodes: tuple[Node, ...], first: bool, last: bool) -> list[frozenset[str]]:
    """`first` and `last` say whether a word border stands before the first and after the last node."""
    found: list[frozenset[str]] = []
    for place, node in enumerate(nodes):
        before = nodes[place - 1] if place else None
        after = nodes[place + 1] if place + 1 < len(nodes) else None
        begins = first if before is None else isinstance(before, str) and not before[-1].isalpha()
        ends = last if after is None else isinstance(after, str) and not after[0].isalpha()
        if isinstance(node, str):
            text = node.lower()
            found += [
                frozenset((match.group(),))
                for match in _WORD.finditer(text)
                if (match.start() > 0 or begins) and (match.end() < len(text) or ends)
            ]
        elif isinstance(node, Choice):
            options = [_anchors(option, begins, ends) for option in node.options]
            if all(options):
                found.append(frozenset().union(*(min(option, key=len) for option in options)))
    return found
