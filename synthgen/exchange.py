"""What is sent to a teacher and what comes back. A request's key is its name in the journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from synthgen.outward import clear
from synthgen.records import Frozen

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


def _cleared(choice: Choice) -> Choice:
    """The choice without known secrets; itself where it holds none."""
    calls = list(choice.tool_calls)
    changed: dict[str, Any] = {} if not calls or clear(calls) is calls else {"tool_calls": tuple(clear(calls))}
    for name in ("text", "finish_reason", "reasoning", "refusal"):
        value = getattr(choice, name)
        if (cleared := clear(value)) is not value:
            changed[name] = cleared
    return replace(choice, **changed) if changed else choice
