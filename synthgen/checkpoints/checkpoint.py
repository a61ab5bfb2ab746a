"""A checkpoint on this machine: the name of its weights, a request as its token ids; and an untrained model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.errors import ConfigError, TeacherError
from synthgen.requests.request import Request


def checkpoint_hash(folders: Sequence[Path]) -> str:
    """12 hex digits over weights, config, tokenizer and template files of the folders; empty where there are none."""
    digest, found = hashlib.sha256(), False
    for folder in folders:
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.suffix in {".safetensors", ".json", ".jinja", ".bin", ".model"} and path.is_file():
                found = True
                digest.update(path.name.encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12] if found else ""


def base_and_adapter(path: str, adapter: str | None) -> tuple[str, str | None]:
    """The checkpoint to load and the PEFT adapter over it: `adapter`, or `path` itself where it is an adapter's folder.

    Raises:
        ConfigError: the adapter's config names no base.
    """
    config = Path(path) / "adapter_config.json"
    if adapter is not None or not config.is_file():
        return path, adapter
    base = json.loads(config.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise ConfigError(f"{config} names no base", hint="path: the base's folder, adapter: this one")
    inside = Path(path) / base
    return str(inside) if inside.is_dir() else base, path


def prompt_ids(tokenizer: Any, request: Request, path: str) -> list[int]:
    """The request's prompt as token ids: the raw text for `completions`, else by the chat template.

    Raises:
        TeacherError: the request is a chat and the checkpoint at `path` has no chat template.
    """
    if request.api == "completions":
        return list(tokenizer(request.messages[0]["content"], add_special_tokens=False)["input_ids"])
    if not tokenizer.chat_template:
        raise TeacherError(
            f"{path} has no chat template, so it cannot answer chat requests",
            hint="give the tokenizer a chat_template, or use a checkpoint that has been trained for chat",
        )
    encoded = tokenizer.apply_chat_template(
        [dict(m) for m in request.messages],
        tools=[dict(t) for t in request.tools] or None,
        add_generation_prompt=True,
        return_dict=True,
    )
    return list(encoded["input_ids"])


def untrained(
    tokenizer: Any, *, hidden: int, layers: int, heads: int, context: int, biases: bool = False, spread: float = 0.02
) -> Any:
    """A `LlamaForCausalLM` in float32 that fits the tokenizer and ends its answers at the tokenizer's stop token.

    Its embeddings are its LM head. The weights are drawn with the standard deviation `spread` from torch's random
    numbers, which the caller seeds; `biases` puts some into attention and MLP.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3 // 8 * 8,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
        attention_bias=biases,
        mlp_bias=biases,
        initializer_range=spread,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
