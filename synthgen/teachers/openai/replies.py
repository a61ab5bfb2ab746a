"""Replies of the three APIs as completions. What is unusable in content (empty, cut, refused) is passed on as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthgen.exchange import Api, Choice, Completion, Usage

CHARACTERS_PER_TOKEN = 4
"""For servers that do not count: English text has about four characters a token."""


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


def completion_of(body: Mapping[str, Any], api: Api, sent: int) -> Completion:
    """The completion in a reply to a request of `sent` characters.

    Raises:
        MalformedError: it holds no choices.
    """
    try:
        choices = _READERS[api](body)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise MalformedError(f"the reply is not a completion ({type(error).__name__}: {error})") from error
    if not choices:
        raise MalformedError("the reply holds no choices")
    usage = _usage(body.get("usage")) or _estimated(sent, choices)
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


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens"))
    if not isinstance(prompt, int):
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return Usage(prompt, completion or 0, details.get("cached_tokens") or 0)


def _estimated(sent: int, choices: tuple[Choice, ...]) -> Usage:
    received = sum(len(c.text or "") for c in choices)
    return Usage(-(-sent // CHARACTERS_PER_TOKEN), -(-received // CHARACTERS_PER_TOKEN))
