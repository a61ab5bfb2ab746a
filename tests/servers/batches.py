"""OpenAI's files and batches at the test server: requests come as a file of lines, replies go as two of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from wire import Incoming, Outgoing

Complete = Callable[[str, dict[str, Any]], Awaitable[tuple[int, dict[str, Any]]]]
"""From a path and a body to a status and a body."""


@dataclass
class Batch:
    id: str
    input_file_id: str
    endpoint: str
    status: str = "in_progress"
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    done: int = 0

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "completion_window": "24h",
            "created_at": 0,
            "input_file_id": self.input_file_id,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "status": self.status,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "request_counts": {"total": self.total, "completed": self.done, "failed": 0},
        }


class Batches:
    """`ends` says how the batches end, in order: `completed`, `expired` or `cancelled` (half done), `failed`.

    `unreached` is an expired one that reached nothing; `stuck` never ends.
    `change` makes the output file of its lines. It is there after `late` looks at a batch that has ended.
    """

    def __init__(self, complete: Complete) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.ends: list[str] = []
        self.duration_s = 0.0
        self.held = False
        self.fail_creating = 0
        self.change: Callable[[list[bytes]], bytes] = b"\n".join
        self.late = 0
        self._complete = complete
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ends what is still being worked on."""
        waiting = list(self._tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def handle(self, path: str, incoming: Incoming) -> Outgoing | None:
        """The reply, or None where the page is none of files and batches."""
        parts = path.strip("/").split("/")[1:]
        if parts == ["files"] and incoming.method == "POST":
            return Outgoing({"id": self._keep(_uploaded(incoming)), "object": "file", "purpose": "batch"})
        if len(parts) == 3 and parts[0] == "files" and parts[1] in self.files:
            return Outgoing(raw=self.files[parts[1]])
        if parts == ["batches"] and incoming.method == "POST":
            return self._create(json.loads(incoming.body))
        if parts == ["batches"]:
            shown = [batch.shown() for batch in reversed(self.batches.values())]
            return Outgoing({"object": "list", "data": shown, "has_more": False})
        if len(parts) == 2 and parts[0] == "batches" and parts[1] in self.batches:
            return Outgoing(self._seen(self.batches[parts[1]]))
        return None

    def _seen(self, batch: Batch) -> dict[str, Any]:
        shown = batch.shown()
        if batch.status == "completed" and self.late:
            self.late -= 1
            shown["output_file_id"] = None
        return shown

    def _keep(self, data: bytes) -> str:
        name = f"file-{next(self._numbers)}"
        self.files[name] = data
        return name

    def _create(self, asked: dict[str, Any]) -> Outgoing:
        if self.fail_creating:
            self.fail_creating -= 1
            return Outgoing({"error": {"message": "try again"}}, 503)
        batch = Batch(f"batch-{next(self._numbers)}", asked["input_file_id"], asked["endpoint"])
        self.batches[batch.id] = batch
        task = asyncio.get_running_loop().create_task(self._work(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Outgoing(batch.shown())

    async def _work(self, batch: Batch) -> None:
        end = self.ends.pop(0) if self.ends else "completed"
        lines = [json.loads(line) for line in self.files[batch.input_file_id].splitlines()]
        batch.total = len(lines)
        await asyncio.sleep(self.duration_s)
        while self.held:
            await asyncio.sleep(0.01)
        if end == "stuck":
            return
        if end == "failed":
            batch.errors = [{"code": "invalid_json_line", "message": "line 1 is not JSON", "line": 1}]
            batch.status = end
            return
        good: list[bytes] = []
        bad: list[bytes] = []
        reached = {"completed": len(lines), "unreached": 0}.get(end, len(lines) // 2)
        for line in lines[:reached]:
            status, body = await self._complete(line["url"], line["body"])
            response = {"status_code": status, "request_id": "r", "body": body}
            row = {"id": "x", "custom_id": line["custom_id"], "response": response, "error": None}
            (good if status == 200 else bad).append(json.dumps(row, ensure_ascii=False).encode())
            batch.done += 1
        for line in lines[batch.done :]:
            error = {"code": "batch_expired", "message": "this request could not be executed in time"}
            bad.append(json.dumps({"custom_id": line["custom_id"], "response": None, "error": error}).encode())
        batch.output_file_id = self._keep(self.change(good)) if good else None
        batch.error_file_id = self._keep(b"\n".join(bad)) if bad else None
        batch.status = "expired" if end == "unreached" else end


def _uploaded(incoming: Incoming) -> bytes:
    """The file of a multipart form."""
    boundary = re.search(r"boundary=([^;]+)", incoming.headers["content-type"])
    assert boundary is not None
    for part in incoming.body.split(b"--" + boundary[1].strip('"').encode()):
        head, _, data = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return data.removesuffix(b"\r\n")
    raise ValueError("the form holds no file")
