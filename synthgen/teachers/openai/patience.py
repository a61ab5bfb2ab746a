"""How long is waited before a request is tried again: what servers ask for, and what is done without."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.access import Scrubber
from synthgen.teachers.openai.calls import Call
from synthgen.teachers.openai.dispatch import Dispatch
from synthgen.teachers.openai.endpoint import Ticket
from synthgen.teachers.openai.limits import seconds
from synthgen.teachers.openai.problems import Again

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


log = logger("synthgen.teachers.openai")

NEVER_ANSWERED_S = 15.0
"""A server that has never answered is given up after this time: its URL is wrong, or nobody has started it."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
OWN_BACKOFF_MAX_S = 4.0
"""The longest back-off of a request that fails while others do not: there is no server to be spared."""
SHORTEST_WAIT_S = 0.05
LATEST_S = 0.5
"""Those who were all told the same time come back over this time, or a tenth of theirs."""
TOLD_FROM_S = 30.0
"""A wait of this length is told to the user at once …"""
TOLD_AFTER_S, TOLD_EVERY_S = 10.0, 60.0
"""… and a standstill after this time, and then from time to time."""


class Patience:
    """Ends a run at whose servers nothing goes on; `proxied`: one of them is reached by a proxy."""

    def __init__(self, dispatch: Dispatch, scrub: Scrubber, give_up_after_s: float, *, proxied: bool) -> None:
        self._dispatch = dispatch
        self._scrub = scrub
        self._give_up_after_s = give_up_after_s
        self._proxied = proxied
        self._silent_until = 0.0

    def wait_for_limit(self, call: Call, ticket: Ticket, again: Again) -> None:
        """HTTP 429: sets how long is waited, which is as long as the server asks, if that is not too long.

        Raises:
            TeacherError: it is.
        """
        call.refusals += 1
        asked = again.wait_s
        if asked is None and call.limited is not None and call.limited.for_today:
            asked = math.inf
        if asked is not None and asked > self._give_up_after_s:
            if ticket.endpoint.successes > ticket.successes:
                asked = None  # while it answers others, a single long wait is a mistake
            else:
                left_s = self._dispatch.closed(ticket, asked)
                if left_s > self._give_up_after_s:
                    raise advice.waits_too_long(self._dispatch.names, again.problem, asked, self._give_up_after_s)
                again.wait_s = max(SHORTEST_WAIT_S, left_s)
                return
        again.wait_s = jittered(asked, call.refusals)
        self._dispatch.refused(ticket, again.wait_s if asked is None else asked)
        self.check(call, again)

    def check(self, call: Call, again: Again) -> None:
        """Tells of a standstill, and ends the run at one that lasts.

        Raises:
            TeacherError: nobody has answered for too long.
        """
        stalled_s = self._dispatch.stalled_s()
        patience_s = self._give_up_after_s
        if not any(endpoint.answered for endpoint in self._dispatch.endpoints):
            patience_s = min(patience_s, NEVER_ANSWERED_S)
        if stalled_s < patience_s or (again.kind == "refused" and self._dispatch.one_is_under_way()):
            self._tell(again, stalled_s, patience_s)
        elif again.kind == "refused" and not (call.question or call.at_the_end):
            call.at_the_end = True  # if a plain question gets a reply now, it is this request
        else:
            raise advice.unreachable(
                self._dispatch.names, again.problem, stalled_s, again.kind, proxied=self._proxied
            ) from None

    def _tell(self, again: Again, stalled_s: float, patience_s: float) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._silent_until or (stalled_s < TOLD_AFTER_S and (again.wait_s or 0.0) < TOLD_FROM_S):
            return
        self._silent_until = now + TOLD_EVERY_S
        log.warning(
            "waiting for %s: no reply for %.0f s (%s); the next try is in %.1f s, the last one after %.0f s",
            " or ".join(self._dispatch.names),
            stalled_s,
            self._scrub(again.problem),
            again.wait_s or 0.0,
            patience_s,
        )


def jittered(asked: float | None, count: int, most: float = math.inf) -> float:
    """A wait: what the server asks for and a little more, or a back-off that doubles with every failure."""
    if asked is not None:
        return max(SHORTEST_WAIT_S, asked) + random.uniform(0, min(asked / 10, LATEST_S))
    return min(most, BACKOFF_MAX_S, BACKOFF_S * 2.0 ** min(20, max(0, count - 1))) * random.uniform(0.5, 1.0)
