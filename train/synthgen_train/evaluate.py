"""How the student does on held-out records: right answers, and answers that end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.records import Record
from synthgen_train.examples import Reasoning, dialogue, prompt_ids
from synthgen_train.generation import Reply, answer
from synthgen_train.templates import LeftOut, Literals


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Shares of `prompts`: `exact` equal the reference but for space around it, `stopped` ended before the limit."""

    prompts: int
    exact: float
    stopped: float
    mean_tokens: float


def held_out(
    model: Any,
    tokenizer: Any,
    records: Sequence[Record],
    *,
    prompts: int,
    max_tokens: int,
    seed: int = 0,
    reasoning: Reasoning = "drop",
    batch_size: int = 16,
) -> tuple[HeldOut, list[tuple[Record, Reply]]]:
    """The figures on at most `prompts` of the records, drawn by the seed, with what was answered.

    Records that the template refuses are not asked.
    """
    literals = Literals.of(tokenizer)
    asked = [r for r in records if r.output and _can_be_asked(r, tokenizer, literals)]
    if len(asked) > prompts:
        asked = random.Random(seed).sample(asked, prompts)
    shown = [dialogue(r, reasoning) for r in asked]
    replies = answer(
        model,
        tokenizer,
        [turns[:-1] for turns in shown],
        max_tokens=max_tokens,
        batch_size=batch_size,
        tools=[r.tools for r in asked],
    )
    n = max(1, len(asked))
    right = sum(reply.text.strip() == turns[-1]["content"].strip() for reply, turns in zip(replies, shown, strict=True))
    figures = HeldOut(len(asked), right / n, sum(r.stopped for r in replies) / n, sum(r.tokens for r in replies) / n)
    return figures, list(zip(asked, replies, strict=True))


def _can_be_asked(record: Record, tokenizer: Any, literals: Literals) -> bool:
    try:
        prompt_ids(tokenizer, dialogue(record)[:-1], record.tools, literals)
    except LeftOut:
        return False
    return True
