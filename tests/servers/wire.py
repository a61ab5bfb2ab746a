"""A small HTTP/1.1 server on asyncio: keep-alive, Content-Length, one request at a time on a connection."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(slots=True)
class Incoming:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: Connection


@dataclass(slots=True)
class Outgoing:
    """`cut` sends so many bytes of the body and closes, or with `stalls` says no more; `reset` sends a TCP reset.

    With `endless` the body goes on with that again and again; `sent` is how many bytes of it have left.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: int | None = None
    reset: bool = False
    stalls: bool = False
    endless: bytes = b""
    sent: int = 0

    def data(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.body).encode()


Handler = Callable[[Incoming], Awaitable[Outgoing]]


class Connection(asyncio.Protocol):
    def __init__(self, handler: Handler, connections: set[Connection], tasks: set[asyncio.Task[None]]) -> None:
        self._handler = handler
        self._connections = connections
        self._tasks = tasks
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received[:1].isalpha():  # TLS, perhaps
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self._transport.close()
        elif self._task is None:
            self._next()

    def _next(self) -> None:
        """Starts on the next request, once all of it is here."""
        head, separator, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._received = bytearray(rest[length:])
        self._task = asyncio.get_running_loop().create_task(
            self._answer(Incoming(method, path, headers, rest[:length], self))
        )
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)

    async def _answer(self, incoming: Incoming) -> None:
        try:
            outgoing = await self._handler(incoming)
        except Exception as error:  # noqa: BLE001  shown to the client: a defect here must not look like a hang
            outgoing = Outgoing({"error": {"message": f"test server: {type(error).__name__}: {error}"}}, 500)
        self._task = None
        if self.gone.is_set():
            return
        if outgoing.reset:
            self.abort()
            return
        data = outgoing.data()
        length = {"Connection": "close"} if outgoing.endless else {"Content-Length": str(len(data))}
        headers = {"Content-Type": "application/json", **outgoing.headers, **length}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        known = outgoing.status in {status.value for status in HTTPStatus}
        phrase = HTTPStatus(outgoing.status).phrase if known else "Error"
        head = f"HTTP/1.1 {outgoing.status} {phrase}\r\n{lines}\r\n".encode()
        self._transport.write(head + data[: outgoing.cut])
        if outgoing.endless:
            await self._without_end(outgoing)
        elif outgoing.stalls:
            await self.gone.wait()
        elif outgoing.cut is not None:
            self._transport.close()
        elif self._received:
            self._next()

    async def _without_end(self, outgoing: Outgoing) -> None:
        block = outgoing.endless * (50_000 // len(outgoing.endless))
        while not self.gone.is_set():
            if self._transport.get_write_buffer_size() < 10**6:
                self._transport.write(block)
                outgoing.sent += len(block)
            await asyncio.sleep(0)

    def abort(self) -> None:
        """Ends the connection with a reset."""
        link = self._transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.gone.set()
        self._transport.abort()


class Listener:
    """Listens on a port (0: any free one); may stop and come back at the same one."""

    def __init__(self, handler: Handler, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.connections: set[Connection] = set()
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connection, self.host, self.port, backlog=4096, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuses connections and resets those that are open."""
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def close(self) -> None:
        """Stops, and ends what is still being answered: its client may have gone."""
        await self.stop()
        waiting = list(self._tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _connection(self) -> Connection:
        return Connection(self._handler, self.connections, self._tasks)
