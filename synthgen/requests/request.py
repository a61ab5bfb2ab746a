"""What is sent to a teacher and what comes back. A request's key is its name in the journal."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from synthgen.records import Frozen, clean_text
from synthgen.safety.outward import clear

Api = Literal["chat", "completions", "responses"]

GREEDY_BELOW = 0.01
"""At lower temperatures than this a token that is 5% less likely than the first has odds of 1 to 150: vLLM warns below
it. It is taken for 0."""


class Sampling(Frozen):
    """Sampling as the OpenAI API names it; `None` is not sent. `extra` goes into the body as it is (`top_k`, …).

    `retry_max_tokens` is not sent either: a reply that was cut is asked for again with twice its `max_tokens`, up to
    this many. Without it `max_tokens` is never raised.
    """

    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    retry_max_tokens: int | None = Field(None, ge=1)
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
        fields = self.model_dump(exclude_none=True, exclude={"extra", "retry_max_tokens"}, mode="json")
        return {**fields, **self.extra}

    @property
    def settings(self) -> dict[str, Any]:
        """The body and what is set beside it: all that decides which requests are made."""
        most = {} if self.retry_max_tokens is None else {"retry_max_tokens": self.retry_max_tokens}
        return {**self.body, **most}

    @property
    def greedy(self) -> bool:
        """Whether the same request brings the same text: the likeliest token is always taken."""
        body = self.body
        temperature = body.get("temperature")
        cold = isinstance(temperature, (int, float)) and temperature < GREEDY_BELOW
        return cold or body.get("top_k") == 1 or body.get("top_p") == 0

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


DEPTH = 64
"""How deep a value of a reply may be nested; what is deeper is None."""


def as_text(text: str) -> str:
    """The text as UTF-8 can hold it: halves of surrogate pairs are joined, or U+FFFD where they are alone."""
    return str(clean_text(text))


def plain_value(value: Any, depth: int = DEPTH) -> Any:
    """A value as JSON can hold it in every reader: finite numbers, text that UTF-8 can hold, bounded depth."""
    if isinstance(value, str):
        return as_text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {as_text(str(k)): plain_value(v, depth - 1) for k, v in value.items()} if depth else None
    if isinstance(value, (list, tuple)):
        return [plain_value(v, depth - 1) for v in value] if depth else None
    return str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a completion's texts. `finish_reason` is the API's, or `context_length` where the prompt was too long.

    Whatever it is made of, its texts are text or None, and its tool calls are objects.
    """

    text: str | None
    finish_reason: str | None = "stop"
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: Any = None

    def __post_init__(self) -> None:
        for name in ("text", "finish_reason", "reasoning", "refusal"):
            value = getattr(self, name)
            if value is not None and not (type(value) is str and value.isascii()):
                value = value if isinstance(value, str) else canonical(plain_value(value))
                object.__setattr__(self, name, as_text(value))
        if self.tool_calls and not all(isinstance(call, Mapping) for call in self.tool_calls):
            calls = tuple(call for call in self.tool_calls if isinstance(call, Mapping))
            object.__setattr__(self, "tool_calls", calls)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; cached ones are part of the prompt's. `estimated`: at least one of the counts
    was missing or cannot be, so an estimate stands for it.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = field(default=False, kw_only=True, compare=False)

    @property
    def total(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            estimated=self.estimated or other.estimated,
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

    def without_secrets(self) -> Completion:
        """The completion with `***` for each secret that a server or a model has repeated; itself where there is none.

        Log probabilities stay as they are: they hold pieces of a text, none of them a whole secret.
        """
        choices = tuple(map(_cleared, self.choices))
        model, request_id = clear(self.model), clear(self.request_id)
        same = model is self.model and request_id is self.request_id
        if same and all(new is old for new, old in zip(choices, self.choices, strict=True)):
            return self
        return replace(self, choices=choices, model=model, request_id=request_id)

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
            **({"estimated": True} if u.estimated else {}),
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
        usage = Usage(*data["usage"], estimated=bool(data.get("estimated")))
        return cls(choices, usage, data.get("model"), data.get("request_id"), key)


def _cleared(choice: Choice) -> Choice:
    """The choice without known secrets; itself where it holds none."""
    calls = list(choice.tool_calls)
    changed: dict[str, Any] = {} if not calls or clear(calls) is calls else {"tool_calls": tuple(clear(calls))}
    for name in ("text", "finish_reason", "reasoning", "refusal"):
        value = getattr(choice, name)
        if (cleared := clear(value)) is not value:
            changed[name] = cleared
    return replace(choice, **changed) if changed else choice


_PATH = re.compile(r"^(file:|[/\\~]|\.{1,2}[/\\]|[A-Za-z]:[/\\])|[/\\].*\.(gguf|ggml|safetensors|bin|pt|pth)$", re.I)
"""Absolute and home paths, `./` and `../`, and files of weights: a Hub id or a provider's name is none of these."""

_HUB_CACHE = re.compile(r"models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]")


def is_path(name: str) -> bool:
    """Whether the name is a path of somebody's machine."""
    return _PATH.search(name) is not None


def model_name(name: str) -> str:
    """The name without the folders above it where it is a path; a copy in the Hub's cache has the Hub's id."""
    if not is_path(name):
        return name
    if found := _HUB_CACHE.search(name):
        return f"{found[1]}/{found[2]}"
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] or "model"


def written_by(answered: str | None, asked: str) -> str:
    """What wrote a reply: the name that the server gives it, or the one asked for where that is none or a path."""
    return model_name(asked if not answered or (is_path(answered) and asked) else answered)


class Draining(BaseException):
    """The run is ending, so this attempt goes no further.

    Not an `Exception`, for the reason that `asyncio.CancelledError` is none: a stage that catches errors must not
    take the end of the run for one of them.
    """
