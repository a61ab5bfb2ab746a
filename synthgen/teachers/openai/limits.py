"""How many requests an endpoint is sent at once and a minute: found by sending, set by the user, told by the server."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping

START = 512
"""Requests at once before anything is known. Nobody sends more than the run's `concurrency`; a server that takes fewer
says so at once; and each success makes room for one more."""
REMEMBERED = 64
"""Successes whose levels tell the known level."""
LUCKY = 8
"""The highest so many of them are left out: they were taken at a moment when another had just ended."""
WEIGHT = 1 / 8
"""Of the newest request above the known level in the moving share of refusals among those."""
SUSPICIOUS = 0.5
"""From this share on, refusals above the known level are taken for a limit."""
PATIENCE = 64
"""At a limit, at most one request in so many tries whether there is room for one more."""
CARE = 8
"""After a refusal at the limit, suspicious or not, it grows by one in so many successes for the next `REMEMBERED`."""
HOLD = 4
"""After a refusal at the limit its place stays empty until a fourth of what is in service has succeeded."""
HEADROOM = 1.2
"""The limit is at most this much more than what was in service after the last refusal. (With 1.1 it would collapse at
40% random refusals, with 1.04 at 20%.)"""
TIMED_OUT = 0.9
"""What is left of the limit after a time-out that is taken for overload."""


class Concurrency:
    """A limit that follows what an endpoint takes. It has no clock and does no I/O.

    `sent()` counts a request in and returns its level: how many are in service with it. One of `succeeded`, `refused`,
    `timed_out` and `ended` counts it out again.
    """

    def __init__(self, most: int | None = None) -> None:
        self.limit = START if most is None else min(START, most)
        self.in_service = 0
        self.known = 0
        self._most = most
        self._levels: deque[int] = deque(maxlen=REMEMBERED)
        self._refused_beyond = 0.0
        self._patience = 1
        self._successes = 0
        self._before_cuts = self.limit
        self._hold = 0
        self._held_for = 0
        self._careful = 0

    @property
    def room(self) -> bool:
        """Whether one more may be sent. After a refusal nothing takes its place for a while."""
        return self.in_service < (self._hold or self.limit)

    def sent(self) -> int:
        """The level of one more request."""
        self.in_service += 1
        return self.in_service

    def ended(self) -> None:
        """It failed in a way that says nothing about the level."""
        self.in_service -= 1

    def succeeded(self, level: int, *, more_wanted: bool) -> None:
        """The endpoint took it. `more_wanted`: someone waits for room, so the limit may grow."""
        self.in_service -= 1
        if self._hold:
            self._held_for -= 1
            if self._held_for <= 0:
                # Replies that arrive together make the levels of what is sent next look higher than they are at the
                # server. What was in service after the last refusal does not.
                self.limit = min(self.limit, int(self._hold * HEADROOM) + 2)
                self._hold = 0
        self._before_cuts = self.limit
        self._successes += 1
        self._levels.append(level)
        if self._successes % LUCKY == 0:
            self.known = sorted(self._levels)[-LUCKY]
        if level > self.known and self._refused_beyond:
            self._refused_beyond -= self._refused_beyond * WEIGHT
            self._patience = max(1, self._patience // 2)
        self._careful -= self._careful > 0
        patience = max(self._patience, CARE if self._careful else 1)
        if more_wanted and self._successes % patience == 0 and self.limit != self._most:
            self.limit += 1

    def refused(self, level: int) -> None:
        """The endpoint had no room for it (HTTP 429, or 503 from an overloaded one)."""
        self.in_service -= 1
        if level >= (self._hold or self.limit):
            if not self._hold:
                self._held_for = self.in_service // HOLD
            self._hold = self.in_service
            self._careful = REMEMBERED
        if not self._suspicious(level):
            return
        if self.in_service:
            # those that are still in service are what the endpoint has room for
            self.limit = min(self.limit, self.in_service)
        else:
            # not even one is taken: this is no matter of how many at once
            self.limit, self._patience = self._before_cuts, 1

    def timed_out(self, level: int) -> None:
        """No reply came in time: where higher levels time out and lower ones do not, requests queue up there."""
        self.in_service -= 1
        if self._suspicious(level):
            self.limit = max(1, min(self.limit, max(self.known, int(self.limit * TIMED_OUT))))

    def _suspicious(self, level: int) -> bool:
        if level <= self.known:
            return False
        self._refused_beyond += (1 - self._refused_beyond) * WEIGHT
        if self._refused_beyond < SUSPICIOUS:
            return False
        self._patience = min(PATIENCE, self._patience * 2)
        return True


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
        limit = header_number(headers.get(f"{prefix}limit-{self._unit}"))
        left = header_number(headers.get(f"{prefix}remaining-{self._unit}"))
        reset_s = duration_s(headers.get(f"{prefix}reset-{self._unit}"))
        if limit is None or left is None or reset_s is None or limit <= 0:
            return
        if not all(map(math.isfinite, (limit, left, reset_s))):
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


def duration_s(text: str | None) -> float | None:
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


def header_number(text: str | None) -> float | None:
    """The number that a header holds, which may be infinite; None where it holds none."""
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return None if math.isnan(value) else value
