"""Bits per byte: how well a model predicts a text, whatever its tokenizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def bits_per_byte(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[float]:
    """For each text the bits that the model needs for it, over its UTF-8 bytes; smaller is better.

    The first token is predicted from the tokenizer's first token of a text, or from its stop token where it has none.
    A text beyond the model's context is cut, and the bytes of what is left are counted.
    """
    import torch
    from torch.nn import functional

    context = getattr(model.config, "max_position_embeddings", None) or 10**9
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    model.eval()
    found = []
    for text in texts:
        ids = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        if len(ids) >= context:
            ids = ids[: context - 1]
            text = tokenizer.decode(ids)
        row = torch.tensor([[start, *ids]], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=row).logits[0]
        # Prompt tuning puts virtual tokens before the text.
        logits = logits[-len(ids) - 1 : -1].float()
        nats = functional.cross_entropy(logits, row[0, 1:], reduction="sum").item()
        found.append(nats / math.log(2) / max(1, len(text.encode())))
    return found
