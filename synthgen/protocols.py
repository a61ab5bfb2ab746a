"""What the engine and its plug-ins agree on: requests, completions, and the shape of every part of a pipeline.

Nothing here does any work beyond holding values and naming them. A teacher turns a request into a completion; a source
gives an attempt what it starts from; a stage turns records into records; a filter judges one record; a selector looks
at the whole accepted set.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from synthgen.records import Drop, Frozen, Record

Api = Literal["chat", "completions", "responses"]


class Sampling(Frozen):
    """Sampling as the OpenAI API names it; `None` is not sent. `extra` goes into the body as it is (`top_k`, …)."""

    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    n: int | None = Field(None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0)
    logit_bias: dict[str, float] | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The fields that are set, as they go into a request body."""
        fields = self.model_dump(exclude_none=True, exclude={"extra"}, mode="json")
        return {**fields, **self.extra}

    def over(self, base: Sampling | None) -> Sampling:
        """These values, and those of `base` where these say nothing."""
        if base is None:
            return self
        return Sampling(
            **{
                **base.model_dump(exclude_none=True),
                **self.model_dump(exclude_none=True),
                "extra": {**base.extra, **self.extra},
            }
        )


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: the same text for the same value."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # `json.dumps` would make one at every call


@dataclass(frozen=True)
class Request:
    """What is sent to a teacher. Everything here changes the reply, and so the key; nothing else does.

    `messages` are OpenAI messages (for `api="completions"` one user message whose content is the raw prompt). `sample`
    tells apart requests that want fresh text for an equal prompt, `retry` the further ones after a reply that was not
    usable or had too few choices.
    `response_format` is the OpenAI `json_schema` form.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    sampling: Sampling = field(default_factory=Sampling)
    tools: tuple[Mapping[str, Any], ...] = ()
    response_format: Mapping[str, Any] | None = None
    api: Api = "chat"
    sample: int = 0
    retry: int = 0

    @cached_property
    def key(self) -> str:
        """SHA-256 (hex) of all that changes a reply."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        """The request as canonical JSON, as it is hashed and journaled."""
        return canonical(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The request as plain values."""
        return {
            "model": self.model,
            "messages": list(self.messages),
            "sampling": self.sampling.body,
            "tools": list(self.tools),
            "response_format": self.response_format,
            "api": self.api,
            "sample": self.sample,
            "retry": self.retry,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a completion's texts. `finish_reason` is the API's, or `context_length` where the prompt was too long."""

    text: str | None
    finish_reason: str | None = "stop"
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: Any = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them (or as estimated where it does not); cached ones are part of the prompt's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """A teacher's reply. `key` is the journal key of its request, `tries` how often it was asked for, `further` the
    keys of requests for choices that the first reply lacked; all are filled in by the engine.
    """

    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    model: str | None = None
    request_id: str | None = None
    key: str = ""
    tries: int = 1
    further: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The journal keys of all requests that it took to get these choices."""
        return (self.key, *self.further)

    def with_more(self, other: Completion) -> Completion:
        """The completion with another's choices and usage added to it."""
        return replace(
            self,
            choices=self.choices + other.choices,
            usage=self.usage + other.usage,
            further=(*self.further, other.key),
        )

    @property
    def text(self) -> str:
        """The first choice's text; empty where there is none."""
        return (self.choices[0].text or "") if self.choices else ""

    @property
    def finish_reason(self) -> str | None:
        """The first choice's finish reason."""
        return self.choices[0].finish_reason if self.choices else None

    def to_dict(self) -> dict[str, Any]:
        """The completion as plain values without its key; empty fields are left out."""
        choices = []
        for c in self.choices:
            choice: dict[str, Any] = {"text": c.text, "finish_reason": c.finish_reason}
            for name in ("reasoning", "refusal", "logprobs"):
                if getattr(c, name) is not None:
                    choice[name] = getattr(c, name)
            if c.tool_calls:
                choice["tool_calls"] = list(c.tool_calls)
            choices.append(choice)
        u = self.usage
        return {
            "choices": choices,
            "usage": [u.prompt_tokens, u.completion_tokens, u.cached_tokens],
            "model": self.model,
            "request_id": self.request_id,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], key: str = "") -> Completion:
        """The completion that `to_dict` wrote."""
        choices = tuple(
            Choice(
                text=c["text"],
                finish_reason=c["finish_reason"],
                reasoning=c.get("reasoning"),
                refusal=c.get("refusal"),
                tool_calls=tuple(c.get("tool_calls", ())),
                logprobs=c.get("logprobs"),
            )
            for c in data["choices"]
        )
        return cls(choices, Usage(*data["usage"]), data.get("model"), data.get("request_id"), key)


@runtime_checkable
class Teacher(Protocol):
    """Writes completions. `model` names the weights and every setting that changes a reply; it goes into the key.

    `sampling` holds defaults under a stage's own. A request says itself which API it is for. `complete` retries what
    can be retried and raises `TeacherError` where going on makes no sense. A teacher does not know the journal.

    Optional: `async def open(self) -> None` before the first request (may set `model`); `async def close(self) -> None`
    after the last; `def drain(self) -> None` when the run is ending (what waits for another try ends with `Draining`);
    `def keep_in(self, folder: Path, name: str) -> None` before `open`, for what has to survive restarts; `price: Price`
    for budgets in dollars; `at_once: int`, the most requests at once where a run finds their number by trying;
    `api: Api` for requests of stages that name none (else `chat`).
    """

    model: str
    sampling: Sampling | None

    async def complete(self, request: Request) -> Completion:
        """The reply to one request."""
        ...


def api_of(teacher: Teacher) -> Api:
    """The API that a teacher is asked by where a stage names none."""
    api: Api = getattr(teacher, "api", None) or "chat"
    return api


Check = Callable[[Completion], str | None]
"""Says why a completion cannot be used (a reason), or None: an unusable one is asked for again within a limit."""


class PoolView(Protocol):
    """The pool as one attempt sees it: all seed tasks, and the machine-made records of earlier attempts."""

    @property
    def seeds(self) -> Sequence[Record]:
        """The seed tasks, in file order."""
        ...

    @property
    def machine(self) -> Sequence[Record]:
        """The records that had passed the near-duplicate turn, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Draw:
    """What an attempt starts from: demonstrations for its prompt, or records that exist already."""

    demonstrations: tuple[Record, ...] = ()
    records: tuple[Record, ...] = ()


class Source(Protocol):
    """Gives attempt k its draw. Pure: the same attempt, view and rng give the same draw.

    `reads_pool` says whether the machine-made part of the view is used; if so, attempts wait for their window.
    """

    reads_pool: bool
    seeds: Sequence[Record]

    def draw(self, attempt: int, view: PoolView, rng: random.Random) -> Draw | None:
        """The draw of this attempt, or None where the source is exhausted (from this attempt on)."""
        ...


class Context(Protocol):
    """What a stage knows of the attempt it works for."""

    attempt: int
    round: int
    demonstrations: tuple[Record, ...]

    @property
    def rng(self) -> random.Random:
        """Random numbers of this attempt and this stage alone: the same in every run with the same seed."""
        ...

    async def ask(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        *,
        sampling: Sampling | None = None,
        response_format: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        api: Api | None = None,
        sample: int = 0,
        teacher: str = "teacher",
        check: Check | None = None,
        tries: int = 3,
    ) -> Completion:
        """The teacher's reply, from the journal where it is there.

        A string is one user message. `api` is the teacher's own if not set. `sample` asks for fresh text for an equal
        prompt: a generating stage gives `ctx.attempt`. An unusable reply (`check` names a reason) is asked for again,
        `tries` times in all; the last one is returned as it is, so that the stage can drop what it holds with that
        reason. Without a `check`, replies are unusable that are empty, cut or refused (`synthgen.unusable`).
        """
        ...


@dataclass(slots=True)
class Preparation:
    """What a part may look at once, before the run: called as `part.prepare(preparation)` where it has that method.

    `render` gives a prompt template's text (`render("alpaca/tasks", demonstrations=…)`); `seeds` are the seed tasks;
    `seed` is the run's random seed; `base` is the folder that paths in the config start from; `teachers` are by name.
    """

    render: Callable[..., str]
    seeds: Sequence[Record]
    seed: int
    base: str
    teachers: Mapping[str, Teacher] = field(default_factory=dict)


@runtime_checkable
class Stage(Protocol):
    """Records in, records out. Lose none: drop a record with `record.dropped(reason)`.

    A new record is either made from one that came in (`record.child(…)`, which replaces its parent) or wholly new
    (`Record(…)`). `ordered` stages are passed by the attempts one by one in order of their numbers and must not await
    anything slow. Optional: `prepare(preparation)`, and `expected: int`, how many records an attempt usually yields.
    """

    @property
    def ordered(self) -> bool:
        """Whether attempts pass this stage in order."""
        ...

    async def run(self, records: list[Record], ctx: Context) -> list[Record]:
        """The records that go on, each once, dropped ones included."""
        ...


class Filter(Protocol):
    """None keeps the record; a reason (snake_case string, or `Drop` with evidence) drops it.

    A plain function with keyword-only settings, or a class with `__call__`. Optional on a class: `ordered = True`
    (called in order of attempts: it may keep state), `prepare(preparation)`.
    """

    def __call__(self, record: Record, /) -> Drop | str | None:
        """The verdict on one record."""
        ...


class Selector(Protocol):
    """Looks at the whole accepted set after generation has ended; marks those it does not select as dropped."""

    def select(self, records: Sequence[Record], rng: random.Random) -> list[Record]:
        """All the records, in an order of its own if it likes; dropped ones marked."""
        ...
