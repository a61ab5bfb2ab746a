"""Requests sent as a server's batches: gathered, watched until they end, and given what they bring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.errors import SynthgenError, TeacherError
from synthgen.requests.metering import Meter, counted, current_meter
from synthgen.requests.request import Choice, Completion, Request
from synthgen.safety import outward
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.batch_api import BatchApi, BatchState, Gone, Line, Missed, SentBatch, batch_outcomes
from synthgen.teachers.openai.bodies import PATHS
from synthgen.teachers.openai.calls import Caller
from synthgen.teachers.openai.failures import Call
from synthgen.teachers.openai.problems import Again

if TYPE_CHECKING:
    from openai.types import Batch

log = logger("synthgen.teachers.openai")

LINGER_S = 2.0
"""A batch is sent when no further request has come for this long."""
MOST_REQUESTS, MOST_BYTES = 50_000, 150_000_000
"""OpenAI's limits are 50,000 requests and 200 MB a batch."""
POLL_S, POLL_MAX_S = 5.0, 60.0
WINDOW_S = 26 * 3600.0
"""A batch is waited for so long: its window is 24 hours, after which the provider says that it has expired."""
TOLD_EVERY_S = 900.0
"""A batch that is waited for is told of so often."""
LOOKS = 3
"""How often a batch that has ended is asked for its files: at some providers they appear a little later."""
TRIES = 4
"""How often a request is put into a batch before it ends with `server_error`."""
BARREN = 2
"""So many batches in a row that bring nothing at all end the run."""
ENDED = ("completed", "expired", "cancelled", "failed")


@dataclass(slots=True)
class _Waiting:
    """`turn` is what the batch that it is in brings, `reply` the end."""

    call: Call
    meter: Meter
    turn: asyncio.Future[Line | Missed]
    reply: asyncio.Future[Completion]

    def settle(self, outcome: Line | Missed) -> None:
        if not self.turn.done():
            self.turn.set_result(outcome)


class Batches:
    """Completes requests by batches at the first server of a caller."""

    def __init__(self, api: BatchApi, caller: Caller, state: BatchState, give_up_after_s: float) -> None:
        self._api = api
        self._caller = caller
        self._server = caller.servers[0]
        self._state = state
        self._waiting: dict[str, _Waiting] = {}
        self._unsent: list[str] = []
        self._more = asyncio.Event()
        self._holding = {key: sent for sent in state.sent for key in sent.keys}
        # what a batch of an earlier session has brought before this one came to ask for it
        self._early: dict[str, Line | Missed] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._barren = 0
        self._give_up_after_s = give_up_after_s

    def holds(self, key: str) -> bool:
        """Whether a batch that was sent holds this request."""
        return key in self._holding or key in self._early

    async def complete(self, request: Request) -> Completion:
        """The reply, once the batch that holds the request has ended.

        Raises:
            TeacherError: going on makes no sense.
            Draining: the run is ending.
        """
        self._caller.dispatch.check()
        key = request.key
        if key in self._waiting:
            return await asyncio.shield(self._waiting[key].reply)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(Call(request), current_meter(), loop.create_future(), loop.create_future())
        waiting.reply.add_done_callback(lambda reply: reply.cancelled() or reply.exception())
        self._waiting[key] = waiting
        try:
            completion = await self._answered(key, waiting)
        except BaseException as error:
            if not waiting.reply.done():
                waiting.reply.set_exception(error)
            raise
        finally:
            del self._waiting[key]
        waiting.reply.set_result(completion)
        return completion

    async def _answered(self, key: str, waiting: _Waiting) -> Completion:
        """One batch after the other, until one brings the reply."""
        if (early := self._early.pop(key, None)) is not None:
            waiting.settle(early)
        elif key in self._holding:
            self._watch(self._holding[key])
        else:
            self._queue(key)
        while True:
            outcome = await waiting.turn
            if isinstance(outcome, Line):
                read = await self._read(waiting, outcome)
                if isinstance(read, Completion):
                    return read
                outcome = read
            waiting.meter.failed(paid=outcome.paid)
            waiting.call.failures += outcome.own
            if waiting.call.failures >= TRIES:
                return Completion((Choice(None, "server_error", refusal=outward.scrub(outcome.problem)),))
            await waiting.meter.reserve()
            self._caller.dispatch.check()
            waiting.turn = asyncio.get_running_loop().create_future()
            self._queue(key)

    async def _read(self, waiting: _Waiting, line: Line) -> Completion | Missed:
        """The completion that a line is; read in the request's own task, whose meter counts what is asked about it."""
        if line.status != 200:
            waiting.meter.failed(paid=False)
        try:
            completion = await self._caller.judged(waiting.call, self._server, line.status, {}, line.data)
        except Again as again:
            return Missed(again.problem, own=again.kind != "adapted", paid=line.status == 200)
        except SynthgenError as error:
            self._fail(error)
            self._caller.dispatch.check()  # raises it without secrets
            raise
        return counted(completion, waiting.call.request)

    def end(self, error: Callable[[], BaseException]) -> None:
        """Everyone who waits gets this error; batches that were sent go on at the provider."""
        for waiting in self._waiting.values():
            if not waiting.turn.done():
                waiting.turn.set_exception(error())
        for task in self._tasks.values():
            if task is not asyncio.current_task():
                task.cancel()

    async def close(self) -> None:
        """Ends the tasks and closes all connections."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._api.close()

    def _queue(self, key: str) -> None:
        self._unsent.append(key)
        self._more.set()
        self._start("send", self._send_all)

    def _watch(self, sent: SentBatch) -> None:
        self._start(sent, lambda: self._bring(sent))

    def _start(self, name: object, work: Callable[[], Awaitable[None]]) -> None:
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._guarded(name, work))

    async def _guarded(self, name: object, work: Callable[[], Awaitable[None]]) -> None:
        """Nothing that goes wrong in a task of ours leaves those who wait for it waiting."""
        endpoint = self._server.endpoint.name
        try:
            await work()
        except SynthgenError as error:
            self._fail(error)
        except Again as again:
            self._fail(advice.unreachable([endpoint], again.problem, self._give_up_after_s))
        except Gone:
            hint = "it has no batch API, it seems: batch: false sends the requests one by one"
            self._fail(TeacherError(f"{endpoint} has no page for files or batches (HTTP 404)", hint=hint))
        except Exception as error:
            log.debug("a task about batches failed", exc_info=error)
            what = f"what {endpoint} said of files or batches cannot be read ({type(error).__name__}: {error})"
            self._fail(TeacherError(what, hint=f"is it a server with OpenAI's batch API? {advice.GO_ON}"))
        finally:
            self._tasks.pop(name, None)

    def _fail(self, error: SynthgenError) -> None:
        known = self._caller.end(error)
        self.end(lambda: TeacherError(known.message, hint=known.hint))

    async def _send_all(self) -> None:
        """Sends what has come, when nothing more comes."""
        while self._unsent:
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), LINGER_S)
                if len(self._unsent) < MOST_REQUESTS:
                    continue
            except TimeoutError:
                pass
            while self._unsent:
                await self._send()

    async def _send(self) -> None:
        """Sends one batch of requests to one API."""
        self._unsent = [key for key in self._unsent if key in self._waiting]  # the others were cancelled
        if not self._unsent:
            return
        api = self._waiting[self._unsent[0]].call.request.api
        lines: list[bytes] = []
        keys: list[str] = []
        size = 0
        for key in self._unsent:
            call = self._waiting[key].call
            if call.request.api != api:
                continue
            body = call.body(self._server.dialect).decode()
            line = f'{{"custom_id":"{key}","method":"POST","url":"/v1{PATHS[api]}","body":{body}}}\n'.encode()
            if len(keys) == MOST_REQUESTS or (keys and size + len(line) > MOST_BYTES):
                break
            keys.append(key)
            lines.append(line)
            size += len(line)
        taken = set(keys)
        self._unsent = [key for key in self._unsent if key not in taken]
        await asyncio.gather(*(self._waiting[key].meter.leaves() for key in keys))
        sent = self._state.uploaded(await self._api.upload(b"".join(lines)), keys)
        self._holding |= dict.fromkeys(keys, sent)
        self._state.created(sent.file_id, await self._api.create(sent.file_id, api))
        log.info("batch %s: %d requests sent", sent.batch_id, len(keys))
        self._watch(sent)

    async def _bring(self, sent: SentBatch) -> None:
        """Waits for a batch to end, and gives out what it brings; the rest is asked for again by those who wait."""
        end = "is not there any more"
        given: set[str] = set()  # those may be in the next batch by now
        try:
            batch = await self._ended(sent, given)
            end = f"has ended ({batch.status})"
            if batch.status == "failed":
                self._state.gone(sent.file_id)
                raise TeacherError(
                    f"batch {batch.id} failed: {_errors(batch)}", hint=f"fix what it names. {advice.GO_ON}"
                )
            log.info("batch %s: %s", batch.id, batch.status)
            left_over = Missed(f"batch {batch.id} {end}", own=batch.status == "completed", paid=True)
            if batch.status != "completed":  # what it did not reach has cost nothing
                left_over = Missed(left_over.problem, own=False)
        except Gone:
            log.warning("the provider has batch %s no more: asking again", sent.batch_id)
            self._state.gone(sent.file_id)
            left_over = Missed("the provider has the batch no more", own=False, paid=True)
        self._barren = 0 if given else self._barren + 1
        missing = [w for key in sent.keys - given if (w := self._waiting.get(key)) is not None and not w.turn.done()]
        if missing and (self._barren >= BARREN or (not given and end.endswith("(completed)"))):
            self._state.gone(sent.file_id)
            self._forget(sent)
            raise TeacherError(
                f"batch {sent.batch_id} {end} without a reply to any of its {len(sent.keys)} requests",
                hint="look at the batch at the provider. The same command sends the requests again",
            )
        if missing:
            log.warning(
                "batch %s %s without a reply to %d of %d requests", sent.batch_id, end, len(missing), len(sent.keys)
            )
        self._forget(sent)
        for waiting in missing:
            waiting.settle(left_over)

    def _forget(self, sent: SentBatch) -> None:
        for key in sent.keys:
            if self._holding.get(key) is sent:
                del self._holding[key]

    async def _ended(self, sent: SentBatch, given: set[str]) -> Batch:
        """The batch when it has ended, and the outcomes that it has for its requests are `given` out."""
        if sent.batch_id is None:
            await self._find(sent)
        loop = asyncio.get_running_loop()
        started = told = loop.time()
        wait_s, looks = POLL_S, 0
        while True:
            batch = await self._api.look(str(sent.batch_id))
            if batch.status in ENDED:
                looks += 1
                for file_id in (batch.output_file_id, batch.error_file_id):
                    if file_id:
                        await self._give_out(sent, file_id, given)
                if given or looks == LOOKS or batch.status != "completed":
                    return batch
            elif batch.request_counts is not None:
                log.info("batch %s: %s of %s", batch.id, batch.request_counts.completed, batch.request_counts.total)
            waited_s = loop.time() - started
            if waited_s > WINDOW_S:
                raise TeacherError(
                    f"batch {sent.batch_id} has not ended in {waited_s / 3600:.0f} hours (it is {batch.status!r})",
                    hint="look at the batch at the provider. The same command waits for it again",
                )
            if loop.time() - told >= TOLD_EVERY_S:
                told = loop.time()
                log.warning("batch %s is %s; waiting for %.1f hours so far", batch.id, batch.status, waited_s / 3600)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.2, POLL_MAX_S)

    async def _find(self, sent: SentBatch) -> None:
        """A batch that was uploaded by a process that ended then: perhaps it was created, perhaps not."""
        batch_id = await self._api.find(sent.file_id)
        if batch_id is None:
            apis = [w.call.request.api for key, w in self._waiting.items() if key in sent.keys]
            if not apis:
                raise Gone  # nobody waits any more
            batch_id = await self._api.create(sent.file_id, apis[0])
        self._state.created(sent.file_id, batch_id)

    async def _give_out(self, sent: SentBatch, file_id: str, given: set[str]) -> None:
        """Gives those who wait what a file says of their requests, and adds these to those that are `given` theirs."""
        most = self._caller.transport.most

        async def read() -> None:
            async with aclosing(self._api.lines(file_id, most, most * (len(sent.keys) + 1))) as lines:
                async for key, outcome in batch_outcomes(lines, sent, most):
                    if key in given:  # by a try that broke off, or another file
                        continue
                    given.add(key)
                    if (waiting := self._waiting.get(key)) is not None:
                        waiting.settle(outcome)
                    elif self._holding.get(key) is sent:
                        self._early[key] = outcome

        await self._api.tried(read)


def _errors(batch: Batch) -> str:
    errors = (batch.errors.data if batch.errors else None) or []
    return "; ".join(str(error.message) for error in errors[:3]) or "no reason given"
