"""The bundled probe sets: small, our own, and always the same."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

SETS = ("texts", "open", "languages", "requests", "exact")
"""What is in them: texts by domain, open questions, questions by language, safe and unsafe requests, and questions
with one right answer. No unsafe request says how anything is done.
"""


@cache
def _text(name: str) -> str:
    return (files("synthgen_train") / "probes" / f"{name}.jsonl").read_text(encoding="utf-8")


def probes(name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The rows of a set; with a limit so many, taken evenly from all of it."""
    rows = [json.loads(line) for line in _text(name).split("\n") if line]
    if limit is None or limit >= len(rows):
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def digest() -> str:
    """SHA-256 of all sets, so that two reports can be told to be of the same probes."""
    return hashlib.sha256("".join(_text(name) for name in SETS).encode()).hexdigest()
