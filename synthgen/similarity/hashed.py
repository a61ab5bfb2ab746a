"""Texts with equal tokens, by a dictionary: the cheapest method, which finds copies only."""

from __future__ import annotations

from synthgen.similarity.neighbour import Neighbour
from synthgen.text import Tokenizer, normalize, tokenize


class HashIndex:
    """Kept texts by their tokens; texts without tokens by their normalised text. Every score is 1.

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
