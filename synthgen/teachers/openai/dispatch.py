"""Which request goes to which endpoint, and when: the least loaded one that has room, first come first served."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from synthgen.teachers.openai.endpoint import TRIAL_MAX_S, Endpoint, Ticket
from synthgen.teachers.openai.limits import Window
from synthgen.teachers.openai.problems import Again

CLOSED_S = 86_400.0
"""An endpoint that asks for a longer wait than a day is asked again after a day."""


@dataclass(slots=True)
class _Waiting:
    tokens: float
    place: asyncio.Future[Ticket]


class Dispatch:
    """Gives places at endpoints. `rpm` and `tpm` are the user's limits, over all endpoints together."""

    def __init__(self, endpoints: Sequence[Endpoint], rpm: int | None = None, tpm: int | None = None) -> None:
        self.endpoints = endpoints
        self._requests = Window(rpm)
        self._tokens = Window(tpm)
        self._again: deque[_Waiting] = deque()
        self._fresh: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._error: Callable[[], BaseException] | None = None
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def place(self, tokens: float, *, again: bool = False) -> Ticket:
        """A place for one request of about so many tokens. `again`: it has been refused, so it goes before new ones.

        Raises:
            BaseException: that of `end`.
        """
        self.check()
        if not self._again and not self._fresh:
            ticket = self._give(tokens, again)
            if isinstance(ticket, Ticket):
                return ticket
        waiting = _Waiting(tokens, self._loop.create_future())
        (self._again if again else self._fresh).append(waiting)
        self._serve()
        try:
            return await waiting.place
        except asyncio.CancelledError:
            if waiting.place.done() and not waiting.place.cancelled():
                self.gave_up(waiting.place.result())
            raise

    def succeeded(self, ticket: Ticket, headers: Mapping[str, str], tokens: float) -> None:
        """The reply is there; it took so many tokens."""
        self._tokens.correct(ticket.reserved, tokens)
        more_wanted = bool(self._again or self._fresh)
        ticket.endpoint.succeeded(ticket, headers, self._loop.time(), more_wanted=more_wanted)
        self._serve()

    def refused(self, ticket: Ticket, wait_s: float) -> None:
        """HTTP 429."""
        ticket.endpoint.refused(ticket, wait_s, self._loop.time())
        self._serve()

    def closed(self, ticket: Ticket, wait_s: float) -> float:
        """HTTP 429 with a long wait. How long it is until another endpoint takes something, or this one does."""
        now = self._loop.time()
        ticket.endpoint.closed(ticket, min(wait_s, CLOSED_S), now)
        self._serve()
        others = [e.paused_s(now) for e in self.endpoints if e is not ticket.endpoint]
        return min(others, default=wait_s)

    def failed(self, ticket: Ticket, again: Again) -> None:
        """No usable reply."""
        ticket.endpoint.failed(ticket, again, self._loop.time())
        self._serve()

    def gave_up(self, ticket: Ticket) -> None:
        """Cancelled, or ended in a way that says nothing about the endpoint."""
        ticket.endpoint.gave_up(ticket)
        self._serve()

    def stalled_s(self) -> float:
        """How long no endpoint has given a usable reply, for whatever reason; 0 while one has."""
        times = [e.stalled_since for e in self.endpoints if e.stalled_since is not None]
        return self._loop.time() - max(times) if len(times) == len(self.endpoints) else 0.0

    @property
    def successes(self) -> int:
        """How many replies all endpoints have given."""
        return sum(endpoint.successes for endpoint in self.endpoints)

    def one_is_under_way(self) -> bool:
        """Whether a reply is still waited for to a request that was sent before all endpoints began to refuse."""
        since = [e.stalled_since for e in self.endpoints if e.stalled_since is not None]
        return any(e.oldest_sent_at < min(since, default=0.0) for e in self.endpoints)

    async def sleep(self, seconds: float) -> None:
        """Waits, but not beyond the end.

        Raises:
            BaseException: that of `end`.
        """
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return
        self.check()

    def end(self, error: Callable[[], BaseException]) -> None:
        """Nobody gets a place any more: those who wait or ask get this error. What has been sent comes in."""
        if self._error is None:
            self._error = error
        self._ended.set()
        for waiting in (*self._again, *self._fresh):
            if not waiting.place.done():
                waiting.place.set_exception(self._error())
        self._again.clear()
        self._fresh.clear()
        if self._timer is not None:
            self._timer.cancel()

    def check(self) -> None:
        """Raises the error of `end`, if that has been called."""
        if self._error is not None:
            raise self._error()

    @property
    def names(self) -> list[str]:
        """The endpoints' names."""
        return [endpoint.name for endpoint in self.endpoints]

    @property
    def any_up(self) -> bool:
        """Whether an endpoint is there that is not set aside, and does not rest for long."""
        now = self._loop.time()
        return any(not e.set_aside and e.paused_s(now) <= TRIAL_MAX_S for e in self.endpoints)

    def _give(self, tokens: float, again: bool) -> Ticket | float:
        """A place now, or the time of the next look (infinity: after the next reply)."""
        now = self._loop.time()
        allowed_at = max(self._requests.free_at(now, 1), self._tokens.free_at(now, tokens))
        if allowed_at > now:
            return allowed_at
        best: Endpoint | None = None
        next_look = math.inf
        no_trial = again and self.any_up  # it has failed once; let another try whether a server is back
        for endpoint in self.endpoints:
            if no_trial and endpoint.set_aside:
                continue
            free_at = endpoint.free_at(now, tokens)
            if free_at > now:
                next_look = min(next_look, free_at)
            elif best is None or endpoint.concurrency.in_service < best.concurrency.in_service:
                best = endpoint
        if best is None:
            return next_look
        ticket = best.send(now, tokens)
        self._requests.take(now, 1)
        ticket.reserved = self._tokens.take(now, tokens)
        return ticket

    def _serve(self) -> None:
        """Gives places to those who wait, as many as there are; looks again when time alone makes room."""
        while queue := self._again or self._fresh:
            if queue[0].place.done():  # cancelled
                queue.popleft()
                continue
            ticket = self._give(queue[0].tokens, queue is self._again)
            if not isinstance(ticket, Ticket):
                self._look_at(ticket)
                return
            queue.popleft().place.set_result(ticket)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when < math.inf:
            self._timer = self._loop.call_at(when, self._serve)
