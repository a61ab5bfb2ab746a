"""A small model from scratch, with a tokenizer trained on the data: the whole path without a download."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from synthgen.checkpoints.checkpoint import untrained


class FromScratch(BaseModel):
    """A Llama-shaped decoder. The defaults make some 0.7 million parameters: minutes on one CPU core.

    `tokenizer: bytes` has one token a byte, `bpe` merges up to `vocabulary` tokens on the training data.
    """

    model_config = ConfigDict(extra="forbid")

    hidden: int = Field(128, ge=8, description="width of the model")
    layers: int = Field(3, ge=1, description="decoder layers")
    heads: int = Field(4, ge=1, description="attention heads")
    context: int = Field(512, ge=16, description="longest dialogue, in tokens")
    biases: bool = Field(False, description="biases in attention and MLP, which Llama has not and BitFit needs")
    tokenizer: Literal["bytes", "bpe"] = Field("bpe", description="a token a byte, or merges")
    vocabulary: int = Field(1024, ge=300, description="most tokens of `bpe`")
    seed: int = Field(0, description="of the first weights")


def tokenizer_of(texts: Iterable[str], settings: FromScratch, special_tokens: Iterable[str] = ()) -> Any:
    """A byte-level tokenizer with pad and stop tokens of its own and the special tokens of a template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    extra = [t for t in special_tokens if t != "<|im_end|>"]
    special = ["<|pad|>", "<|im_end|>", *extra]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = settings.vocabulary if settings.tokenizer == "bpe" else len(special) + len(alphabet)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
    )
    core.train_from_iterator(texts if settings.tokenizer == "bpe" else [], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        additional_special_tokens=extra,
        model_max_length=settings.context,
    )


def model_of(tokenizer: Any, settings: FromScratch) -> Any:
    """An untrained model that fits the tokenizer; float32. The same settings give the same weights."""
    import torch

    torch.manual_seed(settings.seed)
    return untrained(
        tokenizer,
        hidden=settings.hidden,
        layers=settings.layers,
        heads=settings.heads,
        context=settings.context,
        biases=settings.biases,
    )
