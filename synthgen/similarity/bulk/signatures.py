"""Signatures that bound how much two sets differ: one bit per hash value, set where an odd number of elements fall.

The signatures of x and y differ in at most |x △ y| bits: an element of the symmetric difference flips one, and what
both have cancels out. So more differing bits than may be unshared prove that two texts are no match. Every text has a
narrow signature of 64 bits for the first look, and a wide one of 128 bits, or of 4 to 8 bits a token above 32 tokens,
where 64 say nothing any more. A wide signature folds in halves onto a narrower one, so that any two can be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

Ints = NDArray[np.int64]


def hashes(elements: NDArray[np.int32]) -> Words:
    """64 well mixed bits of each element (the finaliser of SplitMix64)."""
    h = elements.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h


def widths(lengths: Ints) -> Ints:
    """How many 64-bit words the wide signature of a text of so many tokens has: a power of two."""
    words: Ints = 1 << np.ceil(np.log2(np.maximum(lengths, 32) / 16)).astype(np.int64)
    return words


def narrow(elements: NDArray[np.int32], offsets: Ints) -> Words:
    """The 64-bit signature of each text; no text may be empty."""
    bits = np.uint64(1) << (hashes(elements) & np.uint64(63))
    return np.bitwise_xor.reduceat(bits, offsets[:-1]) if len(offsets) > 1 else bits


def wide(elements: NDArray[np.int32], offsets: Ints) -> tuple[Words, Ints]:
    """The words of all wide signatures one after the other, and where each text's begin (and the last end)."""
    lengths = np.diff(offsets)
    width = widths(lengths)
    starts = np.concatenate(([0], np.cumsum(width)))
    words = np.zeros(starts[-1], np.uint64)
    h = hashes(elements)
    place = (h >> np.uint64(6)).astype(np.int64) & np.repeat(width - 1, lengths)
    np.bitwise_xor.at(words, place + np.repeat(starts[:-1], lengths), np.uint64(1) << (h & np.uint64(63)))
    return words, starts


def of_512_bits(elements: NDArray[np.int32], offsets: Ints) -> Words:
    """uint64 [N, 8]: a signature of eight words for each text, whatever its length."""
    words = np.zeros((len(offsets) - 1) * 8, np.uint64)
    h = hashes(elements)
    place = (h >> np.uint64(6)).astype(np.int64) & 7
    place += np.repeat(np.arange(0, len(words), 8), np.diff(offsets))
    np.bitwise_xor.at(words, place, np.uint64(1) << (h & np.uint64(63)))
    return words.reshape(-1, 8)


def differing(a: Words, a_widths: Ints, b: Words, b_widths: Ints) -> Ints:
    """In how many bits the wide signatures of each pair differ, at the smaller of both widths.

    `a` holds the words of the first signatures of all pairs one after the other, `a_widths` how many each has.
    """
    out = np.zeros(len(a_widths), np.int64)
    a_ends, b_ends = np.cumsum(a_widths), np.cumsum(b_widths)
    combined = a_widths << 32 | b_widths
    for key in np.unique(combined):
        pairs = np.flatnonzero(combined == key)
        width = min(key >> 32, key & 0xFFFFFFFF)
        folded = _folded(a, a_ends[pairs], key >> 32, width) ^ _folded(b, b_ends[pairs], key & 0xFFFFFFFF, width)
        out[pairs] = np.bitwise_count(folded).sum(axis=1, dtype=np.int64)
    return out


def _folded(words: Words, ends: Ints, old: int, new: int) -> Words:
    rows = words[(ends - old)[:, None] + np.arange(old)]
    folded: Words = np.bitwise_xor.reduce(rows.reshape(len(ends), old // new, new), axis=1)
    return folded
