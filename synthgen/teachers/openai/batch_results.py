"""What a batch's files say of its requests: a reply as its server would have sent it alone, or why there is none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from synthgen.safety.outward import logger
from synthgen.teachers.openai.batch_state import SentBatch
from synthgen.teachers.openai.transport import MEGABYTE

log = logger("synthgen.teachers.openai")


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


async def results(
    lines: AsyncIterator[bytes | None], sent: SentBatch, most: int
) -> AsyncGenerator[tuple[str, Line | Missed]]:
    """The key of each request that the lines of a file say something of, once, and what that is.

    A line is None where it has more than `most` bytes. The log says what is left out.
    """
    said: set[str] = set()
    unusable: Counter[str] = Counter()
    async for line in lines:
        if line is None:
            unusable[f"of more than {most / MEGABYTE:g} MB, which max_reply_mb allows,"] += 1
            continue
        if not line.strip():
            continue
        row = _object(line)
        key = row.get("custom_id")
        if not isinstance(key, str) or key not in sent.keys or key in said:
            unusable["that answer none of its requests"] += 1
        elif (outcome := _outcome(row)) is not None:
            said.add(key)
            yield key, outcome
    for which, count in unusable.items():
        log.warning("batch %s: %d lines %s are left out", sent.batch_id, count, which)


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
