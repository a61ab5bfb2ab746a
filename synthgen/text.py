"""The longest common subsequence of two token lists, in time that does not grow with the square of their length.

Up to `EXACT` it is exact. Beyond that two books are compared as `diff --patience` does it: runs of tokens that stand
once in either are matched, as many as keep their order, and only what lies between two of them is compared in full, or
piece by piece where it is too long for that. What is counted is a common subsequence still, so that two texts are never
called more alike than they are.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Literal

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
UNSPACED = "".join(f"{chr(first)}-{chr(last)}" for first, last in _SPACELESS)
"""The inside of a character class: the letters and marks of scripts that write no spaces between words."""
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


ALIKE = 60.0
"""The `rapidfuzz.fuzz.ratio` (0 to 100) from which on a name is suggested: two letters swapped in a word of five."""


def suggestion(wrong: str, names: Iterable[str], *, what: str = "these exist") -> str:
    """A hint: the nearest right name where one is near, and else all of them."""
    known = sorted(set(names))
    near = nearest(wrong, known)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"{what}: {', '.join(known) or 'none'}"


def nearest(wrong: str, names: Iterable[str]) -> str | None:
    """The right name that is most like the wrong one, or None where none is like it."""
    from rapidfuzz import fuzz, process, utils

    found = process.extractOne(
        wrong, list(names), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=ALIKE
    )
    return None if found is None else str(found[0])
