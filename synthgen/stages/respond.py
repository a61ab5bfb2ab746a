"""The stage that answers records which have no output yet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.forms import ANSWER, asking, split_reasoning
from synthgen.protocols import Choice, Completion, Context
from synthgen.records import Record, to_messages
from synthgen.stages.prompted import Prompted, choices_of, read_choice, why_unusable

REASONING_PROMPT = "respond/reasoning"


class Respond(Prompted):
    """Asks for the answer to each record without an output; what the model thinks to itself goes into `reasoning`.

    The teacher is asked as a user would ask: system, history and the task, no prompt around it. `prompt` names a
    template that gets `instruction`, `input` and `reply` and takes the place of the last turn. `reasoning: true` asks
    for the steps apart from the answer, as JSON. Drops: `truncated` (the partial answer is kept in the record),
    `malformed`, `empty_reply`, `refused` (as the API says it; the filter `refusal` reads texts), `tool_call`,
    `context_length`.
    """

    prompt: str | None = None
    reasoning: bool = False

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The same records, with an output or dropped."""
        return await asyncio.gather(*(self._respond(record, ctx) for record in records))

    async def _respond(self, record: Record, ctx: Context) -> Record:
        if record.output is not None:
            return record
        messages = self._messages(record)
        if self.reasoning:
            completion = await self.ask_for(ANSWER, messages, ctx)
        else:
            completion = await ctx.ask(
                messages,
                sampling=self.sampling,
                tools=record.tools,
                api=self.api,
                teacher=self.teacher,
                check=_why_no_answer,
                tries=self.tries,
            )
        record = record.replace(provenance=self.credit(record, completion))
        choice = choices_of(completion)[0]
        return self._structured(record, choice) if self.reasoning else _answered(record, choice)

    def _messages(self, record: Record) -> str | Sequence[Mapping[str, Any]]:
        messages = to_messages(record)
        prompt = self.prompt or (REASONING_PROMPT if self.reasoning else None)
        if prompt is not None:
            text = self._render(
                prompt,
                instruction=record.instruction,
                input=record.input,
                reply=asking(ANSWER) if self.reasoning else "",
            )
            messages[-1] = {"role": "user", "content": text}
        if self.api == "completions":  # a base model reads one text
            return "\n\n".join(str(message["content"]) for message in messages)
        return messages

    def _structured(self, record: Record, choice: Choice) -> Record:
        parsed = read_choice(ANSWER, choice)
        if not parsed.items:
            piece = parsed.broken[-1]
            return record.replace(output=piece.text).dropped(piece.reason, detail=piece.detail)
        item = parsed.items[-1]
        return record.replace(output=item["answer"].strip(), reasoning=item["reasoning"].strip() or choice.reasoning)


def _answered(record: Record, choice: Choice) -> Record:
    thought, shown = split_reasoning(choice.text or "")
    record = record.replace(output=shown.strip(), reasoning=choice.reasoning or thought)
    if choice.finish_reason == "length":
        return record.dropped("truncated", detail="the answer was cut for want of tokens")
    reason = _fault(choice, shown)
    return record.dropped(reason) if reason is not None else record


def _fault(choice: Choice, shown: str) -> str | None:
    if choice.tool_calls and not shown.strip():
        return "tool_call"
    return why_unusable(choice) or (None if shown.strip() else "empty_reply")


def _why_no_answer(completion: Completion) -> str | None:
    """A reason to ask again: not for a cut answer or a prompt too long, which would come out the same."""
    choice = choices_of(completion)[0]
    if choice.finish_reason in ("length", "context_length"):
        return None
    return _fault(choice, split_reasoning(choice.text or "")[1])
