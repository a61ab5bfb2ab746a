"""Drops records that hold tokens of a chat template: trained on, they would be real turns inside a text."""

from __future__ import annotations

from synthgen.records import Drop, Record
from synthgen.requests.template_tokens import find_token


def template_token(record: Record) -> Drop | None:
    """`template_token` where any text of the record, its reasoning and its history too, holds one (`<|im_end|>`,
    `[INST]`, `</s>` …) that is not marked as code, in backticks.
    """
    texts: dict[str, str | None] = {"system": record.system, "instruction": record.instruction, "input": record.input}
    texts |= {f"history, turn {n}": turn.content for n, turn in enumerate(record.history, 1)}
    texts |= {"output": record.output, "reasoning": record.reasoning}
    for name, text in texts.items():
        token = find_token(text or "")
        if token is not None:
            return Drop("template_token", detail=f"{name}: {token}")
    return None
