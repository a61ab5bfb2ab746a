"""The audit of the verifier: every family accepts what is right and refuses what is wrong, and the audit can fail."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from synthgen import families
from synthgen.families import FAMILIES, Task

SAMPLES = 30
Checker = Callable[[str, str, str], str]
"""Gives the status of an output."""


@cache
def tasks(name: str) -> tuple[Task, ...]:
    return tuple(FAMILIES[name].sample(random.Random(seed)) for seed in range(SAMPLES))


def real(instruction: str, given: str, output: str) -> str:
    return families.check(instruction, given, output).status


def corrupted(rng: random.Random, text: str, caseless: bool) -> Iterator[str]:
    """The text with one character replaced, removed, added or, where case says something, in the other case."""
    places = [i for i, c in enumerate(text) if c.isalnum()]
    at = rng.choice(places)
    old = text[at]
    pool = "0123456789" if old.isdigit() else "abcdefghijklmnopqrstuvwxyz"
    other = rng.choice([c for c in pool if c != old.lower()])
    yield text[:at] + other + text[at + 1 :]
    yield text[:at] + text[at + 1 :]
    yield text[: at + 1] + other + text[at + 1 :]
    letters = [i for i in places if text[i].isalpha() and text[i].swapcase() != text[i]]
    if letters and not caseless:
        at = rng.choice(letters)
        yield text[:at] + text[at].swapcase() + text[at + 1 :]


def permuted(rng: random.Random, text: str) -> Iterator[str]:
    """The text with its parts in another order."""
    for separator in (", ", "\n", "; ", " ", ""):
        parts = text.split(separator) if separator else list(text)
        if len(set(parts)) > 1:
            for _ in range(20):
                rng.shuffle(parts)
                if separator.join(parts).strip().lower() != text.strip().lower():
                    yield separator.join(parts)
                    break


def audit(name: str, check: Checker) -> set[str]:
    """What a checker does wrong on a family: an empty set is a pass."""
    rng = random.Random(1)
    faults: set[str] = set()
    family = FAMILIES[name]
    for task in tasks(name):
        place = task.instruction, task.input

        def refuses(output: str, fault: str, place: tuple[str, str] = place) -> None:
            if check(*place, output) != "refuted":
                faults.add(fault)

        if check(*place, task.output) != "proved" or check(*place, f"  {task.output}\n") != "proved":
            faults.add("refuses the right answer")
        within = re.compile(rf"(?<!\w){re.escape(task.output)}(?!\w)", re.IGNORECASE)
        others = sorted({other.output for other in tasks(name) if not within.search(other.output)})
        for other in rng.sample(others, min(3, len(others))):
            refuses(other, "accepts another answer")
        refuses("", "accepts an empty answer")
        for output in corrupted(rng, task.output, family.same == "caseless"):
            refuses(output, "accepts a corrupted answer")
        for output in permuted(rng, task.output):
            refuses(output, "accepts a permuted answer")
    return faults


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_passes(name: str) -> None:
    assert audit(name, real) == set()


def lax(same: Callable[[str, str], bool]) -> Checker:
    """A checker that knows the answers, and compares them too kindly."""

    def check(instruction: str, given: str, output: str) -> str:
        solution = families.solve(instruction, given)
        assert solution is not None
        return "proved" if same(output.strip(), solution.output) else "refuted"

    return check


def number(text: str) -> float:
    return float("".join(c for c in text if c.isdigit()) or "0")


@pytest.mark.parametrize(
    ("name", "same", "fault"),
    [
        ("sort_numbers", lambda out, right: bool(out), "accepts another answer"),
        ("sort_numbers", lambda out, right: True, "accepts an empty answer"),
        ("sort_words", lambda out, right: sorted(out) == sorted(right), "accepts a permuted answer"),
        ("arithmetic", lambda out, right: abs(number(out) - number(right)) <= 9, "accepts a corrupted answer"),
        ("change_case", lambda out, right: out.lower() == right.lower(), "accepts a corrupted answer"),
        ("code_result", lambda out, right: right in out, "accepts a corrupted answer"),
        ("reverse_words", lambda out, right: out == right.lower(), "refuses the right answer"),
    ],
)
def test_a_lax_checker_is_caught(name: str, same: Callable[[str, str], bool], fault: str) -> None:
    assert fault in audit(name, lax(same))
