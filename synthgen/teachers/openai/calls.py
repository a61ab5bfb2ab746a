"""One request's way to a completion: a place at a server, the reply, and the one layer of retries."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from synthgen.errors import SynthgenError, TeacherError
from synthgen.exchange import Choice, Completion, Request
from synthgen.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.bodies import PATHS, Dialect, encode
from synthgen.teachers.openai.dispatch import Dispatch
from synthgen.teachers.openai.endpoint import Ticket
from synthgen.teachers.openai.problems import Again, Problem
from synthgen.teachers.openai.replies import CHARACTERS_PER_TOKEN, MalformedError, completion_of, decode
from synthgen.teachers.openai.secrets import Scrubber
from synthgen.teachers.openai.server import Server
from synthgen.teachers.openai.transport import Transport
from synthgen.unusable import is_free_text

log = logger("synthgen.teachers.openai")

NEVER_ANSWERED_S = 15.0
"""A server that has never answered is given up after this time: its URL is wrong, or nobody has started it."""
OWN_FAILURES = 8
"""A request that fails so often while the server answers others ends with the finish reason `server_error`."""
FAILURES_TO_KNOW = 3
"""From so many on, the same failure is the request's own even where no others are under way."""
OWN_TIMEOUTS = 4
"""The same for time-outs, each of which may have cost a whole reply."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
SHORTEST_WAIT_S = 0.05
LATEST_S = 0.5
"""Those who were all told the same time come back over this time, or a tenth of theirs."""
TOLD_FROM_S = 30.0
"""A wait of this length is told to the user."""
FIRST_GUESS = 256.0
"""Tokens of a completion before any has been seen; only limits per minute ask."""


@dataclass(slots=True)
class Call:
    """A request over all its tries. `failures` (`timeouts` among them) are its own: others got replies meanwhile."""

    request: Request
    again: bool = False
    refusals: int = 0
    failures: int = 0
    timeouts: int = 0
    problem: str = ""
    sent_schema: bool = False
    sent_n: bool = False
    _bodies: dict[tuple[str, bool, bool], bytes] = field(default_factory=dict)

    def body(self, dialect: Dialect) -> bytes:
        """The body for a server that speaks this dialect, which the call is now taken to have sent."""
        key = dialect.max_tokens, dialect.response_format, dialect.n
        if key not in self._bodies:
            self._bodies[key] = encode(self.request, dialect)
        self.sent_schema = self.request.response_format is not None and dialect.response_format
        self.sent_n = (self.request.sampling.n or 1) > 1 and dialect.n
        return self._bodies[key]

    def fails_as_before(self, again: Again) -> bool:
        """Whether its own problem is known well enough to be recognised."""
        return self.failures >= FAILURES_TO_KNOW and again.problem == self.problem

    @property
    def hopeless(self) -> bool:
        """It is this request that fails, not the server."""
        return self.failures >= OWN_FAILURES or self.timeouts >= OWN_TIMEOUTS


class Caller:
    """Completes requests at the servers of one teacher, until `dispatch.end`."""

    def __init__(
        self,
        servers: Sequence[Server],
        dispatch: Dispatch,
        transport: Transport,
        scrub: Scrubber,
        *,
        give_up_after_s: float,
        key_variable: str,
    ) -> None:
        self.servers = servers
        self.dispatch = dispatch
        self.transport = transport
        self._scrub = scrub
        self._give_up_after_s = give_up_after_s
        self.key_variable = key_variable
        self._expected_tokens = FIRST_GUESS
        self._retrying = AsyncRetrying(
            retry=retry_if_exception_type(Again),
            wait=_wait,
            stop=lambda state: bool(state.args[0].hopeless),
            sleep=dispatch.sleep,
            retry_error_callback=self._without_reply,
        )

    async def complete(self, request: Request) -> Completion:
        """The completion.

        Raises:
            TeacherError: going on makes no sense.
        """
        call = Call(request)
        try:
            try:
                return await self._try(call)  # most succeed at once, and tenacity takes 30 microseconds of each
            except Again as again:
                return await self._retry(call, again)
        except SynthgenError as error:
            raise self.end(error) from error.__cause__

    async def offered(self, server: Server) -> list[str] | None:
        """The models that a server lists, or None where it has no such page.

        Raises:
            Again: no usable reply.
            TeacherError: the key is wrong.
        """
        status, headers, data = await self.transport.send("GET", server.models_url, server.headers, None, server.proxy)
        if status == 200:
            try:
                return sorted(str(model["id"]) for model in decode(data)["data"])
            except (MalformedError, KeyError, TypeError):
                return None
        problem = Problem.read(status, data)
        again = problem.again(headers)
        if again is not None:
            raise again
        if status in (401, 403):
            raise advice.refused(problem, server.endpoint.name, self.key_variable)
        return None

    async def _retry(self, call: Call, again: Again) -> Completion:
        earlier: Again | None = again

        async def once_more(call: Call) -> Completion:
            nonlocal earlier
            if earlier is not None:
                failed, earlier = earlier, None
                raise failed
            return await self._try(call)

        call.again = True
        completion: Completion = await self._retrying.copy()(once_more, call)
        return completion

    async def _try(self, call: Call) -> Completion:
        """One HTTP request."""
        tokens = len(call.body(self.servers[0].dialect)) / CHARACTERS_PER_TOKEN + self._expected_tokens
        ticket = await self.dispatch.place(tokens, again=call.again)
        server = self.servers[ticket.endpoint.number]
        body = call.body(server.dialect)
        try:
            status, headers, data = await self.transport.send(
                "POST", server.urls[call.request.api], server.headers, body, server.proxy
            )
            completion = await self.judged(call, server, status, headers, data, len(body))
        except Again as again:
            self._note(call, ticket, again)
            raise
        except BaseException:
            self.dispatch.gave_up(ticket)
            raise
        usage = completion.usage
        self._expected_tokens += (usage.completion_tokens - self._expected_tokens) / 32
        self.dispatch.succeeded(ticket, headers, usage.total)
        return completion

    async def judged(
        self, call: Call, server: Server, status: int, headers: Mapping[str, str], data: bytes, sent: int
    ) -> Completion:
        """The completion that a reply is.

        Raises:
            Again: it is none, but another try may be.
            TeacherError: no try will be.
        """
        reply = self._read(call, status, data, sent)
        if isinstance(reply, Problem):
            return await self._refused(call, server, reply, headers)
        if call.request.response_format is not None and server.dialect.response_format:
            self._probe(server, reply)
        return reply

    def _probe(self, server: Server, completion: Completion) -> None:
        """Says once whether a server that takes schemas keeps to them; those that do not are asked on as they are."""
        text = completion.text.strip()
        if server.dialect.keeps_schemas is None and text:
            server.dialect.keeps_schemas = not is_free_text(completion.choices[0])
            if not server.dialect.keeps_schemas:
                log.warning(
                    "%s takes a JSON schema and does not keep to it: replies are read as they come, and counted",
                    server.endpoint.name,
                )

    def _read(self, call: Call, status: int, data: bytes, sent: int) -> Completion | Problem:
        if status != 200:
            return Problem.read(status, data)
        try:
            body = decode(data)
            if body.get("error") and not body.get("choices"):
                return Problem.within(body)
            return completion_of(body, call.request.api, sent)
        except MalformedError as error:
            raise Again("failed", str(error), answered=True) from None

    async def _refused(self, call: Call, server: Server, problem: Problem, headers: Mapping[str, str]) -> Completion:
        """The completion of a request that the server refuses for what it asks; else raises what to do about it."""
        name, dialect = server.endpoint.name, server.dialect
        again = None if problem.quota_spent else problem.again(headers)
        if again is not None:
            raise again
        if problem.context_length and (call.request.sampling.max_tokens or 0) < (problem.context or math.inf):
            return Completion((Choice(None, "context_length"),))
        if problem.content_refused:
            return Completion((Choice(None, "content_filter", refusal=self._scrub(problem.message)),))
        wanted = problem.max_tokens_name
        if wanted is not None and dialect.learn_max_tokens(wanted):
            raise Again("adapted", problem.message)
        if call.sent_schema and problem.unknown_response_format:
            if dialect.response_format:  # else another request has found it out while this one was under way
                dialect.response_format = False
                log.warning("%s takes no JSON schema (%s): going on without", name, self._scrub(problem.message))
            raise Again("adapted", problem.message)
        if call.sent_n and problem.unknown_n:
            if dialect.n:
                dialect.n = False
                log.warning("%s takes no n (%s): asking for one choice at a time", name, self._scrub(problem.message))
            raise Again("adapted", problem.message)
        cause = problem.as_openai_error(str(server.urls[call.request.api]), self._scrub)
        if problem.status == 404:
            offered = await self.offered(server)
            raise advice.no_model(call.request.model, name, offered, problem, PATHS[call.request.api]) from cause
        raise advice.refused(problem, name, self.key_variable) from cause

    def _note(self, call: Call, ticket: Ticket, again: Again) -> None:
        """Tells the endpoint, counts what the request itself is to blame for, and sets how long it waits."""
        endpoint = ticket.endpoint
        asked = again.wait_s
        if again.kind == "adapted":
            self.dispatch.gave_up(ticket)
            again.wait_s = 0.0
            return
        if again.kind == "refused":
            call.refusals += 1
            again.wait_s = _jittered(asked, call.refusals)
            self.dispatch.refused(ticket, again.wait_s if asked is None else asked)
        else:
            if endpoint.successes > ticket.successes or call.fails_as_before(again):
                call.failures += 1
                call.timeouts += again.kind == "timed_out"
                call.problem = again.problem
            again.wait_s = _jittered(asked, call.failures)
            self.dispatch.failed(ticket, again)
            self._check_reachable(again)
            if again.kind == "unreachable" and self.dispatch.any_up:
                again.wait_s = SHORTEST_WAIT_S  # another server will do
        if again.wait_s >= TOLD_FROM_S:
            log.warning("%s asks to wait %.0f s (%s)", endpoint.name, again.wait_s, self._scrub(again.problem))

    def _without_reply(self, state: RetryCallState) -> Completion:
        """Ends a request that fails while others do not. It goes into the journal, or every rerun would stop at it."""
        call: Call = state.args[0]
        again = state.outcome.exception() if state.outcome else None
        log.warning("a request failed %d times while others did not: %s", call.failures, self._scrub(str(again)))
        return Completion((Choice(None, "timeout" if call.timeouts >= OWN_TIMEOUTS else "server_error"),))

    def _check_reachable(self, again: Again) -> None:
        endpoints = self.dispatch.endpoints
        down_s = self.dispatch.down_s()
        patience_s = self._give_up_after_s
        if not any(e.answered for e in endpoints):
            patience_s = min(patience_s, NEVER_ANSWERED_S)
        if down_s >= patience_s:
            raise self.end(advice.unreachable([e.name for e in endpoints], again.problem, down_s)) from None

    def end(self, error: SynthgenError) -> SynthgenError:
        """The error without secrets; from now on every request gets it."""
        message, hint = self._scrub(error.message), error.hint and self._scrub(error.hint)
        self.dispatch.end(lambda: TeacherError(message, hint=hint))
        return TeacherError(message, hint=hint)


def _jittered(asked: float | None, count: int) -> float:
    """A wait: what the server asks for and a little more, or a back-off that doubles with every failure."""
    if asked is not None:
        return max(SHORTEST_WAIT_S, asked) + random.uniform(0, min(asked / 10, LATEST_S))
    return min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** max(0, count - 1)) * random.uniform(0.5, 1.0)


def _wait(state: RetryCallState) -> float:
    again = state.outcome.exception() if state.outcome else None
    return (again.wait_s or 0.0) if isinstance(again, Again) else 0.0
