"""The settings that a recipe leaves open, and where each value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train.config import TrainConfig
from synthgen_train.loading import Student, torch_has_gpu

LEARNING_RATES = {"lora": 2e-4, "adapter": 1e-3, "prefix": 1e-3, "prompt": 1e-2, "bitfit": 1e-3, "ia3": 3e-3}
"""Where the base stays frozen a larger step does no harm to it; of the size the methods' papers use."""

FULL_RATE = 1e-5
"""All weights of a pretrained model: at most the 2e-5 of Alpaca's 7B recipe, half of it, to forget less."""

SCRATCH_RATE = 1e-3
"""A small model from scratch has nothing to forget."""

PREFERENCE_RATES = {"full": 1e-6, "lora": 1e-5}
"""DPO and KTO: TRL's default for all weights, ten times as much for LoRA."""

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
)
"""Settings whose default hangs on nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All values that training needs; `origins` says of each where it comes from."""

    values: dict[str, Any]
    origins: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


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

    context = student.context
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
    put(
        "gradient_checkpointing",
        config.gradient_checkpointing if config.gradient_checkpointing is not None else torch_has_gpu(),
        "the device",
    )
    put("template", student.template, "the tokenizer" if student.template == "own" else "default")
    for name in PLAIN:
        put(name, getattr(config, name), "default")
    return Settings({k: v for k, v in values.items() if v is not None}, origins)


def _rate(config: TrainConfig, student: Student) -> tuple[float, str]:
    use = config.method.use
    if config.objective != "sft":
        return PREFERENCE_RATES.get(use, 1e-5), f"default of {config.objective} with {use}"
    if use != "full":
        return LEARNING_RATES[use], f"default of {use}"
    if student.from_scratch:
        return SCRATCH_RATE, "default of a model from scratch"
    return FULL_RATE, "default of full on a pretrained model"
