"""Drops records whose answer only repeats what was given."""

from __future__ import annotations

from synthgen.records import Drop, Record


def input_equals_output(record: Record) -> Drop | None:
    """`input_equals_output` or `output_repeats_instruction`, compared without the white space at the ends.

    Case counts: `lower the case of …` may change nothing else.
    """
    output = (record.output or "").strip()
    if not output:
        return None
    if output == record.input.strip():
        return Drop("input_equals_output")
    if output == record.instruction.strip():
        return Drop("output_repeats_instruction")
    return None
