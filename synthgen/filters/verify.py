"""Drops records whose answer a program can refute, whoever wrote it."""

from __future__ import annotations

from typing import Literal

from synthgen import families
from synthgen.records import Drop, Record


def verify(record: Record, *, unrecognised: Literal["keep", "drop"] = "keep") -> Drop | None:
    """`wrong_answer` where a program has worked out another one, `unanswered` without an output.

    Tasks that belong to none of the built-in families are kept, or dropped as `unverified`.
    """
    if record.output is None:
        return Drop("unanswered")
    verdict = families.check(record.instruction, record.input, record.output)
    if verdict.status == "refuted":
        return Drop("wrong_answer", detail=f"expected {verdict.expected!r}")
    if verdict.status == "unknown" and unrecognised == "drop":
        return Drop("unverified", detail=verdict.reason)
    return None
