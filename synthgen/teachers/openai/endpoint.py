"""One server as the teacher sees it: how many it takes at once, when it asks for a pause, whether it is up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from synthgen.teachers.openai.limits import Allowance, Concurrency
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
