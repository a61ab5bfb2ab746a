"""The stage that makes instances of an instruction: inputs with their outputs, each a record of its own."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import Field

from synthgen.forms import (
    INPUT_FIRST,
    OUTPUT_FIRST,
    PLAIN_INPUT_FIRST,
    PLAIN_OUTPUT_FIRST,
    Form,
    asking,
)
from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.stage import Faithful, read_choice, why_dropped
from synthgen.protocols import Context
from synthgen.records import Drop, Record, answered_by_call
from synthgen.requests.request import Completion, Sampling


class Instances(Faithful):
    """Replaces each record without an output by up to `max_instances` children that have one.

    Classification gets the label first and the input after it, so that one label does not swallow the rest; all else
    the input first (`is_classification`, which the stage `classify` fills in). `input_first` and `output_first` name
    the templates, which get `instruction`, `reply`, `count` and `faithful`. Drops: `malformed`, `truncated`,
    `empty_reply`, `refused`, `context_length`; a pair that came before is `duplicate_instance`, one too many
    `surplus_instance`.
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

    async def _ask(self, record: Record, ctx: Context) -> tuple[Form, Completion] | None:
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
            published_sampling = published(label_first, self.max_instances)
            return form, await self.ask_faithfully(published_sampling, prompt, ctx)
        return form, await self.ask_for(form, prompt, ctx)

    def _children(self, record: Record, form: Form, completion: Completion, ctx: Context) -> list[Record]:
        provenance = self.credit(record, completion)
        parsed = read_choice(form, choices_of(completion)[0])
        wanted = set(range(len(parsed.items)))
        if len(wanted) > self.max_instances:
            wanted = set(ctx.rng.sample(range(len(parsed.items)), self.max_instances))
        children: list[Record] = []
        seen: set[tuple[str, str]] = set()
        for number, item in enumerate(parsed.items):
            pair = item["input"], item["output"]
            drop = None
            if pair in seen:
                drop = Drop("duplicate_instance")
            elif number not in wanted:
                drop = Drop("surplus_instance", limit=self.max_instances, score=len(parsed.items))
            seen.add(pair)
            children.append(record.child(input=pair[0], output=pair[1], drop=drop, provenance=provenance))
        for piece in parsed.broken:
            drop = Drop(piece.reason, detail=why_dropped(piece, parsed, completion))
            children.append(record.child(output=piece.text, drop=drop, provenance=provenance))
        return children


def published(label_first: bool, max_instances: int) -> Sampling:
    """Self-Instruct's sampling for instances (arXiv:2212.10560)."""
    return Sampling(
        temperature=0,
        top_p=0,
        presence_penalty=1.5,
        max_tokens=300 if label_first else 350,
        stop=(f"Example {max_instances + 1}", "Task:"),
    )
