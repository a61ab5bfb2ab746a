"""The exact near-duplicate index: decisions identical to comparing with every kept text, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from synthgen.similarity.candidates import LONGEST, LongIndex, ShortIndex, Sketch
from synthgen.similarity.neighbour import Arithmetic, Needed, Neighbour, Rule, score
from synthgen.similarity.vocabulary import Vocabulary, to_ids, to_text
from synthgen.text import Tokenizer, common_length, normalize, tokenize


class NearDuplicateIndex:
    """Kept texts, and for a further text the nearest of them that makes it a near-duplicate.

    `threshold`, `rule` and `arithmetic` say what is one (see `Needed`), `tokenizer` what is compared. Texts that have
    no tokens at all are compared whole (normalised), so that an empty token list never passes as unique. Exact: a
    text is found to be a near-duplicate iff comparing it with every kept one would; how texts of more than 32,000
    tokens are compared says `synthgen.text`.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.
        TypeError: a text is not a string.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        *,
        rule: Rule = "gt",
        arithmetic: Arithmetic = "exact",
        tokenizer: Tokenizer = "unicode",
    ) -> None:
        self.tokenizer: Tokenizer = tokenizer
        self._needed = Needed(threshold, rule, arithmetic)
        self._vocabulary = Vocabulary()
        self._short = ShortIndex(self._needed)
        self._long = LongIndex()
        self._from_long = self._needed.shortest(LONGEST + 1)
        self._stricter: dict[float, Needed] = {}
        self._encoded: list[str] = []
        self._texts: list[str] = []
        self._keys: list[str] = []
        self._whole: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def threshold(self) -> float:
        """What the index was built for."""
        return self._needed.threshold

    @property
    def texts(self) -> Sequence[str]:
        """The kept texts in the order of adding."""
        return self._texts

    @property
    def keys(self) -> Sequence[str]:
        """Their keys."""
        return self._keys

    @property
    def tokens(self) -> Sequence[str]:
        """All tokens of the kept texts in the order of their numbers."""
        return self._vocabulary.tokens

    @property
    def settings(self) -> dict[str, Any]:
        """`threshold`, `rule`, `arithmetic` and `tokenizer`: what an index like this one is made with."""
        needed = self._needed
        return {
            "threshold": needed.threshold,
            "rule": needed.rule,
            "arithmetic": needed.arithmetic,
            "tokenizer": self.tokenizer,
        }

    def empty_copy(self) -> NearDuplicateIndex:
        """An index with the same settings that holds nothing."""
        return NearDuplicateIndex(**self.settings)

    def neighbour(self, number: int, score: float) -> Neighbour:
        """The kept text with this number as a neighbour."""
        return Neighbour(number, self._keys[number], score, self._texts[number])

    def query(self, text: str, threshold: float | None = None) -> Neighbour | None:
        """The nearest kept text (the earliest of equals) that makes this one a near-duplicate, or None.

        `threshold` may be higher than the index's own.

        Raises:
            ValueError: it is lower: the index does not hold what would be needed.
        """
        ids = self._vocabulary.look_up(self._tokens(text))
        return self._query(text, ids, self._short.sketch(ids), self._at(threshold))

    def add(self, text: str, key: str = "") -> int:
        """Keeps the text, whatever it resembles; returns its number."""
        ids = self._vocabulary.learn(self._tokens(text))
        return self._add(text, ids, self._short.sketch(ids), key)

    def check(self, text: str, key: str = "") -> Neighbour | None:
        """As `query`; where that is None the text is added: the greedy rule, one text at a time."""
        tokens = self._tokens(text)
        ids = self._vocabulary.look_up(tokens)
        sketch = self._short.sketch(ids)
        found = self._query(text, ids, sketch, self._needed)
        if found is None:
            self._vocabulary.learn(tokens)  # gives the same numbers: unknown tokens are looked up as they are learnt
            self._add(text, ids, sketch, key)
        return found

    def numbered(self) -> tuple[np.ndarray[Any, np.dtype[np.uint32]], np.ndarray[Any, np.dtype[np.int64]]]:
        """The token numbers of all kept texts one after the other, and where each text ends."""
        if self._vocabulary.shares_characters:
            lists = [self._vocabulary.look_up(self._tokens(text)) for text in self._texts]
        else:
            lists = [to_ids(encoded) for encoded in self._encoded]
        ends = np.cumsum([len(one) for one in lists], dtype=np.int64)
        return np.fromiter(chain.from_iterable(lists), dtype=np.uint32), ends

    def restore(
        self,
        texts: Sequence[str],
        keys: Sequence[str],
        tokens: Sequence[str],
        ids: np.ndarray[Any, np.dtype[np.uint32]],
        ends: np.ndarray[Any, np.dtype[np.int64]],
    ) -> None:
        """Fills an empty index with what `texts`, `keys`, `tokens` and `numbered` gave."""
        self._vocabulary = Vocabulary(tokens)
        start = 0
        for text, key, stop in zip(texts, keys, ends.tolist(), strict=True):
            own = ids[start:stop].tolist()
            self._add(text, own, self._short.sketch(own), key)
            start = stop

    def _tokens(self, text: str) -> list[str]:
        if not isinstance(text, str):
            raise TypeError(f"a text is a string, not {type(text).__name__}")
        return tokenize(text, self.tokenizer)

    def _at(self, threshold: float | None) -> Needed:
        if threshold is None or threshold == self.threshold:
            return self._needed
        if threshold < self.threshold:
            raise ValueError(f"the index was built for {self.threshold} and cannot answer for {threshold}")
        if threshold not in self._stricter:
            self._stricter[threshold] = Needed(threshold, self._needed.rule, self._needed.arithmetic)
        return self._stricter[threshold]

    def _add(self, text: str, ids: list[int], sketch: Sketch, key: str) -> int:
        number = len(self._texts)
        if not ids:
            self._whole.setdefault(normalize(text), number)
        elif len(ids) <= LONGEST:
            self._short.add(number, sketch)
        else:
            self._long.add(number, ids)
        self._encoded.append(to_text(ids))
        self._texts.append(text)
        self._keys.append(key)
        return number

    def _query(self, text: str, ids: list[int], sketch: Sketch, needed: Needed) -> Neighbour | None:
        if not ids:
            same = self._whole.get(normalize(text))
            return None if same is None else self.neighbour(same, 1.0)
        candidates = self._candidates(ids, sketch, needed)
        if not candidates:
            return None
        encoded, n = to_text(ids), len(ids)
        best, best_score = -1, 0.0
        for number in set(candidates) if len(candidates) > 1 else candidates:
            other = self._encoded[number]
            m = len(other)
            common = common_length(encoded, other, needed(m, n))
            if not common:
                continue
            if self._vocabulary.shares_characters:
                common = self._verified(text, number)
                if common < needed(m, n):
                    continue
            found = score(common, m, n)
            if found > best_score or (found == best_score and number < best):
                best, best_score = number, found
        return None if best < 0 else self.neighbour(best, best_score)

    def _candidates(self, ids: list[int], sketch: Sketch, needed: Needed) -> list[int]:
        n = len(ids)
        to_short = n <= LONGEST or needed.shortest(n) <= LONGEST
        found = self._short.candidates(sketch, needed) if to_short else []
        return found + self._long.candidates(ids, needed) if n >= self._from_long else found

    def _verified(self, text: str, number: int) -> int:
        """The common tokens counted on the tokens themselves, where characters are shared between tokens."""
        return common_length(self._tokens(text), self._tokens(self._texts[number]))
