"""The slow, obvious reference: rouge-score itself, every text against every kept one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from rouge_score import rouge_scorer

from synthgen.text import Tokenizer, normalize, tokenize


class Spaced:
    """A tokenizer for rouge-score that uses ours."""

    def tokenize(self, text: str) -> list[str]:
        return tokenize(text, "unicode")


@cache
def scorer(tokenizer: Tokenizer) -> Any:
    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=None if tokenizer == "rouge" else Spaced())


@cache
def compared(a: str, b: str, tokenizer: Tokenizer) -> tuple[float, Fraction]:
    """rouge-score's F of the pair, and the same as a fraction."""
    m, n = len(tokenize(a, tokenizer)), len(tokenize(b, tokenizer))
    if not m and not n:
        same = normalize(a) == normalize(b)
        return float(same), Fraction(same)
    found = scorer(tokenizer).score(a, b)["rougeL"]
    return found.fmeasure, Fraction(2 * round(found.recall * m), m + n)


def neighbours(
    text: str, kept: Sequence[str], threshold: float, rule: str, arithmetic: str, tokenizer: Tokenizer
) -> Iterator[tuple[float, int]]:
    """Score and number of every kept text that makes this one a near-duplicate."""
    for number, other in enumerate(kept):
        compat, exact = compared(other, text, tokenizer)
        value, limit = (exact, Fraction(str(threshold))) if arithmetic == "exact" else (compat, threshold)
        # F = 1 is a near-duplicate under every rule: identical texts are always caught
        if value == 1 or (value >= limit if rule == "ge" else value > limit):
            yield compat, number
