"""Failures of requests: whose they are, how long is waited after them, and when they end the run.

A request that the server refuses is rejected alone where others of its kind get replies. Where nobody can know, because
nothing of its kind has been answered (it is the first one, or all others came from the journal), a plain question of
the same kind is sent: with the same model, sampling, tools and schema, and a text that nobody refuses.
"""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field, replace

from synthgen.forms.reply_problems import is_final
from synthgen.requests.metering import Meter
from synthgen.requests.request import Completion, Request, Usage, canonical
from synthgen.safety import outward
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.bodies import Dialect, Sent, encode, has_system
from synthgen.teachers.openai.dispatch import Dispatch, Ticket
from synthgen.teachers.openai.problems import OF_THE_REQUEST, Again, Problem

log = logger("synthgen.teachers.openai")

OWN_FAILURES = 8
"""A request that fails so often while the server answers others ends with the finish reason `server_error`."""
OWN_PAID = 4
"""The same for time-outs and malformed replies, each of which may have cost a whole reply."""
FAILURES_TO_KNOW = 3
"""From so many on, the same failure is the request's own even where no others are under way."""
FAILURES_WITH_SCHEMA = 3
"""After so many server errors a request is tried once without its schema."""
IN_DOUBT = 3
"""From so many refused in a row on, what was answered before them proves nothing: the server may have changed."""
NEARLY_ALL = 50
"""So many rejected in a row, and more than have got a reply, stop the run, even if a plain question gets one."""
NEVER_ANSWERED_S = 15.0
"""A server that has never answered is given up after this time: its URL is wrong, or nobody has started it."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
OWN_BACKOFF_MAX_S = 4.0
"""The longest back-off of a request that fails while others do not: there is no server to be spared."""
BELIEVED_TODAY = 3
"""So often a server is believed that says a limit per day and a short wait in one: some slide, others do not."""
SHORTEST_WAIT_S = 0.05
LATEST_S = 0.5
"""Those who were all told the same time come back over this time, or a tenth of theirs."""
TOLD_FROM_S = 30.0
"""A wait of this length is told to the user at once …"""
TOLD_AFTER_S, TOLD_EVERY_S = 10.0, 60.0
"""… and a standstill after this time, and then from time to time."""

_SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
_USER = {"role": "user", "content": "Say hello."}
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


def count_failure(again: Again, meter: Meter) -> None:
    """Tells the meter what a try without a reply can have cost: nothing where the server says that it did no work."""
    if again.kind == "unreachable":
        meter.returned()
    else:
        meter.failed(paid=again.kind in ("failed", "timed_out"))


class Verdicts:
    """What is known about kinds of requests. `in_a_row` counts those rejected since the last reply."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self._since_proof = 0
        self._replies = 0
        self._answered: set[str] = set()
        self._last: tuple[object, str] = (None, "")

    def answered(self, request: Request) -> None:
        """It has got a reply."""
        self.in_a_row = self._since_proof = 0
        self._replies += 1
        self._answered.add(self._kind(request))

    def proved(self, request: Request) -> None:
        """A plain question of its kind has got a reply."""
        self._since_proof = 0
        self._answered.add(self._kind(request))

    def is_its_own(self, request: Request, problem: Problem) -> bool:
        """Whether it is known that others of its kind get replies, so that the refusal is about this one."""
        return (
            problem.status in OF_THE_REQUEST and self._since_proof < IN_DOUBT and self._kind(request) in self._answered
        )

    def rejected(self) -> bool:
        """Counts one; whether there are now so many that the run should stop."""
        self.in_a_row += 1
        self._since_proof += 1
        return self.in_a_row >= NEARLY_ALL and self.in_a_row > self._replies

    def _kind(self, request: Request) -> str:
        """Everything but the text."""
        sampling = request.sampling
        if self._last[0] is not sampling:  # nearly all requests of a stage share one object
            self._last = sampling, canonical({k: v for k, v in sampling.body.items() if k != "seed"})
        schema = request.response_format and (request.response_format.get("json_schema") or {}).get("name", "json")
        return f"{(request.model, request.api, bool(request.tools), schema, has_system(request))} {self._last[1]}"


def plain_question(request: Request) -> Request:
    """The plain question of a request's kind."""
    messages = (_SYSTEM, _USER) if has_system(request) else (_USER,)
    return replace(request, messages=messages)


def is_reply(completion: Completion) -> bool:
    """Whether a model has written it."""
    return completion.usage.total > 0 and not is_final(completion.choices[0])


class Patience:
    """Ends a run at whose servers nothing goes on; `proxied`: one of them is reached by a proxy."""

    def __init__(self, dispatch: Dispatch, give_up_after_s: float, *, proxied: bool) -> None:
        self._dispatch = dispatch
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
        today = call.limited is not None and call.limited.for_today
        if today:
            call.refused_for_today += 1
            if asked is None or call.refused_for_today > BELIEVED_TODAY:
                asked = math.inf
        if asked is not None and asked > self._give_up_after_s:
            if ticket.endpoint.successes > ticket.successes:
                asked = None  # while it answers others, a single long wait is a mistake
            else:
                left_s = self._dispatch.closed(ticket, asked)
                if left_s > self._give_up_after_s:
                    raise advice.waits_too_long(
                        self._dispatch.names, again.problem, asked, self._give_up_after_s, today=today
                    )
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
        elif again.kind != "unreachable" and not (call.question or call.at_the_end):
            call.at_the_end = True  # if a plain question gets a reply now, it is this request
        else:
            money = call.limited is not None and call.limited.quota_spent
            raise advice.unreachable(
                self._dispatch.names, again.problem, stalled_s, again.kind, proxied=self._proxied, money=money
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
            outward.scrub(again.problem),
            again.wait_s or 0.0,
            patience_s,
        )


def jittered(asked: float | None, count: int, most: float = math.inf) -> float:
    """A wait: what the server asks for and a little more, or a back-off that doubles with every failure."""
    if asked is not None:
        return max(SHORTEST_WAIT_S, asked) + random.uniform(0, min(asked / 10, LATEST_S))
    return min(most, BACKOFF_MAX_S, BACKOFF_S * 2.0 ** min(20, max(0, count - 1))) * random.uniform(0.5, 1.0)
