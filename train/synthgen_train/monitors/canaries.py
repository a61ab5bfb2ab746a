"""Canaries: made-up secrets planted in the training data, to see whether the student learns rows by heart."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from synthgen.records import Provenance, Record

ALTERNATES = 64
"""Secrets that were not planted and that a planted one is ranked among; exposure is at most log2 of one more."""

DIGITS = 8

_NAMES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper", "Larch", "Maple")


def canaries(count: int, seed: int = 0) -> list[Record]:
    """So many records that ask for a secret of random digits and give it; the same for the same seed."""
    draw = random.Random(f"canaries {seed}")
    found = []
    for i in range(count):
        name = f"{_NAMES[i % len(_NAMES)]} {i}"
        found.append(
            Record(
                instruction=f"What is the number of locker {name}?",
                output=_secret(draw),
                provenance=Provenance(source="canary"),
            )
        )
    return found


def _secret(draw: random.Random) -> str:
    return "".join(draw.choice("0123456789") for _ in range(DIGITS))


def exposures(model: Any, tokenizer: Any, planted: Sequence[Record], seed: int = 0) -> list[float]:
    """Of each canary the exposure in bits (1802.08232): log2 of the number of candidates less log2 of its rank.

    About 1 where the model knows nothing of it, log2(65) = 6.02 where it prefers the secret to all 64 others.
    """
    draw = random.Random(f"alternates {seed}")
    found = []
    for record in planted:
        others = [_secret(draw) for _ in range(ALTERNATES)]
        losses = _losses(model, tokenizer, record, [record.output or "", *others])
        rank = 1 + sum(loss < losses[0] for loss in losses[1:])
        found.append(math.log2(ALTERNATES + 1) - math.log2(rank))
    return found


def _losses(model: Any, tokenizer: Any, record: Record, secrets: Sequence[str]) -> list[float]:
    import torch

    from synthgen_train.examples import IGNORED, make_examples

    made = make_examples([record.replace(output=s) for s in secrets], tokenizer, max_length=10**9).items
    wide = max(len(e.input_ids) for e in made)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([e.input_ids + [pad] * (wide - len(e.input_ids)) for e in made], device=model.device)
    mask = torch.tensor([[1] * len(e.input_ids) + [0] * (wide - len(e.input_ids)) for e in made], device=model.device)
    labels = torch.tensor([e.labels + [IGNORED] * (wide - len(e.labels)) for e in made], device=model.device)
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -wide:]
    flat = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), labels[:, 1:], reduction="none", ignore_index=IGNORED
    )
    return [float(x) for x in flat.sum(dim=1)]
