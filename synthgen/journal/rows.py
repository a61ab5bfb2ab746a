"""What a journal's rows hold, and its tables: a reply and its request as they are kept, and read back."""

from __future__ import annotations

import json
import math
import re
import zlib

from synthgen.errors import StoreError
from synthgen.requests.request import Completion, Request
from synthgen.safety.outward import clear

FORMAT = 1
"""`user_version` of the file; another one is refused."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    request BLOB NOT NULL,
    reply TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    usd REAL NOT NULL,
    reused INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)
"""

TRIES_TABLE = """
CREATE TABLE IF NOT EXISTS tries (
    key TEXT NOT NULL,
    event TEXT NOT NULL,
    requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    usd REAL NOT NULL
)
"""
"""Requests that left (`sent`, with what they can cost) and those that brought no reply (`failed`, with what they can
have cost); versions that do not know it leave it alone."""
SENT, FAILED, RESOLVED = "sent", "failed", "resolved"
"""`resolved`, with -1 request: the reply in the journal is what the last failure came to, so that counts as one."""

COSTS = "key, prompt_tokens, completion_tokens, cached_tokens, usd, reused"

LOST_TABLE = f"CREATE TABLE IF NOT EXISTS lost ({COSTS})"
"""What was paid for and cannot be read any more; versions that do not know it leave it alone."""

LATER_TABLES = f"{LOST_TABLE}; {TRIES_TABLE}"
"""Tables that came later than the format: a journal of it may lack them."""


MOST_INTEGER = 2**63 - 1
"""The largest integer of SQLite."""

MOST_CHARACTERS = 500_000_000
"""SQLite holds a row of up to 1,000,000,000 bytes, and a character may take two of them or more."""

_REPLY = json.JSONEncoder(separators=(",", ":"))  # keys in their order: a replay must not tell

_SUM = re.compile(rb',"crc":([0-9]{1,10})}\Z')
"""The end of a reply: the sum of what stands before it, with the bracket that closes it."""

PLAIN_BYTES = 600
"""Requests up to this size are kept as they are: compressing a short one takes more time than it spares room."""


def row_of(request: Request, completion: Completion, usd: float) -> tuple[object, ...]:
    """The columns of a reply between `key` and `reused`.

    Raises:
        StoreError: it holds what cannot be written, or not be read again.
    """
    usage = completion.usage
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    for count in counts:
        if not isinstance(count, int) or not 0 <= count <= MOST_INTEGER:
            raise _unfit(request, f"{_shown(count)} is no number of tokens")
    if not isinstance(usd, int | float) or not math.isfinite(usd):
        raise _unfit(request, f"{_shown(usd)} is no price")
    try:
        plain = _REPLY.encode(completion.to_dict())
        reply = f'{plain[:-1]},"crc":{zlib.crc32(plain.encode())}}}'
        readable = completion_in(reply.encode(), "") is not None
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unfit(request, str(error)) from error
    if not readable or len(reply) > MOST_CHARACTERS:
        raise _unfit(request, f"{len(reply):,} characters that cannot be read again")
    return (request.model, _packed(request), reply, *counts, float(usd))


def _packed(request: Request) -> bytes:
    data = clear(request.text).encode()
    return data if len(data) <= PLAIN_BYTES else zlib.compress(data, 1)


def request_in(data: bytes) -> dict[str, object] | None:
    """The request of a row as `Request.to_dict` gave it, or None where this is none."""
    try:
        return dict(json.loads(data if data.startswith(b"{") else zlib.decompress(data)))
    except (ValueError, TypeError, AttributeError, RecursionError, zlib.error):
        return None


def is_whole(data: bytes) -> bool:
    """Whether a reply is as it was written: a flipped byte may leave JSON. Earlier versions wrote no sum."""
    found = _SUM.search(data, max(0, len(data) - 20))
    return found is None or zlib.crc32(b"}", zlib.crc32(data[: found.start()])) == int(found[1])


def completion_in(data: bytes, key: str) -> Completion | None:
    """The reply, or None where this is none, or none as it was written."""
    if not is_whole(data):
        return None
    try:
        return Completion.from_dict(json.loads(data), key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _unfit(request: Request, what: str) -> StoreError:
    return StoreError(
        f"a reply of {request.model} cannot be kept in the journal: {what}",
        hint="look at what the teacher gives back: a completion holds texts, whole numbers, and what JSON can hold",
    )


def _shown(value: object) -> str:
    try:
        return repr(value)[:40]
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
