"""Proves or refutes answers by program, whoever wrote them."""

from __future__ import annotations

from typing import Literal

from synthgen import families
from synthgen.records import Drop, Record


def verify(record: Record, *, unrecognised: Literal["keep", "drop"] = "keep") -> Drop | None:
    """`wrong_answer` where a program finds another answer than the record's.

    Programs know the narrow families of `synthgen.families`. Every other record, and an answer that is neither proved
    nor refuted or not there yet, is kept; with `unrecognised: drop` it is dropped as `unproved`, or as `unanswered`
    where there is none. A record with earlier turns or tools is never recognised: they may change what is asked.
    """
    if record.output is None:
        return Drop("unanswered") if unrecognised == "drop" else None
    if record.history or record.tools:
        return _unproved("there are earlier turns or tools") if unrecognised == "drop" else None
    verdict = families.check(record.instruction, record.input, record.output)
    if verdict.status == "refuted":
        return Drop("wrong_answer", detail=f"{verdict.family}: expected {verdict.expected}")
    if verdict.status == "unknown" and unrecognised == "drop":
        return _unproved(verdict.reason)
    return None


def _unproved(why: str) -> Drop:
    return Drop("unproved", detail=why)
