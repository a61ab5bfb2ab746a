"""Long, repetitive texts: what patterns and algorithms with a hidden square take the most time for."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

UNITS = (
    *(" ", "\n", "\t", "\r\n", "\r", "\n\n", "x\n", "a,\n", "\n- ", "\n1. ", '\n"', ',\n"', "a b ", "and ", "not "),
    *(
        "a",
        "A",
        "0",
        "1",
        "1 ",
        "1,",
        "1,111,",
        "12.",
        "1. ",
        "+1 ",
        "1 + ",
        "(1+",
        "é",
        "中",
        "ا",
        "e\u0301",
        "\u0301",
    ),
    *(
        ".",
        ". ",
        ", ",
        ",",
        ":",
        ": ",
        ";",
        "-",
        "--",
        "- ",
        "* ",
        "•",
        "_",
        "a_",
        "a-",
        "a.",
        "=",
        "x = ",
        "a's ",
        "'",
    ),
    *('"', '\\"', "\\", "`", "```\n", "[", "]", "[[", "{", "}", '{"a":', "[1,", "(", ")", "<", "<a", ">", "</think"),
    *("sk-", "eyJ-", "eyJa.", "@a.", "a@", "http://", "://a:", "www.", "AA11 ", "aB3", "score: ", "Output: ", "###"),
    *("the answer is ", "I can't ", "Label: ", "| a ", "\u200b", "\u202e", "\u201c", "\u300c", "\x1b[", "😀"),
)

LEAST_S = 0.03
"""Less than this says nothing about growth. All that had a hidden square took more, most of it a second."""


def grown(unit: str, characters: int) -> str:
    """The unit again and again, so many characters in all."""
    return (unit * (characters // len(unit) + 1))[:characters]


def cpu_s(work: Callable[[], object]) -> float:
    """The process's own seconds that it takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def grows_with_the_square(judge: Callable[[str], object], unit: str, characters: int = 5_000) -> str:
    """What was measured, where twice the text takes more than three times as long; else empty.

    The process's own time is compared, the least of several measurements, so that a busy machine changes nothing.
    """
    short, long = grown(unit, characters), grown(unit, 2 * characters)
    twice = cpu_s(lambda: judge(long))
    if twice < LEAST_S:
        return ""
    once = cpu_s(lambda: judge(short))
    if twice > 3 * once:  # or the machine was busy
        gc.collect()
        once = min(cpu_s(lambda: judge(short)) for _ in range(3))
        twice = min(twice, *(cpu_s(lambda: judge(long)) for _ in range(2)))
    return f"{unit!r}: {once:.3f} s, twice as long {twice:.3f} s" if twice > 3 * once else ""
