"""Replies of the three APIs as completions. What is unusable in content (empty, cut, refused) is passed on as it is.

A server may send anything anywhere: what can be read is read, and nothing is raised but `MalformedError`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from synthgen.requests.finish_reasons import finish_of
from synthgen.requests.metering import HIDDEN, UNKNOWN
from synthgen.requests.request import Api, Choice, Completion, Usage, as_text, plain_value
from synthgen.safety.outward import clear, cut

MOST_CHOICES = 1000
MOST_CHARACTERS = 200
"""Of a name or a finish reason more is not kept."""
_SAYING = frozenset({"message", "text", "delta", "finish_reason", "stop_reason", "error"})
"""A choice has one of these, or it is none."""
FINISHES = ("finish_reason", "native_finish_reason", "stop_reason", "done_reason")
"""Where a choice says why it ended."""
_LONG_DIGITS = 18
"""Integers of so many digits fit into 64 bits."""


class MalformedError(ValueError):
    """HTTP 200 with a body that is not a reply: not JSON, cut, nested beyond reason, or without choices."""


def decode(data: bytes) -> dict[str, Any]:
    """The body of a reply; numbers that 64 bits cannot hold are floats, or None where they are not finite.

    Raises:
        MalformedError: it is no JSON object.
    """
    try:
        body = json.loads(data, parse_int=_integer, parse_float=_finite, parse_constant=lambda name: None)
    except ValueError as error:
        raise MalformedError(f"the reply is not JSON ({len(data)} bytes)") from error
    except RecursionError as error:
        raise MalformedError(f"the reply is JSON nested too deep ({len(data)} bytes)") from error
    if not isinstance(body, dict):
        raise MalformedError("the reply is not a JSON object")
    return body


def _integer(digits: str) -> int | float | None:
    return int(digits) if len(digits) <= _LONG_DIGITS else _finite(digits)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


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
    return Completion(choices, usage, _name(body.get("model")), _name(body.get("id")))


def _name(value: Any) -> str | None:
    """A model's or a request's name; bounded, because a server may send anything."""
    return as_text(cut(value, MOST_CHARACTERS, clear)) or None if isinstance(value, str) else None


def _chat(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    choices = []
    for choice in _choices(body):
        given = next((choice[name] for name in ("message", "delta", "text") if choice.get(name) is not None), None)
        message = given if isinstance(given, dict) else {"content": given}
        content = message.get("content")
        refusal = message.get("refusal")
        text = _text(content)
        choices.append(
            Choice(
                text,
                _finish(body, choice, message),
                _reasoning(message, content),
                _text(refusal) or None if isinstance(refusal, str) or not text else None,
                _calls(message.get("tool_calls") or message.get("function_call")),
                _logprobs(choice.get("logprobs")),
            )
        )
    return tuple(choices)


def _choices(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices that are objects; one alone, or several under names or numbers, count too."""
    given = body.get("choices")
    if isinstance(given, dict):
        given = [given] if given.keys() & {"message", "text", "delta"} else list(given.values())
    if not isinstance(given, list):
        raise MalformedError("the reply holds no list of choices")
    return [choice for choice in given[:MOST_CHOICES] if isinstance(choice, dict) and _SAYING & choice.keys()]


def _finish(body: Mapping[str, Any], choice: Mapping[str, Any], message: Mapping[str, Any]) -> str | None:
    """The finish reason in the server's own word: of those in a choice the first that tells of something not whole.

    An error within the choice counts as one.
    """
    if choice.get("error") or message.get("error"):
        return "error"
    if _tells(body.get("error")):
        return "error"
    details = choice.get("details") or choice.get("finish_details")
    places = (
        *map(choice.get, FINISHES),
        details.get("finish_reason", details.get("type")) if isinstance(details, dict) else None,
        message.get("finish_reason"),
        message.get("stop_reason"),
        *(body.get(name) for name in ("finish_reason", "stop_reason", "done_reason")),
    )
    words = [_word(place) for place in places]
    told = [word for word in words if word]
    worse = (word for word in told[1:] if finish_of(word) not in ("whole", "unknown"))
    if words[0] and finish_of(words[0]) not in ("whole", "unknown"):
        return words[0]
    return next(worse, told[0] if told else None)


def _tells(error: Any) -> bool:
    """Whether what stands for an error beside a reply tells of one: some servers send an empty one with each."""
    if isinstance(error, dict):
        return any(value not in (None, "", 0, False, "0", "null", [], {}) for value in error.values())
    return isinstance(error, str) and error.strip().lower() not in ("", "null", "none")


def _word(value: Any) -> str | None:
    """A finish reason; of an object what it is called. A number is a token's, and no word."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        value = next((value[name] for name in ("type", "reason", "kind", "name", "value") if value.get(name)), "object")
    return as_text(cut(value, MOST_CHARACTERS, clear)) if isinstance(value, str) else None


_PART_TEXTS = ("text", "content", "output_text", "value")
_THOUGHT_PARTS = ("thinking", "reasoning", "reasoning_content", "redacted_thinking", "reasoning.text", "thought")


def _text(content: Any, depth: int = 4) -> str | None:
    """The text; some servers send it as a part or a list of parts, or as the JSON value that was asked for."""
    if content is None or isinstance(content, str):
        return None if content is None else as_text(content)
    if isinstance(content, list):
        content = [part for part in content if part is not None]
        if depth and all(_is_part(part) for part in content):
            return "".join(_text(part, depth - 1) or "" for part in content)
    elif isinstance(content, dict) and _is_part(content):
        if content.get("type") in _THOUGHT_PARTS:
            return ""
        inner = next((content[name] for name in _PART_TEXTS if content.get(name) is not None), None)
        return _text(inner, depth - 1) if depth else ""
    return json.dumps(plain_value(content), ensure_ascii=False)


def _is_part(value: Any) -> bool:
    """Whether a value is a text, or an object that says that it holds one."""
    return isinstance(value, str) or (
        isinstance(value, dict) and (isinstance(value.get("type"), str) or set(value) <= {*_PART_TEXTS, "index"})
    )


def _reasoning(message: Mapping[str, Any], content: Any) -> str | None:
    """What the model thought, wherever the server puts it."""
    for name in ("reasoning_content", "reasoning", "thinking", "reasoning_details", "reasoning_text"):
        found = _thought(message.get(name))
        if found:
            return found
    parts = content if isinstance(content, list) else ()
    thoughts = [_thought(part) for part in parts if isinstance(part, dict) and part.get("type") in _THOUGHT_PARTS]
    return "\n".join(filter(None, thoughts)) or None


def _thought(value: Any, depth: int = 4) -> str:
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, list) and depth:
        return "\n".join(filter(None, (_thought(part, depth - 1) for part in value)))
    if isinstance(value, dict) and depth:
        names = ("thinking", "text", "summary", "content", "reasoning", "reasoning_content")
        return next((found for name in names if (found := _thought(value.get(name), depth - 1))), "")
    return ""


def _calls(value: Any) -> tuple[Mapping[str, Any], ...]:
    given = [value] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return tuple(plain_value(call) for call in given if isinstance(call, dict) and call)


def _logprobs(value: Any) -> Any:
    return plain_value(value) if isinstance(value, (dict, list)) and value else None


def _completions(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    choices = []
    for choice in _choices(body):
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        text = choice.get("text") if choice.get("text") is not None else message.get("content")
        finish = _finish(body, choice, message)
        choices.append(
            Choice(_text(text), finish, _reasoning(choice, text), logprobs=_logprobs(choice.get("logprobs")))
        )
    return tuple(choices)


def _responses(body: Mapping[str, Any]) -> tuple[Choice, ...]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    logprobs: list[Any] = []
    refusal: str | None = None
    output = body.get("output")
    if isinstance(output, (str, dict)):
        output = [output]
    if not isinstance(output, list):
        raise MalformedError("the reply holds no list of output items")
    for item in output:
        if isinstance(item, str):
            texts.append(as_text(item))
        if not isinstance(item, dict):
            continue
        kind, content = item.get("type"), item.get("content")
        if kind == "message":
            for part in content if isinstance(content, list) else [content]:
                if isinstance(part, dict) and part.get("type") == "refusal":
                    refusal = _text(part.get("refusal")) or "refused"
                else:
                    texts.append(_text(part) or "")
                    given = part.get("logprobs") if isinstance(part, dict) else None
                    logprobs += plain_value(given) if isinstance(given, list) else []
        elif kind == "reasoning":
            thoughts.append(_thought(content) or _thought(item.get("summary")))
        elif kind == "function_call":
            arguments = item.get("arguments")
            arguments = arguments if isinstance(arguments, str) else json.dumps(plain_value(arguments))
            function = {"name": _text(item.get("name")) or "", "arguments": as_text(arguments)}
            calls.append({"id": _text(item.get("call_id")), "type": "function", "function": function})
    text = "".join(texts) if texts else None
    reasoning = "\n".join(filter(None, thoughts)) or None
    finish = _status(body, "tool_calls" if calls else "stop")
    return (Choice(text, finish, reasoning, refusal, tuple(calls), {"content": logprobs} if logprobs else None),)


def _status(body: Mapping[str, Any], whole: str) -> str:
    """The finish reason that a status amounts to: the reason of an incomplete reply, else the status's own word."""
    status = _word(body.get("status"))
    if status is None or finish_of(status) == "whole":
        return "error" if body.get("error") else whole
    if status != "incomplete":
        return status
    details = body.get("incomplete_details")
    why = _word(details.get("reason")) if isinstance(details, dict) else None
    return "length" if why == "max_output_tokens" else why or "length"


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
