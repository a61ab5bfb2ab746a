"""Drops records without an instruction or without an answer."""

from __future__ import annotations

import unicodedata

from synthgen.records import Drop, Record, answered_by_call

NO_ANSWER = frozenset(("n/a", "n.a", "not applicable", "noinput", "no input", "nooutput", "no output"))
"""What stands for no answer in published data, without case, and brackets and punctuation around it. `None`, `null` and
`NA` are not here: they answer `which are prime?`, `what does it print?` and `what is the symbol of sodium?`."""


def empty(record: Record, *, output_required: bool = False) -> Drop | None:
    """`empty_instruction`, `empty_output`, `placeholder_output` (such as `N/A`), or `no_output`.

    White space and invisible characters are nothing. A placeholder that the task itself speaks of is an answer. An
    output that is None has not been written yet, unless a call of tools is the answer: it is dropped, as `no_output`,
    only where `output_required`.
    """
    if not _visible(record.instruction):
        return Drop("empty_instruction")
    if record.output is None:
        return Drop("no_output") if output_required and not answered_by_call(record) else None
    if not _visible(record.output):
        return Drop("empty_output")
    bare = record.output.strip().strip("<>[](){}\"'`*_.").strip().casefold()
    if bare in NO_ANSWER and bare not in f"{record.system}\n{record.instruction}\n{record.input}".casefold():
        return Drop("placeholder_output", detail=f"output: {record.output.strip()!r}")
    return None


def _visible(text: str) -> bool:
    return any(not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf") for c in text)
