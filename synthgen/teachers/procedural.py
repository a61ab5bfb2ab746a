"""Programs behind the teacher's protocol: the embedded default, which needs no key, no download and no GPU."""

from __future__ import annotations

import asyncio
import difflib
import math
import random
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from synthgen import families
from synthgen.exchange import Choice, Completion, Request, Sampling, Usage
from synthgen.families import FAMILIES
from synthgen.forms import ANSWER, BLOCKS, INSTRUCTIONS, LABEL, NUMBERED, TASKS, YES_NO, Asked, recognise
from synthgen.prices import FREE, Price
from synthgen.teachers.procedural_flaws import cut
from synthgen.teachers.procedural_prompt import last_message, question, solved
from synthgen.teachers.procedural_writing import instances, new_tasks

VERSION = 1
"""Part of the model's name; raised with every change that changes the reply to a request."""

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text; usage and `max_tokens` are reckoned by it."""

CUT_SHARE = 0.1
"""How likely a whole reply is cut, as a share of how likely an item is flawed."""

UNABLE = "I am a set of programs, not a language model, and none of them can do this task."


class Procedural(BaseModel):
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
                near = difflib.get_close_matches(name, FAMILIES, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
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
