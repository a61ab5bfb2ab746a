"""Which of the right names a wrong one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

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
