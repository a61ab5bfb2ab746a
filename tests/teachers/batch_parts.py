"""What the tests of batches share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from openai_parts import OpenAIServer

from synthgen.teachers.openai import OpenAI, batch


def be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches go off and are looked at without delay."""
    monkeypatch.setattr(batch, "LINGER_S", 0.05)
    monkeypatch.setattr(batch, "POLL_S", 0.02)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 30))


async def opened_in(folder: Path, server: OpenAIServer, **settings: Any) -> OpenAI:
    teacher = OpenAI(**{"base_url": server.url, "model": "test-model", "batch": True, **settings})
    teacher.keep_in(folder, "teacher")
    await teacher.open()
    return teacher


def batches_of(server: OpenAIServer) -> list[tuple[str, int]]:
    return [(b.status, b.total) for b in server.batches.batches.values()]


def of_file(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]
