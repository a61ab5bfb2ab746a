"""What a training will do, in numbers, before its first step."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synthgen_train.mixing import Share
from synthgen_train.preflight import Finding
from synthgen_train.settings import Settings

ACTIVATION_BYTES = 34
"""Bytes kept per token, layer and unit of width at 16 bits, without the attention matrix (2205.05198, section 4.1)."""


@dataclass(slots=True)
class Plan:
    """The arithmetic of one training. Lengths and totals are tokens, memory is bytes."""

    records: int
    held_out: int
    examples: int
    tokens: int
    trained_tokens: int
    left_out: dict[str, int]
    why: dict[str, str]
    shares: list[Share]
    rows: int
    rows_per_step: int
    steps: int
    parameters: int
    trainable: int
    memory: int
    settings: Settings
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def tokens_per_step(self) -> float:
        """Tokens that one step sees, on average, padding not counted."""
        return self.tokens / max(1, self.rows) * min(self.rows_per_step, self.rows)

    def lines(self) -> list[str]:
        """The plan for people."""
        causes = ", ".join(f"{n} {cause}" for cause, n in sorted(self.left_out.items())) or "none"
        share = self.trainable / max(1, self.parameters)
        out = [
            f"records     {self.records:,}, of which {self.held_out:,} held out; left out: {causes}",
            *(f"  {cause}: {why}" for cause, why in sorted(self.why.items()) if why),
            f"examples    {self.examples:,} with {self.tokens:,} tokens, {self.trained_tokens:,} of them trained",
        ]
        if len(self.shares) > 1:
            for s in self.shares:
                repeats = f", each {s.repeats:.2f} times" if s.taken > s.had else ""
                out.append(f"  {s.source:20s} {s.share:7.2%}  {s.taken:,} of {s.had:,}{repeats}")
        out += [
            f"step        {self.rows_per_step} rows, about {self.tokens_per_step:,.0f} tokens",
            f"steps       {self.steps:,} ({self.rows:,} rows an epoch)",
            f"parameters  {self.trainable:,} of {self.parameters:,} trained ({share:.2%})",
            f"memory      about {self.memory / 2**20:,.0f} MiB",
            "settings",
        ]
        for name, value in self.settings.values.items():
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            out.append(f"  {name:24s} {shown:14s} ({self.settings.origins[name]})")
        out += [f"note        {note}" for note in self.notes]
        out += [f"{'ok  ' if f.ok else 'FAIL'}        {f.check}: {f.seen}" for f in self.findings]
        return out

    def as_json(self) -> dict[str, Any]:
        """The plan as values for a report."""
        return asdict(self) | {"tokens_per_step": self.tokens_per_step}


def steps_of(rows: int, batch_size: int, accumulation: int, devices: int, epochs: float | None) -> int:
    """Optimiser steps of so many epochs: the last batch of an epoch may be short, none is dropped."""
    batches = math.ceil(rows / (batch_size * devices))
    return math.ceil((epochs or 1) * math.ceil(batches / accumulation))


def parameters_of(model: Any) -> tuple[int, int]:
    """Number of parameters in all, and of those that are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)


def memory_of(model: Any, settings: Settings, longest: int) -> int:
    """Bytes on one device, roughly: weights, gradients, AdamW's two moments, activations of one batch.

    `longest` is the longest row in tokens. Nothing is counted for the framework and its buffers.
    """
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    _, trainable = parameters_of(model)
    config = model.config.get_text_config()
    width, layers = int(config.hidden_size), int(config.num_hidden_layers)
    wide = 1 if settings["dtype"] == "bfloat16" else 2
    tokens = settings["batch_size"] * longest
    per_layer = tokens * width * ACTIVATION_BYTES * wide
    activations = (
        tokens * width * 2 * wide * layers + per_layer if settings["gradient_checkpointing"] else per_layer * layers
    )
    return int(weights + trainable * 12 + activations)


def launch_line(devices: int, arguments: Sequence[str]) -> str:
    """The command that trains on all GPUs of this machine; the arguments are those of `python -m synthgen_train`."""
    return f"accelerate launch --num_processes {devices} -m synthgen_train {shlex.join(arguments)}"
