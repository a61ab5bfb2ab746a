"""Text as tokens: tokenisers for every script, word counts, n-grams, ROUGE-L. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from synthgen.subsequence import common_length

Tokenizer = Literal["unicode", "rouge"]

# Scripts that write no spaces between words: each character is a token, and marks stay with theirs. Hangul is not
# among them: Korean has spaces.
_SPACELESS = (
    *(
        (0x2E80, 0x2FDF),
        (0x3005, 0x3007),
        (0x3021, 0x3029),
        (0x3038, 0x303B),
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
    ),  # Han
    *((0xF900, 0xFAFF), (0x20000, 0x323AF)),
    *(
        (0x3041, 0x3096),
        (0x309D, 0x309F),
        (0x30A1, 0x30FA),
        (0x30FC, 0x30FF),
        (0x31F0, 0x31FF),
        (0x1B000, 0x1B16F),
    ),  # Kana
    *((0x0E01, 0x0E3A), (0x0E40, 0x0E4E), (0x0E81, 0x0EDF)),  # Thai, Lao
    *((0x1000, 0x109F), (0xAA60, 0xAA7F), (0xA9E0, 0xA9FE), (0x1780, 0x17DD)),  # Myanmar, Khmer
)
# ASCII text, lower-cased, with a space for all but letters and digits: on bytes, the fastest way there is (0.7 us for
# an instruction, where a regular expression takes 1.6).
_ASCII = bytes(ord(chr(c).lower()) if c < 128 and chr(c).isalnum() else 32 for c in range(256))
_NOT_ROUGE = re.compile(r"[^a-z0-9]+")


def tokenize(text: str, tokenizer: Tokenizer = "unicode") -> list[str]:
    """The text's tokens.

    `unicode`: NFKC, case folded; runs of letters, digits and marks, so that accents and vowel signs stay with their
    letters; in scripts without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) one token a character, marks included.
    `rouge`: as rouge-score's default tokeniser without a stemmer: lower case, runs of a-z and 0-9, nothing else.
    """
    if text.isascii():
        return text.encode("ascii").translate(_ASCII).decode("ascii").split()
    if tokenizer == "rouge":
        return _NOT_ROUGE.sub(" ", text.lower()).split()
    tokens: list[str] = _unicode_token().findall(_folded(text))
    return tokens


def word_count(text: str) -> int:
    """How many words the text has, in every script.

    What white space separates counts one each, so that ASCII text has as many as `split` gives. In scripts without
    spaces two characters (marks not counted) make one word, rounded up: Chinese and Japanese words have about two, so
    that a limit in words means much the same in every language.
    """
    if text.isascii():
        return len(text.split())
    words = 0
    for piece in unicodedata.normalize("NFKC", text).split():
        spaceless = 0 if piece.isascii() else len(_spaceless_letter().findall(piece))
        if not spaceless:
            words += 1
            continue
        rest = _spaceless_letter().sub(" ", piece).split()
        words += -(-spaceless // 2) + sum(1 for part in rest if any(map(str.isalnum, part)))
    return words


def normalize(text: str) -> str:
    """The text in NFKC, case folded, white space folded to single spaces."""
    return " ".join((text.lower() if text.isascii() else _folded(text)).split())


def ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of n tokens, in order; none where there are fewer than n."""
    return list(zip(*(tokens[i:] for i in range(n)), strict=False))


def rouge_l(a: Sequence[str], b: Sequence[str]) -> float:
    """ROUGE-L F of two token lists, 0 to 1, computed in floats as rouge-score does; 0 where either is empty."""
    if not a or not b:
        return 0.0
    common = common_length(a, b)
    precision, recall = common / len(b), common / len(a)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _folded(text: str) -> str:
    # Case folding can undo NFKC (and NFKC can bring up new capitals), so it is normalised before and after.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _ranges(characters: Iterable[int]) -> str:
    """The inside of a character class that holds exactly these code points (in rising order)."""
    spans: list[list[int]] = []
    for c in characters:
        if spans and spans[-1][1] == c - 1:
            spans[-1][1] = c
        else:
            spans.append([c, c])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in spans)


@cache
def _marks() -> str:
    """All marks (the `re` module has no `\\p{M}`). Made when text that is not ASCII first comes by, in 10 ms."""
    blocks = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    return _ranges(c for c in blocks if unicodedata.category(chr(c))[0] == "M")


@cache
def _spaceless_letters() -> str:
    return _ranges(c for first, last in _SPACELESS for c in range(first, last + 1) if chr(c).isalnum())


@cache
def _spaceless_letter() -> re.Pattern[str]:
    return re.compile(f"[{_spaceless_letters()}]")


@cache
def _unicode_token() -> re.Pattern[str]:
    # A letter of a spaceless script with its marks, or a run of other letters, numbers and marks. `[^\W_]` is exactly
    # the letters and numbers (L*, N*).
    letters, marks = _spaceless_letters(), _marks()
    return re.compile(f"[{letters}][{marks}]*|(?:[^\\W_{letters}]+|[{marks}]+)+")
