"""Reads instructions: which family a text belongs to and with which values, from the text alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from synthgen.families.closings import read_closings
from synthgen.families.family import Family, Phrasing, Reading, Unprovable
from synthgen.families.framing import starts
from synthgen.families.template import plain, words

LONGEST = 4000
"""Characters of the longest instruction that is looked at; ours are far shorter."""

_MARKS = ".:?! \t\r\n"
_INTRODUCES = re.compile(r":\s*$|\n\s*\n\s*$")
"""A colon or an empty line: all that follows is data, even where it looks like a further sentence."""


class Recogniser:
    """Finds the phrasings that a text can be, by one rare word of each, and reads it by them."""

    def __init__(self, families: Iterable[Family]) -> None:
        phrasings = [phrasing for family in families for phrasing in family.all_phrasings]
        frequency = Counter(
            word for phrasing in phrasings for word in set().union(*phrasing.template.anchors, frozenset())
        )
        self._by_word: dict[str, list[tuple[Phrasing, tuple[frozenset[str], ...]]]] = defaultdict(list)
        for phrasing in phrasings:
            if not phrasing.template.anchors:
                raise ValueError(f"the phrasing {phrasing.template.text!r} has no word that is always there")
            rarest, *others = sorted(phrasing.template.anchors, key=lambda words: sum(frequency[w] for w in words))
            for word in rarest:
                self._by_word[word].append((phrasing, tuple(others[:2])))

    def candidates(self, text: str) -> list[Phrasing]:
        """The phrasings that plain text may be, each once, in a fixed order."""
        present = words(text)
        found: dict[int, Phrasing] = {}
        for word in sorted(present & self._by_word.keys()):
            for phrasing, others in self._by_word[word]:
                if not any(present.isdisjoint(other) for other in others):
                    found[id(phrasing)] = phrasing
        return list(found.values())

    def readings(self, instruction: str, input: str | None) -> Iterator[Reading]:
        """Every way to read the instruction; `input=None` says that it is not known yet.

        A reading that needs data comes with `complete=False` where the input is not known.
        """
        if len(instruction) > LONGEST:
            return
        text = plain(instruction)
        candidates = self.candidates(text)
        if not candidates:
            return
        begins = starts(text)
        for phrasing in candidates:
            for start in begins:
                reading = _read(phrasing, instruction, text, start, input)
                if reading is not None:
                    yield reading
                    break


def _read(phrasing: Phrasing, instruction: str, text: str, start: int, input: str | None) -> Reading | None:
    match = phrasing.regex.match(text, start)
    if match is None:
        return None
    family = phrasing.family
    values: dict[str, object] = {"op": phrasing.op}
    inline = family.data is not None and family.data in match.re.groupindex
    try:
        for name in match.re.groupindex:
            values[name] = family.slots[name].read(instruction[match.start(name) : match.end(name)])
        closings, at = read_closings(text, instruction, _skip(text, match.end()))
        if at < len(text) and family.data is not None and not inline:
            found = family.slots[family.data].here.match(text, at)
            if found is not None:
                values[family.data] = family.slots[family.data].read(instruction[at : found.end()])
                more, at = read_closings(text, instruction, _skip(text, found.end()))
                closings += more
            elif _INTRODUCES.search(text, match.end(), at):
                values[family.data] = family.read_data(instruction[at:])
                at = len(text)
            inline = True
        if at < len(text) or not family.allows(tuple(closings)):
            return None
        complete = inline or family.data is None
        if complete and input and input.strip():
            return None
        if not complete and input is not None:
            values[family.data or ""] = family.read_data(input)
            complete = True
    except (ValueError, KeyError, OverflowError, Unprovable):
        return None
    return Reading(family.name, values, tuple(closings), complete)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _MARKS:
        at += 1
    return at
