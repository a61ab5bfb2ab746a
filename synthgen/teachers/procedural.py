"""The built-in teacher: programs that write tasks and prove the answers, with flaws put in on purpose."""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from synthgen import families
from synthgen.families import FAMILIES, Solution, Task
from synthgen.forms import (
    ANSWER,
    BLOCKS,
    INSTRUCTIONS,
    LABEL,
    NUMBERED,
    TASKS,
    YES_NO,
    Asked,
    Form,
    Item,
    JsonForm,
    recognise,
)
from synthgen.forms.plain import BLOCK_NUMBER, LIST_NUMBER
from synthgen.forms.salvage import encode
from synthgen.protocols import Teacher
from synthgen.requests.metering import FREE, Price
from synthgen.requests.request import Choice, Completion, Request, Sampling, Usage
from synthgen.text import nearest

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


_TASK = re.compile(r"^Task: (.+)$", re.MULTILINE)
_ENTRIES: dict[Form, re.Pattern[str]] = {
    NUMBERED: re.compile(r"^\d{1,3}\. (.+)$", re.MULTILINE),
    BLOCKS: re.compile(r"^\d{1,3}\. Instruction: (.+)$", re.MULTILINE),
}

MOST_SPLITS = 8
"""How many blank lines of a message are tried as the border between instruction and input."""


def last_message(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last user message; of a message in parts, its texts."""
    content = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), None)
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")


def question(asked: Asked) -> tuple[str, str]:
    """The instruction and the input that a prompt asks about: its last line `Task: …`, else its last paragraph."""
    text = f"{asked.before}{asked.after}"
    lines = _TASK.findall(text)
    if not lines:
        return text.strip().rpartition("\n\n")[2], ""
    try:
        value = json.loads(lines[-1])
    except ValueError:
        return lines[-1], ""
    if isinstance(value, dict):
        return str(value.get("instruction", "")), str(value.get("input", ""))
    return str(value), ""


def solved(text: str) -> Solution | None:
    """The answer to a user's message, which holds an instruction and maybe, after a blank line, an input."""
    at = -1
    for _ in range(MOST_SPLITS):
        at = text.find("\n\n", at + 1)
        if at < 0:
            break
        if solution := families.solve(text[:at].strip(), text[at:].strip()):
            return solution
    return families.solve(text.strip(), "")


def demonstrations(asked: Asked) -> list[Task]:
    """The tasks that a prompt shows as demonstrations, in order."""
    entries = _ENTRIES.get(asked.form)
    if entries is not None:
        return [_as_task({"instruction": entry}) for entry in entries.findall(asked.after)]
    return [_as_task(item) for item in asked.form.parse(asked.after).items]


def first_number(asked: Asked) -> int:
    """The number that a list or a row of blocks is to go on with; 1 where the prompt ends in none."""
    found = BLOCK_NUMBER.search(asked.after) or LIST_NUMBER.search(asked.after)
    return int(found[1]) if found else 1


def _as_task(item: Item) -> Task:
    return Task(
        instruction=item["instruction"],
        input=item.get("input", ""),
        output=item.get("output", ""),
        reasoning=None,
        family="",
        task_type=item.get("task_type", ""),
    )


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


VERSION = 1
"""Part of the model's name; raised with every change that changes the reply to a request."""

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text; usage and `max_tokens` are reckoned by it."""

CUT_SHARE = 0.1
"""How likely a whole reply is cut, as a share of how likely an item is flawed."""

UNABLE = "I am a set of programs, not a language model, and none of them can do this task."


class Procedural(Teacher, BaseModel):
    """Writes tasks whose answers it can prove, in the form that the prompt asks for, and answers those that it knows.

    The reply depends on the request alone. `flaws` is the share of written items that are spoiled on purpose (wrong
    answers, near-duplicates, malformed ones …); the answer to a question is never spoiled. `families` restricts the
    kinds of tasks (all, if absent). `latency_s` is an artificial delay before each reply, the median of a log-normal
    distribution with `latency_sigma`; it changes no reply, so it is not part of `model`.
    """

    model_config = ConfigDict(extra="forbid")

    # Programs could keep to any schema; but then no malformed item would ever meet a parser.
    structured: ClassVar[bool] = False
    price: ClassVar[Price] = FREE
    free_settings: ClassVar[tuple[str, ...]] = ("latency_s", "latency_sigma")

    flaws: float = Field(0.15, ge=0, le=1)
    families: list[str] | None = Field(None, min_length=1)
    latency_s: float = Field(0, ge=0)
    latency_sigma: float = Field(0, ge=0)
    sampling: Sampling | None = None

    _delays: random.Random = PrivateAttr(default_factory=random.Random)

    @field_validator("families")
    @classmethod
    def _known(cls, names: list[str] | None) -> list[str] | None:
        for name in names or ():
            if name not in FAMILIES:
                near = nearest(name, FAMILIES)
                meant = f"; did you mean {near!r}?" if near else ""
                raise ValueError(f"there is no family {name!r}{meant} There are: {', '.join(sorted(FAMILIES))}")
        return names

    @property
    def model(self) -> str:
        """The name, with every setting that changes a reply: `procedural-1(flaws=0.15)`."""
        only = f",families={'+'.join(self.families)}" if self.families else ""
        return f"procedural-{VERSION}(flaws={self.flaws:g}{only})"

    async def complete(self, request: Request) -> Completion:
        """The reply to the request, always the same one."""
        delay = self.latency_s * math.exp(self._delays.gauss(0, self.latency_sigma)) if self.latency_s else 0
        await asyncio.sleep(delay)
        rng = random.Random(request.key)
        prompt = last_message(request.messages)
        choices = tuple(self._choice(rng, prompt, request) for _ in range(request.sampling.n or 1))
        characters = sum(len(str(message.get("content") or "")) for message in request.messages)
        usage = Usage(_tokens(characters), sum(_tokens(len(choice.text or "")) for choice in choices))
        return Completion(choices, usage, self.model)

    def _choice(self, rng: random.Random, prompt: str, request: Request) -> Choice:
        asked = recognise(prompt, request.response_format)
        if asked is None:
            solution = solved(prompt)
            if solution is None:
                return Choice(UNABLE, refusal=UNABLE)
            return _limited(Choice(solution.output, reasoning=solution.reasoning), request.sampling)
        strict = request.response_format is not None
        if asked.form in (TASKS, BLOCKS, INSTRUCTIONS, NUMBERED):
            text = new_tasks(rng, asked, self.families, self.flaws, strict=strict)
            if rng.random() < self.flaws * CUT_SHARE:
                return _limited(Choice(cut(rng, text), "length"), request.sampling)
            return _limited(Choice(text), request.sampling)
        about = self._about(rng, asked, strict=strict)
        return Choice(UNABLE, refusal=UNABLE) if about is None else _limited(Choice(about), request.sampling)

    def _about(self, rng: random.Random, asked: Asked, *, strict: bool) -> str | None:
        """A reply about the task in the prompt: its label, its answer, instances of it; None if it is not known."""
        instruction, given = question(asked)
        if asked.form in (LABEL, YES_NO):
            label = families.is_classification(instruction)
            return None if label is None else asked.form.write([{"label": "yes" if label else "no"}])
        if asked.form is ANSWER:
            solution = families.solve(instruction, given)
            if solution is None:
                return None
            return asked.form.write([{"reasoning": solution.reasoning or "", "answer": solution.output}])
        return instances(rng, asked, instruction, self.flaws, strict=strict)


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _limited(choice: Choice, sampling: Sampling) -> Choice:
    """The choice as a server ends it: before the first stop string, or after `max_tokens`."""
    text, reason = choice.text or "", choice.finish_reason
    ends = [at for stop in sampling.stop or () if (at := text.find(stop)) >= 0]
    if ends:
        text, reason = text[: min(ends)], "stop"
    most = (sampling.max_tokens or len(text)) * CHARACTERS_PER_TOKEN
    if len(text) > most:
        text, reason = text[:most], "length"
    return Choice(text, reason, choice.reasoning, choice.refusal)
