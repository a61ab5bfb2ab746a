"""A small model from scratch, with a tokenizer trained on the data: the whole path without a download."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


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
    """An untrained model that fits the tokenizer; float32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(settings.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        intermediate_size=settings.hidden * 8 // 3 // 8 * 8,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
        attention_bias=settings.biases,
        mlp_bias=settings.biases,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
