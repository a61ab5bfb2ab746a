"""Text as tokens: tokenisers for every script, word counts, n-grams, ROUGE-L. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

Tokenizer = Literal["unicode", "rouge"]

# Scripts that write no spaces between words: each character is a token, and marks stay with theirs. Hangul is not
# among them: Korean has spaces.
_SPACELESS = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Kana
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0edf\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9fe\u1780-\u17dd"  # Thai to Khmer
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
_SPACELESS_CHARACTER = re.compile(f"[{_SPACELESS}]")
_ASCII_TOKEN = re.compile(r"[a-z0-9]+")
_NOT_ROUGE = re.compile(r"[^a-z0-9]+")


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def tokenize(text: str, tokenizer: Tokenizer = "unicode") -> list[str]:
    """The text's tokens.

    `unicode`: NFKC, case folded; runs of letters, digits and marks, so that accents and vowel signs stay with their
    letters; in scripts without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) one token a character, marks included.
    `rouge`: as rouge-score's default tokeniser without a stemmer: lower case, runs of a-z and 0-9, nothing else.
    """
    if tokenizer == "rouge":
        return _NOT_ROUGE.sub(" ", text.lower()).split()
    if text.isascii():
        return _ASCII_TOKEN.findall(text.lower())
    return _unicode_tokens(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def _unicode_tokens(text: str) -> list[str]:
    tokens: list[str] = []
    word = ""
    alone = False  # whether `word` is a character of a script without spaces, with its marks
    for character in text:
        kind = unicodedata.category(character)[0]
        if kind == "M" and word:
            word += character
        elif kind in "LN" or kind == "M":
            now_alone = _SPACELESS_CHARACTER.match(character) is not None
            if word and (alone or now_alone):
                tokens.append(word)
                word = ""
            word += character
            alone = now_alone
        elif word:
            tokens.append(word)
            word = ""
    if word:
        tokens.append(word)
    return tokens


def word_count(text: str) -> int:
    """How many words the text has, in every script.

    Words between spaces count one each. In scripts without spaces two characters count as one word, rounded up: a
    Chinese, Japanese or Thai word has two characters or a little more on average, so that a limit in words means much
    the same in every language.
    """
    if text.isascii():
        return len(text.split())
    words = 0
    for piece in unicodedata.normalize("NFKC", text).split():
        spaceless = sum(1 for c in piece if _SPACELESS_CHARACTER.match(c) and unicodedata.category(c)[0] != "M")
        words += -(-spaceless // 2) if spaceless else 1
        rest = _SPACELESS_CHARACTER.sub(" ", piece).split() if spaceless else []
        words += sum(1 for part in rest if any(map(_is_word, part)))
    return words


def normalize(text: str) -> str:
    """The text in NFKC, case folded, white space folded to single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of n tokens, in order; none where there are fewer than n."""
    return list(zip(*(tokens[i:] for i in range(n)), strict=False))


def rouge_l(a: Sequence[str], b: Sequence[str]) -> float:
    """ROUGE-L F of two token lists, 0 to 1, computed in floats as rouge-score does; 0 where either is empty."""
    if not a or not b:
        return 0.0
    from rapidfuzz.distance import LCSseq

    common = LCSseq.similarity(a, b)
    precision, recall = common / len(b), common / len(a)
    return 2 * precision * recall / (precision + recall) if common else 0.0
