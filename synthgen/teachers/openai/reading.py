"""What the bytes of a reply are: in one piece or a stream; a completion, a problem that it tells of, or neither."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synthgen.requests.request import Api, Completion
from synthgen.teachers.openai import words
from synthgen.teachers.openai.problems import Again, Problem
from synthgen.teachers.openai.replies import FINISHES, MalformedError, completion_of, decode

_TELLING = ("error", "errors", "message", "msg", "detail")
SHOWN = 200
"""So many characters are shown of what is no JSON."""
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_OF_THE_WHOLE = ("id", "model", "usage", "error", *FINISHES)
_LAST = ("response.completed", "response.incomplete", "response.failed")
_CUT = "the stream was cut off before its end"


def read_reply(status: int, headers: Mapping[str, str], data: bytes, api: Api) -> Completion | Problem:
    """The completion that a reply is, or the problem that it tells of. Some gateways answer with 201 (Created).

    Raises:
        Again: it is neither: malformed, or cut.
    """
    if not 200 <= status < 300:
        return Problem.read(status, data)
    try:
        body = body_of(headers, data, api)
        if tells_of_an_error(body):
            return Problem.within(body)
        return completion_of(body, api)
    except MalformedError as error:
        if status != 200:  # of a job that was accepted, maybe: no reply, and no sense in asking again
            return Problem.read(status, data)
        raise Again("failed", why_malformed(error, data), answered=True, status=status) from None


def body_of(headers: Mapping[str, str], data: bytes, api: Api) -> dict[str, Any]:
    """The body, a stream in one piece.

    Raises:
        MalformedError: it is no JSON object, or a stream that is cut.
    """
    return assembled(data, api) if is_stream(headers, data) else decode(data)


def tells_of_an_error(body: Mapping[str, Any]) -> bool:
    """Whether a body holds no reply, but words."""
    return not (body.get("choices") or body.get("output")) and any(body.get(name) for name in _TELLING)


def why_malformed(error: MalformedError, data: bytes) -> str:
    """The reason, with the words of a web page (a portal's, or that of a wrong address) or another plain text."""
    head = data[:SHOWN].lstrip()
    if not head or head.startswith((b"{", b"[", b"data:")):
        return str(error)
    said = words.bounded(words.read(data).text, SHOWN)
    return f"{error}: {said}" if said else str(error)


def offered_in(data: bytes) -> list[str] | None:
    """The models in a server's list, as OpenAI writes it or as others do; None where it is none."""
    value = words.parsed(data.decode("utf-8", "replace"))
    listed = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return [] if isinstance(value, dict) and "data" in value else None
    names = [item if isinstance(item, str) else _name(item) for item in listed]
    return sorted({name for name in names if name})


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    return next((item[key] for key in ("id", "model", "name") if isinstance(item.get(key), str)), "")


def is_stream(headers: Mapping[str, str], data: bytes) -> bool:
    """Whether a body is one, whatever its headers say: some servers stream unasked."""
    head = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_FIELDS):
        return True
    return "text/event-stream" in headers.get("Content-Type", "") and not head.startswith((b"{", b"["))


def assembled(data: bytes, api: Api) -> dict[str, Any]:
    """The body in one piece; `{"error": …}` where the stream tells of one.

    Raises:
        MalformedError: it is cut, or holds what is no JSON.
    """
    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    pieces: dict[int, _Piece] = {}
    whole: dict[str, Any] = {}
    ended = False
    for event in _events(text):
        if event == "[DONE]":
            ended = True
            break
        if event.get("error") and not event.get("choices"):
            return {"error": event["error"]}
        response = event.get("response")
        if api == "responses":
            if event.get("type") in _LAST and isinstance(response, dict):
                return {"error": response["error"]} if response.get("error") else response
            if event.get("type") == "error":
                return {"error": event}
            continue
        whole |= {name: event[name] for name in _OF_THE_WHOLE if event.get(name) is not None}
        choices = event.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict):
                number = choice.get("index")
                pieces.setdefault(number if isinstance(number, int) else position, _Piece()).add(choice)
    if not ended and not (pieces and all(piece.finish_reason for piece in pieces.values())):
        if not pieces and (plain := _beside_comments(text)) is not None:
            return plain
        raise MalformedError(_CUT)
    if api == "responses":
        raise MalformedError(_CUT)
    whole["choices"] = [piece.choice(number) for number, piece in sorted(pieces.items())]
    return whole


@dataclass(slots=True)
class _Call:
    """One tool call, as it grows."""

    id: Any = None
    name: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Piece:
    """One choice, as it grows."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[int, _Call] = field(default_factory=dict)
    logprobs: Any = None
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def finish_reason(self) -> Any:
        """Why it ended, in one of the places where servers say so."""
        return next((self.said[name] for name in FINISHES if name in self.said), None)

    def add(self, choice: Mapping[str, Any]) -> None:
        """What one event brings to it."""
        delta, message = choice.get("delta"), choice.get("message")
        if not delta and isinstance(message, dict):  # a piece in another place, or all that came so far once more
            delta = message
            for name, parts in self.texts.items():
                if isinstance(again := message.get(name), str) and again.startswith("".join(parts)):
                    parts.clear()
            if message.get("tool_calls"):
                self.calls.clear()
        if isinstance(delta, dict):
            for name in _TEXTS:
                self._more(name, delta.get(name))
            calls = delta.get("tool_calls")
            for position, call in enumerate(calls if isinstance(calls, list) else ()):
                if isinstance(call, dict):
                    self._call(call, position)
        self._more("content", choice.get("text"))
        self._more_logprobs(choice.get("logprobs"))
        self.said |= {name: choice[name] for name in (*FINISHES, "error") if choice.get(name)}

    def choice(self, number: int) -> dict[str, Any]:
        """The choice as it stands in a reply in one piece, for both APIs."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {name: "".join(parts) for name, parts in self.texts.items()}
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": "".join(call.name), "arguments": "".join(call.arguments)},
                }
                for _, call in sorted(self.calls.items())
            ]
        return {
            "index": number,
            "message": message,
            "text": message["content"],
            "logprobs": self.logprobs,
            **self.said,
        }

    def _more(self, name: str, value: Any) -> None:
        value = [value] if isinstance(value, dict) else value
        if isinstance(value, list):  # parts
            value = "".join(str(part.get("text") or "") for part in value if isinstance(part, dict))
        if isinstance(value, str):
            self.texts.setdefault(name, []).append(value)

    def _call(self, call: Mapping[str, Any], position: int) -> None:
        number = call.get("index")
        known = self.calls.setdefault(number if isinstance(number, int) else position, _Call())
        known.id = call.get("id") or known.id
        function = call.get("function")
        if isinstance(function, dict):
            for name, parts in (("name", known.name), ("arguments", known.arguments)):
                if isinstance(function.get(name), str):
                    parts.append(function[name])

    def _more_logprobs(self, logprobs: Any) -> None:
        if not isinstance(logprobs, dict):
            return
        if self.logprobs is None:
            self.logprobs = {}
        for name, values in logprobs.items():
            if isinstance(values, list):
                self.logprobs.setdefault(name, []).extend(values)


def _events(text: str) -> Iterator[Any]:
    """The data of every event: a JSON object, or the text `[DONE]`."""
    name, lines = "", list[str]()
    for line in (*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""):
        if not line:
            yield from _read(name, lines)
            name, lines = "", []
        elif line.startswith("data:"):
            lines.append(line[5:].strip())
        elif line.startswith("event:"):
            name = line[6:].strip()


def _read(name: str, lines: list[str]) -> Iterator[Any]:
    if not lines:
        return
    for data in lines if _parsed(lines[0]) is not None else ["\n".join(lines)]:
        value = _parsed(data)
        if name == "error" and not (isinstance(value, dict) and "error" in value):
            yield {"error": data if value is None else value, "type": "error"}
        elif value is None:
            raise MalformedError(f"the stream holds what is no JSON ({len(data)} characters)")
        else:
            yield value


def _parsed(data: str) -> Any:
    """`[DONE]`, the JSON object, or None."""
    if data == "[DONE]":
        return data
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _beside_comments(text: str) -> dict[str, Any] | None:
    """The body of a server that sends comments while it works, and then JSON in one piece."""
    rest = "\n".join(line for line in text.splitlines() if not line.startswith(":")).strip()
    value = _parsed(rest) if rest.startswith("{") else None
    return value if isinstance(value, dict) else None
