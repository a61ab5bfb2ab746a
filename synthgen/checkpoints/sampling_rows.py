"""Sampling row by row inside Transformers' `generate`: each row with its own random numbers, penalties and stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria

from synthgen.requests.request import Sampling


class Row:
    """One row's random numbers and, where asked for, the log-probabilities of what it drew."""

    def __init__(self, seed: int, logprobs: bool, top_logprobs: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.wants_logprobs = logprobs
        self.top = top_logprobs
        self.drawn: list[tuple[int, float, list[tuple[int, float]]]] = []

    def note(self, scores: torch.Tensor, token: int) -> None:
        """Keeps the log-probability of a drawn token, and those of the likeliest; `scores` are logits, float [V]."""
        logprobs = torch.log_softmax(scores, -1)
        values, indices = torch.topk(logprobs, self.top) if self.top else (torch.empty(0), torch.empty(0))
        top = list(zip(indices.int().tolist(), values.tolist(), strict=True))
        self.drawn.append((token, float(logprobs[token]), top))

    def logprobs(self, tokenizer: Any, tokens: int) -> list[dict[str, Any]]:
        """The first `tokens` log-probabilities in the OpenAI API's form."""
        return [
            {
                "token": tokenizer.decode([token]),
                "logprob": value,
                "top_logprobs": [{"token": tokenizer.decode([t]), "logprob": v} for t, v in top],
            }
            for token, value, top in self.drawn[:tokens]
        ]


class RowSampler(LogitsProcessor):  # type: ignore[misc]
    """Draws each row's next token and leaves only that one possible, so that greedy decoding takes it."""

    def __init__(self, rows: Sequence[Row], sampling: Sampling, stops: Sequence[int]) -> None:
        self.rows = rows
        self.temperature = 1.0 if sampling.temperature is None else sampling.temperature
        self.top_p = 1.0 if sampling.top_p is None else sampling.top_p
        self.top_k = int(sampling.extra.get("top_k", 0))
        self.presence = sampling.presence_penalty or 0.0
        self.frequency = sampling.frequency_penalty or 0.0
        self.bias = {int(token): float(value) for token, value in (sampling.logit_bias or {}).items()}
        self.stops = stops
        self.counts: list[dict[int, int]] = [{} for _ in rows]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`scores` float [B, V] with all but the drawn token of each row at minus infinity; padding rows end."""
        asked = len(self.rows)
        raw = scores.float().cpu()
        logits = self._adjusted(raw)
        tokens = logits.argmax(-1) if self.temperature == 0 else self._sample(logits / self.temperature)
        tokens[asked:] = self.stops[0] if self.stops else 0
        if self.presence or self.frequency:
            for counts, token in zip(self.counts, tokens[:asked].tolist(), strict=True):
                counts[token] = counts.get(token, 0) + 1
        for row, logit, token in zip(self.rows, raw, tokens.tolist(), strict=False):
            if row.wants_logprobs:
                row.note(logit, token)
        return torch.full_like(scores, float("-inf")).scatter_(1, tokens[:, None].to(scores.device), 0.0)

    def _adjusted(self, raw: torch.Tensor) -> torch.Tensor:
        """The logits less the penalties for what a row has drawn, plus the bias."""
        if not (self.bias or self.presence or self.frequency):
            return raw
        logits = raw.clone()
        for i, counts in enumerate(self.counts):
            for token, count in counts.items():
                logits[i, token] -= self.presence + self.frequency * count
        for token, value in self.bias.items():
            logits[:, token] += value
        return logits

    def _sample(self, logits: torch.Tensor) -> torch.Tensor:
        """One token a row, `int64 [B]`; all rows at once, since a loop over them costs more than a small model."""
        probabilities, order = torch.sort(torch.softmax(logits, -1), descending=True, stable=True)
        if self.top_k:
            probabilities, order = probabilities[:, : self.top_k], order[:, : self.top_k]
        cumulative = probabilities.cumsum(-1)
        kept = torch.full((len(logits), 1), cumulative.shape[1])
        if self.top_p < 1:
            # the nucleus: the fewest likeliest tokens whose probabilities reach top_p, at least one
            kept = (cumulative < self.top_p * cumulative[:, -1:]).sum(-1, keepdim=True) + 1
        points = torch.zeros(len(logits), 1)
        points[: len(self.rows), 0] = torch.stack([torch.rand((), generator=row.generator) for row in self.rows])
        place = torch.searchsorted(cumulative, points * cumulative.gather(1, kept - 1), right=True)
        return order.gather(1, place.minimum(kept - 1))[:, 0]


class RowStopper(StoppingCriteria):  # type: ignore[misc]
    """Ends a row once its text holds a stop string; padding rows are over at once."""

    def __init__(self, tokenizer: Any, prompt_length: int, asked: int, stops: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        self.prompt_length = prompt_length
        self.asked = asked
        self.stops = stops

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """`bool [B]`: which rows are done."""
        done = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        done[self.asked :] = True
        if self.stops:
            texts = self.tokenizer.batch_decode(input_ids[: self.asked, self.prompt_length :])
            for i, text in enumerate(texts):
                done[i] = any(stop in text for stop in self.stops)
        return done
