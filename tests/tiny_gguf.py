"""GGUF files from scratch, without a package for it: a tiny Llama with random weights, and a LoRA adapter for it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WIDTH, HIDDEN, LAYERS, HEADS = 64, 128, 2, 2
ALIGN = 32
BOS, EOS = 1, 2


def alphabet() -> list[str]:
    """The 256 characters that stand for bytes in GPT-2's vocabularies."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (chr(256 + n) for n in range(256))
    return [chr(byte) if byte in plain else next(others) for byte in range(256)]


def text(value: str) -> bytes:
    """A text as GGUF has it."""
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(given: Any) -> bytes:
    """A value with its type."""
    if isinstance(given, bool):
        return struct.pack("<I?", 7, given)
    if isinstance(given, int):
        return struct.pack("<II", 4, given)
    if isinstance(given, float):
        return struct.pack("<If", 6, given)
    if isinstance(given, str):
        return struct.pack("<I", 8) + text(given)
    kind = 8 if given and isinstance(given[0], str) else 5
    inner = b"".join(text(one) if kind == 8 else struct.pack("<i", one) for one in given)
    return struct.pack("<IIQ", 9, kind, len(given)) + inner


def write(file: Path, values: dict[str, Any], tensors: dict[str, np.ndarray]) -> Path:
    """A GGUF file of version 3 with these values and tensors of 32-bit floats."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(text(key) + value(given) for key, given in values.items())
    body = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(body))
        body += tensor.astype("<f4").tobytes()
        body += bytes(-len(body) % ALIGN)
    file.write_bytes(head + bytes(-len(head) % ALIGN) + body)
    return file


def make(
    file: Path,
    *,
    seed: int = 0,
    context: int = 512,
    template: str | None = CHATML,
    bos: bool = False,
    name: str = "Tiny",
) -> Path:
    """An untrained model of some 100,000 parameters that writes bytes at random."""
    tokens = ["<|pad|>", "<|im_start|>", "<|im_end|>", *alphabet(), "ab"]
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.4, shape)

    tensors = {"token_embd.weight": normal(len(tokens), WIDTH), "output_norm.weight": np.ones(WIDTH)}
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        tensors |= {f"{block}attn_norm.weight": np.ones(WIDTH), f"{block}ffn_norm.weight": np.ones(WIDTH)}
        tensors |= {f"{block}attn_{part}.weight": normal(WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        tensors |= {f"{block}ffn_{part}.weight": normal(HIDDEN, WIDTH) for part in ("gate", "up")}
        tensors[f"{block}ffn_down.weight"] = normal(WIDTH, HIDDEN)
    values = {
        "general.architecture": "llama",
        "general.name": name,
        "llama.block_count": LAYERS,
        "llama.context_length": context,
        "llama.embedding_length": WIDTH,
        "llama.feed_forward_length": HIDDEN,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3, 3, *[1] * (len(tokens) - 3)],
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": BOS,
        "tokenizer.ggml.eos_token_id": EOS,
        "tokenizer.ggml.add_bos_token": bos,
    }
    if template is not None:
        values["tokenizer.chat_template"] = template
    return write(file, values, tensors)


def make_adapter(file: Path, *, seed: int = 0, rank: int = 4) -> Path:
    """A LoRA adapter for such a model."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for layer in range(LAYERS):
        name = f"blk.{layer}.attn_q.weight"
        tensors |= {
            f"{name}.lora_a": rng.normal(0, 1, (rank, WIDTH)),
            f"{name}.lora_b": rng.normal(0, 1, (WIDTH, rank)),
        }
    values = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": float(rank),
    }
    return write(file, values, tensors)
