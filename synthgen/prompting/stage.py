"""What the stages that ask a teacher share: settings, asking, reading, and what becomes of replies without use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from synthgen.forms import ANSWER, Broken, Form, Parsed, asking
from synthgen.forms.reply_problems import DETAILS, detail, is_cut, sentence, why_again, why_unusable
from synthgen.protocols import Context, Preparation, Stage, Teacher, api_of, teacher_named
from synthgen.records import Provenance, Record, to_messages
from synthgen.requests.request import Api, Choice, Completion, Sampling, written_by


class Prompted(Stage, BaseModel):
    """Settings of a stage that asks. A stage's sampling goes over its teacher's.

    `structured` says whether replies are held to a JSON schema: `auto` where the teacher says that it can, `off` never;
    the prompt asks for JSON in any case. `tries` bounds how often a reply is asked for that is empty, cut, refused or
    not readable. `api` goes over the teacher's: `completions` for base models without a chat template.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: str = "teacher"
    sampling: Sampling | None = None
    structured: Literal["auto", "json_schema", "off"] = "auto"
    tries: int = Field(3, ge=1)
    api: Api | None = None

    _render: Callable[..., str] = PrivateAttr()
    _asked: Teacher = PrivateAttr()

    def prepare(self, preparation: Preparation) -> None:
        """Takes the renderer and the teacher.

        Raises:
            ConfigError: there is no teacher of this name.
        """
        self._render = preparation.render
        self._asked = teacher_named(self.teacher, preparation.teachers)

    def schema_for(self, form: Form) -> dict[str, object] | None:
        """The response format to send with a request for this form, or None."""
        able = self.structured == "json_schema" or (self.structured == "auto" and self._asked.structured)
        return form.response_format if able else None

    def sampling_for(self, count: int) -> Sampling | None:
        """The stage's sampling for a reply of `count` choices."""
        return self.sampling if count == 1 else Sampling(n=count).over(self.sampling)

    async def ask_for(self, form: Form, prompt: Any, ctx: Context, *, sample: int = 0, count: int = 1) -> Completion:
        """The teacher's reply of `count` choices in this form; asked for again while none holds an item."""
        return await ctx.ask(
            prompt,
            sampling=self.sampling_for(count),
            response_format=self.schema_for(form),
            api=self.api,
            sample=sample,
            teacher=self.teacher,
            check=lambda completion: why_again(completion, lambda choice: why_no_item(form, choice)),
            tries=self.tries,
        )

    def credit(self, record: Record, completion: Completion) -> Provenance:
        """The record's provenance with this completion added to it."""
        return record.provenance.model_copy(
            update={
                "model": self.model_of(completion),
                "requests": (*record.provenance.requests, *completion.keys),
            }
        )

    def model_of(self, completion: Completion) -> str:
        """The model that wrote a completion: as the server names it, else as the teacher does."""
        return written_by(completion.model, self._asked.model)


class Faithful(Prompted):
    """A stage that can also do as the published original did, with its prompt layout, sampling, stops and losses.

    With `faithful: true` the published sampling holds where `sampling` says nothing, replies are plain text, and an
    unusable reply is not asked for again.
    """

    faithful: bool = False

    @model_validator(mode="after")
    def _plain(self) -> Faithful:
        if self.faithful and self.structured == "json_schema":
            raise ValueError("faithful: true reads plain text, so structured cannot be json_schema")
        return self

    async def ask_faithfully(self, published: Sampling, prompt: str, ctx: Context, *, sample: int = 0) -> Completion:
        """The teacher's only reply, with the published sampling under the stage's own."""
        sampling = self.sampling.over(published) if self.sampling is not None else published
        return await ctx.ask(
            prompt, sampling=sampling, api=self.api, sample=sample, teacher=self.teacher, check=None, tries=1
        )


def why_no_item(form: Form, choice: Choice) -> str | None:
    """None where the choice holds an item, else the reason why it does not."""
    parsed = read_choice(form, choice)
    return None if parsed.items else parsed.broken[0].reason


_REFUSES = re.compile(
    r"\W*(?:(?:i['’]m|i am) (?:very |so )?(?:sorry|afraid)|sorry|unfortunately|as an ai)\b"
    r"|\W*i (?:can['’]?t|cannot|won['’]t|am unable to|am not able to) ",
    re.IGNORECASE,
)
"""Asked of replies that hold no item, to tell a teacher that will not from one that cannot keep to the form. Answers in
free text are the filter `refusal`'s business."""


def read_choice(form: Form, choice: Choice, first: int = 1) -> Parsed:
    """The items of one choice; a choice without any has one piece that says why, `empty_reply` or `refused` maybe.

    A server that holds the whole reply to a schema, its reasoning too, leaves the JSON where reasoning belongs.
    """
    text = choice.text or ""
    reason = why_unusable(choice)
    if reason == "empty_reply" and form.response_format is not None and _is_json(choice.reasoning or ""):
        return form.parse(choice.reasoning or "", first=first)
    if reason in (None, "truncated", "template_token", "unknown_finish_reason") and text.strip():
        cut = is_cut(choice) or reason == "unknown_finish_reason"
        parsed = form.parse(text, cut=cut, first=first)
        if parsed.items or not _REFUSES.match(text):
            return parsed if parsed.items or reason is None else _explained(parsed, reason, choice)
        reason = "refused"
    reason = reason or "empty_reply"  # it calls a tool, which no form asks for
    return Parsed((), (Broken(choice.refusal or text, reason, sentence(reason, choice)),))


def _explained(parsed: Parsed, reason: str, choice: Choice) -> Parsed:
    """The pieces of a reply without an item; the first says why the whole reply is none, where more is known."""
    first, said = parsed.broken[0], sentence(reason, choice)
    if said == DETAILS["truncated"] or first.reason == "template_token":
        return parsed
    return Parsed((), (replace(first, reason=reason, detail=said), *parsed.broken[1:]))


def _is_json(text: str) -> bool:
    text = text.strip()
    return text[:1] in ("{", "[") and text[-1:] in ("}", "]")


def why_dropped(piece: Broken, parsed: Parsed, completion: Completion) -> str:
    """What is wrong with a piece; where the reply held no item at all, with how often it was asked for."""
    return piece.detail if parsed.items else detail(piece.reason, completion, piece.detail)


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
            check=lambda completion: why_again(completion, _why_no_answer),
            tries=self.tries,
        )

    def answered(self, record: Record, choice: Choice, completion: Completion) -> Record:
        """The record with the choice's answer and reasoning, or dropped."""
        read = _with_json_answer if self.reasoning else _with_text_answer
        return read(record, choice, completion)

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


def _with_json_answer(record: Record, choice: Choice, completion: Completion) -> Record:
    parsed = read_choice(ANSWER, choice)
    if not parsed.items:
        piece = parsed.broken[-1]
        return record.replace(output=piece.text).dropped(piece.reason, detail=why_dropped(piece, parsed, completion))
    item = parsed.items[-1]
    return record.replace(output=item["answer"].strip(), reasoning=item["reasoning"].strip() or choice.reasoning)


def _with_text_answer(record: Record, choice: Choice, completion: Completion) -> Record:
    record = record.replace(output=(choice.text or "").strip(), reasoning=choice.reasoning)
    reason = _why_no_answer(choice)
    if reason is None:
        return record
    return record.dropped(reason, detail=detail(reason, completion, sentence(reason, choice)))


def _why_no_answer(choice: Choice) -> str | None:
    """Why a choice is no answer; one that calls a tool, or only thinks, is none either."""
    if choice.tool_calls and not (choice.text or "").strip():
        return "tool_call"
    return why_unusable(choice)
