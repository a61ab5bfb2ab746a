"""Whether a student may become the teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.loop.evaluation import numbers
from synthgen.loop.intervals import paired
from synthgen.loop.models import Gate


def refusals(now: Mapping[str, Any], good: Mapping[str, Any], limits: Gate) -> list[str]:
    """Why the student is refused, held against the last good one on the same prompts; empty where it passes."""
    found = []
    for key, most, what in (("correct", limits.worse, "accuracy"), ("stopped", limits.stops, "answers that end")):
        change = paired(numbers(now[key]), numbers(good[key]))
        if change.mean < -most and change.high < 0:
            found.append(f"{what} {100 * change.mean:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]")
    return found


def gains(now: Mapping[str, Any], good: Mapping[str, Any]) -> bool:
    """Whether the student is better than the last good one beyond noise."""
    return paired(numbers(now["correct"]), numbers(good["correct"])).low > 0
