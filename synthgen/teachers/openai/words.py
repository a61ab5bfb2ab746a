"""What a server says in an error: its sentence, codes and parameters, and when one may try again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from synthgen.safety.outward import cut
from synthgen.teachers.openai.limits import duration_s, header_number

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

_EPOCH = 1_000_000_000
"""Numbers from here to ten times as much are seconds since 1970; a thousand times as much: milliseconds."""
_UNIT = r"(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])"
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s?(ms|milli|s|m|h|d)[a-z]*", re.I)
_SAID = re.compile(
    r"(?:try again|retry|wait|again|resets?|available)\b[^\d.;]{0,40}"
    rf"((?:\d{{1,12}}(?:\.\d{{1,9}})?\s?{_UNIT}(?:,? (?:and )?)?){{1,6}})",
    re.I,
)
_DELAY = re.compile(r"retry_?delay\W{1,5}(?:seconds\W{1,3})?(\d{1,12}(?:\.\d{1,9})?)", re.I)
_FACTORS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NAMES = {
    "retrydelay": 1.0,
    "retryafter": 1.0,
    "retryafterseconds": 1.0,
    "retryaftersecs": 1.0,
    "retryafterms": 0.001,
    "retrydelayms": 0.001,
}
_WAIT_DEPTH, _MOST_VALUES = 8, 500
"""No deeper, and at no more values, is a body searched for a wait."""


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


def wait_asked_s(headers: Mapping[str, str], body: Any = None, text: str = "") -> float | None:
    """Seconds that the server asks to wait, or None. Not negative; may be infinite.

    From `retry-after-ms`, `Retry-After` (seconds or a date), the body's `retryDelay` and the like, the message ("try
    again in 1.2s"), or the reset of an `x-ratelimit` with nothing left.
    """
    asked = _retry_after(headers)
    if asked is None:
        told = [s for s in (*_in_body(body), _in_words(text)) if s is not None]
        asked = max(told, default=None)
    return _reset(headers) if asked is None else asked


def _retry_after(headers: Mapping[str, str]) -> float | None:
    milliseconds = header_number(headers.get("retry-after-ms"))
    if milliseconds is not None and milliseconds >= 0:
        return milliseconds / 1000
    return _moment(headers.get("Retry-After"), headers)


def _moment(text: str | None, headers: Mapping[str, str]) -> float | None:
    """Seconds until then: a number of seconds, a duration, seconds or milliseconds since 1970, or a date."""
    if not text or len(text) > 100:
        return None
    told = header_number(text)
    if told is not None:
        for unit in (1, 1000):
            if _EPOCH <= told / unit < 10 * _EPOCH:
                return max(0.0, told / unit - _now(headers))
        return told if told >= 0 else None
    duration = duration_s(text)
    if duration is not None:
        return duration
    when = _date(text)
    return None if when is None else max(0.0, when - _now(headers))


def _now(headers: Mapping[str, str]) -> float:
    """The server's time, or ours where it does not tell."""
    told = _date(headers.get("Date") or "")
    return time() if told is None else told


def _date(text: str) -> float | None:
    for reader in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = reader(text.strip())
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _reset(headers: Mapping[str, str]) -> float | None:
    """The latest reset of what has nothing left."""
    found: list[float] = []
    for name, text in headers.items():
        lower = name.lower()
        if "ratelimit" not in lower or "reset" not in lower:
            continue
        left = header_number(headers.get(lower.replace("reset", "remaining")))
        moment = _moment(text, headers) if left is None or left <= 0 else None
        if moment is not None:
            found.append(moment)
    return max(found, default=None)


def _in_body(body: Any) -> Iterator[float]:
    """What stands under `retryDelay`, `retry_after` and the like."""
    values: list[tuple[Any, int]] = [(body, 0)]
    for _ in range(_MOST_VALUES):
        if not values:
            return
        value, depth = values.pop()
        if depth < _WAIT_DEPTH and isinstance(value, list):
            values += [(item, depth + 1) for item in value[:_MOST_VALUES]]
        elif depth < _WAIT_DEPTH and isinstance(value, dict):
            for name, inner in value.items():
                factor = _NAMES.get(re.sub(r"[_-]", "", str(name)[:40]).lower())
                if factor is not None and (told := _told(inner)) is not None:
                    yield told * factor
                values.append((inner, depth + 1))


def _told(value: Any) -> float | None:
    if isinstance(value, dict):
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return _moment(value, {})
    try:
        told = float(value)
    except OverflowError:
        return math.inf
    return told if told >= 0 else None


def _in_words(text: str) -> float | None:
    told = [sum(float(n) * _FACTORS[u.lower()] for n, u in _PART.findall(said[1])) for said in _SAID.finditer(text)]
    told += [float(delay[1]) for delay in _DELAY.finditer(text)]
    return max(told, default=None)
