"""Requests as they go to the servers of one teacher: sent, judged, and tried again where that helps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from synthgen.errors import SynthgenError, TeacherError
from synthgen.requests.metering import CHARACTERS_PER_TOKEN, counted, current_meter
from synthgen.requests.request import Choice, Completion, Request
from synthgen.safety import outward
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.access import Server
from synthgen.teachers.openai.bodies import PATHS, SURE, learned, watch_schemas
from synthgen.teachers.openai.dispatch import Dispatch, Ticket
from synthgen.teachers.openai.failures import (
    BACKOFF_MAX_S,
    IN_DOUBT,
    OWN_BACKOFF_MAX_S,
    SHORTEST_WAIT_S,
    Call,
    Patience,
    Verdicts,
    count_failure,
    is_reply,
    jittered,
    plain_question,
)
from synthgen.teachers.openai.problems import Again, Problem, Refused
from synthgen.teachers.openai.reading import offered_in, read_reply
from synthgen.teachers.openai.transport import Transport

if TYPE_CHECKING:
    from yarl import URL


log = logger("synthgen.teachers.openai")

PROOF_MIN_S, PROOF_MAX_S = 2.0, 60.0
"""A plain question that got no reply is not asked again for this time, which doubles."""
FIRST_GUESS = 256.0
"""Tokens of a completion before any has been seen; only limits per minute ask."""


class Caller:
    """Completes requests at the servers of one teacher, until `dispatch.end`."""

    def __init__(
        self,
        servers: Sequence[Server],
        dispatch: Dispatch,
        transport: Transport,
        *,
        give_up_after_s: float,
        key_variable: str,
    ) -> None:
        self.servers = servers
        self.dispatch = dispatch
        self.transport = transport
        self._patience = Patience(
            dispatch, give_up_after_s, proxied=any(server.proxy is not None for server in servers)
        )
        self.key_variable = key_variable
        self._expected_tokens = FIRST_GUESS
        self._verdicts = Verdicts()
        self._asking = asyncio.Lock()
        self._proof_wait_s = self._no_proof_before = 0.0
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
                completion = await self._answer(call)
            except Refused as refused:
                completion = await self._rejected(call, refused.problem)
        except SynthgenError as error:
            raise self.end(error) from error.__cause__
        if not call.usage.total:
            return completion
        return replace(completion, usage=completion.usage + call.usage)

    async def offered(self, server: Server) -> list[str] | None:
        """The models that a server lists, or None where it has no such page.

        Raises:
            Again: no usable reply.
            TeacherError: the key is wrong.
        """
        status, headers, data = await self._sent("GET", server, server.models_url, None)
        if status == 200:
            return offered_in(data)
        problem = Problem.read(status, data)
        if problem.key_refused or status == 403:
            raise advice.refused(problem, server.endpoint.name, self.key_variable)
        again = problem.again(headers)
        if again is not None:
            raise again
        return None

    async def _answer(self, call: Call) -> Completion:
        """The completion, after as many tries as make sense.

        Raises:
            Refused: the server takes no such request.
        """
        try:
            return await self._try(call)  # most succeed at once, and tenacity takes 30 microseconds of each
        except Again as again:
            return await self._retry(call, again)

    async def _retry(self, call: Call, again: Again) -> Completion:
        earlier: Again | None = again

        async def once_more(call: Call) -> Completion:
            nonlocal earlier
            if earlier is not None:
                failed, earlier = earlier, None
                raise failed
            if call.in_doubt:
                await self._find_out(call)
            return await self._try(call)

        call.again = True
        completion: Completion = await self._retrying.copy()(once_more, call)
        return completion

    async def _try(self, call: Call) -> Completion:
        """One request: the only place where one is sent that may cost something."""
        meter = current_meter()
        await meter.reserve()
        tokens = len(call.body(self.servers[0].dialect)) / CHARACTERS_PER_TOKEN + self._expected_tokens
        ticket = await self.dispatch.place(tokens, again=call.again)
        server = self.servers[ticket.endpoint.number]
        body = call.body(server.dialect)
        try:
            await meter.leaves()
            status, headers, data = await self._sent("POST", server, server.urls[call.request.api], body)
            completion = counted(await self._judged(call, server, status, headers, data), call.request)
        except Again as again:
            count_failure(again, meter)
            self._note(call, ticket, again)
            raise
        except BaseException as error:
            if isinstance(error, (SynthgenError, Refused)):
                meter.failed(paid=False)
            self.dispatch.gave_up(ticket)
            raise
        if call.question:
            meter.failed(paid=False)  # one more request; its tokens are added to those of the reply it was asked for
        usage = completion.usage
        self._expected_tokens += (min(usage.completion_tokens, 10**6) - self._expected_tokens) / 32
        self.dispatch.succeeded(ticket, headers, usage.total)
        return completion

    async def _sent(
        self, method: str, server: Server, url: URL, body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        proxy = server.proxy.url if server.proxy is not None else None
        try:
            return await self.transport.send(method, url, server.headers, body, proxy)
        except Again as again:
            if server.proxy is not None and again.kind == "unreachable":
                raise Again("unreachable", f"{again.problem} ({server.proxy.said(url.host or '')})") from None
            raise

    async def judged(
        self, call: Call, server: Server, status: int, headers: Mapping[str, str], data: bytes
    ) -> Completion:
        """The completion that a reply is.

        Raises:
            Again: it is none, but another try may be.
            TeacherError: no try will be.
        """
        try:
            return await self._judged(call, server, status, headers, data)
        except Refused as refused:
            return await self._rejected(call, refused.problem)

    async def _judged(
        self, call: Call, server: Server, status: int, headers: Mapping[str, str], data: bytes
    ) -> Completion:
        reply = read_reply(status, headers, data, call.request.api)
        if isinstance(reply, Problem):
            return await self._refused(call, server, reply, headers)
        if call.question:
            self._verdicts.proved(call.request)
        else:
            self._verdicts.answered(call.request)
        if call.sent.schema:
            watch_schemas(server.dialect, server.endpoint.name, reply)
        elif not call.with_schema and server.dialect.learn_schemas(1 if call.schema_failures else SURE):
            log.warning("%s answers no request with a JSON schema: going on without", server.endpoint.name)
        return reply

    async def _refused(self, call: Call, server: Server, problem: Problem, headers: Mapping[str, str]) -> Completion:
        """The completion of a request that the server refuses for what it asks; else raises what to do about it."""
        name, dialect = server.endpoint.name, server.dialect
        if problem.stops_for_money(headers) or problem.key_refused or 300 <= problem.status < 400:
            raise advice.refused(problem, name, self.key_variable) from self._cause(call, problem)
        told = learned(dialect, call.sent, problem)
        if told is not None:
            if told:
                log.warning("%s " + told.format(words="%s"), name, outward.scrub(problem.message))
            raise Again("adapted", problem.message)
        if problem.content_refused:
            return Completion((Choice(None, "content_filter", refusal=outward.scrub(problem.message)),))
        if problem.too_large:
            raise Refused(problem)
        again = problem.again(headers)
        if again is not None and not (again.kind == "failed" and problem.blames(call.settings)):
            call.limited = problem if again.kind == "refused" else None
            raise again
        if problem.context_length and (call.request.sampling.max_tokens or 0) < (problem.context or math.inf):
            return Completion((Choice(None, "context_length", refusal=outward.scrub(problem.said)),))
        if call.sent.schema and dialect.keeps_schemas is None:  # nobody knows yet that it takes any
            call.with_schema = False
            raise Again("adapted", problem.message)
        if problem.status == 404 and call.question:  # no request finds anything there
            offered, path = await self.offered(server), PATHS[call.request.api]
            raise advice.no_model(call.request.model, name, offered, problem, path) from self._cause(call, problem)
        raise Refused(problem)

    def _cause(self, call: Call, problem: Problem) -> Exception:
        return problem.as_openai_error(str(self.servers[0].urls[call.request.api]))

    async def _rejected(self, call: Call, problem: Problem) -> Completion:
        """The completion of a request that the server refuses, where it takes others of the kind.

        Raises:
            TeacherError: it takes none.
        """
        if not self._verdicts.is_its_own(call.request, problem):
            async with self._asking:
                if not self._verdicts.is_its_own(call.request, problem):
                    await self._ask_plainly(call, problem)
        return self._rejection("bad_request", problem.said)

    async def _ask_plainly(self, call: Call, problem: Problem) -> None:
        question = Call(plain_question(call.request), again=True, question=True)
        plainly: Problem | None = None
        try:
            completion = await self._answer(question)
            if is_reply(completion):
                call.usage += completion.usage
                return
        except Refused as refused:
            plainly = refused.problem
        name = " or ".join(self.dispatch.names)
        raise advice.refused(
            problem, name, self.key_variable, plainly=plainly, setting=problem.blames(call.settings)
        ) from self._cause(call, problem)

    async def _find_out(self, call: Call) -> None:
        """Whether the server answers others while this one fails: asks a plain question, but not in quick succession.

        Raises:
            Refused: it does, and refuses this one as long as anybody waits.
        """
        now = asyncio.get_running_loop().time()
        if self._asking.locked() or (now < self._no_proof_before and not call.at_the_end):
            return
        async with self._asking:
            question = Call(plain_question(call.request), again=True, question=True)
            try:
                completion = await self._try(question)
            except (Again, Refused):
                self._proof_wait_s = min(PROOF_MAX_S, max(PROOF_MIN_S, 2 * self._proof_wait_s))
                self._no_proof_before = now + self._proof_wait_s
                return
        call.usage += completion.usage
        if not is_reply(completion):
            return
        self._proof_wait_s = 0.0
        if call.at_the_end and call.limited is not None:
            raise Refused(call.limited)
        call.is_known()

    def _note(self, call: Call, ticket: Ticket, again: Again) -> None:
        """Tells the endpoint, counts what the request itself is to blame for, and sets how long it waits."""
        endpoint = ticket.endpoint
        if again.kind == "adapted":
            endpoint.answered = True
            self.dispatch.gave_up(ticket)
            again.wait_s = 0.0
        elif again.kind == "refused":
            self._patience.wait_for_limit(call, ticket, again)
        else:
            known = call.fails_as_before(again) and not endpoint.set_aside
            own = known or endpoint.successes > ticket.successes
            call.failed(again, own=own, successes=self.dispatch.successes)
            again.wait_s = jittered(again.wait_s, call.failures, OWN_BACKOFF_MAX_S if known else BACKOFF_MAX_S)
            if known:
                self.dispatch.gave_up(ticket)  # it says nothing about the endpoint
            else:
                self.dispatch.failed(ticket, again)
                self._patience.check(call, again)
            if again.kind == "unreachable" and self.dispatch.any_up:
                again.wait_s = SHORTEST_WAIT_S  # another server will do

    def _without_reply(self, state: RetryCallState) -> Completion:
        """Ends a request that fails while others do not. It goes into the journal, or every rerun would stop at it."""
        call: Call = state.args[0]
        again = state.outcome.exception() if state.outcome else None
        return self._rejection("timeout" if call.timed_out else "server_error", str(again))

    def _rejection(self, reason: str, said: str) -> Completion:
        """Final for its request, with the server's words.

        Raises:
            TeacherError: too many in a row.
        """
        words = outward.scrub(said)
        if self._verdicts.in_a_row < IN_DOUBT:
            log.warning("a request is rejected (%s) while others are not: %s", reason, words)
        if self._verdicts.rejected():
            raise advice.nearly_all(self.dispatch.names, self._verdicts.in_a_row, words)
        return Completion((Choice(None, reason, refusal=words),))

    def end(self, error: SynthgenError) -> SynthgenError:
        """The error without secrets; from now on every request gets it."""
        message, hint = outward.scrub(error.message), error.hint and outward.scrub(error.hint)
        self.dispatch.end(lambda: TeacherError(message, hint=hint))
        return TeacherError(message, hint=hint)


def _wait(state: RetryCallState) -> float:
    again = state.outcome.exception() if state.outcome else None
    return (again.wait_s or 0.0) if isinstance(again, Again) else 0.0
