"""What a reply's bytes are: a completion, a problem that the server tells of, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.requests.request import Api, Completion
from synthgen.teachers.openai import words
from synthgen.teachers.openai.problems import Again, Problem
from synthgen.teachers.openai.replies import MalformedError, completion_of, decode
from synthgen.teachers.openai.streams import assembled, is_stream

_TELLING = ("error", "errors", "message", "msg", "detail")
SHOWN = 200
"""So many characters are shown of what is no JSON."""


def read(status: int, headers: Mapping[str, str], data: bytes, api: Api) -> Completion | Problem:
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
