"""What stops a loop or refuses a student: the budget, the gate, and the collapse alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from synthgen.loop.measures import gain
from synthgen.loop.recipe import Alarms, Gate, LoopBudget
from synthgen.loop.round import Generation, Measures, Repetition, Scores

UNITS = ("requests", "tokens", "usd")


@dataclass(frozen=True, slots=True)
class Purse:
    """What the loop's limits leave, after `spent`, and a round's own budget."""

    limits: LoopBudget
    spent: Mapping[str, float]
    own: Mapping[str, Any]

    @property
    def left(self) -> dict[str, float]:
        """What the loop's limits leave of each unit that they bound; never below 0."""
        bounded = {unit: getattr(self.limits, unit) for unit in UNITS}
        return {u: max(0, limit - self.spent.get(u, 0)) for u, limit in bounded.items() if limit is not None}

    @property
    def round(self) -> dict[str, float]:
        """The budget of the round's generation: the smaller of what is left and its own."""
        own = {unit: value for unit, value in self.own.items() if value is not None}
        return own | {unit: min(value, own.get(unit, value)) for unit, value in self.left.items()}

    @property
    def empty(self) -> str:
        """The unit of which nothing is left, or nothing."""
        return next((unit for unit, value in self.left.items() if value <= 0), "")

    def ended(self, bought: Generation) -> str:
        """The loop's limit at which a generation ended that its budget stopped; empty if it was the round's own.

        It was that of which the greatest part is used: the rest of it is less than a request may cost.
        """
        spent = spending([bought])
        used = {unit: spent[unit] / limit if limit else 1.0 for unit, limit in self.round.items()}
        unit = max(used, key=lambda u: used[u], default="")
        return unit if unit in self.left and self.left[unit] <= self.round[unit] else ""


def spending(generations: Iterable[Generation]) -> dict[str, float]:
    """What the generations of all rounds have bought."""
    rounds = list(generations)
    return {
        "requests": sum(g.get("requests", 0) for g in rounds),
        "tokens": sum(g.get("tokens", 0) for g in rounds),
        "usd": sum(g.get("usd") or 0 for g in rounds),
    }


FEWEST = 30
"""Records below which a round's variety is not judged: so few have fewer types and first words by chance alone."""


@dataclass(frozen=True, slots=True)
class _Sign:
    """A measure that is a sign of collapse where it moves the `worse` way by more than the limit.

    `relative` takes the limit as a part of the value before. `text` is filled with both values.
    """

    name: str
    limit: str
    worse: Literal["lower", "higher", "either"]
    text: str
    relative: bool = True


_SIGNS = (
    _Sign("entropy", "entropy", "lower", "entropy of task types fell from {:.2f} to {:.2f} bits", relative=False),
    _Sign("new_share", "new", "lower", "new texts fell from {:.1%} to {:.1%} of what is generated"),
    _Sign("new_of_kept", "new", "lower", "new texts fell from {:.1%} to {:.1%} of what is kept"),
    _Sign("opening_share", "opening", "higher", "the commonest first word went from {:.0%} to {:.0%} of texts"),
    _Sign("distinct_2", "distinct", "lower", "distinct-2 fell from {:.2f} to {:.2f}"),
    _Sign("compression", "compression", "higher", "compression ratio rose from {:.2f} to {:.2f}"),
    _Sign("nearest", "nearest", "higher", "ROUGE-L to the nearest text rose from {:.2f} to {:.2f}", relative=False),
    _Sign("length", "length", "either", "answers' mean length went from {:.1f} to {:.1f} characters"),
    _Sign("yield", "fewer", "lower", "yield fell from {:.0%} to {:.0%}"),
    _Sign("known_right", "known", "lower", "right answers to tasks of the seed data fell from {:.0%} to {:.0%}", False),
)


def alarms(now: Measures, first: Measures, limits: Alarms, *, better: bool = False) -> list[str]:
    """The signs of collapse in what a round wrote, against the first round that generated, each as a sentence.

    A verifier cannot see collapse: a student that copies its easy tasks passes ever more often. Without a verifier the
    texts stay as varied as they were while the answers go wrong. So what is written, what is trained on and what the
    students get right are all looked at, and several signs together make a collapse.

    A sign is a change beyond its limit whose interval leaves 0 out. `better`: the student that wrote it is better than
    that of round 0; then forgotten answers to seed tasks are no sign, for the seed data was a smaller share of what it
    was trained on.
    """
    if not first["records"]:
        return []
    found = []
    said: set[str] = set()
    for sign in _SIGNS:
        if now["records"] < FEWEST and sign.name not in ("yield", "new_share"):
            continue
        if sign.name == "known_right" and better:
            continue
        most = float(getattr(limits, sign.limit))
        if sign.name == "entropy":
            if min(now["typed"], first["typed"]) < 0.5:  # types that are not filled in say nothing
                continue
            most *= math.log2(max(2, len(first["task_types"])))
        # two shares with one limit are two looks at the same thing
        if sign.limit not in said and _moved(now, first, sign.name, sign.worse, most, relative=sign.relative):
            said.add(sign.limit)
            found.append(sign.text.format(_figure(first, sign.name), _figure(now, sign.name)))
    # a student that gets better passes more too, but it goes on to find new tasks of all types
    rose = now["yield"] > first["yield"] + limits.passed
    if rose and now["new"] < first["new"] and "entropy" in said:
        found.append("more passes while task types and new texts grow fewer: the student repeats what it can")
    return found


def repeats(rows: Repetition, seeds: Repetition, limits: Alarms) -> list[str]:
    """The sign that rows to train on repeat themselves more than the seed data, which was there before any round."""
    pairs = ("distinct_2", "lower", limits.distinct), ("compression", "higher", limits.compression)
    if not all(_moved(rows, seeds, name, worse, most) for name, worse, most in pairs):
        return []
    shown = "distinct-2 {distinct_2:.2f}, compression {compression:.2f}"
    return [
        f"what is trained on repeats itself: {shown.format(**rows)}; the seed data has {shown.format(**seeds)}",
    ]


def is_better(now: Scores, then: Scores) -> bool:
    """Whether a student gets more held-out tasks right than another, beyond noise."""
    return gain(now["correct"], then["correct"]).low > 0


def worse_than_start(number: int, now: Scores, start: Scores, limits: Alarms) -> list[str]:
    """The sign that the student of round `number` gets fewer held-out tasks right than that of round 0."""
    change = gain(now["correct"], start["correct"])
    if change.mean > -limits.accuracy or change.high >= 0:
        return []
    points = f"{100 * change.mean:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
    return [f"the student of round {number} is worse than that of round 0: accuracy {points}"]


def _figure(measures: Measures | Repetition, name: str) -> float | None:
    value: float | None = cast(Mapping[str, Any], measures).get(name)
    return value


def _moved(
    now: Measures | Repetition,
    then: Measures | Repetition,
    name: str,
    worse: str,
    most: float,
    *,
    relative: bool = True,
) -> bool:
    """Whether a measure moved the worse way beyond the limit, and its interval leaves 0 out."""
    value, before = _figure(now, name), _figure(then, name)
    if value is None or before is None:
        return False
    (low, high), (low_then, high_then) = now["intervals"][name], then["intervals"][name]
    change = value - before
    if relative:
        most *= abs(before)
    # the interval of a difference from those of its two terms (Zou and Donner 2008)
    least = change - math.hypot(value - low, high_then - before)
    largest = change + math.hypot(high - value, before - low_then)
    up, down = change > most and least > 0, change < -most and largest < 0
    return (up and worse != "lower") or (down and worse != "higher")


def refusals(now: Scores, good: Scores, limits: Gate) -> list[str]:
    """Why the student is refused, held against the last good one on the same prompts; empty where it passes."""
    found = []
    pairs = (
        (now["correct"], good["correct"], limits.worse, "accuracy"),
        (now["stopped"], good["stopped"], limits.stops, "answers that end"),
    )
    for mine, theirs, most, what in pairs:
        change = gain(mine, theirs)
        if change.mean < -most and change.high < 0:
            found.append(f"{what} {100 * change.mean:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]")
    return found
