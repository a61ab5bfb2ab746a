"""Texts as sets of numbers: every token, and every further occurrence of it in the same text, has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

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
