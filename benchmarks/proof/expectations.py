"""What was expected before measuring, and the order that has to hold: margins, not absolute scores."""

from __future__ import annotations

import itertools
from typing import Any

Found = dict[str, Any]


def expectations(arms: dict[str, Any]) -> list[Found]:
    """Each expectation, whether it held, and whether it is a gate: one that fails the benchmark.

    "In every seed" is of the last round. Gates are weaker than what was expected, so that they fail on a defect and not
    on the luck of two seeds.
    """
    found: list[Found] = []

    def note(text: str, held: bool, *, gate: bool = False) -> None:
        found.append({"expectation": text, "held": bool(held), "gate": gate})

    def ends(arm: str) -> list[float]:
        return [run[-1] for run in arms[arm]["accuracy"]]

    def ahead(arm: str, other: str) -> float:
        """The least lead over the seeds."""
        return min(a - b for a, b in zip(ends(arm), ends(other), strict=True))

    def difference(arm: str) -> tuple[float, float, float]:
        average, low, high = arms[arm]["differences"][-1]
        return average, low, high

    def by_round_2(arm: str) -> bool:
        return all(number is not None and number <= 2 for number in arms[arm]["first_alarm"])

    if "verify" in arms:
        average, low, _ = difference("verify")
        note("verify beats the control: the interval excludes 0", low > 0, gate=True)
        note("verify beats the control by at least 10 points", average >= 0.10)
        note("verify beats the control by at least 5 points", average >= 0.05, gate=True)
        note("verify: no alarm, in no seed", all(n is None for n in arms["verify"]["first_alarm"]), gate=True)
    if {"verify", "none"} <= arms.keys():
        note("verify ends 8 points above no verifier, in every seed", ahead("verify", "none") > 0.08, gate=True)
        note("no verifier, accumulate: no gain over the control", difference("none")[1] <= 0, gate=True)
    if "none_replace" in arms:
        behind = difference("none_replace")[2] < 0
        note("no verifier, replace: behind the control, the interval excludes 0", behind, gate=True)
        note("no verifier, replace: falls in every round of every seed", _falling(arms["none_replace"]["accuracy"]))
        note("no verifier, replace: the alarm fires by round 2, in every seed", by_round_2("none_replace"))
    if "verify_replace" in arms:
        worst = all(ahead(arm, "verify_replace") >= 0 for arm in arms)
        note("verified but replace: the worst of all arms, in every seed", worst)
        note("verified but replace: the alarm fires by round 2, in every seed", by_round_2("verify_replace"))
        if "verify" in arms:
            lead = difference("verify")[0] - difference("verify_replace")[0]
            note("verify ends 5 points above verified but replace, on average", lead > 0.05, gate=True)
    for arm, name in (("no_dedup", "no near-duplicate filter"), ("cap", "equal cap per family")):
        if {arm, "verify"} <= arms.keys():
            gap = difference("verify")[0] - difference(arm)[0]
            note(f"{name}: within 4 points of verify", abs(gap) <= 0.04)
    if {"imperfect", "verify"} <= arms.keys():
        average, low, _ = difference("imperfect")
        note("imperfect verifier: a gain, but smaller than verify's", low > 0 and average < difference("verify")[0])
    if "consistent" in arms:
        note("self-consistency without a verifier: no gain over the control", difference("consistent")[1] <= 0)
    if {"oracle", "verify"} <= arms.keys():
        note("oracle is the ceiling, in every seed", min(ahead("oracle", arm) for arm in arms) >= 0)
        note("verify covers a fifth of the distance to it", arms["verify"]["share_of_oracle"] >= 0.2)
    return found


def _falling(curves: list[list[float]]) -> bool:
    return all(after < before for run in curves for before, after in itertools.pairwise(run))
