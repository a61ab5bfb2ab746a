"""The student before training: model, tokenizer and template, made to agree on where a turn ends.

At the end is what any model says of itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError
from synthgen_train.config import Scratch, TrainConfig
from synthgen_train.rendering import LeftOut, show
from synthgen_train.templates import OWN, SPECIAL_TOKENS, STOPS, TEMPLATES
from synthgen_train.tiny import model_of, tokenizer_of

TURNS = ("<start_of_turn>", "<|start_header_id|>", "<|turn>", "<|user|>", "<|start_of_role|>", "[INST]")
"""Tokens that begin a turn in models of other templates, which a new one starts as a copy of."""


@dataclass(slots=True)
class Student:
    """A model that is about to be trained.

    `base` is what an adapter names as its base; `adapter` is the folder of one to go on from; `new_tokens` are ids
    whose embeddings are new; `saved_dtype` is the format of 16 bits that a whole model is saved in, None for float32;
    `notes` say what was set.
    """

    model: Any
    tokenizer: Any
    template: str
    base: str
    adapter: Path | None = None
    from_scratch: bool = False
    dtype: str = "float32"
    saved_dtype: str | None = None
    new_tokens: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def context(self) -> int | None:
        """The longest dialogue that the model has positions for, where it says so."""
        return context_of(self.model)

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
    tokenizer.chat_template = TEMPLATES.get(template) or _file(Path(template))
    student = Student(model, tokenizer, template, "", from_scratch=True, dtype=dtype_of(config))
    if not config.method.changes_base:
        # An adapter is nothing without its base, so the base is kept beside it.
        student.base = str((config.out / "base").resolve())
        student.notes.append(f"the untrained base model is kept in {config.out / 'base'}")
    return student


def _pretrained(config: TrainConfig, name: str) -> Student:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    under = base_of(Path(name))
    if under is not None and config.method.changes_base:
        raise ConfigError(
            f"{name} holds an adapter, not a model",
            key="train.model",
            hint="name its method to go on from it; or train it with merge: true and name the folder merged/",
        )
    dtype = dtype_of(config)
    # Trained weights stay in float32: steps of 1e-5 are lost in bfloat16's 8 bits. Frozen ones may be short.
    loaded = torch.bfloat16 if dtype == "bfloat16" and not config.method.changes_base else torch.float32
    options: dict[str, Any] = {}
    if config.attn_implementation is not None:
        options["attn_implementation"] = config.attn_implementation
    if config.quantize is not None:
        options["quantization_config"] = quantization(config.quantize, dtype)
    try:
        stored = AutoConfig.from_pretrained(under or name).dtype
        model = AutoModelForCausalLM.from_pretrained(under or name, dtype=loaded, **options)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, ImportError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"the model cannot be loaded: {reason}",
            key="train.model",
            hint="name a folder with config.json or a hub id",
        ) from error
    if config.quantize is not None:
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)  # which TRL sees to
    base = under or (str(Path(name).resolve()) if Path(name).is_dir() else name)
    student = Student(model, tokenizer, "", base, dtype=dtype)
    if under is not None:
        student.adapter = Path(name)
        student.notes.append(f"goes on from the adapter in {name}, on its base {under}")
        resize(model, tokenizer)  # the rows of new tokens are in the adapter
        if (student.adapter / "generation_config.json").is_file():
            model.generation_config = GenerationConfig.from_pretrained(name)
    if dtype == "bfloat16" and stored in (torch.bfloat16, torch.float16):
        student.saved_dtype = str(stored).removeprefix("torch.")
    _set_template(student, config)
    return student


def quantization(kind: str, dtype: str) -> Any:
    """How bitsandbytes holds a frozen base: 4 bits as in QLoRA (2305.14314, with double quantisation), or 8.

    Raises:
        ConfigError: bitsandbytes is not installed.
    """
    import torch
    from transformers import BitsAndBytesConfig
    from transformers.utils import is_bitsandbytes_available

    if not is_bitsandbytes_available():
        raise ConfigError(
            f"quantize: {kind} needs bitsandbytes, which is not installed",
            key="train.quantize",
            hint="pip install bitsandbytes, or leave quantize out",
        )
    if kind == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )


def _set_template(student: Student, config: TrainConfig) -> None:
    tokenizer = student.tokenizer
    student.template = config.template or ("own" if tokenizer.chat_template else "chatml")
    if student.template == "own":
        if not tokenizer.chat_template:
            raise ConfigError("the tokenizer has no chat template", key="train.template", hint="template: chatml")
    else:
        tokenizer.chat_template = TEMPLATES.get(student.template) or _file(Path(student.template))
    if config.template is None and student.template != "own":
        student.notes.append("the tokenizer has no chat template: chatml")
    missing = [t for t in SPECIAL_TOKENS.get(student.template, ()) if t not in tokenizer.get_vocab()]
    if missing:
        _add_tokens(student, config, missing)
    stop = STOPS.get(student.template)
    if stop is not None and config.stop_token is None and tokenizer.eos_token != stop:
        student.notes.append(
            f"stop token {stop}, which ends {student.template}'s turns, in place of {tokenizer.eos_token}"
        )
        tokenizer.eos_token = stop
    _begin_as_the_tokenizer(student)


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the template cannot be read: {error}",
            file=path,
            key="train.template",
            hint=f"the path of a Jinja file, or one of {', '.join((OWN, *TEMPLATES))}",
        ) from error


def _add_tokens(student: Student, config: TrainConfig, missing: list[str]) -> None:
    """Adds the turn tokens of a template, each as a copy of the one that does its work in the model."""
    import torch

    tokenizer, model = student.tokenizer, student.model
    if not config.method.trains_rows:
        # Their embeddings would stay as they are, and with them the token that ends an answer.
        raise ConfigError(
            f"the tokenizer lacks {' '.join(missing)}, and method {config.method.use} does not train new tokens",
            key="train.template",
            hint="template: xml needs no new tokens; or method: {use: lora} or {use: full}",
        )
    if student.adapter is not None:
        raise ConfigError(
            f"the tokenizer lacks {' '.join(missing)}, and an adapter that is gone on from takes in no new tokens",
            key="train.template",
            hint="leave template out: the adapter's folder has its own",
        )
    known = tokenizer.get_vocab()
    stop = tokenizer.eos_token_id
    turn = next((known[token] for token in TURNS if token in known), stop)
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    resize(model, tokenizer)
    student.new_tokens = tokenizer.convert_tokens_to_ids(missing)
    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    with torch.no_grad():
        for token, new in zip(missing, student.new_tokens, strict=True):
            like = stop if token == STOPS.get(student.template) else turn
            for layer in (inputs, outputs):
                if layer is not None:
                    rows = layer.weight
                    rows[new] = rows[:new].mean(0) if like is None else rows[like].clone()
    names = "the mean of all" if stop is None else " and ".join(tokenizer.convert_ids_to_tokens(sorted({stop, turn})))
    student.notes.append(f"new tokens {' '.join(missing)}: they start as copies of {names}")
    if not config.method.changes_base and not config.merge:
        student.notes.append("servers that take adapters want the base's vocabulary: merge: true for those")


def _begin_as_the_tokenizer(student: Student) -> None:
    """Has the template begin with the token that the tokenizer begins a text with, where there is one."""
    tokenizer = student.tokenizer
    begin = tokenizer.bos_token_id
    if begin is None or list(tokenizer("a")["input_ids"])[:1] != [begin]:
        return
    try:
        text = show(tokenizer, [{"role": "user", "content": "a"}], prompt=True)
    except LeftOut:
        return  # which the records will tell
    if not text.startswith(tokenizer.bos_token):
        tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
        student.notes.append(f"every dialogue begins with {tokenizer.bos_token}, as the tokenizer begins every text")


def resize(model: Any, tokenizer: Any) -> None:
    """Gives the model an embedding for every token of the tokenizer; the new ones mean nothing yet."""
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


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
    stops = stop_ids(model)
    if tokenizer.eos_token_id not in stops:
        model.generation_config.eos_token_id = [tokenizer.eos_token_id, *sorted(stops)]
        student.notes.append(f"generation now also ends at {tokenizer.eos_token}")
    model.config.eos_token_id = model.generation_config.eos_token_id
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id


def base_of(folder: Path) -> str | None:
    """The base that an adapter's folder names; None where the folder holds no adapter."""
    for file, key in (("adapter_config.json", "base_model_name_or_path"), ("bottleneck.json", "base")):
        if (folder / file).is_file():
            return str(json.loads((folder / file).read_text(encoding="utf-8"))[key])
    return None


def has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    import torch

    return bool(torch.cuda.is_available())


def inner_of(model: Any) -> Any:
    """The model that computes logits, under what PEFT puts around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def stop_ids(model: Any) -> set[int]:
    """The token ids at which the model's answers end."""
    eos = inner_of(model).generation_config.eos_token_id
    return set() if eos is None else set(eos) if isinstance(eos, list) else {eos}


def context_of(model: Any) -> int | None:
    """The longest dialogue that the model has positions for, in tokens, where it says so."""
    return getattr(model.config, "max_position_embeddings", None)


def virtual_tokens(model: Any) -> int:
    """How many positions of the context a method has put before the text."""
    configs = getattr(model, "peft_config", {})
    return sum(getattr(config, "num_virtual_tokens", None) or 0 for config in configs.values())


def parameters_of(model: Any) -> tuple[int, int]:
    """Number of parameters in all, and of those that are trained."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, _ in sizes), sum(n for n, trained in sizes if trained)
