"""Families of tasks whose answers are proved by programs: written, solved and checked without a model.

A family writes tasks in many phrasings, and reads them back from their text alone: `solve` and `check` know nothing of
how a task was made, so they judge an answer whoever wrote it. All functions are pure; randomness comes from the `rng`
given. What is recognised is narrow on purpose; everything else is `None` or `unknown`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

from synthgen.families import (
    code,
    dates,
    flaws,
    formats,
    letters,
    lists,
    logic,
    notations,
    numbers,
    properties,
    records,
    sentences,
    stories,
    units,
)
from synthgen.families.closings import CLOSINGS, wrapped
from synthgen.families.family import Family, Reading, Solution, Task, Unprovable, Verdict, agrees, mentions, rearranged
from synthgen.families.recognise import Recogniser

__all__ = [
    "FAMILIES",
    "FLAWS",
    "Family",
    "Solution",
    "Task",
    "Verdict",
    "check",
    "flawed",
    "inputs_for",
    "is_classification",
    "labels_of",
    "sample",
    "solve",
]

# in this order, which decides what a random seed draws
_GROUPS = (
    *(sentences.FAMILIES, letters.LETTERS, letters.SPELLING, lists.LISTS, lists.NUMBER_LISTS),
    *(numbers.FAMILIES, notations.FAMILIES, stories.FAMILIES, logic.RANKING, dates.DATES, dates.CLOCKS, units.FAMILIES),
    *(records.JSON_RECORDS, records.TABLES, records.MESSAGES, formats.FAMILIES),
    *(properties.FAMILIES, logic.RULES, logic.LOGIC, code.FAMILIES),
)

FAMILIES: dict[str, Family] = {family.name: family for group in _GROUPS for family in group}
"""All families by name."""

FLAWS: tuple[str, ...] = ("wrong_answer", *flaws.SIMPLE)
"""The kinds of flaw that `flawed` knows."""

_NAMES = tuple(FAMILIES)


@cache
def recogniser() -> Recogniser:
    """The recogniser of all families, made at the first use."""
    return Recogniser(FAMILIES.values())


def sample(rng: random.Random, families: Sequence[str] | None = None) -> Task:
    """A task of a family drawn evenly from those named (from all without names); unknown names raise `KeyError`."""
    return FAMILIES[rng.choice(families or _NAMES)].sample(rng)


def solve(instruction: str, input: str = "") -> Solution | None:
    """The answer, worked out from the text alone; None where it is no task of ours."""
    for reading in recogniser().readings(instruction, input):
        family = FAMILIES[reading.family]
        try:
            task = family.task(instruction, input, reading.values, reading.closings)
        except Unprovable:
            continue
        return Solution(task.output, task.reasoning, family.name)
    return None


def check(instruction: str, input: str, output: str) -> Verdict:
    """Whether the output is the answer, proved or refuted; `unknown` where the task is not recognised.

    Strict: white space around the answer and a final full stop are forgiven, case and commas between thousands where
    they say nothing; nothing else. A sentence about the answer, and its words in another layout, are `unknown`, unless
    the instruction asks for a form.
    """
    for reading in recogniser().readings(instruction, input):
        family = FAMILIES[reading.family]
        try:
            answer = family.answer(reading.values)
        except Unprovable:
            continue
        expected, *others = (wrapped(a, reading.closings) for a in (answer, *family.also(reading.values)))
        same = "exact" if any(CLOSINGS[name].letters for name, _ in reading.closings) else family.same
        if any(agrees(output, right, same) for right in (expected, *others)):
            return Verdict("proved", expected, family=family.name)
        if not reading.closings:
            if mentions(output, expected, family.same):
                return Verdict("unknown", expected, "the answer stands among other words", family.name)
            if not family.strict and rearranged(output, expected, family.same):
                return Verdict("unknown", expected, "the answer stands there in another form", family.name)
        return Verdict("refuted", expected, f"the answer is {expected!r}", family.name)
    return Verdict("unknown", reason="no task of a known family")


def is_classification(instruction: str) -> bool | None:
    """Whether a task of ours classifies; None where the instruction is not ours. Its input is not needed."""
    reading = _first(instruction)
    return None if reading is None else FAMILIES[reading.family].labels is not None


def labels_of(instruction: str) -> tuple[str, ...] | None:
    """The labels of a classification task of ours; None where the instruction is not ours or does not classify."""
    reading = _first(instruction)
    labels = FAMILIES[reading.family].labels if reading else None
    return labels(reading.values) if reading and labels else None


def inputs_for(rng: random.Random, instruction: str, count: int = 5) -> list[Task]:
    """Up to `count` tasks with this instruction and different inputs; none where it is not ours or takes no input.

    Those of a classification task have as many different labels as can be.
    """
    reading = _first(instruction)
    if reading is None or reading.complete:
        return []
    family = FAMILIES[reading.family]
    drawn: dict[str, Task] = {}
    for _ in range(4 * count):
        try:
            data = family.draw_data(rng, reading.values)
            text = family.data_text(rng, data)
            values = {**reading.values, family.data or "": data}
            drawn.setdefault(text, family.task(instruction, text, values, reading.closings))
        except (Unprovable, ValueError, IndexError):
            continue  # nothing to draw from: the instruction asks for what cannot be
        if len(drawn) >= count and not family.labels:
            break
    tasks = list(drawn.values())
    if family.labels:
        firsts = {task.output: task for task in reversed(tasks)}
        tasks = [*firsts.values(), *(task for task in tasks if task is not firsts[task.output])]
    return tasks[:count]


def flawed(rng: random.Random, task: Task, kind: str) -> Task:
    """The task with one flaw of this kind (one of `FLAWS`; another raises `KeyError`).

    `near_duplicate` keeps the answer true; `wrong_answer` has one that `check` refutes.
    """
    if kind == "wrong_answer":
        return flaws.wrong_answer(
            rng, task, lambda right, output: check(right.instruction, right.input, output).status == "refuted"
        )
    return flaws.SIMPLE[kind](rng, task)


def _first(instruction: str) -> Reading | None:
    return next(recogniser().readings(instruction, None), None)
