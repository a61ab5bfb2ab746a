"""Which request goes to which server, and when: how many each takes at once, when it pauses, whether it is up."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from synthgen.teachers.openai.limits import Allowance, Concurrency, Window
from synthgen.teachers.openai.problems import Again

REFUSALS_TO_PAUSE = 8
"""So many refusals in a row, without a success, are a server that takes nothing now. (At 20% random refusals that
happens once in 400,000 requests, and costs a pause.)"""
FAILURES_TO_SET_ASIDE = 5
"""So many failures in a row, without a success, and an endpoint is set aside."""
TRIAL_S = 1.0
"""A trial request that has not failed after this time lets the others follow: a server that is down fails at once."""
TRIAL_SHARE = 0.02
"""An endpoint that has been down for a time t is tried again after this share of t …"""
TRIAL_MIN_S, TRIAL_MAX_S = 0.2, 15.0
"""… within these bounds. A trial costs one request that nobody answers, so they may be frequent."""
CLOSED_S = 86_400.0
"""An endpoint that asks for a longer wait than a day is asked again after a day."""


@dataclass(slots=True)
class Ticket:
    """A request's place at an endpoint."""

    endpoint: Endpoint
    level: int
    tokens: float
    sent_at: float
    successes: int
    trial: bool = False
    reserved: list[float] | None = None


@dataclass(slots=True, eq=False)
class Endpoint:
    """`name` is its URL without credentials. Times are the event loop's.

    `down_since`, `stalled_since`: the first failure, and the first failure or refusal, after the last reply.
    """

    name: str
    number: int = 0
    concurrency: Concurrency = field(default_factory=Concurrency)
    requests: Allowance = field(default_factory=lambda: Allowance("requests"))
    tokens: Allowance = field(default_factory=lambda: Allowance("tokens"))
    successes: int = 0
    answered: bool = False
    down_since: float | None = None
    stalled_since: float | None = None
    set_aside: bool = False
    problem: str = ""
    _refusals: int = 0
    _failures: int = 0
    _pause_until: float = 0.0
    _paused_at: float = 0.0
    _exchanges: bool = True
    _in_exchange: int = 0
    _trial_at: float = 0.0
    _trial: Ticket | None = None
    _under_way: dict[int, Ticket] = field(default_factory=dict)

    @property
    def oldest_sent_at(self) -> float:
        """When that request was sent which has been under way for the longest time; infinity where there is none."""
        return next((ticket.sent_at for ticket in self._under_way.values()), math.inf)

    def free_at(self, now: float, tokens: float) -> float:
        """When a request may be sent: `now`, a later time, or infinity where a reply has to come first."""
        if self.set_aside:
            if self._trial is None:
                return max(now, self._trial_at)
            if now < self._trial.sent_at + TRIAL_S:
                return self._trial.sent_at + TRIAL_S
            self._back()
        if not self.concurrency.room:
            return math.inf
        paused_until = 0.0 if self._in_exchange else self._pause_until
        return max(now, paused_until, self.requests.free_at(now, 1), self.tokens.free_at(now, tokens))

    def send(self, now: float, tokens: float) -> Ticket:
        """Counts a request in."""
        self.requests.take(1)
        self.tokens.take(tokens)
        if now < self._pause_until:
            self._in_exchange -= 1
        ticket = Ticket(self, self.concurrency.sent(), tokens, now, self.successes, self.set_aside)
        if self.set_aside:
            self._trial = ticket
        self._under_way[id(ticket)] = ticket
        return ticket

    def succeeded(self, ticket: Ticket, headers: Mapping[str, str], now: float, *, more_wanted: bool) -> None:
        """A reply came."""
        self._over(ticket)
        self.concurrency.succeeded(ticket.level, more_wanted=more_wanted)
        self.successes += 1
        self.answered = True
        self._refusals = self._failures = 0
        self.down_since = self.stalled_since = None
        if ticket.sent_at >= self._paused_at:
            self._pause_until = 0.0
        elif now < self._pause_until and self._exchanges:
            # Where the limit is on requests at once, the place of this one is free now, pause or not.
            self._in_exchange += 1
        if self.set_aside:
            self._back()
        self._observe(ticket, headers, now)

    def refused(self, ticket: Ticket, wait_s: float, now: float) -> None:
        """HTTP 429: it works, but takes nothing more now. `wait_s` is what it asks for."""
        self._over(ticket)
        self._stalled(now)
        self.concurrency.refused(ticket.level)
        self.answered = True
        self._failures = 0
        self.down_since = None
        if self.set_aside:
            self._back()
        self._refusals += 1
        if now < self._pause_until:
            if ticket.sent_at >= self._paused_at:
                self._exchanges, self._in_exchange = False, 0
        elif self._refusals >= REFUSALS_TO_PAUSE:
            self._paused_at, self._pause_until = now, now + wait_s
            self._exchanges, self._in_exchange = True, 0

    def closed(self, ticket: Ticket, wait_s: float, now: float) -> None:
        """HTTP 429 with a long wait: it takes nothing before that, however many ask."""
        self.refused(ticket, wait_s, now)
        self._paused_at, self._pause_until = now, max(self._pause_until, now + wait_s)
        self._exchanges, self._in_exchange = False, 0

    def paused_s(self, now: float) -> float:
        """How long it takes nothing yet."""
        return max(0.0, self._pause_until - now)

    def failed(self, ticket: Ticket, again: Again, now: float) -> None:
        """No usable reply."""
        self._over(ticket)
        self._stalled(now)
        if again.kind == "timed_out":
            self.concurrency.timed_out(ticket.level)
        elif again.kind == "overloaded":
            self.concurrency.refused(ticket.level)
        else:
            self.concurrency.ended()
        self.answered = self.answered or again.answered
        self.problem = again.problem
        self._failures += 1
        if self.down_since is None:
            self.down_since = now
        if self._failures >= FAILURES_TO_SET_ASIDE or ticket.trial:
            down_s = now - self.down_since
            self.set_aside, self._trial = True, None
            self._trial_at = now + min(TRIAL_MAX_S, max(TRIAL_MIN_S, TRIAL_SHARE * down_s))

    def gave_up(self, ticket: Ticket) -> None:
        """The request was cancelled, or ended in a way that says nothing about the endpoint."""
        self._over(ticket)
        self.concurrency.ended()
        if self._trial is ticket:
            self._trial = None

    def _observe(self, ticket: Ticket, headers: Mapping[str, str], now: float) -> None:
        """Reads what the server says of its limits."""
        if "x-ratelimit-limit-requests" in headers:
            self.requests.observe(headers, now, self.concurrency.in_service)
        if "x-ratelimit-limit-tokens" in headers:
            self.tokens.observe(headers, now, self.concurrency.in_service * ticket.tokens)

    def _over(self, ticket: Ticket) -> None:
        self._under_way.pop(id(ticket), None)

    def _stalled(self, now: float) -> None:
        if self.stalled_since is None:
            self.stalled_since = now

    def _back(self) -> None:
        self.set_aside, self._trial, self._failures = False, None, 0


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
