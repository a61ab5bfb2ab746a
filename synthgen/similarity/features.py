"""Texts as vectors without a model: hashed TF-IDF of words and word pairs, the same on every machine."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthgen.text import ngrams, tokenize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DIMENSIONS = 512
"""Columns that features are hashed to, with signs, so that two that meet cancel as often as they add."""

LENGTH = 4000
"""Length of a row. Its entries are whole numbers and 4000 squared is below 2**24, so that every sum on the way to a dot
product is exact in float32, in whatever order a machine adds."""


def vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """float32 [n, DIMENSIONS]: whole numbers, rows of length LENGTH, or 0 for a text without words."""
    import numpy as np

    counts = [Counter(_features(text)) for text in texts]
    documents = Counter(feature for count in counts for feature in count)
    out = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, count in zip(out, counts, strict=True):
        entries = [0.0] * DIMENSIONS
        for feature, times in count.items():
            hashed = zlib.crc32(feature.encode())
            weight = (1 + math.log(times)) * math.log(1 + len(texts) / documents[feature])
            entries[hashed % DIMENSIONS] += weight if hashed >> 31 else -weight
        length = math.hypot(*entries)
        if length:
            row[:] = [round(LENGTH * entry / length) for entry in entries]
    return out


def _features(text: str) -> list[str]:
    tokens = tokenize(text)
    return [*tokens, *(" ".join(pair) for pair in ngrams(tokens, 2))]
