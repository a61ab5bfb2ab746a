"""An untrained model of Llama's shape, for the trainers that start from scratch."""

from __future__ import annotations

from typing import Any


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
