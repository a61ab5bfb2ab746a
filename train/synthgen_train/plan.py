"""What a training will do, before its first step: every setting with where it comes from, and the arithmetic.

And on what: the processes that train together, and how they are started.
"""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train.compact import lay_out
from synthgen_train.config import TrainConfig
from synthgen_train.examples import Example
from synthgen_train.loading import Student, has_gpu, parameters_of
from synthgen_train.mixing import Share
from synthgen_train.preflight import Finding

SCRATCH_RATE = 1e-3
"""A small model from scratch has nothing to forget."""

EPOCHS = 3.0
"""As in Alpaca's recipe (2023)."""

LONGEST = 2048
"""Tokens; the model's own context where that is shorter."""


PLAIN = (
    "batch_size",
    "gradient_accumulation",
    "packing",
    "warmup",
    "scheduler",
    "weight_decay",
    "seed",
    "loss",
    "reasoning",
    "long_rows",
    "group_by_length",
)
"""Settings whose default hangs on nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All values that training needs; `origins` says of each where it comes from."""

    values: dict[str, Any]
    origins: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def but(self, **changes: Any) -> Settings:
        """The same with other values."""
        return Settings({**self.values, **changes}, self.origins)


def resolve(config: TrainConfig, student: Student) -> Settings:
    """The settings with nothing left open, but for those that hang on the number of steps.

    Raises:
        ConfigError: `max_length` is beyond the model's context.
    """
    given = config.model_fields_set
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def put(name: str, value: Any, origin: str) -> None:
        values[name] = value
        origins[name] = "recipe" if name in given and getattr(config, name) is not None else origin

    context = student.context and student.context - config.method.positions_before
    if config.max_length and context and config.max_length > context:
        raise ConfigError(
            f"{config.max_length} tokens are beyond the model's context of {context}", key="train.max_length"
        )
    longest = min(LONGEST, context or LONGEST)
    put("max_length", config.max_length or longest, "the model's context" if longest == context else "default")
    rate, why = _rate(config, student)
    put("learning_rate", config.learning_rate or rate, why)
    put("epochs", None if config.max_steps else config.epochs or EPOCHS, "default")
    put("max_steps", config.max_steps, "default")
    put("dtype", student.dtype, "recipe" if config.dtype != "auto" else "the device")
    if config.method.checkpoints_activations:
        wanted = config.gradient_checkpointing
        put("gradient_checkpointing", has_gpu() if wanted is None else wanted, "the device")
    else:
        # What a method puts before the keys would come there twice; the weights are the same without.
        values["gradient_checkpointing"], origins["gradient_checkpointing"] = False, f"method {config.method.use}"
    put("template", student.template, "the tokenizer" if student.template == "own" else "default")
    for name in PLAIN:
        put(name, getattr(config, name), "default")
    return Settings({k: v for k, v in values.items() if v is not None}, origins)


def _rate(config: TrainConfig, student: Student) -> tuple[float, str]:
    use = config.method.use
    if config.objective != "sft":
        return config.method.preference_rate, f"default of {config.objective} with {use}"
    if student.from_scratch and config.method.moves_all:
        return SCRATCH_RATE, "default of a model from scratch"
    return config.method.rate, f"default of {use}" + (" on a pretrained model" if config.method.moves_all else "")


KEPT, KEPT_OF_MLP = 11, 4
"""Numbers kept per token and layer for the backward pass, over the model's width and over the MLP's: of norms and
attention, and of a gated MLP.

Held against the peaks of a Llama of width 256 with four layers and of SmolLM2-135M, in float32 on a CPU: the whole
estimate was .84 to 1.07 of them.
"""

KEPT_BESIDE, KEPT_BESIDE_OF_MLP = 5, 2
"""The same of what a method adds to the outputs of linear layers."""

KEPT_OF_KL = 6
"""Numbers kept per trained position and entry of the vocabulary where there is a KL term; without it there are two."""


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


def memory_of(
    model: Any, config: TrainConfig, settings: Settings, examples: Sequence[Example], reference: Any = None
) -> int:
    """Bytes on one device, roughly: weights, gradients, AdamW's two moments, activations and logits of one batch.

    `reference` is the model as it was, where there is a copy of it. Nothing is counted for the framework itself.
    """
    weights = [p for held in (model, reference) if held is not None for p in held.parameters()]
    _, trainable = parameters_of(model)
    text = model.config.get_text_config()
    width, layers = int(text.hidden_size), int(text.num_hidden_layers)
    inner = int(getattr(text, "intermediate_size", None) or 4 * width)
    size = 2 if settings["dtype"] == "bfloat16" else 4
    tokens, trained = _largest_batch(config, settings, examples)
    numbers = KEPT * width + KEPT_OF_MLP * inner
    if config.method.keeps_outputs:
        numbers += KEPT_BESIDE * width + KEPT_BESIDE_OF_MLP * inner
    per_layer = tokens * numbers * size
    # Beside what is kept there are the gradients of one layer. Checkpointed, the input of each layer is kept, and one
    # layer at a time is computed anew.
    checkpointed = tokens * width * size * layers + 3 * per_layer
    activations = checkpointed if settings["gradient_checkpointing"] else per_layer * (layers + 1)
    logits = trained * int(text.vocab_size) * (KEPT_OF_KL if config.keep.kl else 2) * size
    # The distance keeps each weight's way from the start until the gradients are there.
    moments = trainable * (16 if config.keep.l2 else 12)
    return int(sum(p.numel() * p.element_size() for p in weights) + moments + activations + logits)


def _largest_batch(config: TrainConfig, settings: Settings, examples: Sequence[Example]) -> tuple[int, int]:
    """Tokens of the batch of the longest rows, as it is computed, and how many of them are trained."""
    if settings["packing"]:
        tokens = settings["batch_size"] * settings["max_length"]
        return tokens, tokens
    together = 2 if config.objective == "dpo" else 1  # the better answer and the worse one are one row
    rows = [examples[at : at + together] for at in range(0, len(examples), together)]
    size = settings["batch_size"]
    if config.curriculum or config.objective == "kto":  # their order is fixed, so rows that are alike may be neighbours
        batches = [rows[at : at + size] for at in range(0, len(rows), size)]
        longest = max(batches, key=lambda rows: sum(len(e.input_ids) for row in rows for e in row))
    else:
        longest = sorted(rows, key=lambda row: max(len(e.input_ids) for e in row))[-size:]
    batch = [e for row in longest for e in row]
    trained = sum(e.trained for e in batch)
    if has_gpu() or not config.method.packs:  # padded, behind what the method puts before the text
        return len(batch) * (config.method.positions_before + max(len(e.input_ids) for e in batch)), trained
    ids = [e.input_ids for e in batch if e.input_ids]
    return len(lay_out(ids, share=not config.method.leaves_out).ids), trained


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that speaks and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def one_device(command: Sequence[str]) -> None:
    """Does nothing where this process sees one device. `command` are the arguments of `synthgen` that train.

    Raises:
        ConfigError: several GPUs are visible and no launcher has given this process its own; with the line that does.
    """
    import torch

    devices = torch.cuda.device_count()
    if devices > 1 and "LOCAL_RANK" not in os.environ:
        raise ConfigError(
            f"{devices} GPUs are visible to one process",
            hint=f"train on all of them with\n    {launch_line(devices, command)}\n"
            "  or on one with CUDA_VISIBLE_DEVICES=0",
        )


def launch_line(devices: int, arguments: Sequence[str]) -> str:
    """The command that trains on all GPUs of this machine; the arguments are those of `synthgen`."""
    return f"accelerate launch --num_processes {devices} -m synthgen {shlex.join(arguments)}"
