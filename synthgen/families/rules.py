"""Families that classify by a rule the instruction states."""

from __future__ import annotations

from synthgen.families.family import Family
from synthgen.families.slots import integer

parity = Family(
    name="parity",
    task_type="classification",
    phrasings={
        "all": (
            "is [this|the following|the given] number even or odd?",
            "classify [this|the following|the given] number as even or odd",
            "decide whether the number [below|given] is even or odd",
            "label the [given|following] [integer|whole number] as even or odd",
            "would you call [this|the following] [integer|number] even or odd?",
            "say if [this|the following] [house|ticket|seat|page] number is even or odd",
        )
    },
    slots={"number": integer()},
    data="number",
    draw_data=lambda rng, values: rng.randint(2, 99_999),
    answer=lambda values: "odd" if values["number"] % 2 else "even",
    steps=lambda values: (
        f"{values['number']} ends in {abs(values['number']) % 10}, "
        f"which {'cannot' if values['number'] % 2 else 'can'} be divided by two."
    ),
    labels=lambda values: ("even", "odd"),
    closings="bare",
    same="caseless",
)

FAMILIES = (parity,)
