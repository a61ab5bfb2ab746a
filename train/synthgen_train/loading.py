"""The student before training: model, tokenizer and template, made to agree on where a turn ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train.config import Scratch, TrainConfig
from synthgen_train.methods import Full, Lora, load, resize
from synthgen_train.preflight import stop_ids
from synthgen_train.templates import SPECIAL_TOKENS, TEMPLATES
from synthgen_train.tiny import model_of, tokenizer_of


@dataclass(slots=True)
class Student:
    """A model that is about to be trained.

    `base` is what an adapter names as its base; `new_tokens` are ids whose embeddings are new, and so random; `notes`
    say what was set.
    """

    model: Any
    tokenizer: Any
    template: str
    base: str
    from_scratch: bool = False
    dtype: str = "float32"
    new_tokens: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def context(self) -> int | None:
        """The longest dialogue that the model has positions for, where it says so."""
        return getattr(self.model.config, "max_position_embeddings", None)

    def keep_base(self) -> None:
        """Writes the untrained model that an adapter of a model from scratch needs; does nothing for others."""
        if self.from_scratch and self.base:
            self.model.save_pretrained(self.base)
            self.tokenizer.save_pretrained(self.base)


def dtype_of(config: TrainConfig) -> str:
    """The number format of the arithmetic: as asked, else bfloat16 on a GPU that has it."""
    import torch

    if config.dtype != "auto":
        return config.dtype
    return "bfloat16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "float32"


def load_student(config: TrainConfig, texts: Sequence[str]) -> Student:
    """The student; `texts` train the tokenizer of a model from scratch.

    Raises:
        ConfigError: there is no such model, it has no stop token, or the template does not fit.
    """
    if isinstance(config.model, Scratch):
        student = _from_scratch(config, config.model, texts)
    else:
        student = _pretrained(config, config.model)
    _agree(student, config)
    return student


def _from_scratch(config: TrainConfig, scratch: Scratch, texts: Sequence[str]) -> Student:
    template = config.template or "chatml"
    if template == "own":
        raise ConfigError(
            "a model from scratch has no template of its own", key="train.template", hint="template: chatml"
        )
    tokenizer = tokenizer_of(texts, scratch.from_scratch, SPECIAL_TOKENS.get(template, ()))
    model = model_of(tokenizer, scratch.from_scratch)
    tokenizer.chat_template = TEMPLATES[template]
    student = Student(model, tokenizer, template, "", from_scratch=True, dtype=dtype_of(config))
    if not isinstance(config.method, Full):
        # An adapter is nothing without its base, so the base is kept beside it.
        student.base = str((config.out / "base").resolve())
        student.notes.append(f"the untrained base model is kept in {config.out / 'base'}")
    return student


def _pretrained(config: TrainConfig, name: str) -> Student:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if _base_of(Path(name)) is not None:
        raise ConfigError(
            f"{name} holds an adapter, not a model",
            key="train.model",
            hint="train it with merge: true and name the folder merged/",
        )
    dtype = dtype_of(config)
    # Trained weights stay in float32: steps of 1e-5 are lost in bfloat16's 8 bits. Frozen ones may be short.
    loaded = torch.bfloat16 if dtype == "bfloat16" and not isinstance(config.method, Full) else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(name, dtype=loaded)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"the model cannot be loaded: {reason}",
            key="train.model",
            hint="name a folder with config.json or a hub id",
        ) from error
    base = str(Path(name).resolve()) if Path(name).is_dir() else name
    student = Student(model, tokenizer, "", base, dtype=dtype)
    _set_template(student, config)
    return student


def _set_template(student: Student, config: TrainConfig) -> None:
    import torch

    tokenizer = student.tokenizer
    student.template = config.template or ("own" if tokenizer.chat_template else "chatml")
    if student.template == "own":
        if not tokenizer.chat_template:
            raise ConfigError("the tokenizer has no chat template", key="train.template", hint="template: chatml")
        return
    tokenizer.chat_template = TEMPLATES[student.template]
    if config.template is None:
        student.notes.append("the tokenizer has no chat template: chatml")
    missing = [t for t in SPECIAL_TOKENS.get(student.template, ()) if t not in tokenizer.get_vocab()]
    if missing and not isinstance(config.method, Full | Lora):
        # Their embeddings would stay as they are, random, and with them the token that ends an answer.
        raise ConfigError(
            f"the tokenizer lacks {' '.join(missing)}, and method {config.method.use} does not train new tokens",
            key="train.template",
            hint="template: xml needs no new tokens; or method: {use: lora} or {use: full}",
        )
    if missing:
        tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
        torch.manual_seed(config.seed)
        resize(student.model, tokenizer, like_others=True)
        student.new_tokens = tokenizer.convert_tokens_to_ids(missing)
        student.notes.append(f"new tokens, untrained so far: {' '.join(missing)}")
        if isinstance(config.method, Lora) and not config.merge:
            student.notes.append("servers that take adapters want the base's vocabulary: merge: true for those")
    if student.template == "chatml" and config.stop_token is None and tokenizer.eos_token != "<|im_end|>":
        student.notes.append(f"stop token <|im_end|>, which ends chatml's turns, in place of {tokenizer.eos_token}")
        tokenizer.eos_token = "<|im_end|>"


def _agree(student: Student, config: TrainConfig) -> None:
    """Tokenizer, generation config and model config name the same stop token; there is something to pad with."""
    tokenizer, model = student.tokenizer, student.model
    if config.stop_token is not None:
        if config.stop_token not in tokenizer.get_vocab():
            raise ConfigError(
                f"the tokenizer has no token {config.stop_token!r}",
                key="train.stop_token",
                hint=f"its special tokens are {' '.join(tokenizer.all_special_tokens)}",
            )
        tokenizer.eos_token = config.stop_token
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            "the tokenizer has no stop token, so nothing would end an answer",
            key="train.stop_token",
            hint="name the token that ends a turn, or take template: chatml, which brings one",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
        student.notes.append(
            "no pad token: the stop token pads too; it is still learnt, since rows are padded by position"
        )
    stops = stop_ids(model, tokenizer)
    if tokenizer.eos_token_id not in stops:
        model.generation_config.eos_token_id = [tokenizer.eos_token_id, *sorted(stops)]
        student.notes.append(f"generation now also ends at {tokenizer.eos_token}")
    model.config.eos_token_id = model.generation_config.eos_token_id
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id


def load_trained(name: str | Path) -> tuple[Any, Any]:
    """Model and tokenizer of a checkpoint, of an adapter's folder (with the base that it names), or of a hub id.

    Raises:
        ConfigError: there is no such model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = Path(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        base = _base_of(folder)
        model = AutoModelForCausalLM.from_pretrained(name) if base is None else load(base, folder)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"the model {name} cannot be loaded: {reason}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    device = "cuda" if torch_has_gpu() else "cpu"
    return model.to(device).eval(), tokenizer


def torch_has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    import torch

    return bool(torch.cuda.is_available())


def _base_of(folder: Path) -> str | None:
    for file, key in (("adapter_config.json", "base_model_name_or_path"), ("bottleneck.json", "base")):
        if (folder / file).is_file():
            return str(json.loads((folder / file).read_text(encoding="utf-8"))[key])
    return None
