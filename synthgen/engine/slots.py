"""How many requests are with the teachers at once: a number that is set, or one that is found by trying.

The number that is found doubles as long as that brings clearly more replies a second, and goes back where it does not.
What a server refuses is its teacher's business; here it shows as a rate that no longer grows. Which attempt sees what
does not depend on the number, so neither does the dataset.
"""

from __future__ import annotations

import asyncio
from collections import deque

from synthgen.protocols import MOST

START = 32
"""Slots before anything is known: few for a hosted server, and no more than a small one of your own can queue."""
GAIN = 1.4
"""Twice the slots must bring so many times the replies a second. A saturated server gives 1, an idle one 2."""
SAMPLE, LATER = 128, 512
"""A rate is that of so many replies at least; of more once an end has been found, since every further try is another
chance to be lucky. At log-normal latency (sigma 1) the ratio of two rates is off by 0.16, and by 0.08."""
HOLD = 16
"""After going back, so many replies a slot pass before the next try: servers and requests change during a run."""

IDLE = 0.1
"""The share of replies whose slot nobody waited for, above which their rate says nothing about the slots."""


class Growth:
    """The number of slots that replies a second speak for. It has no clock: `ended` gets the time.

    A rate counts only where nearly all replies left a slot that another request waited for. At each number, one reply a
    slot passes before a rate is taken.
    """

    def __init__(self, most: int) -> None:
        self.limit = min(START, most)
        self._most = most
        self._rate_of_half: float | None = None
        self._seen = self._unwanted = 0
        self._since: float | None = None
        self._pass = self.limit
        self._sample = SAMPLE

    def ended(self, now: float, *, more_wanted: bool) -> None:
        """A reply is there. `more_wanted`: another request waits for a slot."""
        self._seen += 1
        self._unwanted += not more_wanted
        if self._seen < (self._pass if self._since is None else max(self._sample, self.limit)):
            return
        seen, unwanted, since = self._seen, self._unwanted, self._since
        self._seen = self._unwanted = 0
        if unwanted > IDLE * seen:
            self._since = None
        elif since is None or now <= since:
            self._since, self._pass = now, self.limit
        else:
            self._since = None
            self._judge(seen / (now - since))

    def _judge(self, rate: float) -> None:
        half, self._rate_of_half = self._rate_of_half, rate
        if half is not None and rate < GAIN * half:
            self.limit, self._rate_of_half = max(1, self.limit // 2), None
            self._pass, self._sample = HOLD * self.limit, LATER
        elif self.limit < self._most:
            self.limit = self._pass = min(self._most, 2 * self.limit)
        else:
            self._rate_of_half = None  # there is nothing more to try


class Slots:
    """Slots, first come first served: `number` of them, or with None as many as are found, up to `most`."""

    def __init__(self, number: int | None, most: int = MOST) -> None:
        self._growth = Growth(most) if number is None else None
        self._number = number or 0
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many there are now."""
        return self._growth.limit if self._growth is not None else self._number

    async def take(self) -> None:
        """Returns when there is a slot; `give_back` frees it."""
        if self._busy < self.limit and not self._waiting:
            self._busy += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free()
            raise

    def give_back(self) -> None:
        """A request has ended."""
        if self._growth is not None:
            self._growth.ended(asyncio.get_running_loop().time(), more_wanted=bool(self._waiting))
        self._free()

    def _free(self) -> None:
        self._busy -= 1
        while self._waiting and self._busy < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._busy += 1
                place.set_result(None)
