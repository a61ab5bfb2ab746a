"""The words in a server's error: its sentence, codes and parameters, in a body of any form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.safety.outward import cut

MOST_BYTES = 200_000
"""Of a body more is not looked at."""
SHOWN = 600
"""So many characters of a message are shown."""
KEPT = 8_000
"""So many are searched: what to wait for may stand at the end of a long one."""
_DEPTH = 6
_PIECES = 4
_TEXTS = (
    "error",
    "message",
    "msg",
    "detail",
    "title",
    "errors",
    "error_message",
    "error_msg",
    "errormessage",
    "error_description",
    "description",
    "reason",
)
"""The names under which servers put a sentence, in lower case; in this order where there are several."""
_CODES = ("code", "type", "status", "reason", "errorcode", "error_code", "__type")


@dataclass(frozen=True, slots=True)
class Words:
    """`text` is the message, `code` its codes and types, `names` the parameters that it names; `body` what was read."""

    text: str = ""
    code: str = ""
    names: tuple[str, ...] = ()
    body: Any = None


def read(data: bytes) -> Words:
    """The words in a body: JSON in any form, a web page, plain text, or a note that it is no text."""
    text = data[:MOST_BYTES].decode("utf-8", "replace").strip().lstrip("\ufeff")
    if text == "null":
        return Words()
    body = parsed(text) if len(data) <= MOST_BYTES else None
    if body is not None and not isinstance(body, str):
        return of(body)
    if text.startswith("<"):
        return Words(bounded(without_tags(text), KEPT))
    shown = text[:KEPT]
    if sum(not (c.isprintable() or c.isspace()) or c == "\ufffd" for c in shown) > len(shown) / 10:
        return Words(f"({len(data)} bytes that are no text)")
    return Words(bounded(body if isinstance(body, str) else text, KEPT))


def of(body: Any) -> Words:
    """The words in a body that is read already."""
    text = bounded(_sentence(body, _DEPTH) or _as_json(body), KEPT)
    found: list[str] = []
    names: list[str] = []
    for part in _parts(body):
        lower = {str(name).lower(): value for name, value in part.items()}
        found += [str(lower[name]) for name in _CODES if isinstance(lower.get(name), str | int)]
        if isinstance(lower.get("param"), str):
            names.append(lower["param"])
        if isinstance(lower.get("loc"), list):
            names += [name for name in lower["loc"] if isinstance(name, str)]
    return Words(text, cut(" ".join(dict.fromkeys(found)), SHOWN), tuple(dict.fromkeys(names)), body)


def parsed(text: str) -> Any:
    """The JSON value, or None where it is none (or nested too deep)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def without_tags(page: str) -> str:
    """The text of a web page, without its scripts and styles. Takes time in proportion to its length."""
    pieces: list[str] = []
    at = 0
    lower = page.lower()
    while (start := page.find("<", at)) >= 0:
        pieces.append(page[at:start])
        at = start
        for name in ("script", "style"):
            if lower.startswith(f"<{name}", start):
                at = lower.find(f"</{name}", start)
        end = page.find(">", at) if at >= 0 else -1
        if end < 0:
            return " ".join(" ".join(pieces).split())
        at = end + 1
    pieces.append(page[at:])
    return " ".join(" ".join(pieces).split())


def bounded(text: str, most: int = SHOWN) -> str:
    """The text on one line, cut with `…` where it is longer."""
    line = cut(" ".join(cut(text, 4 * most).split()), most + 1)
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"


def _sentence(value: Any, depth: int) -> str:
    """The sentence in a value; empty where there is none."""
    if depth == 0:
        return ""
    if isinstance(value, str):
        return _from_text(value, depth)
    if isinstance(value, list):
        return "; ".join(_distinct(_sentence(item, depth - 1) for item in value[:_PIECES]))
    if not isinstance(value, dict):
        return ""
    lower = {str(name).lower(): inner for name, inner in value.items()}
    pieces = _distinct(_sentence(lower.get(name), depth - 1) for name in _TEXTS)
    if not pieces:  # {"field": ["what is wrong with it"]}
        texts = ((name, _sentence(inner, depth - 1)) for name, inner in value.items() if isinstance(inner, list))
        pieces = [f"{name}: {text}" for name, text in texts if text]
    text = ": ".join(pieces[:_PIECES])
    if isinstance(lower.get("loc"), list) and text:
        text = ".".join(str(name) for name in lower["loc"][:_DEPTH]) + f": {text}"
    metadata = lower.get("metadata")
    raw = _sentence(metadata.get("raw"), depth - 1) if isinstance(metadata, dict) else ""
    return f"{text} ({raw})" if raw and raw not in text else text


def _from_text(text: str, depth: int) -> str:
    """Some servers put the JSON of another one into their message."""
    text = text.strip()
    if text.startswith(("{", "[")) and len(text) <= MOST_BYTES:
        inner = parsed(text)
        if isinstance(inner, dict | list) and (words := _sentence(inner, depth - 1)):
            return words
    begin = cut(text, KEPT)
    return without_tags(begin) if text.startswith("<") else begin


def _distinct(pieces: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for piece in pieces:
        if piece and not any(piece in other for other in kept):
            kept.append(piece)
    return kept


def _parts(body: Any, depth: int = 4) -> Iterator[Mapping[str, Any]]:
    """The mappings in which codes stand: the body, its error, what these list."""
    if depth == 0:
        return
    if isinstance(body, list):
        for item in body[:_PIECES]:
            yield from _parts(item, depth - 1)
    elif isinstance(body, dict):
        yield body
        for name in ("error", "errors", "detail", "details"):
            yield from _parts(body.get(name), depth - 1)


def _as_json(body: Any) -> str:
    try:
        return "" if body in (None, {}, [], "") else cut(json.dumps(body, ensure_ascii=False), 4 * KEPT)
    except (ValueError, TypeError, RecursionError):
        return ""
