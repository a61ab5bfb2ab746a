"""What the procedural teacher writes: new tasks, and instances of a task, in the form that was asked for."""

from __future__ import annotations

import random
from collections.abc import Sequence

from synthgen import families
from synthgen.families import Task
from synthgen.forms import BLOCKS, INSTRUCTIONS, NUMBERED, Asked, Item, JsonForm
from synthgen.teachers.procedural_flaws import (
    INSTANCE_FLAWS,
    INSTRUCTION_FLAWS,
    MALFORMED,
    TASK_FLAWS,
    malform,
    spoiled,
)
from synthgen.teachers.procedural_prompt import demonstrations, first_number


def new_tasks(rng: random.Random, asked: Asked, names: Sequence[str] | None, flaws: float, *, strict: bool) -> str:
    """As many tasks as were asked for, of the families named; of a list that is to be carried on, those it lacks.

    `strict` says that the reply must keep to the form's schema, so that none is malformed.
    """
    kinds = INSTRUCTION_FLAWS if asked.form in (INSTRUCTIONS, NUMBERED) else TASK_FLAWS
    first = 1 if isinstance(asked.form, JsonForm) else first_number(asked)
    whole = demonstrations(asked)
    items: list[Item] = []
    broken: list[int] = []
    for index in range(asked.count - first + 1):
        task = families.sample(rng, names)
        if rng.random() >= flaws:
            whole.append(task)
        elif (kind := rng.choice(kinds)) == MALFORMED:
            broken.append(index)
        else:
            task = spoiled(rng, task, kind, whole)
        items.append(_item(task))
    return _written(rng, asked, items, () if strict else broken, first)


def instances(rng: random.Random, asked: Asked, instruction: str, flaws: float, *, strict: bool) -> str | None:
    """Instances of the instruction, one where it takes no input; None where it is no task of ours."""
    tasks = families.inputs_for(rng, instruction, asked.count)
    if not tasks:
        solution = families.solve(instruction)
        if solution is None:
            return None
        tasks = [Task(instruction, "", solution.output, solution.reasoning, solution.family, "")]
    items: list[Item] = []
    broken: list[int] = []
    for index, task in enumerate(tasks):
        if rng.random() < flaws:
            kind = rng.choice(INSTANCE_FLAWS)
            if kind == MALFORMED:
                broken.append(index)
            else:
                task = spoiled(rng, task, kind)
        items.append({"input": task.input, "output": task.output})
    return _written(rng, asked, items, () if strict else broken)


def _item(task: Task) -> Item:
    return {
        "task_type": task.task_type,
        "instruction": task.instruction,
        "input": task.input,
        "output": task.output,
    }


def _written(rng: random.Random, asked: Asked, items: list[Item], broken: Sequence[int], first: int = 1) -> str:
    text = asked.form.write(items, first)
    for index in broken:
        if isinstance(asked.form, JsonForm):
            text = malform(rng, text, asked.form.shown(items[index]))
        elif asked.form is BLOCKS:
            number = first + index
            text = text.replace(f"\n{number}. Input:", f"\n{number + 1}. Input:", 1)
    return text
