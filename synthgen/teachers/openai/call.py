"""A request over all its tries: what was sent, and which failures are its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from synthgen.requests.metering import Meter
from synthgen.requests.request import Request, Usage
from synthgen.teachers.openai.bodies import Dialect, Sent, encode
from synthgen.teachers.openai.problems import Again, Problem

OWN_FAILURES = 8
"""A request that fails so often while the server answers others ends with the finish reason `server_error`."""
OWN_PAID = 4
"""The same for time-outs and malformed replies, each of which may have cost a whole reply."""
FAILURES_TO_KNOW = 3
"""From so many on, the same failure is the request's own even where no others are under way."""
FAILURES_WITH_SCHEMA = 3
"""After so many server errors a request is tried once without its schema."""


_NOTHING_SENT, _NO_USAGE = Sent(), Usage()


@dataclass(slots=True)
class Call:
    """A request over all its tries. `failures` (`paid` among them) are its own: others got replies meanwhile.

    `unknown` (`unknown_paid` among them) may be the server's; `question`: it is the plain one, asked to find out.
    `usage` is what was spent on that.
    """

    request: Request
    again: bool = False
    question: bool = False
    refusals: int = 0
    failures: int = 0
    paid: int = 0
    unknown: int = 0
    unknown_paid: int = 0
    timed_out: bool = False
    problem: tuple[str, int] = ("", 0)
    successes_then: int = 0
    with_schema: bool = True
    schema_failures: int = 0
    limited: Problem | None = None
    refused_for_today: int = 0
    at_the_end: bool = False
    sent: Sent = _NOTHING_SENT
    usage: Usage = _NO_USAGE
    _bodies: dict[tuple[object, ...], tuple[bytes, Sent]] = field(default_factory=dict)

    def body(self, dialect: Dialect) -> bytes:
        """The body for a server that speaks this dialect, which the call is now taken to have sent."""
        key = (*dialect.form, self.with_schema)
        if key not in self._bodies:
            request = self.request if self.with_schema else replace(self.request, response_format=None)
            self._bodies[key] = encode(request, dialect), Sent.of(self.request, dialect, schema=self.with_schema)
        body, self.sent = self._bodies[key]
        return body

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that the user may have made for it."""
        return *self.request.sampling.body, *(("tools",) if self.request.tools else ())

    def fails_as_before(self, again: Again) -> bool:
        """Whether its own problem is known well enough to be recognised."""
        return self.failures >= FAILURES_TO_KNOW and (again.kind, again.status) == self.problem

    def failed(self, again: Again, *, own: bool, successes: int) -> None:
        """Counts a failure; `successes` are all servers' so far."""
        if own:
            self.failures += 1
            self.paid += again.paid
        else:
            if not self.unknown:
                self.successes_then = successes
            self.unknown += 1
            self.unknown_paid += again.paid
            if self.unknown >= FAILURES_TO_KNOW and successes > self.successes_then:
                self.is_known()
        self.limited = None
        self.timed_out = again.kind == "timed_out"
        self.problem = again.kind, again.status
        if again.kind == "failed" and again.status >= 500 and self.sent.schema:
            self.schema_failures += 1
            self.with_schema = self.schema_failures != FAILURES_WITH_SCHEMA
        elif not self.with_schema:
            self.with_schema = True

    def is_known(self) -> None:
        """The server answers others, so all failures were the request's own."""
        self.failures += self.unknown
        self.paid += self.unknown_paid
        self.unknown = self.unknown_paid = 0
        if self.at_the_end:  # it has had all the time there is: one more try, since the server may be just back
            self.failures = max(self.failures, OWN_FAILURES - 1)
            self.at_the_end = False

    @property
    def in_doubt(self) -> bool:
        """It fails, and nobody knows whether others would."""
        return not self.question and self.with_schema and (self.unknown >= FAILURES_TO_KNOW or self.at_the_end)

    @property
    def hopeless(self) -> bool:
        """It is this request that fails, not the server."""
        return self.failures >= OWN_FAILURES or self.paid >= OWN_PAID


def count(again: Again, meter: Meter) -> None:
    """Tells the meter what a try without a reply can have cost: nothing where the server says that it did no work."""
    if again.kind == "unreachable":
        meter.returned()
    else:
        meter.failed(paid=again.kind in ("failed", "timed_out"))
