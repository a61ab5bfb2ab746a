"""The stage that has a teacher write new tasks, shown demonstrations of what it is to write."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from synthgen.forms import BLOCKS, INSTRUCTIONS, NUMBERED, TASKS, Form, Item, asking
from synthgen.forms.reply_problems import choices_of
from synthgen.prompting.stage import Faithful, read_choice, why_dropped
from synthgen.protocols import Context
from synthgen.records import Drop, Provenance, Record
from synthgen.requests.request import Completion, Sampling


class Generate(Faithful):
    """Asks for `count` new tasks per attempt and makes them records; what cannot be read becomes dropped ones.

    `form` is `tasks` (instruction, input and output in one reply, as in Alpaca) or `instructions` (the instruction
    alone, as in Self-Instruct). The template gets `demonstrations`, `count`, `reply` (the sentence that asks for the
    form), `first` (the number after the demonstrations) and `faithful`. Drops: `malformed`, `truncated`,
    `empty_reply`, `refused`, `context_length`.
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
            completion = await self.ask_faithfully(published(self.form, total), prompt, ctx, sample=ctx.attempt)
        else:
            form = TASKS if self.form == "tasks" else INSTRUCTIONS
            prompt = self._prompt(form, self.count, first, ctx)
            completion = await self.ask_for(form, prompt, ctx, sample=ctx.attempt)
        return records + self._made(form, completion, first, ctx)

    def _prompt(self, form: Form, count: int, first: int, ctx: Context) -> str:
        return self._render(
            self.prompt,
            demonstrations=ctx.demonstrations,
            count=count,
            reply=asking(form, count),
            first=first,
            faithful=self.faithful,
        )

    def _made(self, form: Form, completion: Completion, first: int, ctx: Context) -> list[Record]:
        provenance = Provenance(
            model=self.model_of(completion),
            requests=completion.keys,
            demonstrations=tuple(shown.id for shown in ctx.demonstrations),
        )
        made: list[Record] = []
        for choice in choices_of(completion):
            parsed = read_choice(form, choice, first)
            made += [_record(item, provenance) for item in parsed.items]
            for piece in parsed.broken:
                drop = Drop(piece.reason, detail=why_dropped(piece, parsed, completion))
                made.append(Record(instruction=piece.text, provenance=provenance, drop=drop))
        return made


def _record(item: Item, provenance: Provenance) -> Record:
    return Record(
        instruction=item["instruction"],
        input=item.get("input", ""),
        output=item.get("output"),
        task_type=item.get("task_type") or None,
        provenance=provenance,
    )


def published(form: str, total: int) -> Sampling:
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
