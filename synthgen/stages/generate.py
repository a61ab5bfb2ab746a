"""Stages that ask for tasks: new ones after examples, their types and whether one classifies, and their instances."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from synthgen.forms import (
    BLOCKS,
    INPUT_FIRST,
    INSTRUCTIONS,
    LABEL,
    NUMBERED,
    OUTPUT_FIRST,
    PLAIN_INPUT_FIRST,
    PLAIN_OUTPUT_FIRST,
    TASKS,
    YES_NO,
    Form,
    Item,
    asking,
)
from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.copies import Shown
from synthgen.prompting.stage import Faithful, read_choice, why_dropped
from synthgen.protocols import Context, Preparation, Stage
from synthgen.records import Drop, Provenance, Record, answered_by_call
from synthgen.requests.request import Completion, Sampling


class Generate(Faithful):
    """Asks for `count` new tasks per attempt and makes them records; what cannot be read becomes dropped ones.

    `form` is `tasks` (instruction, input and output in one reply, as in Alpaca) or `instructions` (the instruction
    alone, as in Self-Instruct). The template gets `demonstrations`, `count`, `reply` (the sentence that asks for the
    form), `first` (the number after the demonstrations) and `faithful`. Drops: `malformed`, `truncated`,
    `empty_reply`, `refused`, `context_length`; `prompt_copy` where a demonstration, or an example of the template, is
    given back as new (not with `faithful`).
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt",)

    prompt: str
    form: Literal["tasks", "instructions"] = "tasks"
    count: int = Field(8, ge=1)

    @property
    def expected(self) -> int:
        """How many records an attempt yields if all goes well."""
        return self.count

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records that came in, and the new ones."""
        first = len(ctx.demonstrations) + 1
        if self.faithful:
            form: Form = BLOCKS if self.form == "tasks" else NUMBERED
            # Alpaca's 20 tasks are counted with those shown; Self-Instruct stops at 16, which is 8 shown and 8 new.
            total = self.count if self.form == "tasks" else first - 1 + self.count
            prompt = self._prompt(form, total, first, ctx)
            completion = await self.ask_faithfully(published_tasks(self.form, total), prompt, ctx, sample=ctx.attempt)
        else:
            form = TASKS if self.form == "tasks" else INSTRUCTIONS
            prompt = self._prompt(form, self.count, first, ctx)
            completion = await self.ask_for(form, prompt, ctx, sample=ctx.attempt)
        return records + self._made(form, completion, first, prompt, ctx)

    def _prompt(self, form: Form, count: int, first: int, ctx: Context) -> str:
        return self._render(
            self.prompt,
            demonstrations=ctx.demonstrations,
            count=count,
            reply=asking(form, count),
            first=first,
            faithful=self.faithful,
        )

    def _made(self, form: Form, completion: Completion, first: int, prompt: str, ctx: Context) -> list[Record]:
        provenance = Provenance(
            model=self.model_of(completion),
            requests=completion.keys,
            demonstrations=tuple(shown.id for shown in ctx.demonstrations),
        )
        shown = Shown(prompt)
        made: list[Record] = []
        for choice in choices_of(completion):
            parsed = read_choice(form, choice, first)
            drops = [None if self.faithful else shown.copied(item) for item in parsed.items]
            made += [_record(item, provenance, drop) for item, drop in zip(parsed.items, drops, strict=True)]
            for piece in parsed.broken:
                drop = Drop(piece.reason, detail=why_dropped(piece, parsed, completion))
                made.append(Record(instruction=piece.text, provenance=provenance, drop=drop))
        return made


def _record(item: Item, provenance: Provenance, drop: Drop | None) -> Record:
    return Record(
        instruction=item["instruction"],
        input=item.get("input", ""),
        output=item.get("output"),
        task_type=item.get("task_type") or None,
        provenance=provenance,
        drop=drop,
    )


def published_tasks(form: str, total: int) -> Sampling:
    """The originals' sampling: Self-Instruct's (arXiv:2212.10560) for instructions, Alpaca's for tasks.

    Alpaca also forbade the end-of-text token (`logit_bias: {50256: -100}`); that number is another token for every
    tokeniser but GPT-3's, so it is not sent unless the config says so.
    """
    if form == "tasks":
        return Sampling(temperature=1.0, top_p=1.0, max_tokens=3072, stop=(f"\n{total}", f"{total}."))
    return Sampling(
        temperature=0.7,
        top_p=0.5,
        max_tokens=1024,
        presence_penalty=2,
        frequency_penalty=0,
        stop=("\n\n", f"\n{total}", f"{total}.", f"{total} ."),
    )


PUBLISHED_LABEL = Sampling(temperature=0, max_tokens=3, stop=("\n", "Task"))
"""Self-Instruct's sampling for the question whether a task is a classification (arXiv:2212.10560)."""


class Classify(Faithful):
    """Fills in `is_classification` where it is not known, so that instances are made label first where they are to be.

    The template gets `instruction`, `reply` and `faithful`.
    An unreadable reply drops the record (`malformed`, `empty_reply`, `refused`, `truncated`, `context_length`); with
    `faithful: true` everything but Yes, yes and YES means no.
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt",)

    prompt: str = "self_instruct/classify"

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records."""
        return await asyncio.gather(*(self._classify(record, ctx) for record in records))

    async def _classify(self, record: Record, ctx: Context) -> Record:
        if record.is_classification is not None:
            return record
        form = YES_NO if self.faithful else LABEL
        prompt = self._render(self.prompt, instruction=record.instruction, reply=asking(form), faithful=self.faithful)
        if self.faithful:
            completion = await self.ask_faithfully(PUBLISHED_LABEL, prompt, ctx)
            parsed = YES_NO.parse(choices_of(completion)[0].text or "")
        else:
            completion = await self.ask_for(LABEL, prompt, ctx)
            parsed = read_choice(LABEL, choices_of(completion)[0])
        record = record.replace(provenance=self.credit(record, completion))
        if not parsed.items:
            piece = parsed.broken[0]
            return record.dropped(piece.reason, detail=f"{why_dropped(piece, parsed, completion)}: {piece.text}")
        return record.replace(is_classification=parsed.items[-1]["label"] == "yes")


class Instances(Faithful):
    """Replaces each record without an output by up to `max_instances` children that have one.

    Classification gets the label first and the input after it, so that one label does not swallow the rest; all else
    the input first (`is_classification`, which the stage `classify` fills in). `input_first` and `output_first` name
    the templates, which get `instruction`, `reply`, `count` and `faithful`. Drops: `malformed`, `truncated`,
    `empty_reply`, `refused`, `context_length`; a pair that came before is `duplicate_instance`, one too many
    `surplus_instance`; one of the template's own examples `prompt_copy` (not with `faithful`).
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("input_first", "output_first")

    input_first: str = "self_instruct/input_first"
    output_first: str = "self_instruct/output_first"
    max_instances: int = Field(5, ge=1)

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """Records that had an output, and the children of the others."""
        replies = await asyncio.gather(*(self._ask(record, ctx) for record in records))
        out: list[Record] = []
        # In order, after all replies: the random choice among instances must not depend on which comes first.
        for record, reply in zip(records, replies, strict=True):
            out += [record] if reply is None else self._children(record, *reply, ctx)
        return out

    async def _ask(self, record: Record, ctx: Context) -> tuple[Form, str, Completion] | None:
        if record.output is not None or answered_by_call(record):
            return None
        label_first = bool(record.is_classification)
        prompt_name = self.output_first if label_first else self.input_first
        form: Form
        if self.faithful:
            form = PLAIN_OUTPUT_FIRST if label_first else PLAIN_INPUT_FIRST
        else:
            form = OUTPUT_FIRST if label_first else INPUT_FIRST
        prompt = self._render(
            prompt_name,
            instruction=record.instruction,
            count=self.max_instances,
            reply=asking(form, self.max_instances),
            faithful=self.faithful,
        )
        if self.faithful:
            published_sampling = published_instances(label_first, self.max_instances)
            return form, prompt, await self.ask_faithfully(published_sampling, prompt, ctx)
        return form, prompt, await self.ask_for(form, prompt, ctx)

    def _children(self, record: Record, form: Form, prompt: str, completion: Completion, ctx: Context) -> list[Record]:
        provenance = self.credit(record, completion)
        parsed = read_choice(form, choices_of(completion)[0])
        wanted = set(range(len(parsed.items)))
        if len(wanted) > self.max_instances:
            wanted = set(ctx.rng.sample(range(len(parsed.items)), self.max_instances))
        shown = Shown(prompt, own=(record.instruction,))
        children: list[Record] = []
        seen: set[tuple[str, str]] = set()
        for number, item in enumerate(parsed.items):
            pair = item["input"], item["output"]
            drop = None
            if pair in seen:
                drop = Drop("duplicate_instance")
            elif number not in wanted:
                drop = Drop("surplus_instance", limit=self.max_instances, score=len(parsed.items))
            elif not self.faithful:
                drop = shown.copied(item)
            seen.add(pair)
            children.append(record.child(input=pair[0], output=pair[1], drop=drop, provenance=provenance))
        for piece in parsed.broken:
            drop = Drop(piece.reason, detail=why_dropped(piece, parsed, completion))
            children.append(record.child(output=piece.text, drop=drop, provenance=provenance))
        return children


def published_instances(label_first: bool, max_instances: int) -> Sampling:
    """Self-Instruct's sampling for instances (arXiv:2212.10560)."""
    return Sampling(
        temperature=0,
        top_p=0,
        presence_penalty=1.5,
        max_tokens=300 if label_first else 350,
        stop=(f"Example {max_instances + 1}", "Task:"),
    )


STEM = 4
"""Letters by which two words are one: `summ` of `summing_up` and `summarization`, `clas` of `classify`."""

ALIKE = 90
"""Per cent, by rapidfuzz: a letter is missing or too many (`rewiting`)."""

_ENDING = re.compile(r"(?:ing|ed|er|es|e|s)\Z")


class TaskTypes(Stage, BaseModel):
    """Replaces each `task_type` by the known one of the same words (`summing_up`: `summarization`), or by none.

    `known` are the names to keep; without them those of the seed tasks, and where these have none nothing changes. Two
    words are the same where their stems begin with the same four letters; a name that fits several known ones as well
    is none. Drops nothing.
    """

    model_config = ConfigDict(extra="forbid")
    ordered: ClassVar[bool] = False

    known: tuple[str, ...] = ()

    _known: tuple[str, ...] = PrivateAttr(default=())

    def prepare(self, preparation: Preparation) -> None:
        """Takes the seed tasks' types where no others are named."""
        self._known = tuple(self.known) or tuple(sorted({s.task_type for s in preparation.seeds if s.task_type}))

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records."""
        known = self._known
        if not known:
            return records
        return [
            record.replace(task_type=nearest_type(record.task_type, known))
            if record.task_type and record.task_type not in known
            else record
            for record in records
        ]


@lru_cache(maxsize=1024)
def nearest_type(name: str, known: tuple[str, ...]) -> str | None:
    """The one known name that is written almost alike or has the most words in common; None where several have."""
    from rapidfuzz import fuzz

    if near := [other for other in known if fuzz.ratio(name, other) >= ALIKE]:
        return near[0]
    words = _stems(name)
    shared = {other: len(words & _stems(other)) for other in known}
    most = max(shared.values(), default=0)
    best = [other for other, count in shared.items() if count == most]
    return best[0] if most and len(best) == 1 else None


def _stems(name: str) -> set[str]:
    return {_ENDING.sub("", word)[:STEM] for word in re.split(r"[\W_]+", name.casefold()) if word}
