"""Greedy answers to prompts, whether they stopped by themselves, and how many are right."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.records import Record
from synthgen_train.checkpoints import generation_config
from synthgen_train.examples import Reasoning, dialogue, prompt_ids
from synthgen_train.templates import LeftOut, Literals

LENGTH_STEP = 16
"""Prompts are padded to a multiple of this many tokens."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer without its stop token; `stopped` is false where the limit cut it. `tokens` counts the answer's."""

    text: str
    stopped: bool
    tokens: int


def answer(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[Mapping[str, Any]]],
    *,
    max_tokens: int,
    batch_size: int = 16,
    tools: Sequence[Sequence[Mapping[str, Any]] | None] | None = None,
) -> list[Reply]:
    """Greedy answers to dialogues that end with the user's turn, in the order of the prompts.

    A prompt that leaves no room in the model's context gets an empty reply that has not stopped.

    Raises:
        LeftOut: the template refuses a prompt.
    """
    literals = Literals.of(tokenizer)
    ids = [prompt_ids(tokenizer, prompt, tools[i] if tools else None, literals) for i, prompt in enumerate(prompts)]
    stops = stop_ids(model)
    replies = []
    for row in continuations(model, tokenizer, ids, max_tokens=max_tokens, batch_size=batch_size):
        end = next((k for k, token in enumerate(row) if token in stops), None)
        kept = row if end is None else row[:end]
        replies.append(Reply(tokenizer.decode(kept, skip_special_tokens=True), end is not None, len(kept)))
    return replies


def stop_ids(model: Any) -> set[int]:
    """The token ids at which the model's answers end."""
    eos = generation_config(model).eos_token_id
    return set() if eos is None else set(eos) if isinstance(eos, list) else {eos}


def continuations(
    model: Any, tokenizer: Any, ids: Sequence[Sequence[int]], *, max_tokens: int, batch_size: int = 16
) -> list[list[int]]:
    """The tokens that follow each row greedily, at most `max_tokens`; what comes behind a stop token means nothing.

    They do not hang on what else is in the batch: rows are padded to a length that is their own, and get as many
    tokens as the context leaves to them.
    """
    import torch

    pad = tokenizer.pad_token_id
    found: list[list[int]] = [[] for _ in ids]
    was_training = model.training
    model.eval()
    for batch, wide, most in _batches(model, ids, max_tokens, batch_size):
        # In 16 bits the sums of a row hang on the number of rows too, so there are always as many.
        rows = batch if model.dtype == torch.float32 else (batch * batch_size)[:batch_size]
        padded = [[pad] * (wide - len(ids[i])) + list(ids[i]) for i in rows]
        mask = [[0] * (wide - len(ids[i])) + [1] * len(ids[i]) for i in rows]
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor(padded, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                pad_token_id=pad,
                eos_token_id=sorted(stop_ids(model)),
            )
        for i, row in zip(batch, out[:, wide:].tolist(), strict=False):
            found[i] = row
    model.train(was_training)
    return found


def _batches(
    model: Any, ids: Sequence[Sequence[int]], max_tokens: int, batch_size: int
) -> Iterator[tuple[list[int], int, int]]:
    """Numbers of rows that go together, the length they are padded to, and how many tokens each is given.

    Rows that are no shorter than the context are left out.
    """
    context = (getattr(model.config, "max_position_embeddings", None) or 10**9) - virtual_tokens(model)
    # Prompt tuning puts its embeddings before the padding, so its rows must have none.
    step = 1 if virtual_tokens(model) else LENGTH_STEP
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, row in enumerate(ids):
        if 0 < len(row) < context:
            most = min(max_tokens, context - len(row))
            # Where the context ends the answer, the row is not padded beyond it.
            groups[(-(-len(row) // step) * step if most == max_tokens else len(row)), most].append(i)
    for (wide, most), group in sorted(groups.items()):
        for at in range(0, len(group), batch_size):
            yield group[at : at + batch_size], wide, most


def virtual_tokens(model: Any) -> int:
    """How many positions of the context a method has put before the text."""
    configs = getattr(model, "peft_config", {})
    return sum(getattr(config, "num_virtual_tokens", None) or 0 for config in configs.values())


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
