"""Tasks spoiled on purpose, so that filters have real work: each kind is what one filter is there to find."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from synthgen.families.family import Task
from synthgen.families.framing import GREETINGS, starts
from synthgen.families.template import plain
from synthgen.families.vocabulary import CITIES, NAMES

Judge = Callable[[Task, str], bool]
"""Whether an output is the wrong answer to a task, for certain."""


def near_duplicate(rng: random.Random, task: Task) -> Task:
    """The same task in almost the same words, as true as before: a greeting more, or another name in the setting."""
    setting = max(starts(plain(task.instruction))[-2:])
    places = [m for m in re.finditer(r"[A-Z][a-z]+", task.instruction[:setting]) if m.group() in _PROPER]
    if places and rng.random() < 0.7:
        place = rng.choice(places)
        kind = NAMES if place.group() in NAMES else CITIES
        other = rng.choice([name for name in kind if name != place.group()])
        changed = task.instruction[: place.start()] + other + task.instruction[place.end() :]
    else:
        changed = f"{rng.choice(GREETINGS).capitalize()}! {task.instruction}"
    return replace(task, instruction=changed)


_PROPER = frozenset((*NAMES, *CITIES))


def wrong_answer(rng: random.Random, task: Task, wrong: Judge) -> Task:
    """The task with an answer of the right form that is not true."""
    for candidate in _candidates(rng, task):
        if candidate.strip() and wrong(task, candidate):
            return replace(task, output=candidate, reasoning=None)
    raise ValueError(f"no wrong answer found for the output {task.output!r}")


def _candidates(rng: random.Random, task: Task) -> list[str]:
    found = [label for label in task.labels if label != task.output]
    rng.shuffle(found)
    numbers = list(re.finditer(r"\d+", task.output))
    if numbers:
        number = rng.choice(numbers)
        value = int(number.group())
        for step in rng.sample((1, 2, 10, -1, 9, 100), 6):
            changed = str(max(value + step, 0)).zfill(len(number.group()) if number.group()[0] == "0" else 0)
            found.append(task.output[: number.start()] + changed + task.output[number.end() :])
    parts = task.output.split(", ")
    if len(parts) > 1:
        found.append(", ".join([*parts[1:], parts[0]]))
        found.append(", ".join(parts[:-1]))
    pieces = task.output.split(" ")
    if len(pieces) > 2:
        at = rng.randrange(len(pieces) - 1)
        found.append(" ".join([*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]]))
    letters = [i for i, c in enumerate(task.output) if c.isalpha()]
    if letters:
        at = rng.choice(letters)
        other = rng.choice([c for c in "abcdeghilmnorstu" if c != task.output[at].lower()])
        other = other.upper() if task.output[at].isupper() else other
        found.append(task.output[:at] + other + task.output[at + 1 :])
    return [*found, task.output + "s"]


def empty_output(rng: random.Random, task: Task) -> Task:
    """The task without an answer."""
    return replace(task, output="", reasoning=None)


def input_equals_output(rng: random.Random, task: Task) -> Task:
    """The task with its input for an answer."""
    text = task.input or task.output
    return replace(task, input=text, output=text, reasoning=None)


def too_short(rng: random.Random, task: Task) -> Task:
    """The task cut down to two or three words."""
    kept = task.instruction.split()[: rng.choice((2, 3))]
    return replace(task, instruction=" ".join(kept).rstrip(".,:;?"))


def image_request(rng: random.Random, task: Task) -> Task:
    """The task behind a wish for something that text cannot be."""
    wish = rng.choice(
        (
            "Draw a picture of the result",
            "Create an image of this exercise",
            "Add a photo of it",
            "Plot the result in a graph",
            "Make a short video about the answer",
            "Look at the picture below",
        )
    )
    return replace(task, instruction=f"{wish}. {task.instruction}")


def ends_in_colon(rng: random.Random, task: Task) -> Task:
    """The task with an answer that breaks off where it should begin."""
    return replace(task, output=rng.choice(("The answer is:", "Here is the result:", "Solution:")), reasoning=None)


def starts_with_punctuation(rng: random.Random, task: Task) -> Task:
    """The task with a leftover of a list before its instruction."""
    return replace(task, instruction=rng.choice(("- ", "* ", ". ", ") ", "# ")) + task.instruction)


def write_a_program(rng: random.Random, task: Task) -> Task:
    """The task as a wish for a program, which the published recipes leave out."""
    return replace(task, instruction="Write a program for this: " + task.instruction)


SIMPLE: Mapping[str, Callable[[random.Random, Task], Task]] = {
    "near_duplicate": near_duplicate,
    "empty_output": empty_output,
    "input_equals_output": input_equals_output,
    "too_short": too_short,
    "image_request": image_request,
    "ends_in_colon": ends_in_colon,
    "starts_with_punctuation": starts_with_punctuation,
    "write_a_program": write_a_program,
}
"""The flaws that need no solver, by kind."""
