"""Replies of the three APIs as completions. What is unusable in content (empty, cut, refused) is passed on as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.counting import HIDDEN, UNKNOWN
from synthgen.exchange import Api, Choice, Completion, Usage


class MalformedError(ValueError):
    """HTTP 200 with a body that is not a reply: not JSON, cut, or without choices."""


def decode(data: bytes) -> dict[str, Any]:
    """The body of a reply.

    Raises:
        MalformedError: it is no JSON object.
    """
    try:
        body = json.loads(data)
    except ValueError as error:
        raise MalformedError(f"the reply is not JSON ({len(data)} bytes)") from error
    if not isinstance(body, dict):
        raise MalformedError("the reply is not a JSON object")
    return body


def completion_of(body: Mapping[str, Any], api: Api) -> Completion:
    """The completion in a reply; counts that it does not give are `UNKNOWN`.

    Raises:
        MalformedError: it holds no choices.
    """
    try:
        choices = _READERS[api](body)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise MalformedError(f"the reply is not a completion ({type(error).__name__}: {error})") from error
    if not choices:
        raise MalformedError("the reply holds no choices")
    usage = _usage(body.get("usage"))
    model, request_id = body.get("model"), body.get("id")
    return Completion(choices, usage, str(model) if model else None, str(request_id) if request_id else None)


def _chat(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    choices = []
    for choice in body["choices"]:
        message = choice["message"]
        calls = message.get("tool_calls")
        choices.append(
            Choice(
                _plain(message.get("content")),
                choice.get("finish_reason"),
                message.get("reasoning_content") or message.get("reasoning"),
                message.get("refusal"),
                tuple(calls) if calls else (),
                choice.get("logprobs"),
            )
        )
    return tuple(choices)


def _plain(content: Any) -> str | None:
    """The text; some servers send it as a list of parts."""
    if content is None or isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)


def _completions(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    return tuple(
        Choice(_plain(choice.get("text")), choice.get("finish_reason"), logprobs=choice.get("logprobs"))
        for choice in body["choices"]
    )


def _responses(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    logprobs: list[Any] = []
    refusal: str | None = None
    for item in body["output"]:
        if item["type"] == "message":
            for part in item["content"]:
                if part["type"] == "refusal":
                    refusal = part["refusal"]
                else:
                    texts.append(part.get("text") or "")
                    logprobs += part.get("logprobs") or []
        elif item["type"] == "reasoning":
            thoughts += [part["text"] for part in (item.get("content") or item.get("summary") or ())]
        elif item["type"] == "function_call":
            function = {"name": item["name"], "arguments": item["arguments"]}
            calls.append({"id": item.get("call_id"), "type": "function", "function": function})
    if body.get("status") == "incomplete":
        why = (body.get("incomplete_details") or {}).get("reason")
        finish_reason = "length" if why == "max_output_tokens" else why or "length"
    else:
        finish_reason = "tool_calls" if calls else "stop"
    text = "".join(texts) if texts else None
    return (
        Choice(text, finish_reason, "\n".join(thoughts) or None, refusal, tuple(calls), {"content": logprobs})
        if logprobs
        else Choice(text, finish_reason, "\n".join(thoughts) or None, refusal, tuple(calls)),
    )


_READERS = {"chat": _chat, "completions": _completions, "responses": _responses}


def _usage(usage: Any) -> Usage:
    """The server's counts, `UNKNOWN` where it gives none; the prompt's at least 1.

    Some servers count a model's thoughts in the total alone, and bill them.
    """
    given = usage if isinstance(usage, dict) else {}
    prompt = _count(given, "prompt_tokens", "input_tokens") or UNKNOWN
    completion = _count(given, "completion_tokens", "output_tokens")
    total = _count(given, "total_tokens")
    if UNKNOWN not in (prompt, completion) and 0 < total - prompt - completion <= HIDDEN:
        completion = total - prompt
    details = given.get("prompt_tokens_details") or given.get("input_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(prompt, completion, 0 if cached is None else _count({"": cached}, ""))


def _count(given: Mapping[str, Any], *names: str) -> int:
    """The first of these that is given; `UNKNOWN` where none is, or it is no count."""
    value = next((given[name] for name in names if given.get(name) is not None), None)
    return value if type(value) is int and value >= 0 else UNKNOWN
