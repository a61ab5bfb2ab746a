"""When a server says that one may try again: in headers, in the body, or in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from synthgen.teachers.openai.limits import seconds

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
_DEPTH, _MOST_VALUES = 8, 500


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
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None and milliseconds >= 0:
        return milliseconds / 1000
    return _moment(headers.get("Retry-After"), headers)


def _moment(text: str | None, headers: Mapping[str, str]) -> float | None:
    """Seconds until then: a number of seconds, a duration, seconds or milliseconds since 1970, or a date."""
    if not text or len(text) > 100:
        return None
    number = _number(text)
    if number is not None:
        for unit in (1, 1000):
            if _EPOCH <= number / unit < 10 * _EPOCH:
                return max(0.0, number / unit - _now(headers))
        return number if number >= 0 else None
    duration = seconds(text)
    if duration is not None:
        return duration
    when = _date(text)
    return None if when is None else max(0.0, when - _now(headers))


def _now(headers: Mapping[str, str]) -> float:
    """The server's time, or ours where it does not tell."""
    told = _date(headers.get("Date") or "")
    return time() if told is None else told


def _date(text: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = read(text.strip())
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
        left = _number(headers.get(lower.replace("reset", "remaining")))
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
        if depth < _DEPTH and isinstance(value, list):
            values += [(item, depth + 1) for item in value[:_MOST_VALUES]]
        elif depth < _DEPTH and isinstance(value, dict):
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
        number = float(value)
    except OverflowError:
        return math.inf
    return number if number >= 0 else None


def _in_words(text: str) -> float | None:
    told = [sum(float(n) * _FACTORS[u.lower()] for n, u in _PART.findall(said[1])) for said in _SAID.finditer(text)]
    told += [float(delay[1]) for delay in _DELAY.finditer(text)]
    return max(told, default=None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return None if math.isnan(number) else number
