"""Drops texts that say the same thing again and again, as a model does that has run into a loop."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Setting

from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record
from synthgen.text import ngrams, tokenize


def repetition(
    record: Record,
    *,
    n: Annotated[int, Setting(ge=1)] = 4,
    max_share: Annotated[float, Setting(ge=0, le=1)] = 0.4,
    min_ngrams: Annotated[int, Setting(ge=1)] = 30,
    field: Field = "output",
) -> Drop | None:
    """`repetitive` where more than `max_share` of the runs of `n` tokens have stood in the text before.

    Texts with fewer than `min_ngrams` such runs are kept: a chorus, a chant and `no, no, no` are short. A loop of k
    equal parts has a share of about (k - 1) / k; of the answers in `seeds/` the most repetitive one has 0.13.
    """
    text = text_of(record, field)
    runs = ngrams(tokenize(text), n) if text else []
    if len(runs) < min_ngrams:
        return None
    share = 1 - len(set(runs)) / len(runs)
    if share <= max_share:
        return None
    return Drop("repetitive", score=round(share, 4), limit=max_share, detail=f"{field}: {len(runs)} runs of {n} tokens")
