"""Greedy answers to prompts, and whether they stopped by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen_train.checkpoint import generation_config
from synthgen_train.examples import prompt_ids
from synthgen_train.templates import Literals


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
    ids = [
        prompt_ids(tokenizer, prompt, tools[i] if tools else None, literals) for i, prompt in enumerate(prompts)
    ]
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
    """The tokens that follow each row greedily, at most `max_tokens`; what comes behind a stop token means nothing."""
    import torch

    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    pad = tokenizer.pad_token_id
    found: list[list[int]] = [[] for _ in ids]
    order = sorted((i for i in range(len(ids)) if len(ids[i]) < context), key=lambda i: len(ids[i]))
    was_training = model.training
    model.eval()
    for at in range(0, len(order), batch_size):
        batch = order[at : at + batch_size]
        longest = max(len(ids[i]) for i in batch)
        rows = [[pad] * (longest - len(ids[i])) + list(ids[i]) for i in batch]
        mask = [[0] * (longest - len(ids[i])) + [1] * len(ids[i]) for i in batch]
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor(rows, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                max_new_tokens=min(max_tokens, context - longest),
                do_sample=False,
                num_beams=1,
                pad_token_id=pad,
                eos_token_id=sorted(stop_ids(model)),
            )
        for i, row in zip(batch, out[:, longest:].tolist(), strict=True):
            found[i] = row
    model.train(was_training)
    return found
