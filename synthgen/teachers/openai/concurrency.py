"""How many requests an endpoint is sent at once: found by sending, without a number from the user.

A server that refuses a request (HTTP 429) may do so because too many are with it at once, or for reasons that have
nothing to do with how many there are. A limiter that shrinks on every refusal falls to one request in flight under a
few per cent of random refusals. This one asks first whether requests at that level have lately been taken: if so, the
refusal says nothing about the level. Above the known level the share of refusals decides.
"""

from __future__ import annotations

from collections import deque

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
