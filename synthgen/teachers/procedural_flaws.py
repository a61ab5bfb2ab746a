"""What the procedural teacher spoils on purpose, so that parsers and filters have real work."""

from __future__ import annotations

import random
from collections.abc import Sequence

from synthgen import families
from synthgen.families import Task
from synthgen.forms.salvage import encode

MALFORMED = "malformed"
"""The flaw that is in the text of the reply, not in the task."""

TASK_FLAWS = (*families.FLAWS, MALFORMED)
INSTRUCTION_FLAWS = (
    *("near_duplicate", "too_short", "image_request", "starts_with_punctuation", "write_a_program"),
    MALFORMED,
)
INSTANCE_FLAWS = ("wrong_answer", "empty_output", "input_equals_output", "ends_in_colon", MALFORMED)


def spoiled(rng: random.Random, task: Task, kind: str, others: Sequence[Task] = ()) -> Task:
    """The task with the flaw; a near-duplicate is one of another task, so that it has something to be near to."""
    if kind == "near_duplicate" and others:
        task = rng.choice(others)
    return families.flawed(rng, task, kind)


def malform(rng: random.Random, text: str, value: dict[str, str] | str) -> str:
    """The JSON text with the first occurrence of that item broken as models break them."""
    whole = encode(value) or ""
    if isinstance(value, str):
        middle = rng.randrange(1, max(2, len(whole) - 1))
        return text.replace(whole, f'{whole[:middle]}"{whole[middle:]}', 1)
    last = list(value)[-1]
    broken = rng.choice(
        (
            encode({name: said for name, said in value.items() if name not in ("output", last)}) or "",
            whole.replace(f'", "{last}": ', f'" "{last}": '),
            whole.replace('"', "'"),
            whole[:-2] + "}",
        )
    )
    return text.replace(whole, broken, 1)


def cut(rng: random.Random, text: str) -> str:
    """The text up to somewhere in its second half."""
    return text[: rng.randrange(len(text) // 2, len(text))] if len(text) > 1 else text
