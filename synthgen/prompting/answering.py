"""What the stages that have a teacher answer tasks share: how a task is asked, and what a choice holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from synthgen.forms import ANSWER, asking
from synthgen.forms.reply_problems import detail, sentence, why_again, why_unusable
from synthgen.prompting.stage import Prompted, read_choice, why_dropped
from synthgen.protocols import Context, api_of
from synthgen.records import Record, to_messages
from synthgen.requests.request import Choice, Completion

REASONING_PROMPT = "respond/reasoning"


class Answering(Prompted):
    """Settings of a stage that has tasks answered.

    The teacher is asked as a user would ask: system, history and the task, no prompt around it. `prompt` names a
    template that gets `instruction`, `input` and `reply` and takes the place of the last turn. `reasoning: true` asks
    for the steps apart from the answer, as JSON.
    """

    prompt_settings: ClassVar[tuple[str, ...]] = ("prompt",)

    prompt: str | None = None
    reasoning: bool = False

    async def ask_task(
        self, record: Record, ctx: Context, *, count: int = 1, sample: int = 0, prompt: str | None = None, **known: str
    ) -> Completion:
        """A reply of `count` choices to a task that has no output; `prompt` goes over the stage's own, and gets `known`
        too.
        """
        messages = self._messages(record, prompt or self.prompt, known)
        if self.reasoning:
            return await self.ask_for(ANSWER, messages, ctx, sample=sample, count=count)
        return await ctx.ask(
            messages,
            sampling=self.sampling_for(count),
            tools=record.tools,
            api=self.api,
            sample=sample,
            teacher=self.teacher,
            check=lambda completion: why_again(completion, _fault),
            tries=self.tries,
        )

    def answered(self, record: Record, choice: Choice, completion: Completion) -> Record:
        """The record with the choice's answer and reasoning, or dropped."""
        return _structured(record, choice, completion) if self.reasoning else _plain(record, choice, completion)

    def _messages(
        self, record: Record, prompt: str | None, known: Mapping[str, str]
    ) -> str | Sequence[Mapping[str, Any]]:
        messages = to_messages(record)
        prompt = prompt or (REASONING_PROMPT if self.reasoning else None)
        if prompt is not None:
            text = self._render(
                prompt,
                instruction=record.instruction,
                input=record.input,
                reply=asking(ANSWER) if self.reasoning else "",
                **known,
            )
            messages[-1] = {"role": "user", "content": text}
        if (self.api or api_of(self._asked)) == "completions":  # a base model reads one text
            return "\n\n".join(str(message["content"]) for message in messages)
        return messages


def _structured(record: Record, choice: Choice, completion: Completion) -> Record:
    parsed = read_choice(ANSWER, choice)
    if not parsed.items:
        piece = parsed.broken[-1]
        return record.replace(output=piece.text).dropped(piece.reason, detail=why_dropped(piece, parsed, completion))
    item = parsed.items[-1]
    return record.replace(output=item["answer"].strip(), reasoning=item["reasoning"].strip() or choice.reasoning)


def _plain(record: Record, choice: Choice, completion: Completion) -> Record:
    record = record.replace(output=(choice.text or "").strip(), reasoning=choice.reasoning)
    reason = _fault(choice)
    if reason is None:
        return record
    return record.dropped(reason, detail=detail(reason, completion, sentence(reason, choice)))


def _fault(choice: Choice) -> str | None:
    """Why a choice is no answer; one that calls a tool, or only thinks, is none either."""
    if choice.tool_calls and not (choice.text or "").strip():
        return "tool_call"
    return why_unusable(choice)
