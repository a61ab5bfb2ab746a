"""Limits per minute: those that the user sets, and those that a server tells of in its `x-ratelimit-*` headers."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping

WINDOW_S = 60.1
"""A minute, and a little for requests that take longer on the way than the ones before them."""


LONGEST_S = 60.0
"""So long a request is held at the most because of what a server told with an earlier reply."""


class Window:
    """At most `limit` units in any minute. `None` never waits."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._taken: deque[list[float]] = deque()
        self._sum = 0.0

    def free_at(self, now: float, amount: float) -> float:
        """When so much may be taken: `now`, or a later time. More than the limit waits for an empty window."""
        if self.limit is None:
            return now
        while self._taken and self._taken[0][0] <= now - WINDOW_S:
            self._sum -= self._taken.popleft()[1]
        over = self._sum + min(amount, self.limit) - self.limit
        if over <= 0:
            return now
        for at, taken in self._taken:
            over -= taken
            if over <= 0:
                return at + WINDOW_S
        return now

    def take(self, now: float, amount: float) -> list[float] | None:
        """Takes so much; what comes back lets `correct` say later how much it was."""
        if self.limit is None:
            return None
        entry = [now, amount]
        self._taken.append(entry)
        self._sum += amount
        return entry

    def correct(self, entry: list[float] | None, amount: float) -> None:
        """It was in fact so much."""
        if entry is not None and self._taken and entry[0] >= self._taken[0][0]:
            self._sum += amount - entry[1]
            entry[1] = amount


class Allowance:
    """What a server says is left of a limit, and how fast that fills up again: `x-ratelimit-remaining-requests` …

    Without such headers it never waits. Only the last of it is ever waited for: while much is left nothing is held. Nor
    is anything held because of news older than `LONGEST_S`: then a request asks, and what it is answered decides.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._level = 0.0
        self._limit = 0.0
        self._per_second = 0.0
        self._told_at = 0.0
        self._at = 0.0

    def observe(self, headers: Mapping[str, str], now: float, under_way: float) -> None:
        """Reads the headers of a reply; `under_way` is what has been sent and not answered."""
        prefix = "x-ratelimit-"
        limit = _number(headers.get(f"{prefix}limit-{self._unit}"))
        left = _number(headers.get(f"{prefix}remaining-{self._unit}"))
        reset_s = seconds(headers.get(f"{prefix}reset-{self._unit}"))
        if limit is None or left is None or reset_s is None or limit <= 0 or not math.isfinite(reset_s):
            return
        self._fill(now)
        used = limit - left
        rate = used / reset_s if reset_s > 0 and used > 0 else limit / 60
        # A reply tells how it was when its request came in; what came after is among what is under way. So what is
        # left now lies between the two, and our own count stays as long as it does too, or nearly.
        slack = max(2.0, limit / 50)
        if self._limit != limit or left < self._level - slack:
            self._level = left
        elif left - under_way > self._level + slack:
            self._level = left - under_way
        self._limit, self._per_second, self._told_at = limit, rate, now

    def free_at(self, now: float, amount: float) -> float:
        """When so much is left."""
        if not self._limit:
            return now
        self._fill(now)
        short = min(amount, self._limit) - self._level
        if short <= 0 or not self._per_second:
            return now
        return max(now, min(now + short / self._per_second, self._told_at + LONGEST_S))

    def take(self, amount: float) -> None:
        """Takes so much."""
        self._level -= amount

    def _fill(self, now: float) -> None:
        self._level = min(self._limit, self._level + (now - self._at) * self._per_second)
        self._at = now


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def seconds(text: str | None) -> float | None:
    """`6m0s`, `120ms` or `1.5` as seconds; None where it is nothing of that kind."""
    if not text or len(text) > 100:
        return None
    total, end = 0.0, 0
    for part in _DURATION.finditer(text.strip()):
        if part.start() != end:
            return None
        total += float(part[1]) * _UNITS[part[2] or ""]
        end = part.end()
    return total if end == len(text.strip()) else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
