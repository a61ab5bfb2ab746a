"""A provider's files and batches: which are out, noted before each step; uploads, states, and what their lines tell."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from synthgen.errors import StoreError
from synthgen.requests.request import Api
from synthgen.safety.outward import logger
from synthgen.teachers.openai import advice
from synthgen.teachers.openai.bodies import PATHS
from synthgen.teachers.openai.problems import RETRIED, Again, Problem
from synthgen.teachers.openai.transport import MEGABYTE

if TYPE_CHECKING:
    import openai
    from openai.types import Batch


@dataclass(slots=True, eq=False)
class SentBatch:
    """A batch: its input file, and the keys of its requests. `batch_id` is None between upload and creation."""

    file_id: str
    keys: frozenset[str]
    batch_id: str | None = None


class BatchState:
    """The batches of a run, in the order in which they were sent. Without a path they are forgotten at the end.

    The file is JSON lines, one for each step, written before the next step is taken: what was uploaded, what was
    created, what the provider has forgotten.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sent: dict[str, SentBatch] = {}
        if path is not None and path.is_file():
            try:
                lines = path.read_bytes().split(b"\n")
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error}") from error
            for number, line in enumerate(lines, 1):
                try:
                    step = json.loads(line)
                except (ValueError, RecursionError):
                    continue  # cut by a kill: the step after it was not taken
                if not self._take(step):
                    raise StoreError(
                        f"{path} is damaged: line {number} tells of no batch",
                        hint="restore it, or remove the line: what its batch holds is bought again",
                    )

    @property
    def sent(self) -> list[SentBatch]:
        """All batches that the provider may still have."""
        return list(self._sent.values())

    def uploaded(self, file_id: str, keys: list[str]) -> SentBatch:
        """A file of requests is at the provider."""
        self._write({"uploaded": file_id, "keys": keys})
        return self._sent[file_id]

    def created(self, file_id: str, batch_id: str) -> None:
        """The provider works on it."""
        self._write({"created": batch_id, "file": file_id})

    def gone(self, file_id: str) -> None:
        """The provider has it no more."""
        self._write({"gone": file_id})

    def _take(self, step: Any) -> bool:
        """Takes a step; whether it is one."""
        match step:
            case {"uploaded": str(file_id), "keys": list(keys)} if all(isinstance(key, str) for key in keys):
                self._sent[file_id] = SentBatch(file_id, frozenset(keys))
            case {"created": str(batch_id), "file": str(file_id)} if file_id in self._sent:
                self._sent[file_id].batch_id = batch_id
            case {"gone": str(file_id)}:
                self._sent.pop(file_id, None)
            case _:
                return False
        return True

    def _write(self, step: dict[str, Any]) -> None:
        self._take(step)
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                # a line that a kill has cut has no end: begin anew
                file.write(("\n" if file.tell() and not _ends_a_line(self._path) else "") + json.dumps(step) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error}", hint="make room or correct its permissions, and run again"
            ) from error


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


log = logger("synthgen.teachers.openai")

T = TypeVar("T")

MOVED = range(300, 400)
PIECE = 2**16
"""Bytes of a file that are looked at together: what is packed may become a thousand times as much at once."""
_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*"([^"\\]+)"')


class Gone(Exception):
    """The provider does not know a file or batch, or knows it no more."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A batch has ended without a usable reply to a request.

    `own`: that may be the request's fault; `paid`: it can have cost something.
    """

    problem: str
    own: bool = True
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What a batch's file says of a request, as its server would have answered it alone."""

    status: int
    data: bytes


class BatchApi:
    """The batch API of one provider. What passes (a broken connection, 429, 5xx) is tried again for a while.

    Every call raises `Gone` (HTTP 404), `TeacherError` (refused) or `Again` (not reached).
    """

    def __init__(self, client: openai.AsyncOpenAI, name: str, key_variable: str, give_up_after_s: float) -> None:
        self.name = name
        self._client = client
        self._key_variable = key_variable
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(_passing),
            wait=wait_random_exponential(1, 30),
            stop=stop_after_delay(give_up_after_s),
            reraise=True,
        )

    async def upload(self, lines: bytes) -> str:
        """The id of a file with these requests."""
        file = await self.tried(partial(self._client.files.create, file=("requests.jsonl", lines), purpose="batch"))
        return file.id

    async def create(self, file_id: str, api: Api) -> str:
        """The id of a batch of the requests in a file."""
        endpoint: Any = f"/v1{PATHS[api]}"
        create = partial(self._client.batches.create, endpoint=endpoint, completion_window="24h")
        return (await self.tried(partial(create, input_file_id=file_id))).id

    async def find(self, file_id: str) -> str | None:
        """The id of the batch that was created from a file, or None where none is listed."""

        async def search() -> str | None:
            async for batch in self._client.batches.list(limit=100):
                if batch.input_file_id == file_id:
                    return batch.id
            return None

        try:
            return await self.tried(search)
        except Gone:  # a server that lists no batches
            return None

    async def look(self, batch_id: str) -> Batch:
        """A batch as it is now."""
        return await self.tried(partial(self._client.batches.retrieve, batch_id))

    async def lines(self, file_id: str, most: int, in_all: int) -> AsyncGenerator[bytes]:
        """A file's lines, of each no more than `most` bytes and one; to be read within `tried`.

        Of the whole file no more than `in_all` bytes are read, and the log says so where it has more.
        """
        import httpx2
        import openai

        async with self._client.files.with_streaming_response.content(file_id) as response:
            try:
                async for line in _lines(self._up_to(in_all, response.iter_bytes(PIECE), file_id), most):
                    yield line
            except httpx2.RequestError as error:  # the package translates those before the body alone
                request = response.http_response.request
                raise openai.APIConnectionError(message=str(error) or type(error).__name__, request=request) from error

    async def _up_to(self, most: int, pieces: AsyncIterator[bytes], file_id: str) -> AsyncIterator[bytes]:
        async for piece in pieces:
            most -= len(piece)
            if most < 0:
                log.warning(
                    "%s: the file %s is larger than its replies can be: the rest is not read", self.name, file_id
                )
                return
            yield piece

    async def tried(self, what: Callable[[], Awaitable[T]]) -> T:
        """What the provider answers, after as many tries as make sense."""
        import openai

        try:
            result: T = await self._retrying.copy()(what)
            return result
        except openai.NotFoundError:
            raise Gone from None
        except openai.APIStatusError as error:
            problem = Problem.read(error.status_code, error.response.content)
            if error.status_code in MOVED:
                place = urlsplit(error.response.headers.get("location", ""))
                to = f"sends on to {place.scheme}://{place.netloc.rpartition('@')[2]}" if place.netloc else "sends on"
                problem = Problem(error.status_code, f"it {to}, which is not followed")
            raise advice.refused(problem, self.name, self._key_variable) from None
        except openai.APIError as error:
            raise Again("unreachable", str(error)) from None

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()


def _passing(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code in RETRIED
    return isinstance(error, openai.APIConnectionError)


async def _lines(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """Lines end at a line feed alone: JSON may hold all other ends of lines. Of each `most` bytes are kept, and one."""
    kept: list[bytes] = []
    room = most + 1
    async for piece in pieces:
        for number, part in enumerate(piece.split(b"\n")):
            if number:
                yield b"".join(kept)
                kept, room = [], most + 1
            if room and part:
                kept.append(part[:room])
                room -= len(kept[-1])
    yield b"".join(kept)


async def batch_outcomes(
    lines: AsyncIterator[bytes], sent: SentBatch, most: int
) -> AsyncGenerator[tuple[str, Line | Missed]]:
    """The key of each request that the lines of a file say something of, once, and what that is.

    Of a line with more than `most` bytes no more is known than its request. The log says how many lines are left out.
    """
    said: set[str] = set()
    unusable = 0
    async for line in lines:
        if not line.strip():
            continue
        if len(line) > most:
            begin = _CUSTOM_ID.search(line)
            key: Any = begin and begin[1].decode("utf-8", "replace")
            too_large = f"its reply is larger than {most / MEGABYTE:g} MB, which max_reply_mb allows"
            outcome: Line | Missed | None = Missed(too_large, paid=True)
        else:
            row = _object(line)
            key, outcome = row.get("custom_id"), _outcome(row)
        if not isinstance(key, str) or key not in sent.keys or key in said:
            unusable += 1
        elif outcome is not None:
            said.add(key)
            yield key, outcome
    if unusable:
        log.warning("batch %s: %d lines that answer none of its requests are left out", sent.batch_id, unusable)


def _object(line: bytes) -> dict[str, Any]:
    """The object that a line holds; empty where it holds none."""
    try:
        row = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _outcome(row: dict[str, Any]) -> Line | Missed | None:
    """What a line says of its request; None where the batch ended before it."""
    response, error = row.get("response"), row.get("error")
    if not isinstance(response, dict):
        about = error if isinstance(error, dict) else {}
        if any(word in str(about.get("code")) for word in ("expired", "cancel")):
            return None
        return Missed(str(about.get("message") or "the line holds no response"))
    status = response.get("status_code")
    status = status if type(status) is int else 200
    try:
        data = json.dumps(response.get("body")).encode()
    except (ValueError, RecursionError) as problem:
        return Missed(f"the line cannot be read ({type(problem).__name__})", paid=True)
    return Line(status, data)
