"""The longest common subsequence of two token lists, in time that does not grow with the square of their length.

Up to `EXACT` it is exact. Beyond that two books are compared as `diff --patience` does it: runs of tokens that stand
once in either are matched, as many as keep their order, and only what lies between two of them is compared in full, or
piece by piece where it is too long for that. What is counted is a common subsequence still, so that two texts are never
called more alike than they are.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

EXACT = 1 << 30
"""The product of the lengths of two texts that are compared in full: 32,768 tokens each, 50 ms."""
PIECE = 8192
"""Tokens of the pieces that are compared where two texts have no run in common."""
RUN = 8
"""Tokens of a run: shorter ones stand more than once in a long text."""
RUNS = 1 << 17
"""About so many runs of a text are looked at, chosen by what they are, so that both texts give the same ones."""


def common_length(a: Sequence[Any], b: Sequence[Any], least: int = 0) -> int:
    """The length of the longest common subsequence, or 0 where that is below `least`; see above for long texts."""
    from rapidfuzz.distance import LCSseq

    if len(a) * len(b) <= EXACT:
        return int(LCSseq.similarity(a, b, score_cutoff=least))
    if min(len(a), len(b)) < least:
        return 0
    common = len(a) if a == b else _long(*_as_texts(a, b))
    return common if common >= least else 0


def _long(a: str, b: str) -> int:
    matched = _matched(a, b)
    common, at_a, at_b = len(matched), 0, 0
    for i, j in [*matched, (len(a), len(b))]:
        if at_a < i and at_b < j:
            common += _between(a[at_a:i], b[at_b:j])
        at_a, at_b = i + 1, j + 1
    return common


def _between(a: str, b: str) -> int:
    from rapidfuzz.distance import LCSseq

    pieces = 1 if len(a) * len(b) <= EXACT else -(-max(len(a), len(b)) // PIECE)
    cuts = [(len(a) * k // pieces, len(b) * k // pieces) for k in range(pieces + 1)]
    return sum(
        int(LCSseq.similarity(a[i:further_i], b[j:further_j])) for (i, j), (further_i, further_j) in pairwise(cuts)
    )


def _matched(a: str, b: str) -> list[tuple[int, int]]:
    """Where runs begin that stand once in either text: the longest chain that has the same order in both."""
    share = max(1, max(len(a), len(b)) // RUNS)
    others = _once(b, share)
    pairs = [(i, others[run]) for run, i in _once(a, share).items() if run in others]
    ends: list[int] = []  # of the chains of each length: the pair with the smallest place in b that ends one
    places: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(places, j)
        before.append(ends[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        places[length : length + 1] = [j]
    chain = []
    number = ends[-1] if ends else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _once(text: str, share: int) -> dict[str, int]:
    """The runs that stand once in the text and their places, in order; one in `share` of all runs."""
    places: dict[str, int] = {}
    for i in range(len(text) - RUN + 1):
        run = text[i : i + RUN]
        # by a checksum and not by `hash`, which is another one in every process
        if share == 1 or zlib.crc32(run.encode("utf-8", "surrogatepass")) % share == 0:
            places[run] = -1 if run in places else i
    return {run: i for run, i in places.items() if i >= 0}


def _as_texts(a: Sequence[Any], b: Sequence[Any]) -> tuple[str, str]:
    """The two with one character a token. (Beyond a million different tokens in two texts, some share theirs.)"""
    if isinstance(a, str) and isinstance(b, str):
        return a, b
    numbers: dict[Any, int] = {}

    def text(tokens: Sequence[Any]) -> str:
        return "".join(chr(0x10000 + numbers.setdefault(token, len(numbers)) % 0x100000) for token in tokens)

    return text(a), text(b)
