"""Items of a reply that were not written but copied: from the demonstrations or the template of the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from synthgen.records import Drop
from synthgen.text import ngrams, tokenize

LEAST_WORDS, LEAST_CHARACTERS = 4, 16
"""A shorter text may stand in a prompt by chance: a label, a name, `yes`."""

RUN = 8
"""Words in a row that two texts hardly share by chance (Lee et al. 2022, arXiv:2107.06499, take 50 tokens of web pages;
the examples in prompts are shorter)."""

SHARE = 0.5
"""The share of a text's runs that have to stand in the prompt."""

_ESCAPED = re.compile(r"\\[ntr\"]")


class Shown:
    """What a prompt shows, to hold the items of its reply against; `own` are texts that an item may well repeat."""

    def __init__(self, prompt: str, own: Sequence[str] = ()) -> None:
        # line by line: a template's lines and the tasks shown come again and again
        self._prompt = [word for line in prompt.split("\n") for word in _words(line)]
        self._own = [tokenize(text) for text in own]
        self._line, self._own_lines = _line(self._prompt), [_line(text) for text in self._own]
        self._runs: set[tuple[str, ...]] | None = None

    def copied(self, item: Mapping[str, str]) -> Drop | None:
        """`prompt_copy` where a field of the item stands in the prompt, word for word or for the greater part.

        `score` is the share of its runs of eight words that do, 1 where all of it does.
        """
        for name, text in item.items():
            words = tokenize(text)
            if name == "task_type" or len(words) < LEAST_WORDS or len(line := _line(words)) < LEAST_CHARACTERS:
                continue
            share = 1.0 if line in self._line else self._share(words)
            if share >= SHARE and not any(line in own for own in self._own_lines):
                return Drop("prompt_copy", score=round(share, 2), limit=SHARE, detail=f"{name} stands in the prompt")
        return None

    def _share(self, words: list[str]) -> float:
        runs = ngrams(words, RUN)
        if not runs:
            return 0.0
        if self._runs is None:
            own = {run for text in self._own for run in ngrams(text, RUN)}
            self._runs = set(ngrams(self._prompt, RUN)) - own
        return sum(run in self._runs for run in runs) / len(runs)


@lru_cache(4096)
def _words(line: str) -> tuple[str, ...]:
    # examples are often JSON, where a line break would be part of the next word
    return tuple(tokenize(_ESCAPED.sub(" ", line)))


def _line(words: Sequence[str]) -> str:
    """The words as one text in which only whole words are found."""
    return f" {' '.join(words)} "
