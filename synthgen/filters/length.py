"""Drops texts with too few or too many words."""

from __future__ import annotations

from synthgen.errors import ConfigError
from synthgen.matching.words import Field, text_of
from synthgen.records import Drop, Record
from synthgen.text import word_count


def length(
    record: Record,
    *,
    min_words: int | None = None,
    max_words: int | None = None,
    field: Field = "instruction",
    faithful: bool = False,
) -> Drop | None:
    """`too_short` under `min_words` words, `too_long` over `max_words`; both bounds are kept. None is no bound.

    Self-Instruct and Alpaca keep instructions of 4 to 150 words. Words are counted as their script has them;
    `faithful` counts what white space separates, as the originals do, so that a Chinese sentence is one word.

    Raises:
        ConfigError: neither bound is given.
    """
    if min_words is None and max_words is None:
        raise ConfigError("the filter length has no bound", hint="give it min_words, max_words or both")
    text = text_of(record, field)
    if text is None:
        return None
    words = len(text.split()) if faithful else word_count(text)
    if min_words is not None and words < min_words:
        return Drop("too_short", score=words, limit=min_words, detail=f"{field}: {words} words")
    if max_words is not None and words > max_words:
        return Drop("too_long", score=words, limit=max_words, detail=f"{field}: {words} words")
    return None
