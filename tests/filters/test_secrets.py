from __future__ import annotations

import pytest

from synthgen.filters.private import secrets
from synthgen.records import Record

RANDOM = "q7Zt2LmX9vKc4RbN8wYd5HsJ1gPf3TaE6uQo0iVx"
"""Put behind a prefix here, so that no line of this file looks like a token."""
TOKENS = [
    "AKIA" + "Q7ZT2LMX9VKC4RBN",
    "ghp_" + RANDOM[:36],
    "sk-" + "proj-" + RANDOM,
    "xoxb-" + RANDOM[:24],
    "AIza" + RANDOM[:35],
    "hf_" + RANDOM[:34],
    f"eyJ{RANDOM[:12]}.eyJ{RANDOM[:20]}.{RANDOM[:30]}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{RANDOM}\n{RANDOM}\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_dropped_and_never_repeated(token: str) -> None:
    drop = secrets(Record(instruction="x", reasoning=f"key = {token!s};"))
    assert drop is not None
    assert drop.reason == "secret"
    assert token[6:14] not in (drop.detail or "")


def test_a_key_block_with_headers_and_one_that_never_ends() -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n{RANDOM}\n{RANDOM}"
    assert secrets(Record(instruction=key)) is not None
    assert secrets(Record(instruction="-----BEGIN PRIVATE KEY-----\n" + "a: " * 5000)) is None


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "sk-" + "x" * 30,
        "sk-...",
        "task-" + RANDOM,
        "-----BEGIN PRIVATE KEY-----\n...",
        "ghp_short",
    ],
)
def test_placeholders_are_kept(text: str) -> None:
    assert secrets(Record(instruction=text)) is None
