"""The provider's batch API: requests gathered into files, replies within a day, at half the price.

Requests that come close together go into one batch. What a batch holds is written down before it is created, so a
run that is stopped, however, finds its batches again and pays for none of them twice. Lines that failed, or that an
expired batch did not reach, go into the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from synthgen.errors import SynthgenError, TeacherError
from synthgen.exchange import Api, Choice, Completion, Request
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.batch_state import BatchState, Sent
from synthgen.teachers.openai.bodies import PATHS
from synthgen.teachers.openai.calls import Call, Caller
from synthgen.teachers.openai.problems import RETRIED, Again, Problem

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

log = logging.getLogger("synthgen.teachers.openai")

T = TypeVar("T")

LINGER_S = 2.0
"""A batch is sent when no further request has come for this long."""
MOST_REQUESTS, MOST_BYTES = 50_000, 150_000_000
"""OpenAI's limits are 50,000 requests and 200 MB a batch."""
POLL_S, POLL_MAX_S = 5.0, 60.0
TRIES = 4
"""How often a request is put into a batch before it ends with `server_error`."""
ENDED = ("completed", "expired", "cancelled", "failed")


@dataclass(slots=True)
class _Waiting:
    call: Call
    reply: asyncio.Future[Completion]


class Batches:
    """Completes requests by batches at the first server of a caller."""

    def __init__(self, client: openai.AsyncOpenAI, caller: Caller, state: BatchState, give_up_after_s: float) -> None:
        self._client = client
        self._caller = caller
        self._server = caller.servers[0]
        self._state = state
        self._waiting: dict[str, _Waiting] = {}
        self._unsent: list[str] = []
        self._more = asyncio.Event()
        self._holding = {key: sent for sent in state.sent for key in sent.keys}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._give_up_after_s = give_up_after_s
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(_passing),
            wait=wait_random_exponential(1, 30),
            stop=stop_after_delay(give_up_after_s),
            reraise=True,
        )

    async def complete(self, request: Request) -> Completion:
        """The reply, once the batch that holds the request has ended."""
        self._caller.dispatch.check()
        key = request.key
        if key in self._waiting:
            return await asyncio.shield(self._waiting[key].reply)
        call = Call(request)
        waiting = self._waiting[key] = _Waiting(call, asyncio.get_running_loop().create_future())
        if key in self._holding:
            self._watch(self._holding[key])
        else:
            self._queue(key)
        try:
            return await waiting.reply
        finally:
            del self._waiting[key]

    def end(self, error: Callable[[], BaseException]) -> None:
        """Everyone who waits gets this error; batches that were sent go on at the provider."""
        for waiting in self._waiting.values():
            if not waiting.reply.done():
                waiting.reply.set_exception(error())
        for task in self._tasks.values():
            if task is not asyncio.current_task():
                task.cancel()

    async def close(self) -> None:
        """Ends the tasks and closes all connections."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._client.close()

    def _queue(self, key: str) -> None:
        self._unsent.append(key)
        self._more.set()
        self._start("send", self._send_all)

    def _watch(self, sent: Sent) -> None:
        self._start(sent, lambda: self._bring(sent))

    def _start(self, name: object, work: Callable[[], Awaitable[None]]) -> None:
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._guarded(name, work))

    async def _guarded(self, name: object, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except SynthgenError as error:
            self._fail(error)
        except Again as again:
            self._fail(advice.unreachable([self._server.endpoint.name], again.problem, self._give_up_after_s))
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
        upload = partial(self._client.files.create, file=("requests.jsonl", b"".join(lines)), purpose="batch")
        file = await self._ask(upload)
        sent = self._state.uploaded(file.id, keys)
        self._holding |= dict.fromkeys(keys, sent)
        await self._create(sent, api)
        log.info("batch %s: %d requests sent", sent.batch_id, len(keys))
        self._watch(sent)

    async def _create(self, sent: Sent, api: Api) -> None:
        endpoint: Any = f"/v1{PATHS[api]}"
        create = partial(self._client.batches.create, endpoint=endpoint, completion_window="24h")
        batch = await self._ask(partial(create, input_file_id=sent.file_id))
        self._state.created(sent.file_id, batch.id)

    async def _bring(self, sent: Sent) -> None:
        """Waits for a batch to end, and gives out what it brings; the rest goes into the next batch."""
        try:
            batch = await self._ended(sent)
            if batch.status == "failed":
                self._state.gone(sent.file_id)
                raise TeacherError(
                    f"batch {batch.id} failed: {_errors(batch)}", hint=f"fix what it names. {advice.GO_ON}"
                )
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id:
                    content = await self._ask(partial(self._client.files.content, file_id))
                    await self._give_out(content.text)
            log.info("batch %s: %s", batch.id, batch.status)
        except _Gone:
            log.warning("the provider has batch %s no more: asking again", sent.batch_id)
            self._state.gone(sent.file_id)
        for key in sent.keys:
            self._holding.pop(key, None)
            if key in self._waiting and not self._waiting[key].reply.done():
                self._queue(key)

    async def _ended(self, sent: Sent) -> Batch:
        if sent.batch_id is None:
            await self._find(sent)
        wait_s = POLL_S
        while True:
            batch = await self._ask(partial(self._client.batches.retrieve, str(sent.batch_id)))
            if batch.status in ENDED:
                return batch
            if batch.request_counts is not None:
                log.info("batch %s: %d of %d", batch.id, batch.request_counts.completed, batch.request_counts.total)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.2, POLL_MAX_S)

    async def _find(self, sent: Sent) -> None:
        """A batch that was uploaded by a process that ended then: perhaps it was created, perhaps not."""
        async for batch in self._client.batches.list(limit=100):
            if batch.input_file_id == sent.file_id:
                self._state.created(sent.file_id, batch.id)
                return
        await self._create(sent, next(w.call.request.api for key, w in self._waiting.items() if key in sent.keys))

    async def _give_out(self, text: str) -> None:
        for key, response in _rows(text):
            waiting = self._waiting.get(key)
            if waiting is None or waiting.reply.done() or response is None:
                continue
            data = json.dumps(response["body"]).encode()
            try:
                completion = await self._caller.judged(
                    waiting.call, self._server, response["status_code"], {}, data, len(data)
                )
            except Again as again:
                waiting.call.failures += again.kind != "adapted"
                if waiting.call.failures < TRIES:
                    continue  # into the next batch
                completion = Completion((Choice(None, "server_error"),))
            waiting.reply.set_result(completion)

    async def _ask(self, what: Callable[[], Awaitable[T]]) -> T:
        """What the provider answers to one of the few requests about files and batches."""
        import openai

        try:
            result: T = await self._retrying.copy()(what)
            return result
        except openai.NotFoundError:
            raise _Gone from None
        except openai.APIStatusError as error:
            problem = Problem.read(error.status_code, error.response.content)
            raise advice.refused(problem, self._server.endpoint.name, self._caller.key_variable) from None
        except openai.APIError as error:
            raise Again("unreachable", str(error)) from None


class _Gone(Exception):
    """The provider does not know a file or batch, or knows it no more."""


def _passing(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code in RETRIED
    return isinstance(error, openai.APIConnectionError)


def _rows(text: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Key and response (None: there is none) of every line."""
    for line in text.splitlines():
        if line.strip():
            row = json.loads(line)
            yield row["custom_id"], row.get("response")


def _errors(batch: Batch) -> str:
    errors = (batch.errors.data if batch.errors else None) or []
    return "; ".join(str(error.message) for error in errors[:3]) or "no reason given"
