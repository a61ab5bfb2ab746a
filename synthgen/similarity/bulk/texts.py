"""Texts as sets of numbers: every token, and every further occurrence of it in the same text, has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthgen.similarity.bulk import signatures
from synthgen.text import Tokenizer, tokenize

Int32s = NDArray[np.int32]
Key = TypeVar("Key")


class _Numbers(dict[Key, int]):
    """Gives each key that it does not know a number."""

    def __init__(self, new_number: Callable[[Key], int]) -> None:
        super().__init__()
        self._new_number = new_number

    def __missing__(self, key: Key) -> int:
        number = self[key] = self._new_number(key)
        return number


class Numbering:
    """Numbers tokens in the order they are first seen.

    A text becomes its *elements*, one for each token: the token's number where it stands for the first time, and the
    number of (token, second time), (token, third time) … after that. So the elements of a text are all different,
    and two texts share as many as their multisets of tokens have in common.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer: Tokenizer = tokenizer
        self.size = 0
        self._tokens: _Numbers[str] = _Numbers(self._new_token)
        self._repeats: _Numbers[tuple[int, int]] = _Numbers(self._new_repeat)
        self._token_of = np.empty(0, np.int32)
        self._repeated: list[tuple[int, int]] = []  # elements that `_token_of` does not know yet, and their tokens

    def encode(self, texts: Iterable[str]) -> tuple[Int32s, NDArray[np.int64]]:
        """The elements of all texts one after the other, and where each text begins (and the last ends)."""
        elements: list[int] = []
        offsets = [0]
        number = self._tokens.__getitem__
        for text in texts:
            tokens = list(map(number, tokenize(text, self.tokenizer)))
            elements += tokens if len(set(tokens)) == len(tokens) else self._apart(tokens)
            offsets.append(len(elements))
        return np.array(elements, np.int32), np.array(offsets, np.int64)

    def token_of(self) -> Int32s:
        """int32 [at least `size`]: the token of each element."""
        known = len(self._token_of)
        if known < self.size:
            grown = np.arange(self.size + self.size // 4, dtype=np.int32)
            grown[:known] = self._token_of
            self._token_of = grown
        for element, token in self._repeated:
            self._token_of[element] = token
        self._repeated.clear()
        return self._token_of

    def _apart(self, tokens: Sequence[int]) -> list[int]:
        times: dict[int, int] = {}
        out = []
        for token in tokens:
            time = times[token] = times.get(token, 0) + 1
            out.append(token if time == 1 else self._repeats[token, time])
        return out

    def _new_token(self, _: str) -> int:
        self.size += 1
        return self.size - 1

    def _new_repeat(self, key: tuple[int, int]) -> int:
        self._repeated.append((self.size, key[0]))
        self.size += 1
        return self.size - 1


Ints = NDArray[np.int64]

_NUMBERS = np.arange(1 << 16)


def ragged(starts: Ints, counts: Ints) -> Ints:
    """The numbers `starts[i] … starts[i] + counts[i] - 1` for each i, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    out: Ints = np.repeat(starts - (ends - counts), counts)
    out += _NUMBERS[:total] if total <= len(_NUMBERS) else np.arange(total)
    return out


@dataclass(frozen=True)
class Texts:
    """Texts of at least one token each.

    `elements` int32 [E]: those of all texts, in text order. `offsets` int64 [N + 1]: where each text begins in it.
    `signatures` uint64 [N]: the narrow ones. `wide` uint64 [W] and `wide_offsets` int64 [N + 1]: the wide ones.
    """

    elements: NDArray[np.int32]
    offsets: Ints
    signatures: NDArray[np.uint64]
    wide: NDArray[np.uint64]
    wide_offsets: Ints

    @classmethod
    def of(cls, elements: NDArray[np.int32], offsets: Ints) -> Texts:
        """The texts with these elements."""
        return cls(elements, offsets, signatures.narrow(elements, offsets), *signatures.wide(elements, offsets))

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> Texts:
        """The texts of all parts, in order."""
        return cls(
            np.concatenate([p.elements for p in parts]),
            _joined_offsets([p.offsets for p in parts]),
            np.concatenate([p.signatures for p in parts]),
            np.concatenate([p.wide for p in parts]),
            _joined_offsets([p.wide_offsets for p in parts]),
        )

    def __len__(self) -> int:
        return len(self.signatures)

    @cached_property
    def lengths(self) -> Ints:
        """The number of tokens of each text."""
        return np.diff(self.offsets)

    def take(self, which: Ints) -> Texts:
        """These texts, in this order."""
        elements, offsets = taken(self.elements, self.offsets, which)
        wide, wide_offsets = taken(self.wide, self.wide_offsets, which)
        return Texts(elements, offsets, self.signatures[which], wide, wide_offsets)

    def elements_of(self, text: int) -> NDArray[np.int32]:
        """The elements of one text."""
        return self.elements[self.offsets[text] : self.offsets[text + 1]]

    def part(self, start: int, stop: int) -> Texts:
        """The texts from `start` to before `stop`, as a view."""
        elements = self.elements[self.offsets[start] : self.offsets[stop]]
        wide = self.wide[self.wide_offsets[start] : self.wide_offsets[stop]]
        offsets = self.offsets[start : stop + 1] - self.offsets[start]
        wide_offsets = self.wide_offsets[start : stop + 1] - self.wide_offsets[start]
        return Texts(elements, offsets, self.signatures[start:stop], wide, wide_offsets)

    def differing(self, which: Ints, others: Texts, other: Ints) -> Ints:
        """In how many bits the wide signatures of each pair differ: at most as many as the elements not shared."""
        mine, my_ends = taken(self.wide, self.wide_offsets, which)
        theirs, their_ends = taken(others.wide, others.wide_offsets, other)
        return signatures.differing(mine, np.diff(my_ends), theirs, np.diff(their_ends))


NONE = Texts.of(np.empty(0, np.int32), np.zeros(1, np.int64))
"""No texts."""


def taken(values: NDArray[Any], offsets: Ints, which: Ints) -> tuple[NDArray[Any], Ints]:
    """Of values that belong to numbered owners those of `which`, one owner after the other, and where each begins."""
    counts = offsets[which + 1] - offsets[which]
    return values[ragged(offsets[which], counts)], np.concatenate(([0], np.cumsum(counts)))


def _joined_offsets(parts: Sequence[Ints]) -> Ints:
    shifts = np.cumsum([0, *(p[-1] for p in parts)])
    return np.concatenate([[0], *(p[1:] + s for p, s in zip(parts, shifts, strict=False))])
