"""The `train:` section of a recipe: what is trained, on what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from synthgen.errors import ConfigError
from synthgen_train.examples import LongRows, Loss, Reasoning
from synthgen_train.methods import Full, Method
from synthgen_train.templates import OWN, TEMPLATES
from synthgen_train.tiny import FromScratch


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Scratch(_Section):
    """A model without a download, see `FromScratch`."""

    from_scratch: FromScratch = Field(FromScratch(), description="a small model with a tokenizer of its own")


class Source(_Section):
    """One source of training data and how much of it is taken."""

    path: str = Field(min_length=1, description="run folder, folder of files, JSONL, JSON or Parquet file, or hub id")
    split: str = Field("train", description="of a dataset of the Hub, or of files whose names tell splits")
    config: str | None = Field(None, description="of a dataset of the Hub that has several")
    revision: str | None = Field(None, description="of a dataset of the Hub: a branch, a tag, or a commit")
    columns: dict[str, str] = Field({}, description="where fields are that have other names: {output: answer}")
    name: str = Field("", description="what reports call it; default: the path's last part")
    share: float | None = Field(None, gt=0, le=1, description="share of the examples; all sources have one, or none")
    earlier: bool = Field(False, description="data of earlier rounds, general or human text: counts as replay")

    @field_validator("path", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @property
    def label(self) -> str:
        """What reports call the source."""
        return self.name or Path(self.path).name or self.path


class Mix(_Section):
    """How many examples each source gives where `share` does not say so."""

    temperature: float | None = Field(
        None, ge=1, description="shares follow size^(1/temperature): 1 as large as they are, larger evens them out"
    )
    replay: float | None = Field(
        None, gt=0, lt=1, description="share of the examples from sources with `earlier: true`"
    )
    examples: int | None = Field(None, ge=1, description="how many in all; default: as many as need no repetition")


class Curriculum(_Section):
    """The order of the examples: by a score or a field, and some sources last."""

    by: str = Field(
        "length", description="length, a field such as task_type or language, or a score such as scores.quality"
    )
    descending: bool = Field(False, description="the largest first")
    last: list[str] = Field([], description="names of sources that come last, whatever their score")


class Keep(_Section):
    """Terms of the loss against forgetting; 0 is off."""

    kl: float = Field(0.0, ge=0, description="weight of the KL divergence from the model as it was to the student")
    l2: float = Field(0.0, ge=0, description="weight of the squared distance of the weights to where they started")


class TrainConfig(_Section):
    """All settings of one training. What is left out follows from the method and the model, and the plan says how."""

    model: str | Scratch = Field(
        description="path or hub id of a checkpoint, the folder of an adapter to go on from, or {from_scratch: {...}}"
    )
    data: list[Source] = Field(description="a path, or several, each with what is taken of it")
    out: Path = Field(Path("outputs/student"), description="folder of the student, from the current directory")
    objective: Literal["sft", "dpo", "kto"] = Field("sft", description="answers, or preferences by DPO or KTO")
    template: str | None = Field(
        None,
        description=f"{OWN}, {', '.join(TEMPLATES)}, or the path of a Jinja file; "
        "default: the tokenizer's own, or chatml where it has none",
    )
    stop_token: str | None = Field(None, description="the token that ends a turn, where the tokenizer names another")
    method: Method = Field(Full(), description="what of the model is trained")
    merge: bool = Field(False, description="write a merged model beside the adapter")
    max_length: int | None = Field(
        None, ge=8, description="longest example, in tokens; default: by the data and the model"
    )
    loss: Loss = Field("answers", description="all: on tasks and answers, for a student that is to write tasks too")
    reasoning: Reasoning = Field("drop", description="what becomes of reasoning before an answer")
    long_rows: LongRows = Field("drop", description="what becomes of examples longer than max_length")
    epochs: float | None = Field(None, gt=0, description="times that all examples are seen; or give max_steps")
    max_steps: int | None = Field(None, ge=1, description="optimiser steps")
    learning_rate: float | None = Field(None, gt=0, description="at its highest; default: by the method")
    batch_size: int = Field(
        16, ge=1, description="rows a device takes at once; with packing a row is max_length tokens"
    )
    gradient_accumulation: int = Field(1, ge=1, description="batches a step")
    gradient_checkpointing: bool | None = Field(
        None, description="activations are computed twice, which saves memory; default: on a GPU"
    )
    packing: bool = Field(False, description="several examples a row, best fit decreasing; none sees another")
    group_by_length: bool = Field(True, description="rows of like length come in one batch, batches in random order")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the steps")
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = Field(
        "cosine", description="how the learning rate goes"
    )
    weight_decay: float = Field(0.0, ge=0, description="of AdamW")
    dpo_loss: Literal["sigmoid", "ipo", "hinge", "robust", "apo_zero", "apo_down", "sigmoid_norm"] = Field(
        "sigmoid", description="the loss of DPO; sigmoid_norm is taken by the length of the answers"
    )
    beta: float = Field(0.1, gt=0, description="of DPO and KTO: how close the student stays to the start")
    seed: int = Field(0, description="of all random numbers")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 on a GPU")
    quantize: Literal["nf4", "int8"] | None = Field(
        None, description="how the frozen base is held (QLoRA), for methods of PEFT's; needs bitsandbytes"
    )
    attn_implementation: str | None = Field(None, description="eager, sdpa, flash_attention_2 …; default: the model's")
    keep: Keep = Keep()
    mix: Mix = Mix()
    curriculum: Curriculum | None = Field(None, description="default: a random order")
    canaries: int = Field(0, ge=0, description="so many made-up secrets are added, for the monitor to look for")
    eval_share: float = Field(0.05, ge=0, lt=1, description="share of the records held out")
    eval_prompts: int = Field(64, ge=0, description="at most so many held-out prompts are answered after training")
    eval_tokens: int = Field(256, ge=1, description="longest such answer")
    log_every: int | None = Field(None, ge=1, description="steps; default: a hundredth of all")
    save_every: int | None = Field(None, ge=1, description="steps; default: a tenth of all; the newest two are kept")
    eval_every: int | None = Field(None, ge=1, description="steps after which the held-out loss is taken, and saved")
    early_stopping: int | None = Field(
        None, ge=1, description="end after so many evaluations without a better held-out loss, and keep the best step"
    )
    keep_checkpoint: bool = Field(False, description="keep the last checkpoint, so that a raised max_steps goes on")
    report_to: str | list[str] = Field("none", description="trackers that are installed: trackio, wandb …")

    @field_validator("data", mode="before", json_schema_input_type=Source | str | list[Source | str])
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        return [{"path": str(v)} if isinstance(v, str | Path) else v for v in values]

    @field_validator("template")
    @classmethod
    def _known_template(cls, value: str | None) -> str | None:
        if value is not None and value not in (OWN, *TEMPLATES) and Path(value).suffix not in (".jinja", ".j2"):
            raise ValueError(f"there are {', '.join((OWN, *TEMPLATES))}, or the path of a .jinja file")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        shares = [s.share for s in self.data]
        if not self.data:
            raise ValueError("data: name at least one source")
        if any(shares) and (None in shares or abs(sum(s or 0 for s in shares) - 1) > 1e-6):
            raise ValueError("data: either no source has a share, or all have and the shares add up to 1")
        if any(shares) and (self.mix.temperature or self.mix.replay):
            raise ValueError("mix: temperature and replay say what the shares of the sources already say")
        if self.mix.replay and len({s.earlier for s in self.data}) < 2:
            raise ValueError("mix.replay: some sources need `earlier: true`, and some must be new")
        if len({s.label for s in self.data}) < len(self.data):
            raise ValueError("data: two sources have the same name; give them a `name`")
        if self.epochs and self.max_steps:
            raise ValueError("epochs and max_steps: give one of them")
        if self.merge and not (self.method.merges or self.method.changes_base):
            raise ValueError(f"merge: method {self.method.use} cannot be merged into the weights; lora and ia3 can")
        if self.quantize and not self.method.known_to_trl:
            raise ValueError(f"quantize: method {self.method.use} needs the base as it is; lora and ia3 do not")
        if self.quantize and (self.merge or isinstance(self.model, Scratch)):
            raise ValueError("quantize: the base must be a checkpoint, and merge is done later, on the base as it is")
        if self.packing and not self.method.packs:
            raise ValueError("packing: prefix and prompt tuning need one example a row, since they ignore positions")
        if self.packing and (self.curriculum or self.objective != "sft"):
            raise ValueError("packing: it reorders the examples, so it goes with neither a curriculum nor preferences")
        if self.keep.l2 and not self.method.moves_all:
            raise ValueError("keep.l2: it needs method full; the other methods leave the weights as they are")
        if self.early_stopping and not self.eval_every:
            raise ValueError("early_stopping: it needs eval_every, which says how often the held-out loss is taken")
        if self.eval_every and self.objective != "sft":
            raise ValueError(f"eval_every: with {self.objective} no held-out loss is taken")
        if self.objective == "kto" and self.batch_size < 2:
            raise ValueError("kto: it needs a batch_size of 2 or more, since answers are compared within a batch")
        if self.objective != "sft" and (self.keep.kl or self.keep.l2 or self.curriculum or self.loss == "all"):
            raise ValueError(f"{self.objective}: keep, curriculum and loss are for sft; beta keeps the student close")
        return self


def parse(section: dict[str, Any]) -> TrainConfig:
    """The checked settings.

    Raises:
        ConfigError: naming a key that is wrong.
    """
    try:
        return TrainConfig.model_validate(section)
    except ValidationError as error:
        # Of a union each kind complains; the one that got furthest is meant.
        first = max(error.errors(), key=lambda e: len(e["loc"]))
        key = ".".join(["train", *(str(part) for part in first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        hint = f"the keys are: {', '.join(TrainConfig.model_fields)}" if first["type"] == "extra_forbidden" else None
        raise ConfigError(message, key=key, hint=hint) from error
