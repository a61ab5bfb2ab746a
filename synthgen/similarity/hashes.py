"""Near-duplicates by hashes: equal texts by a dictionary, similar ones by MinHash (approximate, for the very large)."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import numpy as np

from synthgen.similarity.neighbour import Neighbour
from synthgen.text import Tokenizer, ngrams, normalize, tokenize


class HashIndex:
    """Kept texts by their tokens; texts without tokens by their normalised text. Every score is 1.

    The cheapest method, which finds copies only.

    Raises:
        TypeError: a text is not a string.
    """

    def __init__(self, *, tokenizer: Tokenizer = "unicode") -> None:
        self.tokenizer: Tokenizer = tokenizer
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def query(self, text: str) -> Neighbour | None:
        """The first kept text with the same tokens, or None."""
        number = self._numbers.get(self._form(text))
        return None if number is None else Neighbour(number, self._keys[number], 1.0, self._texts[number])

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text; returns its number."""
        number = len(self._texts)
        self._numbers.setdefault(self._form(text), number)
        self._texts.append(text)
        self._keys.append(key)
        return number

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added."""
        found = self.query(text)
        if found is None:
            self.add(text, key)
        return found

    def _form(self, text: str) -> str:
        if not isinstance(text, str):
            raise TypeError(f"a text is a string, not {type(text).__name__}")
        tokens = tokenize(text, self.tokenizer)
        # no token holds a space, and a text without tokens never begins with two
        return "  " + " ".join(tokens) if tokens else normalize(text)


PERMUTATIONS = 128
"""Minima kept of each text (uint32): the usual number, with a standard error of the estimate of at most 0.045."""

SHINGLE = 2
"""Words of a shingle. Instructions are short: at three, one changed word of ten breaks a third of the shingles."""

Minima = np.ndarray[Any, np.dtype[np.uint32]]


class MinHashIndex:
    """Kept texts by bands of their minima. A near-duplicate has an estimated Jaccard similarity >= `threshold`.

    The similarity is that of sets of word pairs (in scripts without spaces, of pairs of characters); a ROUGE-L F of
    0.7 corresponds to about 0.4. The same texts give the same answers on every machine.

    The share of equal values among the minima of many random orders estimates the similarity of two sets (Broder 1997);
    texts that agree in all values of one of several bands are compared (Indyk and Motwani 1998; Leskovec, Rajaraman and
    Ullman, Mining of Massive Datasets, chapter 3). It misses some and takes some that are not: the exact index is both
    faster and right up to millions of instructions. This one's cost for a text does not grow with their number.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
        TypeError: a text is not a string.
    """

    def __init__(self, threshold: float = 0.4, *, tokenizer: Tokenizer = "unicode") -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it is above 0 and at most 1")
        self.threshold = threshold
        self.tokenizer: Tokenizer = tokenizer
        self.bands, self.rows = best_bands(threshold)
        rng = np.random.Generator(np.random.PCG64(0))
        # multiply-shift hashing (Dietzfelbinger et al. 1997): the top 32 bits of a * x + b with a odd
        self._a = rng.integers(0, 1 << 63, size=(PERMUTATIONS, 1), dtype=np.uint64) << np.uint64(1) | np.uint64(1)
        self._b = rng.integers(0, 1 << 63, size=(PERMUTATIONS, 1), dtype=np.uint64)
        self._bands: list[dict[bytes, list[int]]] = [{} for _ in range(self.bands)]
        self._minima = np.empty((16, PERMUTATIONS), dtype=np.uint32)
        self._texts: list[str] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def query(self, text: str) -> Neighbour | None:
        """The nearest of the texts that share a band (the earliest of equals), if it is near enough, or None."""
        return self._query(self._of(text))

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text, whatever it resembles; returns its number."""
        return self._add(text, self._of(text), key)

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added."""
        minima = self._of(text)
        found = self._query(minima)
        if found is None:
            self._add(text, minima, key)
        return found

    def _of(self, text: str) -> Minima:
        if not isinstance(text, str):
            raise TypeError(f"a text is a string, not {type(text).__name__}")
        tokens = tokenize(text, self.tokenizer)
        shingles = {" ".join(gram) for gram in ngrams(tokens, SHINGLE)} or {" ".join(tokens) or "\0" + normalize(text)}
        # two 32-bit sums of each shingle make 64 bits: the same in every process, unlike `hash`
        encoded = [shingle.encode("utf-8", "surrogatepass") for shingle in shingles]
        hashes = np.array([zlib.crc32(e) << 32 | zlib.adler32(e) for e in encoded], dtype=np.uint64)
        minima = np.full(PERMUTATIONS, 0xFFFFFFFF, dtype=np.uint32)
        for start in range(0, len(hashes), 4096):  # bounds the memory for long texts
            values = (self._a * hashes[start : start + 4096] + self._b) >> np.uint64(32)
            minima = np.minimum(minima, values.min(axis=1).astype(np.uint32))
        return minima

    def _banded(self, minima: Minima) -> list[bytes]:
        return [minima[i * self.rows : (i + 1) * self.rows].tobytes() for i in range(self.bands)]

    def _query(self, minima: Minima) -> Neighbour | None:
        same = [self._bands[i].get(band, []) for i, band in enumerate(self._banded(minima))]
        numbers = np.array(sorted(set().union(*same)), dtype=np.int64)
        if not len(numbers):
            return None
        equal = (self._minima[numbers] == minima).mean(axis=1)
        nearest = int(equal.argmax())
        if equal[nearest] < self.threshold:
            return None
        number = int(numbers[nearest])
        return Neighbour(number, self._keys[number], float(equal[nearest]), self._texts[number])

    def _add(self, text: str, minima: Minima, key: str) -> int:
        number = len(self._texts)
        if number == len(self._minima):
            self._minima = np.concatenate([self._minima, np.empty_like(self._minima)])
        self._minima[number] = minima
        for i, band in enumerate(self._banded(minima)):
            self._bands[i].setdefault(band, []).append(number)
        self._texts.append(text)
        self._keys.append(key)
        return number


_STEPS = 1000
"""Similarities from 0 to 1 at which the costs are summed up."""


@lru_cache
def best_bands(threshold: float) -> tuple[int, int]:
    """Bands and rows with the least sum of misses above the threshold and needless comparisons below it.

    A pair of similarity s shares one of b bands of r rows with probability 1 - (1 - s^r)^b. A miss counts nine times:
    what is compared needlessly costs microseconds, as the estimate decides.
    """
    similarity = (np.arange(_STEPS) + 0.5) / _STEPS

    def cost(bands: int, rows: int) -> float:
        shared = 1 - (1 - similarity**rows) ** bands
        above = similarity >= threshold
        return float(0.9 * (1 - shared)[above].sum() + 0.1 * shared[~above].sum())

    options = [(PERMUTATIONS // rows, rows) for rows in range(1, PERMUTATIONS + 1)]
    return min(options, key=lambda option: cost(*option))
