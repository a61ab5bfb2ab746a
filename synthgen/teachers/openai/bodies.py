"""Requests as the bodies of the three APIs, without what a server does not take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthgen.forms.reply_problems import is_free_text
from synthgen.requests.request import Api, Completion, Request
from synthgen.safety.outward import logger
from synthgen.teachers.openai.problems import Problem

log = logger("synthgen.teachers.openai")

PATHS: dict[Api, str] = {"chat": "/chat/completions", "completions": "/completions", "responses": "/responses"}
_SEEDS = 2**31


@dataclass(slots=True)
class Dialect:
    """What a server turned out to understand: its name for `max_tokens`, whether it knows `response_format`, `n` and
    a system message, whether it insists on a `stream` and can be asked for the usage in one (`stream_options`).

    `keeps_schemas` is None until a reply to a request with a schema has shown it.
    """

    max_tokens: str = "max_tokens"
    response_format: bool = True
    n: bool = True
    system: bool = True
    stream: bool = False
    stream_options: bool = True
    keeps_schemas: bool | None = None
    better_without: int = 0
    _told: bool = False

    @property
    def form(self) -> tuple[object, ...]:
        """All that changes a body."""
        return self.max_tokens, self.response_format, self.n, self.system, self.stream, self.stream_options

    def learn_max_tokens(self, name: str) -> bool:
        """Takes over the server's name for it; False where that was tried already."""
        if self._told or name == self.max_tokens:
            return self._told and name == self.max_tokens
        self.max_tokens, self._told = name, True
        return True

    def learn_schemas(self, doubts: int) -> bool:
        """A request got a reply without its schema where it had got none with it; whether that now counts as a rule.

        One failing request may have met an outage; from two `doubts` on a server that has never taken a schema takes
        none.
        """
        self.better_without += doubts
        if not self.response_format or self.keeps_schemas is not None or self.better_without < SURE:
            return False
        self.response_format = False
        return True


SURE = 2
"""So many doubts about schemas are a rule. A refusal that another request without the schema does not get counts for as
many, a server error for one."""


def encode(request: Request, dialect: Dialect) -> bytes:
    """The body as UTF-8 JSON. Lone surrogates, which no server takes, become question marks."""
    if not dialect.system:
        request = replace(request, messages=folded(request.messages))
    body = _BUILDERS[request.api](request, dialect)
    if dialect.stream:
        body["stream"] = True
        if dialect.stream_options and request.api != "responses":
            body["stream_options"] = {"include_usage": True}
    return _BODY.encode(body).encode("utf-8", "replace")


def has_system(request: Request) -> bool:
    """Whether a message has the role that some models do not know."""
    return any(message.get("role") in _SYSTEM for message in request.messages)


def folded(messages: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The messages without a system's: its text stands at the beginning of the user's next."""
    told: list[str] = []
    kept: list[Mapping[str, Any]] = []
    for message in messages:
        if message.get("role") in _SYSTEM:
            told.append(str(message.get("content") or ""))
        elif told and message.get("role") == "user" and isinstance(message.get("content"), str):
            kept.append({**message, "content": "\n\n".join((*told, message["content"]))})
            told = []
        else:
            kept.append(message)
    if told:
        kept.append({"role": "user", "content": "\n\n".join(told)})
    return tuple(kept)


_SYSTEM = ("system", "developer")
_BODY = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # `json.dumps` would make one at every call


def _sampling(request: Request, dialect: Dialect) -> dict[str, Any]:
    """The sampling as it is sent. A `seed` is moved on by sample and retry, or they would all get the same text."""
    body = dict(request.sampling.body)
    if not dialect.n or request.api == "responses":  # an API without `n`
        body.pop("n", None)
    if "seed" in body:
        body["seed"] = (body["seed"] + request.sample + 1_000_003 * request.retry) % _SEEDS
    return body


def _chat(request: Request, dialect: Dialect) -> dict[str, Any]:
    body = {"model": request.model, "messages": request.messages, **_sampling(request, dialect)}
    if "max_tokens" in body and dialect.max_tokens != "max_tokens":
        body[dialect.max_tokens] = body.pop("max_tokens")
    if request.tools:
        body["tools"] = request.tools
    if request.response_format is not None and dialect.response_format:
        body["response_format"] = request.response_format
    return body


def _completions(request: Request, dialect: Dialect) -> dict[str, Any]:
    body = {"model": request.model, "prompt": _text(request), **_sampling(request, dialect)}
    if body.pop("logprobs", None):
        body["logprobs"] = body.pop("top_logprobs", None) or 1  # a number here, not true
    if request.response_format is not None and dialect.response_format:
        body["response_format"] = request.response_format
    return body


def _text(request: Request) -> str:
    return "\n\n".join(str(m.get("content") or "") for m in request.messages)


def _responses(request: Request, dialect: Dialect) -> dict[str, Any]:
    sampling = _sampling(request, dialect)
    # some servers stream unless they are told not to
    body: dict[str, Any] = {"model": request.model, "input": _items(request), "store": False, "stream": False}
    body |= sampling
    if "max_tokens" in body:
        body["max_output_tokens"] = body.pop("max_tokens")
    if body.pop("logprobs", None):
        body["include"] = ["message.output_text.logprobs"]
    if request.tools:
        body["tools"] = [{"type": "function", **t["function"]} if "function" in t else t for t in request.tools]
    if request.response_format is not None and dialect.response_format:
        form = request.response_format
        inner: Mapping[str, Any] = form.get("json_schema") or {}
        body["text"] = {"format": {"type": form["type"], **inner}}
    return body


def _items(request: Request) -> list[Any]:
    """The messages as input items: what an assistant called and what a tool gave back are items of their own."""
    items: list[Any] = []
    for message in request.messages:
        if message["role"] == "tool":
            item = {
                "type": "function_call_output",
                "call_id": message.get("tool_call_id"),
                "output": message["content"],
            }
            items.append(item)
            continue
        if message.get("content"):
            items.append({"role": message["role"], "content": message["content"]})
        for call in message.get("tool_calls") or ():
            items.append({"type": "function_call", "call_id": call.get("id"), **call["function"]})
    return items


_BUILDERS = {"chat": _chat, "completions": _completions, "responses": _responses}


@dataclass(frozen=True, slots=True)
class Sent:
    """Which of these things a body held."""

    schema: bool = False
    n: bool = False
    system: bool = False
    stream: bool = False
    stream_options: bool = False

    @classmethod
    def of(cls, request: Request, dialect: Dialect, *, schema: bool) -> Sent:
        """What a body of this request held for a server that speaks this dialect."""
        return cls(
            request.response_format is not None and dialect.response_format and schema,
            (request.sampling.n or 1) > 1 and dialect.n,
            dialect.system and has_system(request),
            dialect.stream,
            dialect.stream and dialect.stream_options,
        )


def learned(dialect: Dialect, sent: Sent, problem: Problem) -> str | None:
    """What to tell of the server, whose dialect is changed; empty where another request has found it out before.

    None where the problem is none of these.
    """
    wanted = problem.max_tokens_name
    if wanted is not None and dialect.learn_max_tokens(wanted):
        return ""
    if sent.schema and problem.unknown_response_format:
        known, dialect.response_format = not dialect.response_format, False
        return "" if known else "takes no JSON schema ({words}): going on without"
    if sent.n and problem.unknown_n:
        known, dialect.n = not dialect.n, False
        return "" if known else "takes no n ({words}): asking for one choice at a time"
    if sent.stream_options and problem.unknown_stream_options:
        dialect.stream_options = False
        return ""
    if not sent.stream and problem.wants_stream:
        known, dialect.stream = dialect.stream, True
        return "" if known else "gives streams alone ({words}): asking for them"
    if sent.system and problem.unknown_system:
        known, dialect.system = not dialect.system, False
        return "" if known else "takes no system message ({words}): its text goes into the user's message"
    return None


def watch_schemas(dialect: Dialect, name: str, completion: Completion) -> None:
    """Says once whether a server that takes schemas keeps to them; those that do not are asked on as they are."""
    text = completion.text.strip()
    if dialect.keeps_schemas is None and text:
        dialect.keeps_schemas = not is_free_text(completion.choices[0])
        if not dialect.keeps_schemas:
            log.warning(
                "%s takes a JSON schema and does not keep to it: replies are read as they come, and counted", name
            )
