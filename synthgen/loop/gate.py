"""Whether a student may become the teacher."""

from __future__ import annotations

from synthgen.intervals import paired
from synthgen.loop.evaluation import numbers
from synthgen.loop.recipe import Gate
from synthgen.loop.round import Scores


def refusals(now: Scores, good: Scores, limits: Gate) -> list[str]:
    """Why the student is refused, held against the last good one on the same prompts; empty where it passes."""
    found = []
    pairs = (
        (now["correct"], good["correct"], limits.worse, "accuracy"),
        (now["stopped"], good["stopped"], limits.stops, "answers that end"),
    )
    for mine, theirs, most, what in pairs:
        change = paired(numbers(mine), numbers(theirs))
        if change.mean < -most and change.high < 0:
            found.append(f"{what} {100 * change.mean:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]")
    return found


def gains(now: Scores, good: Scores) -> bool:
    """Whether the student is better than the last good one beyond noise."""
    return paired(numbers(now["correct"]), numbers(good["correct"])).low > 0
